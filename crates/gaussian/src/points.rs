//! Points of two Gaussian classes.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::{Config, Point};

/// The original points of a seed: all of class -1, then as many of class +1.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// Where they are.
    pub points: Vec<Point>,
    /// How many of them are of class -1; the others are of class +1.
    pub n_negative: usize,
}

impl Points {
    /// Whether a point is of class +1.
    pub fn is_positive(&self, point: usize) -> bool {
        point >= self.n_negative
    }
}

/// Draws points of one class, each from what the generator gives next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distribution {
    mean: Point,
    /// The lower triangle whose product with its transpose is the covariance (Cholesky).
    triangle: [f64; 3],
}

impl Distribution {
    /// One class of the config, which is a valid one.
    pub(crate) fn of(config: &Config, is_positive: bool) -> Self {
        let mean = if is_positive { config.means.positive } else { config.means.negative };
        let [[a, b], [_, d]] = config.covariance;
        let first = a.sqrt();
        let second = b / first;
        Self { mean, triangle: [first, second, (d - second * second).sqrt()] }
    }

    /// The next point.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> Point {
        let [left, right] = standard_normals(rng);
        let [first, second, third] = self.triangle;
        [self.mean[0] + first * left, self.mean[1] + second * left + third * right]
    }
}

/// Two independent numbers of the standard normal distribution: G. E. P. Box and M. E. Muller, *A note on the generation of
/// random normal deviates*, Annals of Mathematical Statistics 29 (1958), 610–611.
fn standard_normals(rng: &mut ChaCha8Rng) -> [f64; 2] {
    let (radius, angle) = (rng.random::<f64>(), rng.random::<f64>() * std::f64::consts::TAU);
    // 1 - radius lies in (0, 1], so that its logarithm is finite.
    let radius = (-2.0 * (1.0 - radius).ln()).sqrt();
    [radius * angle.cos(), radius * angle.sin()]
}

/// The accuracy that no classifier can exceed where both classes are equally likely: Φ(d / 2), d the Mahalanobis distance of
/// the means. With equal covariances the best boundary is the line that halves it.
pub fn bayes_accuracy(config: &Config) -> f64 {
    let [[a, b], [c, d]] = config.covariance;
    let [x, y] = [0, 1].map(|axis| config.means.positive[axis] - config.means.negative[axis]);
    // The inverse of the covariance between the difference and itself.
    let squared = (d * x * x - (b + c) * x * y + a * y * y) / (a * d - b * c);
    Normal::standard().cdf(squared.sqrt() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds::{Use, generator};

    /// Φ(1/√3) = 0.718149 for the published classes: d² = 4/3. Values by scipy.stats.norm.cdf.
    #[test]
    fn no_classifier_exceeds_phi_of_half_the_distance() {
        let check = |positive: Point, covariance, expected: f64| {
            let mut config = Config { covariance, ..Config::default() };
            config.means.positive = positive;
            let found = bayes_accuracy(&config);
            assert!((found - expected).abs() < 1e-6, "{positive:?}: found {found}, expected {expected}");
        };
        check([1.0, 1.0], [[1.0, 0.5], [0.5, 1.0]], 0.718_149);
        check([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]], 0.5);
        check([2.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], 0.841_345);
        check([0.0, 2.0], [[1.0, 0.0], [0.0, 4.0]], 0.691_462);
        check([1.0, -1.0], [[1.0, 0.5], [0.5, 1.0]], 0.841_345);
    }

    #[test]
    fn points_have_the_mean_and_the_covariance_that_were_asked_for() {
        let mut config = Config { covariance: [[2.0, -0.6], [-0.6, 0.5]], ..Config::default() };
        config.means.positive = [3.0, -1.0];
        let class = Distribution::of(&config, true);
        let mut rng = generator(7, Use::Original { is_positive: true });
        let n = 200_000;
        let points: Vec<Point> = (0..n).map(|_| class.draw(&mut rng)).collect();
        let mean = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / f64::from(n));
        let moment = |i: usize, j: usize| {
            points.iter().map(|point| (point[i] - mean[i]) * (point[j] - mean[j])).sum::<f64>() / f64::from(n)
        };
        for (found, expected) in [
            (mean[0], 3.0),
            (mean[1], -1.0),
            (moment(0, 0), 2.0),
            (moment(0, 1), -0.6),
            (moment(1, 0), -0.6),
            (moment(1, 1), 0.5),
        ] {
            assert!((found - expected).abs() < 0.02, "found {found}, expected {expected}");
        }
    }
}
