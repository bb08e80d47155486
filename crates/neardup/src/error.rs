//! What can be wrong with the images.

use twinset_pixels::RowError;

/// Why duplicates could not be looked for.
#[derive(Debug, thiserror::Error)]
pub enum NeardupError {
    /// An image cannot be used.
    #[error(transparent)]
    Image(RowError),
    /// An id occurs twice.
    #[error("image id {image_id} occurs more than once, expected every id once")]
    RepeatedId {
        /// The id.
        image_id: u64,
    },
    /// More images than the search can number.
    #[error("{n_images} images, expected fewer than 2^32")]
    TooManyImages {
        /// How many there are.
        n_images: usize,
    },
    /// A pair of an image that is not searched, or of a frame that it does not have.
    #[error(
        "a pair names the image at place {place}, expected one of the {n_searched} images that are searched, or its frame"
    )]
    UnknownPlace {
        /// The place.
        place: u32,
        /// How many images are searched.
        n_searched: usize,
    },
    /// The radius is too large for the set.
    #[error(
        "more than {max_pairs} pairs (`max-pairs`) have hashes within {max_distance} bits (`max-distance`) of one another"
    )]
    TooManyPairs {
        /// The limit.
        max_pairs: u64,
        /// The radius.
        max_distance: u32,
    },
}
