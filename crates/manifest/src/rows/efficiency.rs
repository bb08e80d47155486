//! How much training an accuracy took.

use crate::row::row;

row! {
    /// How much training one cell needed for an accuracy on held-out images, and its mean accuracy on the way.
    ///
    /// Accuracy between two epochs is interpolated linearly, from chance at the start, over steps as long as the longest epoch of the cells
    /// compared, so that short epochs have no finer look.
    pub struct Efficiency = "efficiency/1", row_group_rows = 65536 {
        /// The cells that are compared: those of one way of training.
        regime: String,
        /// The arm.
        arm: String,
        /// Duplicates ÷ originals.
        rate: f64,
        /// The seed.
        seed: u64,
        /// The accuracy, 0 to 1.
        accuracy: f64,
        /// Training samples until it was first reached; null where it never was.
        n_samples: Option<f64>,
        /// Optimiser steps until then; null where it never was reached.
        n_steps: Option<f64>,
        /// Samples of the whole training: where it was not reached, it takes more than these.
        n_samples_trained: u64,
        /// Samples that every training compared saw.
        n_samples_common: u64,
        /// The accuracy's mean over the common samples: the area under its curve, divided by them.
        mean_accuracy: f64,
    }
}
