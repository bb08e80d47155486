//! What a study claimed before it ran, and what came of it.

use super::Split;
use crate::row::{row, text_enum};

text_enum! {
    /// Which way a difference is claimed to go.
    pub enum Direction {
        /// The left condition is lower than the right one.
        Lower = "lower",
        /// The left condition is higher than the right one.
        Higher = "higher",
        /// The two differ.
        Differs = "differs",
        /// The left condition is not higher than the right one, or by less than matters.
        NotHigher = "not-higher",
    }
}

text_enum! {
    /// What came of a claim.
    pub enum Verdict {
        /// There is a difference, as claimed; or there is none upwards that matters, where that is the claim.
        Supported = "supported",
        /// There is a difference, the other way.
        Contradicted = "contradicted",
        /// There is no difference as large as the smallest that matters.
        NoEffect = "no-effect",
        /// The seeds do not tell.
        Undecided = "undecided",
    }
}

text_enum! {
    /// Over what the interval of a claim's difference is.
    pub enum Crossed {
        /// New seeds, the images being these.
        Seeds = "seeds",
        /// New seeds and new images.
        SeedsAndImages = "seeds-and-images",
    }
}

row! {
    /// A claim that a pipeline declared, and its verdict: a contrast of two conditions, paired by seed.
    pub struct ClaimRow = "claims/4", row_group_rows = 65536 {
        /// The claim's name.
        name: String,
        /// The claim in words.
        text: String,
        /// The family that it is judged in.
        family: String,
        /// Claims that share the level with it, itself included. A claim that is not exploratory shares it with its like alone.
        n_in_family: u32,
        /// Whether it was declared or changed after the first cell ran, as far as the pipeline's ledger tells.
        is_exploratory: bool,
        /// The arm of the left condition.
        left_arm: String,
        /// Its rate.
        left_rate: f64,
        /// The arm of the right condition.
        right_arm: String,
        /// Its rate.
        right_rate: f64,
        /// The arm of the left condition of a second contrast, where the claim is that the first is lower or higher than that one; else null.
        than_left_arm: Option<String>,
        /// Its rate.
        than_left_rate: Option<f64>,
        /// The arm of the second contrast's right condition.
        than_right_arm: Option<String>,
        /// Its rate.
        than_right_rate: Option<f64>,
        /// What is compared: `accuracy`; `accuracy-with-leaks`, the same on the split's own images and what leaked into it;
        /// `accuracy-without-twins` and `accuracy-of-twins`, the same on its images without and with a duplicate in the training split;
        /// `mean-accuracy-over-samples`, the held-out accuracy's mean over the samples that all of the two conditions' trainings saw;
        /// `samples-to-accuracy A`, the samples until it first was A, as a share of those, 1 where it never was.
        metric: String,
        /// The split that accuracy is measured on.
        split: Split,
        /// The attack's name; `clean` for none; `worst-case` for robust accuracy, under all attacks together.
        attack: String,
        /// Which way left minus right is claimed to go.
        direction: Direction,
        /// The smallest difference that matters, 0 to 1.
        smallest_effect: f64,
        /// The probability of a false verdict, at most, over the whole family.
        level: f64,
        /// The difference that a paper published; null where none is declared.
        published_difference: Option<f64>,
        /// Samples that the left condition's trainings saw, the mean over seeds; null where unknown.
        left_n_samples: Option<f64>,
        /// Samples that the right condition's trainings saw.
        right_n_samples: Option<f64>,
        /// Seeds that both conditions have.
        n_seeds: u32,
        /// Images that the interval is crossed over; null where it is over seeds alone.
        n_images: Option<u32>,
        /// The mean difference, left minus right; null where no seed has both.
        difference: Option<f64>,
        /// Over what the interval is; null where there is none.
        interval_over: Option<Crossed>,
        /// The interval's confidence, adjusted to the family: 1 - `level` / `n_in_family`.
        interval_confidence: f64,
        /// The interval's lower end, within [-1, 1]; null with fewer than two seeds and where all seeds differ by the same.
        interval_low: Option<f64>,
        /// The interval's upper end.
        interval_high: Option<f64>,
        /// The standard error that the seeds give the mean difference; null as `interval_low`.
        standard_error_seeds: Option<f64>,
        /// What the images add to it; null where the interval is over seeds alone.
        standard_error_images: Option<f64>,
        /// Seeds whose two networks differ by McNemar's exact test at `level`, image by image; null where the metric is not accuracy or the
        /// images are not the same.
        n_mcnemar: Option<u32>,
        /// The difference in standard deviations of the paired differences (Hedges); null as `interval_low`, and with fewer than five seeds.
        effect_size: Option<f64>,
        /// The p-value that the mean difference is 0, of the test that belongs to the interval; null as `interval_low`.
        p_value: Option<f64>,
        /// The same, adjusted by Holm's method within the family.
        p_adjusted: Option<f64>,
        /// The change for each 1 of the rate, fitted to all rates of the left arm; null where it has fewer than three, and as `interval_low`.
        slope: Option<f64>,
        /// Lower end of the slope's interval, at `interval_confidence` and over the same as the difference's.
        slope_low: Option<f64>,
        /// Upper end of the slope's interval.
        slope_high: Option<f64>,
        /// Rates that the slope is fitted to.
        slope_n_rates: Option<u32>,
        /// The smallest difference that as many seeds find with probability 0.8 within the family; null as `interval_low`.
        detectable_difference: Option<f64>,
        /// Seeds with which the interval would be no wider than `smallest_effect`: it then lies beside 0 or within what does not matter, wherever
        /// the truth is. Null as `interval_low`, and where more than a thousand would not do, for there are too few images then.
        seeds_needed: Option<u32>,
        /// What came of it.
        verdict: Verdict,
    }
}
