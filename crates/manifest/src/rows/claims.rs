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

row! {
    /// A claim that a pipeline declared, and its verdict: a contrast of two conditions, paired by seed.
    pub struct ClaimRow = "claims/2", row_group_rows = 65536 {
        /// The claim's name.
        name: String,
        /// The claim in words.
        text: String,
        /// The arm of the left condition.
        left_arm: String,
        /// Its rate.
        left_rate: f64,
        /// The arm of the right condition.
        right_arm: String,
        /// Its rate.
        right_rate: f64,
        /// What is compared: `accuracy`; `accuracy-with-leaks`, the same on the split's own images and what leaked into it; `mean-accuracy-over-samples`, the held-out accuracy's mean over the samples that all of the two conditions'
        /// trainings saw; `samples-to-accuracy A`, the samples until it first was A, as a share of those, 1 where it never was.
        metric: String,
        /// The split that accuracy is measured on.
        split: Split,
        /// The attack's name; `clean` for none; `worst-case` for robust accuracy, under all attacks together.
        attack: String,
        /// Which way left minus right is claimed to go.
        direction: Direction,
        /// The smallest difference that matters, 0 to 1.
        smallest_effect: f64,
        /// The level of the tests, over the family of all claims of the study.
        level: f64,
        /// Seeds that both conditions have.
        n_seeds: u32,
        /// The mean difference, left minus right; null where no seed has both.
        difference: Option<f64>,
        /// Lower end of its t interval at 1 - `level`; null with fewer than two seeds.
        interval_low: Option<f64>,
        /// Upper end of its t interval at 1 - `level`; null with fewer than two seeds.
        interval_high: Option<f64>,
        /// Lower end of the BCa bootstrap interval at 1 - `level`; null as `effect_size`. Of few seeds it is too narrow.
        bootstrap_low: Option<f64>,
        /// Upper end of the BCa bootstrap interval at 1 - `level`; null as `effect_size`.
        bootstrap_high: Option<f64>,
        /// Seeds whose two networks differ by McNemar's exact test at `level`, image by image; null where the metric is not accuracy or the
        /// images are not the same.
        n_mcnemar: Option<u32>,
        /// The difference in standard deviations of the paired differences (Hedges); null where these are all equal.
        effect_size: Option<f64>,
        /// The p-value of the paired t test; null as `effect_size`.
        p_value: Option<f64>,
        /// The same, adjusted by Holm's method for the number of claims.
        p_adjusted: Option<f64>,
        /// The p-value of two one-sided tests that the difference is at least `smallest_effect` either way, or of one, upwards, where the direction is
        /// `not-higher`; null as `effect_size`.
        p_equivalence: Option<f64>,
        /// The smallest difference that as many seeds find with probability 0.8, were this the only claim; null as `effect_size`.
        detectable_difference: Option<f64>,
        /// Seeds that would find `smallest_effect` with probability 0.8, were this the only claim; null as `effect_size`, and where it would take more
        /// than a thousand.
        seeds_needed: Option<u32>,
        /// What came of it.
        verdict: Verdict,
    }
}
