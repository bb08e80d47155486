//! Why an evaluation cannot be made.

use std::path::PathBuf;

use twinset_attack::AttackError;
use twinset_manifest::rows::Split;
use twinset_manifest::{Digest, ManifestError};
use twinset_model::{ImageSetError, OutOfMemory};

/// Why an evaluation cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The manifest of images cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The images cannot be one tensor.
    #[error(transparent)]
    Images(#[from] ImageSetError),
    /// Two images have one id.
    #[error("image {image_id} occurs twice in the images")]
    DuplicateId {
        /// The id.
        image_id: u64,
    },
    /// What leaked is of other images than those evaluated.
    #[error("`{path}` was made from other images: with BLAKE3 {found}, expected {expected}")]
    LeakedFromOthers {
        /// The manifest of what leaked.
        path: PathBuf,
        /// The digest of the images it was made from.
        found: Digest,
        /// The digest of the images that are evaluated.
        expected: Digest,
    },
    /// A split that is asked for has no images.
    #[error("the images have no split `{split}`, expected one of those that they have: {available}")]
    EmptySplit {
        /// The split.
        split: Split,
        /// The splits that there are, with the number of their images.
        available: String,
    },
    /// The weights are of a network for other classes.
    #[error("the weights are for classes {expected}, but the images have {found}")]
    OtherClasses {
        /// The images' classes.
        found: String,
        /// The weights' classes.
        expected: String,
    },
    /// The network takes images of another size.
    #[error("the images have {found} pixels, but the weights are of {network}, expected {expected}")]
    OtherSize {
        /// The images' width and height.
        found: String,
        /// The network's images' width and height.
        expected: String,
        /// The network.
        network: String,
    },
    /// A network to set beside is for other images.
    #[error("`{path}` holds {found}, expected a network for the images and classes of {expected}")]
    OtherIsOfOthers {
        /// The file.
        path: PathBuf,
        /// The network in it.
        found: String,
        /// The network that is evaluated.
        expected: String,
    },
    /// The network says NaN or infinity.
    #[error(
        "the network's logits for image {image_id} under `{attack}` are not finite, expected finite numbers (do the weights hold NaN?)"
    )]
    NotFinite {
        /// The image.
        image_id: u64,
        /// The attack's name.
        attack: String,
    },
    /// An attack failed.
    #[error("attack `{attack}` on split `{split}` failed in batch {batch} of {n_batches}: {source}")]
    Attack {
        /// The attack's name.
        attack: String,
        /// The split.
        split: Split,
        /// The batch, counted from 1.
        batch: usize,
        /// Batches of the split.
        n_batches: usize,
        /// Why.
        source: AttackError,
    },
    /// A checkpoint cannot be read or written.
    #[error("cannot keep what is done in `{path}`: {source}")]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is there to go on from is of another evaluation.
    #[error("the checkpoints in `{path}` are of another evaluation: {differences}")]
    OtherEvaluation {
        /// The folder.
        path: PathBuf,
        /// What was there and is here.
        differences: String,
    },
    /// The device has no memory for a batch.
    #[error("{network} at a batch size of {batch_size} does not fit: {source}")]
    OutOfMemory {
        /// The network.
        network: String,
        /// Images in a batch.
        batch_size: u32,
        /// Why.
        source: OutOfMemory,
    },
}
