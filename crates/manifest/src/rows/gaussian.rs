//! Two Gaussian classes in the plane, and what duplicates do to a classifier of them.

use crate::row::{row, text_enum};

text_enum! {
    /// How the points that are repeated are chosen.
    pub enum GaussianSelection {
        /// Any point as likely as any other.
        Uniform = "uniform",
        /// A point of class +1 more likely than one of class -1.
        NonUniform = "non-uniform",
    }
}

text_enum! {
    /// What a point on the wrong side costs a classifier. Each point that is repeated counts again, so duplicates also raise the cost of
    /// all points together, and that of the class that has more of them: the other costs take this back.
    pub enum GaussianCost {
        /// `C` for every point, duplicates too: what was published.
        Same = "same",
        /// `C` divided by 1 + rate, the rate being duplicates ÷ originals: all points together cost what the originals alone do.
        PerRate = "per-rate",
        /// `C` times the class's originals divided by its points: each class costs what its originals alone do.
        PerClass = "per-class",
    }
}

row! {
    /// One classifier of two Gaussian classes, trained on the original points of a seed and some duplicates of them.
    ///
    /// The original points of a seed are the same in all its rows. A *balanced* accuracy is the mean of the two classes' accuracies.
    pub struct Gaussian = "gaussian/2", row_group_rows = 65536 {
        /// How the duplicates were chosen: `uniform` or `non-uniform`.
        selection: GaussianSelection,
        /// What a point on the wrong side costs: `same` (published), `per-rate` or `per-class`. Without duplicates these are the same.
        cost: GaussianCost,
        /// Duplicates, drawn with replacement and appended; those of fewer duplicates are the first of these.
        n_duplicates: u64,
        /// Of them, those of class +1.
        n_duplicates_positive: u64,
        /// The seed.
        seed: u64,
        /// Original points of each class.
        n_points: u64,
        /// Balanced accuracy on what was trained on, duplicates counted as often as they stand there: the published measure.
        accuracy_trained_on: f64,
        /// The same of class -1 alone.
        accuracy_trained_on_negative: f64,
        /// The same of class +1 alone.
        accuracy_trained_on_positive: f64,
        /// Balanced accuracy on the original points, each counted once.
        accuracy_originals: f64,
        /// The same of class -1 alone.
        accuracy_originals_negative: f64,
        /// The same of class +1 alone.
        accuracy_originals_positive: f64,
        /// Balanced accuracy on points that are no part of the training; the same points in all rows of a seed.
        accuracy_held_out: f64,
        /// The same of class -1 alone.
        accuracy_held_out_negative: f64,
        /// The same of class +1 alone.
        accuracy_held_out_positive: f64,
        /// Held-out points of each class.
        n_held_out: u64,
        /// The balanced accuracy that no classifier of these two classes can exceed.
        bayes_accuracy: f64,
        /// Support vectors, duplicates counted.
        n_support_vectors: u64,
    }
}

row! {
    /// A vertex of the line on which a classifier of two Gaussian classes changes from one class to the other.
    pub struct GaussianBoundary = "gaussian-boundaries/1", row_group_rows = 65536 {
        /// How the duplicates were chosen: `uniform` or `non-uniform`.
        selection: GaussianSelection,
        /// Duplicates that the classifier was trained with; 0 for the one without.
        n_duplicates: u64,
        /// The seed.
        seed: u64,
        /// Which piece of the line, counted from 0: a boundary may have several.
        piece: u32,
        /// Which vertex of the piece, counted from 0.
        vertex: u32,
        /// Where on the first axis.
        x: f64,
        /// Where on the second axis.
        y: f64,
    }
}

row! {
    /// An original point of one of two Gaussian classes, of the seed whose boundaries are drawn.
    pub struct GaussianPoint = "gaussian-points/1", row_group_rows = 65536 {
        /// The seed.
        seed: u64,
        /// Counted from 0, class -1 first.
        point: u64,
        /// Whether it is of class +1.
        is_positive: bool,
        /// Where on the first axis.
        x: f64,
        /// Where on the second axis.
        y: f64,
    }
}
