//! An image that may be in the training set.

use twinset_manifest::rows::Split;

/// What a plan needs to know of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The image.
    pub image_id: u64,
    /// Its split.
    pub split: Split,
    /// Its class.
    pub label: u32,
}
