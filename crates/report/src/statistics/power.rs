//! What a number of seeds can show, and how many seeds a difference needs.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{Interval, t_quantile};

/// The mean of `n` paired differences, in their own unit, that a two-sided t test at `level` finds with probability `power`, where
/// differences have this standard deviation. None of fewer than two.
///
/// The usual approximation (t(1 − α/2) + t(power)) · s / √n: against the noncentral t it is 5 % small at n = 3, 1 % at 5.
pub fn detectable_difference(n: usize, standard_deviation: f64, level: f64, power: f64) -> Option<f64> {
    (n > 1).then(|| {
        let sum = t_quantile(1.0 - level / 2.0, n - 1) + t_quantile(power, n - 1);
        sum * standard_deviation / (n as f64).sqrt()
    })
}

/// How many seeds find a mean difference of `difference` so; at least 3. None where more than `MAX_SEEDS` would be needed.
pub fn seeds_needed(difference: f64, standard_deviation: f64, level: f64, power: f64) -> Option<usize> {
    (3..=MAX_SEEDS).find(|&n| {
        detectable_difference(n, standard_deviation, level, power).is_some_and(|found| found <= difference.abs())
    })
}

/// The interval of a standard deviation that `n` values of a normal distribution have: s · √((n − 1) / χ²(1 ± confidence)), as in any
/// textbook. None of fewer than two.
pub fn standard_deviation_interval(n: usize, standard_deviation: f64, confidence: f64) -> Option<Interval> {
    let degrees_of_freedom = n.checked_sub(1).filter(|n| *n > 0)? as f64;
    let distribution = ChiSquared::new(degrees_of_freedom).expect("degrees of freedom are positive");
    let end = |probability| standard_deviation * (degrees_of_freedom / distribution.inverse_cdf(probability)).sqrt();
    Some(Interval { low: end(0.5 + confidence / 2.0), high: end(0.5 - confidence / 2.0) })
}

/// Nobody trains more often.
pub const MAX_SEEDS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels 0.14 `TTestPower().solve_power(alpha=0.05, power=0.8)`, by the noncentral t.
    #[test]
    fn the_approximation_is_close_to_the_exact_value() {
        for (n, expected, tolerance) in [
            (3, 3.264_043_552_8, 0.06),
            (5, 1.681_997_083_3, 0.02),
            (10, 0.996_001_910_8, 0.005),
            (20, 0.660_441_654_4, 0.003),
        ] {
            let found = detectable_difference(n, 1.0, 0.05, 0.8).unwrap();
            assert!((found / expected - 1.0).abs() < tolerance, "n {n}: {found}, expected {expected}");
            assert_eq!(detectable_difference(n, 2.0, 0.05, 0.8), Some(2.0 * found));
        }
        assert_eq!(detectable_difference(1, 1.0, 0.05, 0.8), None);
    }

    #[test]
    fn seeds_are_the_fewest_that_suffice() {
        for difference in [0.2, 0.5, 1.0, 3.0] {
            let n = seeds_needed(difference, 1.0, 0.05, 0.8).unwrap();
            let detectable = |n| detectable_difference(n, 1.0, 0.05, 0.8).unwrap();
            assert!(detectable(n) <= difference && (n == 3 || detectable(n - 1) > difference), "{difference}: {n}");
        }
        assert_eq!(seeds_needed(0.001, 1.0, 0.05, 0.8), None);
        assert_eq!(seeds_needed(0.0, 1.0, 0.05, 0.8), None);
    }

    /// From the usual table of χ² at 0.975 and 0.025: 7.377759 and 0.050636, 11.143287 and 0.484419, 19.022768 and 2.700389.
    #[test]
    fn a_deviation_of_few_values_is_uncertain() {
        for (n, low, high) in [(3, 0.520_7, 6.284_7), (5, 0.599_1, 2.873_6), (10, 0.687_8, 1.825_6)] {
            let interval = standard_deviation_interval(n, 1.0, 0.95).unwrap();
            assert!((interval.low - low).abs() < 1e-4 && (interval.high - high).abs() < 1e-4, "n {n}: {interval:?}");
        }
        assert_eq!(standard_deviation_interval(1, 1.0, 0.95), None);
        assert_eq!(standard_deviation_interval(0, 1.0, 0.95), None);
    }
}
