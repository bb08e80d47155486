//! What each image came to in each cell.

use super::Split;
use crate::row::row;

row! {
    /// Whether the network of a cell classified an image of a split rightly, clean, under an attack or in the worst case: what paired tests
    /// and intervals over images are computed from.
    pub struct Outcome = "outcomes/1", row_group_rows = 1_048_576 {
        /// The arm.
        arm: String,
        /// Duplicates ÷ originals.
        rate: f64,
        /// The seed.
        seed: u64,
        /// The image's split.
        split: Split,
        /// The attack's name; `clean` for none; `worst-case` where it is right only if it is under every attack on the split, and clean.
        attack: String,
        /// The image.
        image_id: u64,
        /// Whether it was classified rightly.
        is_correct: bool,
    }
}
