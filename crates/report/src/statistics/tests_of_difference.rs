//! Of differences: how large they are in standard deviations, whether two networks differ image by image, and how the p-values of a
//! family are adjusted.
//!
//! - Two classifiers on the same images: Q. McNemar, Psychometrika 12 (1947), 153–157, exact.
//! - A family of tests: S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 6
//!   (1979), 65–70.

use statrs::distribution::{Binomial, DiscreteCDF};

use super::{are_equal, mean};

/// The fewest values whose standard deviation is used as a yardstick, for effect sizes and for marks. With five the true one lies, with 95 %
/// confidence, between 0.6 and 2.9 times what was found; with four between 0.6 and 3.7 times, with three between 0.5 and 6.3 times.
pub const MIN_SEEDS: usize = 5;

/// The standard deviation of a sample, with n − 1; none of fewer than two values. It is 0 where values differ by rounding alone.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values, 0.95)?;
    if mean.n > 1 && are_equal(values) {
        return Some(0.0);
    }
    let squares: f64 = values.iter().map(|value| (value - mean.mean).powi(2)).sum();
    (mean.n > 1).then(|| (squares / (mean.n - 1) as f64).sqrt())
}

/// The effect size of paired differences: their mean over their standard deviation, less its bias in small samples.
///
/// L. V. Hedges, Journal of Educational Statistics 6 (1981), 107–128. None of fewer than [`MIN_SEEDS`] differences, or where all are
/// equal.
pub fn effect_size(differences: &[f64]) -> Option<f64> {
    let is_known = |deviation: &f64| *deviation > 0.0 && differences.len() >= MIN_SEEDS;
    let deviation = standard_deviation(differences).filter(is_known)?;
    let degrees_of_freedom = (differences.len() - 1) as f64;
    let correction = 1.0 - 3.0 / (4.0 * degrees_of_freedom - 1.0);
    Some(mean(differences, 0.95)?.mean / deviation * correction)
}

/// The p-value of McNemar's exact test that two classifiers are as often right: `left_alone` images only the one classifies
/// rightly, `right_alone` only the other.
pub fn mcnemar_p(left_alone: u64, right_alone: u64) -> f64 {
    let n = left_alone + right_alone;
    if n == 0 {
        return 1.0;
    }
    let binomial = Binomial::new(0.5, n).expect("a half is a probability");
    (2.0 * binomial.cdf(left_alone.min(right_alone))).min(1.0)
}

/// Holm's adjusted p-values, in the order of `p_values`: one of at most α is significant at level α in the whole family.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &place) in order.iter().enumerate() {
        largest = largest.max(((p_values.len() - rank) as f64 * p_values[place]).min(1.0));
        adjusted[place] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFERENCES: [f64; 5] = [1.2, 0.4, 1.4, -0.1, 1.2];

    fn close(found: impl Into<Option<f64>>, expected: f64) {
        let found = found.into().expect("there is a value");
        assert!((found - expected).abs() < 1e-9 * expected.abs().max(1e-3), "{found}, expected {expected}");
    }

    #[test]
    fn a_deviation_has_the_value_of_scipy_and_none_is_made_of_rounding() {
        close(standard_deviation(&DIFFERENCES), 0.641_872_261_435_248_5);
        assert_eq!(standard_deviation(&[0.1 + 0.2, 0.3]), Some(0.0));
        assert_eq!(standard_deviation(&[0.3]), None);
    }

    #[test]
    fn no_effect_size_is_said_of_too_few_seeds_or_of_equal_ones() {
        for differences in [&[][..], &[0.3], &[0.3, 0.4], &DIFFERENCES[..4], &[0.3; 5]] {
            assert_eq!(effect_size(differences), None, "{differences:?}");
        }
    }

    #[test]
    fn an_effect_is_in_standard_deviations_and_a_little_smaller() {
        // 0.82 / 0.6419 = 1.2775; the correction of four degrees of freedom is 1 - 3/15.
        close(effect_size(&DIFFERENCES), 0.82 / 0.641_872_261_435_248_5 * 0.8);
    }

    /// statsmodels 0.14 `mcnemar(exact=True)`.
    #[test]
    fn mcnemar_has_the_values_of_statsmodels() {
        for (left, right, expected) in
            [(12, 3, 0.035_156_25), (5, 5, 1.0), (40, 22, 0.030_015_864_349_067_285), (1, 0, 1.0)]
        {
            close(mcnemar_p(left, right), expected);
            close(mcnemar_p(right, left), expected);
        }
        close(mcnemar_p(0, 0), 1.0);
    }

    /// statsmodels 0.14 `multipletests(method="holm")`.
    #[test]
    fn holm_has_the_values_of_statsmodels() {
        let check = |p_values: &[f64], expected: &[f64]| {
            for (found, expected) in holm(p_values).into_iter().zip(expected) {
                close(found, *expected);
            }
        };
        check(&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]);
        check(&[0.5, 0.9, 0.02], &[1.0, 1.0, 0.06]);
        assert!(holm(&[]).is_empty());
    }
}
