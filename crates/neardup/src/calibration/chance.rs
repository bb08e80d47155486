//! How alike unrelated images of a set are by chance.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use statrs::function::erf::erfc;

/// With fewer pairs nothing is estimated.
const MIN_SAMPLED: usize = 200;

/// The distribution of how distinct pairs of unrelated images are.
///
/// That is Fisher's z of their correlation, z = artanh r, less their crowd. The distance from the median at a quantile is a power of the normal
/// distribution's: z = median + spread · (k / 1.2816)^shape for the quantile that lies k standard deviations above a normal
/// distribution's mean. Median, the quantile of nine tenths and that of 99 hundredths are the sample's. A normal distribution has
/// the shape 1, an exponential tail about 1.5. Measured: photos 1.1, bar charts 1.1, CIFAR-10 1.1, text pages 1.25, simple shapes 1.4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chance {
    median: f64,
    /// From the median to the quantile of nine tenths.
    spread: f64,
    shape: f64,
}

/// The normal distribution's quantiles of 0.9 and 0.99.
const K_90: f64 = 1.2816;
const K_99: f64 = 2.3263;
/// No thinner tail than this: a sample of a few thousand does not show what one pair in a billion is like. On CIFAR-10 a tail of 1.1 called
/// 1,349 pairs between test and training images near, far more than were judged to be duplicates; with 1.2 it is 1,068.
const SHAPES: (f64, f64) = (1.2, 1.7);

impl Chance {
    /// What photos of different things have.
    pub(crate) const OF_PHOTOS: Self = Self { median: 0.3, spread: 0.18, shape: 1.2 };

    /// The distribution that a sample is of; none where it is too small.
    pub(crate) fn of(mut sorted: Vec<f64>) -> Option<Self> {
        if sorted.len() < MIN_SAMPLED {
            return None;
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
        let median = quantile(0.5);
        let spread = (quantile(0.9) - median).max(0.02);
        let shape = ((quantile(0.99) - median) / spread).ln() / (K_99 / K_90).ln();
        Some(Self { median, spread, shape: shape.clamp(SHAPES.0, SHAPES.1) })
    }

    /// The share of unrelated pairs that are at least so distinct.
    pub(crate) fn above(&self, distinctness: f64) -> f64 {
        let distance = (distinctness - self.median) / self.spread;
        if distance <= 0.0 {
            return 0.5;
        }
        let k = K_90 * distance.powf(1.0 / self.shape);
        erfc(k / std::f64::consts::SQRT_2) / 2.0
    }
}

/// Fisher's z of a correlation.
pub(super) fn fisher(correlation: f32) -> f64 {
    f64::from(correlation).clamp(-0.9999, 0.9999).atanh()
}

/// Random pairs of some images, by their order alone; all pairs, where they are few.
pub(crate) fn sample(images: &[u32], n_pairs: usize, is_wanted: impl Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
    let n = images.len();
    if n * n.saturating_sub(1) / 2 <= n_pairs {
        let pairs = (0..n).flat_map(|left| (left + 1..n).map(move |right| (images[left], images[right])));
        return pairs.filter(|&(left, right)| is_wanted(left, right)).collect();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut one = || images[(rng.next_u64() % n as u64) as usize];
    let pairs = std::iter::repeat_with(|| (one(), one())).take(n_pairs);
    pairs.filter(|&(left, right)| left != right && is_wanted(left, right)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of a distribution of this shape.
    fn drawn(median: f64, spread: f64, shape: f64) -> Vec<f64> {
        let normal = |k: f64| 1.0 - erfc(k / std::f64::consts::SQRT_2) / 2.0;
        let mut ks = (-400..400).map(|step| f64::from(step) / 100.0).peekable();
        let at = |share: f64| {
            while ks.next_if(|&k| normal(k) < share).is_some() {}
            let k = ks.peek().copied().unwrap_or(4.0);
            median + spread * k.signum() * (k.abs() / K_90).powf(shape)
        };
        (1..2000).map(|step| f64::from(step) / 2000.0).map(at).collect()
    }

    #[test]
    fn a_tail_is_found_again() {
        for (median, spread, shape) in [(0.3, 0.18, 1.25), (0.7, 0.4, 1.4)] {
            let found = Chance::of(drawn(median, spread, shape)).unwrap();
            let errors = [found.median - median, found.spread - spread, found.shape - shape];
            assert!(errors.iter().all(|error| error.abs() < 0.06), "{found:?}");
            // One in a thousand.
            let rare = median + spread * (3.0902 / K_90).powf(shape);
            assert!((5e-4..2e-3).contains(&found.above(rare)), "{}", found.above(rare));
        }
    }

    #[test]
    fn more_alike_is_less_likely() {
        let shares: Vec<f64> = (0..100).map(|step| Chance::OF_PHOTOS.above(f64::from(step) / 33.0)).collect();
        assert!(shares.windows(2).all(|pair| pair[1] <= pair[0]), "{shares:?}");
        assert!(shares[99] < 1e-9 && shares[0] == 0.5);
    }

    #[test]
    fn few_pairs_say_nothing() {
        assert_eq!(Chance::of(vec![0.1; 199]), None);
    }
}
