//! Intervals: what a finite number of images, or of seeds, leaves open.
//!
//! - One accuracy over n images: the score interval of E. B. Wilson, *Probable inference, the law of succession, and
//!   statistical inference*, Journal of the American Statistical Association 22 (1927), 209–212.
//! - A mean over seeds, and a mean of differences paired by seed: the t interval of Student, *The probable error of a
//!   mean*, Biometrika 6 (1908), 1–25; as in any textbook, mean ± t(1 − α/2, n − 1) · s / √n.
//! - A mean difference over seeds and test images, crossed: `estimate`; what seeds can show: `power`; families of tests, effect sizes,
//!   two networks image by image: `tests_of_difference`.
//! - Whether counts follow given shares: the χ² test of K. Pearson, Philosophical Magazine 50 (1900), 157–175.

mod estimate;
mod power;
mod tests_of_difference;

pub use estimate::{Estimate, OfImages};
pub use power::{MAX_SEEDS, standard_deviation_interval};
pub use tests_of_difference::{MIN_SEEDS, effect_size, holm, mcnemar_p, standard_deviation};

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

/// An interval, ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether zero lies outside: for a difference, that its sign is told.
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }

    /// The part of it that a fraction can have: [0, 1].
    pub fn of_fraction(self) -> Self {
        Self { low: self.low.clamp(0.0, 1.0), high: self.high.clamp(0.0, 1.0) }
    }

    /// The part of it that a difference of fractions can have: [−1, 1].
    pub fn of_difference(self) -> Self {
        Self { low: self.low.clamp(-1.0, 1.0), high: self.high.clamp(-1.0, 1.0) }
    }
}

/// A mean and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The arithmetic mean.
    pub mean: f64,
    /// Student's t interval; one value gives none.
    pub interval: Option<Interval>,
    /// How many values it is over.
    pub n: usize,
}

impl Mean {
    /// Whether its interval lies beside 0 and is of enough values, [`MIN_SEEDS`], to be pointed at; equal values do not tell of chance.
    pub fn is_clear(&self) -> bool {
        let tells = |interval: Interval| interval.excludes_zero() && interval.high > interval.low;
        self.n >= MIN_SEEDS && self.interval.is_some_and(tells)
    }
}

/// Wilson's score interval of a proportion, `n_hits` of `n`. Of nothing nothing is known: [0, 1].
///
/// ```
/// let interval = twinset_report::statistics::wilson(8, 10, 0.95);
/// assert_eq!(format!("{:.4} {:.4}", interval.low, interval.high), "0.4902 0.9433");
/// ```
pub fn wilson(n_hits: u64, n: u64, confidence: f64) -> Interval {
    if n == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let z = Normal::standard().inverse_cdf(0.5 + confidence / 2.0);
    let (count, share) = (n as f64, n_hits as f64 / n as f64);
    let scale = 1.0 + z * z / count;
    let centre = (share + z * z / (2.0 * count)) / scale;
    let half = z / scale * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
    // At 0 and at n of n the end is exactly 0 or 1; rounding must not push the share itself out.
    Interval { low: (centre - half).clamp(0.0, share), high: (centre + half).clamp(share, 1.0) }
}

/// Whether values, which are fractions or their differences, differ by no more than rounding does: a billionth of the largest.
fn are_equal(values: &[f64]) -> bool {
    let ends = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    ends.1 - ends.0 <= 1e-9 * ends.0.abs().max(ends.1.abs()) + 1e-15
}

/// The mean of values with Student's t interval; none of no values.
pub fn mean(values: &[f64], confidence: f64) -> Option<Mean> {
    let n = values.len();
    let mean = match values {
        [] => return None,
        // Equal values have their value as mean, to the last bit.
        [first, ..] if are_equal(values) => *first,
        _ => values.iter().sum::<f64>() / n as f64,
    };
    let interval = (n > 1).then(|| {
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = if are_equal(values) { 0.0 } else { (squares / (n - 1) as f64 / n as f64).sqrt() };
        let half = t_quantile(0.5 + confidence / 2.0, n - 1) * standard_error;
        Interval { low: mean - half, high: mean + half }
    });
    Some(Mean { mean, interval, n })
}

/// Where one more value of the same normal distribution lies: mean ± t(1 − α/2, n − 1) · s · √(1 + 1/n), as in any textbook. None of
/// fewer than two values.
pub fn prediction(values: &[f64], confidence: f64) -> Option<Interval> {
    let (n, deviation) = (values.len(), standard_deviation(values)?);
    let mean = mean(values, confidence)?.mean;
    let half = t_quantile(0.5 + confidence / 2.0, n - 1) * deviation * (1.0 + 1.0 / n as f64).sqrt();
    Some(Interval { low: mean - half, high: mean + half })
}

/// The mean difference `left - right` of values paired by seed, over the seeds that both have; none where they share none.
pub fn paired_difference(left: &[(u64, f64)], right: &[(u64, f64)], confidence: f64) -> Option<Mean> {
    let differences: Vec<f64> = left
        .iter()
        .filter_map(|(seed, value)| {
            let (_, other) = right.iter().find(|(other, _)| other == seed)?;
            Some(value - other)
        })
        .collect();
    mean(&differences, confidence)
}

/// The p-value of Pearson's χ² test that `counts` were drawn in proportion to `expected_weights`.
///
/// A count where nothing was expected has p-value 0; without counts, or with one weight alone, nothing can differ: 1.
pub fn chi_squared_p(counts: &[u64], expected_weights: &[u64]) -> f64 {
    let (n, weight): (u64, u64) = (counts.iter().sum(), expected_weights.iter().sum());
    let pairs = || counts.iter().zip(expected_weights);
    if pairs().any(|(&count, &weight)| weight == 0 && count > 0) {
        return 0.0;
    }
    let n_weights = expected_weights.iter().filter(|&&weight| weight > 0).count();
    if n == 0 || n_weights < 2 {
        return 1.0;
    }
    let statistic: f64 = pairs()
        .filter(|&(_, &share)| share > 0)
        .map(|(&count, &share)| {
            let expected = n as f64 * share as f64 / weight as f64;
            (count as f64 - expected).powi(2) / expected
        })
        .sum();
    let distribution = ChiSquared::new((n_weights - 1) as f64).expect("degrees of freedom are positive");
    distribution.sf(statistic)
}

fn t_quantile(probability: f64, degrees_of_freedom: usize) -> f64 {
    let distribution = StudentsT::new(0.0, 1.0, degrees_of_freedom as f64).expect("degrees of freedom are positive");
    distribution.inverse_cdf(probability)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
    }

    /// Values of statsmodels' `proportion_confint(method="wilson")` and of Newcombe, Statistics in Medicine 17 (1998), table I.
    #[test]
    fn wilson_has_the_published_values() {
        let check = |n_hits, n, low, high| {
            let interval = wilson(n_hits, n, 0.95);
            close(interval.low, low, 5e-5);
            close(interval.high, high, 5e-5);
        };
        check(8, 10, 0.4902, 0.9433);
        check(81, 263, 0.2553, 0.3662);
        check(15, 148, 0.0624, 0.1605);
        check(0, 20, 0.0, 0.1611);
        check(1, 29, 0.0061, 0.1718);
        check(20, 20, 0.8389, 1.0);
        check(0, 0, 0.0, 1.0);
    }

    #[test]
    fn wilson_holds_its_share_stays_a_fraction_and_shrinks_with_n() {
        for n in 1..=120 {
            for n_hits in 0..=n {
                let share = n_hits as f64 / n as f64;
                let mut width = f64::INFINITY;
                for times in [1, 2, 10, 1000] {
                    let Interval { low, high } = wilson(n_hits * times, n * times, 0.95);
                    assert!(0.0 <= low && low <= share && share <= high && high <= 1.0, "{n_hits} of {n}");
                    assert!(high - low < width, "{n_hits} of {n}, times {times}");
                    width = high - low;
                }
                let (narrow, wide) = (wilson(n_hits, n, 0.5), wilson(n_hits, n, 0.99));
                assert!(wide.low <= narrow.low && narrow.high <= wide.high, "{n_hits} of {n}");
            }
        }
    }

    #[test]
    fn wilson_is_symmetric() {
        for n_hits in 0..=50 {
            let (left, right) = (wilson(n_hits, 50, 0.95), wilson(50 - n_hits, 50, 0.95));
            close(left.low, 1.0 - right.high, 1e-12);
        }
    }

    /// Quantiles: Fisher, Statistical Methods for Research Workers, table IV; 0.975 and so on two-sided.
    #[test]
    fn t_has_the_tabulated_quantiles() {
        let check = |probability, degrees, expected| close(t_quantile(probability, degrees), expected, 5e-6);
        check(0.975, 1, 12.706205);
        check(0.975, 2, 4.302653);
        check(0.975, 4, 2.776445);
        check(0.995, 9, 3.249836);
        check(0.975, 199, 1.971957);
    }

    #[test]
    fn the_t_interval_of_1_2_3_is_2_plus_or_minus_2_4841() {
        let found = mean(&[1.0, 2.0, 3.0], 0.95).unwrap();
        assert_eq!((found.mean, found.n), (2.0, 3));
        let interval = found.interval.unwrap();
        close(interval.low, 2.0 - 2.484_138, 1e-5);
        close(interval.high, 2.0 + 2.484_138, 1e-5);
    }

    /// With scipy.stats.t: mean 2, s 1, t(0.975, 2) = 4.302653, so 2 ± 4.302653 · √(4/3).
    #[test]
    fn one_more_value_lies_in_the_prediction_interval() {
        let found = prediction(&[1.0, 2.0, 3.0], 0.95).unwrap();
        close(found.low, 2.0 - 4.968_275, 1e-5);
        close(found.high, 2.0 + 4.968_275, 1e-5);
        assert_eq!(prediction(&[1.0], 0.95), None);
    }

    #[test]
    fn a_mean_says_what_it_does_not_know() {
        assert_eq!(mean(&[], 0.95), None);
        assert_eq!(mean(&[0.7], 0.95), Some(Mean { mean: 0.7, interval: None, n: 1 }));
        let equal = mean(&[0.1; 7], 0.95).unwrap();
        assert_eq!(equal.interval, Some(Interval { low: 0.1, high: 0.1 }));
    }

    /// Case 2: 410, 400, 390 of 500 against 400, 390, 380, which floats round to different differences.
    #[test]
    fn equal_differences_have_no_width_whatever_their_rounding() {
        let accuracies = |hits: [u64; 3]| hits.map(|n| (n, n as f64 / 500.0));
        let left = accuracies([410, 400, 390]).map(|(n, accuracy)| (n, accuracy));
        let right = accuracies([400, 390, 380]).map(|(n, accuracy)| (n + 10, accuracy));
        let found = paired_difference(&left, &right, 0.95).unwrap();
        let interval = found.interval.unwrap();
        assert_eq!((interval.low, interval.high), (found.mean, found.mean));
        close(found.mean, 0.02, 1e-12);
    }

    #[test]
    fn what_is_pointed_at_is_of_enough_seeds_and_has_a_width() {
        let is_clear = |values: &[f64]| mean(values, 0.95).unwrap().is_clear();
        assert!(is_clear(&[0.02, 0.021, 0.019, 0.02, 0.022]));
        assert!(!is_clear(&[0.02, 0.021, 0.019, 0.02]), "too few");
        assert!(!is_clear(&[0.02; 5]), "equal");
        assert!(!is_clear(&[0.02, -0.021, 0.019, -0.02, 0.022]), "0 lies within");
    }

    #[test]
    fn more_values_of_the_same_spread_make_the_t_interval_narrower() {
        let mut width = f64::INFINITY;
        for n in [2, 4, 8, 16, 32] {
            let values: Vec<f64> = (0..n).map(|i| f64::from(i % 2)).collect();
            let found = mean(&values, 0.95).unwrap();
            let interval = found.interval.unwrap();
            assert!(interval.low <= found.mean && found.mean <= interval.high);
            assert!(interval.high - interval.low < width, "{n}");
            width = interval.high - interval.low;
        }
    }

    #[test]
    fn a_difference_is_paired_over_the_seeds_that_both_have() {
        let left = [(0, 0.9), (1, 0.8), (2, 0.7)];
        let right = [(2, 0.5), (0, 0.5), (7, 0.1)];
        let found = paired_difference(&left, &right, 0.95).unwrap();
        close(found.mean, 0.3, 1e-12);
        assert_eq!(found.n, 2);
        // Differences 0.4 and 0.2: s = 0.141421, t(0.975, 1) = 12.706205.
        close(found.interval.unwrap().high, 0.3 + 12.706205 * 0.1, 1e-6);
        assert_eq!(paired_difference(&left, &[(9, 0.1)], 0.95), None);
        assert_eq!(paired_difference(&left, &[(1, 0.7)], 0.95).unwrap().interval, None);
    }

    /// scipy.stats.chisquare([16, 18, 16, 14, 12, 12]): statistic 2.0, p 0.84914504.
    #[test]
    fn chi_squared_has_the_published_values() {
        close(chi_squared_p(&[16, 18, 16, 14, 12, 12], &[1; 6]), 0.849_145_04, 1e-8);
        close(chi_squared_p(&[10, 10], &[5, 5]), 1.0, 1e-12);
        assert!(chi_squared_p(&[100, 0], &[1, 1]) < 1e-20);
        assert_eq!(chi_squared_p(&[1, 1], &[2, 0]), 0.0);
        assert_eq!(chi_squared_p(&[0, 0], &[1, 1]), 1.0);
        assert_eq!(chi_squared_p(&[5], &[1]), 1.0);
    }
}
