//! What duplicates between splits do to the accuracy of anybody's models.

use super::Split;
use crate::row::{row, text_enum};

text_enum! {
    /// Images of a split, by their twins. A twin is an exact or a near duplicate.
    pub enum LeakSubset {
        /// All images of the split: the accuracy as it is reported.
        All = "all",
        /// Images without a twin in the training split.
        WithoutTwin = "without-twin",
        /// Images with a twin in the training split.
        Leaked = "leaked",
        /// Leaked images of which one twin has identical pixels.
        LeakedExact = "leaked-exact",
        /// Leaked images of which no twin has identical pixels.
        LeakedNear = "leaked-near",
        /// Of `leaked-near`, those whose most similar twin has a similarity from `similarity_low` to below `similarity_high`.
        LeakedSimilarity = "leaked-similarity",
        /// Images of `without-twin` that have a twin within the split itself.
        TwinWithinSplit = "twin-within-split",
    }
}

row! {
    /// The accuracy of one model on one subset of a split.
    pub struct Leak = "leaks/1", row_group_rows = 65536 {
        /// The model's name.
        model: String,
        /// The split that it was judged on.
        split: Split,
        /// `all`, `without-twin`, `leaked`, `leaked-exact`, `leaked-near`, `leaked-similarity` or `twin-within-split`.
        subset: LeakSubset,
        /// The lowest similarity of a `leaked-similarity` row; null of other rows.
        similarity_low: Option<f64>,
        /// The end of its similarities, not included, but for 1; null of other rows.
        similarity_high: Option<f64>,
        /// Images of the subset.
        n_images: u64,
        /// Of them, those that the model is right on.
        n_correct: u64,
        /// `n_correct` ÷ `n_images`; null where there is no image.
        accuracy: Option<f64>,
        /// Lower end of Wilson's interval of the accuracy; null as `accuracy`.
        accuracy_low: Option<f64>,
        /// Upper end of Wilson's interval.
        accuracy_high: Option<f64>,
        /// This accuracy less that on `without-twin`; of the row `all` it is the overstatement. Null on `without-twin` and
        /// `twin-within-split`, and where one of the two has no image.
        difference: Option<f64>,
        /// Lower end of the difference's interval: Newcombe's for images that leaked against images without a twin; of the row `all`
        /// that interval times the share of leaked images. Null as `difference`, and where no image leaked.
        difference_low: Option<f64>,
        /// Upper end of the difference's interval.
        difference_high: Option<f64>,
        /// The confidence of all intervals.
        confidence: f64,
        /// The model's rank on these images, the most accurate first; models that are equally accurate share one. Null but on `all` and
        /// `without-twin`.
        rank: Option<u32>,
        /// The next model of that ranking; null of the last, and where there is no rank.
        next_model: Option<String>,
        /// By how much the model is more accurate than the next one on these images; null as `next_model`.
        lead: Option<f64>,
        /// Lower end of the lead's interval, paired by image (Agresti and Min); null as `next_model`.
        lead_low: Option<f64>,
        /// Upper end of the lead's interval.
        lead_high: Option<f64>,
    }
}
