//! What a number of seeds can show, and how many seeds a difference needs.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::estimate::Estimate;
use super::{Interval, t_quantile};

impl Estimate {
    /// The same with as many seeds as `n`, at least 2. More seeds make the part of the images no smaller.
    fn with_seeds(&self, n: usize) -> Self {
        Self { n_seeds: n, seeds_variance: self.seeds_variance * self.n_seeds as f64 / n as f64, ..*self }
    }

    /// The mean difference that as many seeds find at `level` with probability `power`: whose interval then lies beside 0.
    ///
    /// The usual approximation, (t(1 − α/2) + t(power)) · standard error: against the noncentral t it is 5 % small at n = 3, 1 % at 5.
    pub fn detectable_difference(&self, level: f64, power: f64) -> f64 {
        self.half_width(1.0 - level) + t_quantile(power, self.n_seeds - 1) * self.standard_error()
    }

    /// How many seeds find a mean difference of `difference` so; at least 3. None where more than [`MAX_SEEDS`] would be needed.
    pub fn seeds_needed(&self, difference: f64, level: f64, power: f64) -> Option<usize> {
        fewest(|n| self.with_seeds(n).detectable_difference(level, power) <= difference.abs())
    }

    /// How many seeds make the interval no wider than `smallest_effect`; at least 3. Such an interval lies beside 0 or within
    /// ±`smallest_effect`, wherever the truth is. None where [`MAX_SEEDS`] would not do.
    pub fn seeds_to_decide(&self, smallest_effect: f64, confidence: f64) -> Option<usize> {
        fewest(|n| 2.0 * self.with_seeds(n).half_width(confidence) <= smallest_effect)
    }
}

/// The fewest seeds that suffice, where more always do as well.
fn fewest(suffices: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut low, mut high) = (3, MAX_SEEDS + 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if suffices(middle) { high = middle } else { low = middle + 1 }
    }
    (low <= MAX_SEEDS).then_some(low)
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
    use crate::statistics::OfImages;

    /// Of differences with a standard deviation of 1.
    fn estimate(n_seeds: usize) -> Estimate {
        Estimate { mean: 0.0, n_seeds, seeds_variance: 1.0 / n_seeds as f64, images: None }
    }

    /// statsmodels 0.14 `TTestPower().solve_power(alpha=0.05, power=0.8)`, by the noncentral t.
    #[test]
    fn the_approximation_is_close_to_the_exact_value() {
        for (n, expected, tolerance) in [
            (3, 3.264_043_552_8, 0.06),
            (5, 1.681_997_083_3, 0.02),
            (10, 0.996_001_910_8, 0.005),
            (20, 0.660_441_654_4, 0.003),
        ] {
            let found = estimate(n).detectable_difference(0.05, 0.8);
            assert!((found / expected - 1.0).abs() < tolerance, "n {n}: {found}, expected {expected}");
        }
    }

    #[test]
    fn seeds_are_the_fewest_that_suffice() {
        for difference in [0.2, 0.5, 1.0, 3.0] {
            let n = estimate(4).seeds_needed(difference, 0.05, 0.8).unwrap();
            let detectable = |n| estimate(n).detectable_difference(0.05, 0.8);
            assert!(detectable(n) <= difference && (n == 3 || detectable(n - 1) > difference), "{difference}: {n}");
        }
        assert_eq!(estimate(4).seeds_needed(0.001, 0.05, 0.8), None);
        assert_eq!(estimate(4).seeds_needed(0.0, 0.05, 0.8), None);
    }

    /// t(0.975, 17) = 2.109816 and t(0.975, 18) = 2.100922: 2 · 2.1098 / √18 = 0.9946, 2 · 2.1009 / √19 = 0.9640.
    #[test]
    fn an_interval_that_decides_is_no_wider_than_what_matters() {
        assert_eq!(estimate(5).seeds_to_decide(1.0, 0.95), Some(18));
        assert_eq!(estimate(5).seeds_to_decide(0.99, 0.95), Some(19));
        // The images alone are as wide: no number of seeds decides.
        let few_images = Estimate { images: Some(OfImages { n: 1001, variance: 0.07 }), ..estimate(5) };
        assert_eq!(few_images.seeds_to_decide(1.0, 0.95), None);
        let many_images = Estimate { images: Some(OfImages { n: 1001, variance: 0.01 }), ..estimate(5) };
        assert!(many_images.seeds_to_decide(1.0, 0.95).unwrap() > 18);
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
