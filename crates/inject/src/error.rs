//! Why there is no such training set.

use twinset_manifest::rows::Split;
use twinset_pixels::RowError;

/// Why there is no such training set.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// No training image at all, or none after removal.
    #[error("no training image among {n_images} images ({n_removed} removed as duplicates)")]
    NoTrainImage {
        /// Images of all splits.
        n_images: usize,
        /// Training images that removal took out.
        n_removed: usize,
    },
    /// Nothing to leak into.
    #[error("no image of the split `{split}`, which `into` names, expected one at least")]
    NoImageOfSplit {
        /// The split.
        split: Split,
    },
    /// An id occurs twice.
    #[error("image id {image_id} occurs more than once, expected every id once")]
    RepeatedId {
        /// The id.
        image_id: u64,
    },
    /// A label has two names.
    #[error("image {image_id} has label {label} with the class name `{found}`, expected `{expected}` as before")]
    ClassName {
        /// The image.
        image_id: u64,
        /// Its label.
        label: u32,
        /// Its class name.
        found: String,
        /// The name that the label had before.
        expected: String,
    },
    /// The images have no labels.
    #[error("the images have no labels (their one class has no name), expected images of classes")]
    NoLabels,
    /// A label too large to count classes.
    #[error("image {image_id} has label {label}, expected at most {max}")]
    Label {
        /// The image.
        image_id: u64,
        /// Its label.
        label: u32,
        /// The limit.
        max: usize,
    },
    /// The config names a class that there is not.
    #[error("no class is called `{class_name}` (`selection.class-weights`), expected one of {known}")]
    UnknownClass {
        /// The name in the config.
        class_name: String,
        /// The classes that there are.
        known: String,
    },
    /// A class has a share of the duplicates, and no image.
    #[error("class `{class_name}` has no training image to repeat, found 0, its share of the duplicates is {n_needed}")]
    NoImageOfClass {
        /// The class.
        class_name: String,
        /// Duplicates that it would have.
        n_needed: usize,
    },
    /// No ids are left for the duplicates.
    #[error("the largest image id is {largest_id}, expected room above it for the ids of duplicates")]
    NoIdLeft {
        /// The largest id.
        largest_id: u64,
    },
    /// Too few originals can make room.
    #[error(
        "{n_duplicates} duplicates of {n_sources} images would have to replace as many other training images, found {n_others}"
    )]
    NoRoom {
        /// Duplicates that were drawn.
        n_duplicates: u64,
        /// The different images that they repeat.
        n_sources: u64,
        /// Training images that are not repeated.
        n_others: u64,
    },
    /// Too few originals of a class can make room.
    #[error(
        "{n_duplicates} duplicates of class `{class_name}` would have to replace as many other training images of it, found {n_others}"
    )]
    NoRoomInClass {
        /// The class.
        class_name: String,
        /// Duplicates of its images.
        n_duplicates: usize,
        /// Its training images that are not repeated.
        n_others: usize,
    },
    /// More originals than there are training images.
    #[error("`originals` is {n_originals}, expected at most the {n_found} training images that there are")]
    TooManyOriginals {
        /// As the config says.
        n_originals: u64,
        /// Training images, after removal.
        n_found: u64,
    },
    /// Fewer fresh images than duplicates.
    #[error("class `{class_name}` has {n_found} training images beside the originals, expected {n_needed} fresh ones")]
    NoFreshImage {
        /// The class.
        class_name: String,
        /// Its training images that are not originals.
        n_found: usize,
        /// As many as there would be duplicates.
        n_needed: usize,
    },
    /// More duplicates than can be numbered or held.
    #[error("rate {rate} makes {n_duplicates} duplicates, expected at most {max}")]
    TooManyDuplicates {
        /// The rate.
        rate: f64,
        /// Duplicates that it makes.
        n_duplicates: u64,
        /// The limit.
        max: u64,
    },
    /// The clusters do not tell of an image.
    #[error("the clusters have no row for image {image_id}: they were made from other images")]
    NoCluster {
        /// The image.
        image_id: u64,
    },
    /// The clusters tell of another image.
    #[error("the clusters have a row for image {image_id}, which is not among the images: they were made from others")]
    NoImage {
        /// The image.
        image_id: u64,
    },
    /// An image cannot be used.
    #[error(transparent)]
    Image(RowError),
}
