//! Tests of whether there is a difference, and of whether there is none that matters.
//!
//! - Paired differences: Student's t test.
//! - No difference that matters: two one-sided tests, D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987),
//!   657–680.
//! - Two classifiers on the same images: Q. McNemar, Psychometrika 12 (1947), 153–157, exact.
//! - A family of tests: S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 6
//!   (1979), 65–70.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

use super::mean;

/// The two-sided p-value of the paired t test that differences have mean 0; none of fewer than two, or where all are equal.
pub fn paired_t_p(differences: &[f64]) -> Option<f64> {
    let (statistic, t) = t_statistic(differences, 0.0)?;
    Some((2.0 * t.cdf(-statistic.abs())).min(1.0))
}

/// The p-value of two one-sided t tests that the mean difference is −δ or less, or δ or more: a small one says that it lies
/// between. None of fewer than two differences, or where all are equal.
pub fn equivalence_p(differences: &[f64], delta: f64) -> Option<f64> {
    let (above, t) = t_statistic(differences, -delta)?;
    let (below, _) = t_statistic(differences, delta)?;
    Some(t.sf(above).max(t.cdf(below)))
}

/// The p-value of a one-sided t test that the mean difference is δ or more: a small one says that it is below. None as [`equivalence_p`].
pub fn below_p(differences: &[f64], delta: f64) -> Option<f64> {
    let (below, t) = t_statistic(differences, delta)?;
    Some(t.cdf(below))
}

/// (mean − `expected`) / standard error, and its distribution.
fn t_statistic(differences: &[f64], expected: f64) -> Option<(f64, StudentsT)> {
    let n = differences.len();
    let error = standard_deviation(differences)? / (n as f64).sqrt();
    let mean = mean(differences, 0.95)?.mean;
    let t = StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("degrees of freedom are positive");
    (error > 0.0).then(|| ((mean - expected) / error, t))
}

/// The standard deviation of a sample, with n − 1; none of fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values, 0.95)?;
    let squares: f64 = values.iter().map(|value| (value - mean.mean).powi(2)).sum();
    (mean.n > 1).then(|| (squares / (mean.n - 1) as f64).sqrt())
}

/// The effect size of paired differences: their mean over their standard deviation, less its bias in small samples.
///
/// L. V. Hedges, Journal of Educational Statistics 6 (1981), 107–128. None of fewer than two differences, or where all are equal.
pub fn effect_size(differences: &[f64]) -> Option<f64> {
    let deviation = standard_deviation(differences).filter(|deviation| *deviation > 0.0)?;
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

    /// SciPy 1.17 `ttest_1samp`, statsmodels 0.14 `ttost_paired`.
    #[test]
    fn t_tests_have_the_values_of_scipy_and_statsmodels() {
        close(paired_t_p(&DIFFERENCES), 0.046_087_168_885_990_15);
        close(equivalence_p(&DIFFERENCES, 2.0), 0.007_361_716_284_206_71);
        close(equivalence_p(&DIFFERENCES, 1.0), 0.282_316_545_940_243_5);
        close(standard_deviation(&DIFFERENCES), 0.641_872_261_435_248_5);
    }

    #[test]
    fn nothing_is_said_of_too_little() {
        for differences in [&[][..], &[0.3], &[0.3, 0.3, 0.3]] {
            assert_eq!(paired_t_p(differences), None, "{differences:?}");
            assert_eq!(equivalence_p(differences, 1.0), None, "{differences:?}");
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
