//! An *estimate*: a mean difference, and how far chance may have moved it.
//!
//! Chance has two sources: which seeds were drawn, and which test images. With d(s, i) the difference on image i of the two networks
//! of seed s, seeds and images are crossed: d(s, i) = μ + a(s) + b(i) + e(s, i). The mean squares of the two-way table estimate what each
//! source adds to the variance of the mean:
//!
//! - seeds: MS(seeds) / (n·M), which is s² / n of the seeds' mean differences;
//! - images: (MS(images) − MS(rest)) / (n·M), at least 0.
//!
//! The interval is mean ± t'·√(seeds + images). t' is the mean of Student's quantiles with n − 1 and M − 1 degrees of freedom, weighted
//! by the two variances: W. G. Cochran and G. M. Cox, *Experimental Designs* (1957), for means of unequal variances. Satterthwaite's
//! degrees of freedom give too narrow intervals with three seeds (92 % instead of 95 %); this gives 95 to 97 %. Where images add
//! nothing, it is Student's t interval.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{Interval, mean, standard_deviation, t_quantile};

/// A mean difference, and what seeds and images add to its variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// How many seeds it is over.
    pub n_seeds: usize,
    /// What the seeds add to the mean's variance; more than 0.
    pub seeds_variance: f64,
    /// What the images add; none where the estimate is over seeds alone.
    pub images: Option<OfImages>,
}

/// What a finite number of images adds to the variance of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OfImages {
    /// How many images it is over.
    pub n: usize,
    /// What they add; 0 where the images differ no more than chance has them.
    pub variance: f64,
}

impl Estimate {
    /// The mean over seeds, whatever the images. None of fewer than two values, or where all are equal: chance was not seen then.
    pub fn over_seeds(values: &[f64]) -> Option<Self> {
        let deviation = standard_deviation(values).filter(|deviation| *deviation > 0.0)?;
        let seeds_variance = deviation.powi(2) / values.len() as f64;
        Some(Self { mean: mean(values, 0.95)?.mean, n_seeds: values.len(), seeds_variance, images: None })
    }

    /// The mean over seeds and images, of one row a seed with one difference an image. None as [`over_seeds`](Self::over_seeds) of the
    /// rows' means, and where a row has fewer than two images or another number of them than the first.
    pub fn crossed(rows: &[Vec<f64>]) -> Option<Self> {
        let (n, m) = (rows.len(), rows.first()?.len());
        if m < 2 || rows.iter().any(|row| row.len() != m) {
            return None;
        }
        let (n_f, m_f) = (n as f64, m as f64);
        let of_seeds: Vec<f64> = rows.iter().map(|row| row.iter().sum::<f64>() / m_f).collect();
        let over_seeds = Self::over_seeds(&of_seeds)?;
        let mean = over_seeds.mean;
        let of_images: Vec<f64> = (0..m).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / n_f).collect();
        let images = of_images.iter().map(|value| (value - mean).powi(2)).sum::<f64>() * n_f / (m_f - 1.0);
        let rest = |(row, of_seed): (&Vec<f64>, &f64)| {
            row.iter().zip(&of_images).map(|(value, of_image)| (value - of_seed - of_image + mean).powi(2)).sum::<f64>()
        };
        let rest = rows.iter().zip(&of_seeds).map(rest).sum::<f64>() / ((n_f - 1.0) * (m_f - 1.0));
        let variance = ((images - rest) / (n_f * m_f)).max(0.0);
        Some(Self { images: Some(OfImages { n: m, variance }), ..over_seeds })
    }

    /// What the images add to the mean's variance.
    fn images_variance(&self) -> f64 {
        self.images.map_or(0.0, |images| images.variance)
    }

    /// The standard error of the mean.
    pub fn standard_error(&self) -> f64 {
        (self.seeds_variance + self.images_variance()).sqrt()
    }

    /// How many standard errors the interval reaches either way, with probability `tail` beyond each end.
    fn reach(&self, tail: f64) -> f64 {
        let of_seeds = -t_quantile(tail, self.n_seeds - 1);
        match self.images {
            Some(OfImages { n, variance }) if variance > 0.0 => {
                let of_images = -t_quantile(tail, n - 1);
                (of_seeds * self.seeds_variance + of_images * variance) / (self.seeds_variance + variance)
            }
            _ => of_seeds,
        }
    }

    /// Half the interval's width.
    pub fn half_width(&self, confidence: f64) -> f64 {
        self.reach((1.0 - confidence) / 2.0) * self.standard_error()
    }

    /// The interval of the mean.
    pub fn interval(&self, confidence: f64) -> Interval {
        let half = self.half_width(confidence);
        Interval { low: self.mean - half, high: self.mean + half }
    }

    /// The two-sided p-value that the mean is 0: one minus the confidence at which the interval ends at 0. No smaller than 1e-15.
    pub fn p_value(&self) -> f64 {
        let statistic = self.mean.abs() / self.standard_error();
        if self.images_variance() == 0.0 {
            let t = StudentsT::new(0.0, 1.0, (self.n_seeds - 1) as f64).expect("degrees of freedom are positive");
            return (2.0 * t.cdf(-statistic)).clamp(SMALLEST_P, 1.0);
        }
        // By bisection of its logarithm: the reach falls as p rises.
        let (mut low, mut high) = (SMALLEST_P.ln(), 0.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.reach(middle.exp() / 2.0) > statistic { low = middle } else { high = middle }
        }
        high.exp()
    }
}

/// A smaller p-value is not told from this one.
const SMALLEST_P: f64 = 1e-15;

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFERENCES: [f64; 5] = [1.2, 0.4, 1.4, -0.1, 1.2];

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }

    /// SciPy 1.17 `ttest_1samp` and its `confidence_interval`.
    #[test]
    fn over_seeds_it_is_the_t_test() {
        let estimate = Estimate::over_seeds(&DIFFERENCES).unwrap();
        close(estimate.p_value(), 0.046_087_168_885_990_15, 1e-10);
        let interval = estimate.interval(0.95);
        close(interval.low, 0.023_010_321_5, 1e-7);
        close(interval.high, 1.616_989_678_5, 1e-7);
        close(estimate.interval(1.0 - estimate.p_value()).low, 0.0, 1e-9);
    }

    #[test]
    fn equal_values_say_nothing_of_chance_whatever_their_rounding() {
        for values in [&[][..], &[0.3], &[0.3, 0.3, 0.3]] {
            assert_eq!(Estimate::over_seeds(values), None, "{values:?}");
        }
        // 410, 400 and 390 of 500 against 400, 390 and 380: 10 of 500 each, which floats round to different numbers.
        let rounded =
            [(410.0, 400.0), (400.0, 390.0), (390.0, 380.0)].map(|(left, right)| left / 500.0 - right / 500.0);
        assert_ne!(rounded[0], rounded[1]);
        assert_eq!(Estimate::over_seeds(&rounded), None);
        assert_eq!(Estimate::crossed(&[vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]]), None, "a third each");
    }

    /// numpy 2.4: mean squares; SciPy 1.17: `t.ppf` and, for the p-value, `brentq`.
    #[test]
    fn crossed_it_has_the_mean_squares_of_the_two_way_table() {
        let rows = [
            vec![1.0, 0.0, 1.0, 0.0, -1.0, 1.0],
            vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            vec![1.0, 1.0, 1.0, -1.0, 0.0, 1.0],
        ];
        // Mean squares 0.0556 of seeds, 1.1222 of images, 0.2556 of the rest.
        let found = Estimate::crossed(&rows).unwrap();
        close(found.mean, 7.0 / 18.0, 1e-15);
        close(found.seeds_variance, 0.003_086_419_753_086_421, 1e-12);
        close(found.images.unwrap().variance, 0.048_148_148_148_148_14, 1e-12);
        close(found.half_width(0.95), 0.605_470_374_242_428, 1e-9);
        close(found.p_value(), 0.153_040_288_467_917_56, 1e-9);
        close(found.interval(1.0 - found.p_value()).low, 0.0, 1e-9);
    }

    #[test]
    fn images_that_all_differ_alike_add_nothing() {
        let rows = [vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]];
        let (crossed, over_seeds) =
            (Estimate::crossed(&rows).unwrap(), Estimate::over_seeds(&[0.5, 0.5, 1.0]).unwrap());
        assert_eq!(crossed.images, Some(OfImages { n: 2, variance: 0.0 }));
        assert_eq!((crossed.interval(0.9), crossed.p_value()), (over_seeds.interval(0.9), over_seeds.p_value()));
        assert_eq!(Estimate::crossed(&[vec![1.0, 0.0], vec![1.0]]), None);
        assert_eq!(Estimate::crossed(&[]), None);
    }
}
