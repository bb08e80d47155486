//! Why a set cannot be cleaned.

use twinset_manifest::rows::Split;

/// Labels count classes from 0, so a huge one is a mistake.
pub(super) const MAX_CLASSES: u32 = 1_000_000;

/// Why a set cannot be cleaned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CleanError {
    /// An id occurs twice.
    #[error("image id {image_id} occurs more than once in the {of}, expected every id once")]
    RepeatedId {
        /// The id.
        image_id: u64,
        /// Where.
        of: &'static str,
    },
    /// An image has no cluster.
    #[error("image {image_id} has no row in the clusters, expected every image to have one")]
    NoCluster {
        /// The image.
        image_id: u64,
    },
    /// Clusters or pairs tell of an image that is not there.
    #[error("the {of} tell of image {image_id}, which is not among the images")]
    UnknownImage {
        /// The image.
        image_id: u64,
        /// What tells of it.
        of: &'static str,
    },
    /// A class has two names.
    #[error("image {image_id}: `class_name` of label {label} is `{found}`, expected `{expected}` as before")]
    ClassName {
        /// The image.
        image_id: u64,
        /// The class.
        label: u32,
        /// Its name.
        found: String,
        /// The name that an image before has.
        expected: String,
    },
    /// A label that counts no classes.
    #[error("image {image_id}: `label` is {label}, expected less than {MAX_CLASSES}")]
    Label {
        /// The image.
        image_id: u64,
        /// Its label.
        label: u32,
    },
    /// An image's file cannot be read.
    #[error("image {image_id}: cannot read `{path}`: {detail}")]
    File {
        /// The image.
        image_id: u64,
        /// Its file.
        path: String,
        /// What the system says.
        detail: String,
    },
    /// A split loses all its images.
    #[error("no {split} image would be left of {n_images}, expected at least one")]
    NothingLeft {
        /// The split.
        split: Split,
        /// How many it has.
        n_images: u64,
    },
}
