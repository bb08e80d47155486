//! Why a training cannot begin or go on.

use std::path::PathBuf;

use twinset_attack::AttackError;
use twinset_manifest::ManifestError;
use twinset_model::{ImageSetError, ModelError, OutOfMemory};

/// Why a training cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The images cannot be one tensor.
    #[error(transparent)]
    Images(#[from] ImageSetError),
    /// The network cannot be, for instance for images of this size.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There is nothing to train on.
    #[error("the trainset has no rows, expected at least one")]
    EmptyTrainset,
    /// Rows of the trainset name images that are not there.
    #[error(
        "{n_missing} of the trainset's {n_rows} rows name images that are neither in the images nor in the injected images; the first is image {first}"
    )]
    MissingImages {
        /// Rows that do.
        n_missing: usize,
        /// All rows.
        n_rows: usize,
        /// The first such image.
        first: u64,
    },
    /// Two images have one id.
    #[error("image {image_id} occurs twice in the images and injected images")]
    DuplicateId {
        /// The id.
        image_id: u64,
    },
    /// A row is of a class that no image has.
    #[error(
        "the trainset's position {position} (image {image_id}) has label {found}, expected one of 0 to {largest}, as the images have"
    )]
    Label {
        /// The row's position.
        position: u64,
        /// The row's image.
        image_id: u64,
        /// Its label.
        found: u32,
        /// The largest label that there is.
        largest: u32,
    },
    /// The images have no labels.
    #[error("the images have no labels (their one class has no name), expected images of classes")]
    NoLabels,
    /// A class has no images, hence no name.
    #[error("no image has label {label}, though labels go to {largest}: an empty class cannot be learnt")]
    EmptyClass {
        /// The label that is missing.
        label: u32,
        /// The largest label.
        largest: u32,
    },
    /// Two splits, or images and injected images, disagree about a class.
    #[error("image {image_id} calls class {label} `{found}`, expected `{expected}` as other images do")]
    ClassName {
        /// The image.
        image_id: u64,
        /// Its label.
        label: u32,
        /// Its class's name.
        found: String,
        /// The class's name elsewhere.
        expected: String,
    },
    /// Images are not square.
    #[error("images have {width}x{height} pixels, expected squares: networks take no others")]
    NotSquare {
        /// Their width.
        width: i64,
        /// Their height.
        height: i64,
    },
    /// The network to begin with is another than the config's.
    #[error("the network to begin with is {found}, expected {expected} with the config's normalisation")]
    OtherNetwork {
        /// That network.
        found: String,
        /// The config's network for these images and classes.
        expected: String,
    },
    /// No image is of the held-out split.
    #[error("`held-out` asks for split `{split}`, of which there is no image")]
    NoHeldOut {
        /// The split.
        split: String,
    },
    /// The loss, a weight, or a gradient is NaN or infinite.
    #[error(
        "the {what} is {value} in epoch {epoch}, step {step}: training cannot go on (is the learning rate of {learning_rate} too large?)"
    )]
    NotFinite {
        /// `loss`, `largest weight` or `gradient for the attack`.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The epoch, counted from 1.
        epoch: u32,
        /// The step within the epoch, counted from 1.
        step: u64,
        /// The learning rate.
        learning_rate: f64,
    },
    /// A checkpoint cannot be written or read.
    #[error("checkpoint `{path}`: {source}")]
    Checkpoint {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An event file for TensorBoard cannot be written.
    #[error("event file `{path}`: {source}")]
    EventFile {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A checkpoint is of another training than the one that was asked for.
    #[error("checkpoint `{path}` is of another training: {differences}")]
    OtherTraining {
        /// Its path.
        path: PathBuf,
        /// The fields that differ, with both values.
        differences: String,
    },
    /// The attack failed.
    #[error("the attack failed in epoch {epoch}, step {step}: {source}")]
    Attack {
        /// The epoch, counted from 1.
        epoch: u32,
        /// The step within the epoch, counted from 1.
        step: u64,
        /// Why.
        source: AttackError,
    },
    /// The device has no memory for a step.
    #[error("{network} at a batch size of {batch_size} does not fit: {source}")]
    OutOfMemory {
        /// The network.
        network: String,
        /// Samples in a batch.
        batch_size: u32,
        /// Why.
        source: OutOfMemory,
    },
}
