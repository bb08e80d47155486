//! Random choices that are the same on every machine: ChaCha, integers, and basic float arithmetic, which IEEE 754
//! defines to the last bit. No sine, no logarithm: those differ between libraries.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A sequence of random choices, known by a seed and the number of a stream.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// The beginning of a stream. Streams of one seed are independent of one another.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// One of 0 to `n` - 1.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// One of the items.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }

    /// Uniform in [low, high).
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32;
        low + (high - low) * unit
    }

    /// Nearly normal, with mean 0 and standard deviation 1: a sum of twelve uniforms.
    pub(crate) fn bell(&mut self) -> f32 {
        let sum: u32 = (0..6).map(|_| self.0.next_u32()).map(|word| (word >> 16) + (word & 0xffff)).sum();
        (sum as f32 - 12.0 * 32767.5) / 65536.0
    }

    /// A unit vector: a point in the disc, pushed to its edge.
    pub(crate) fn direction(&mut self) -> (f32, f32) {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if (0.01..=1.0).contains(&square) {
                let length = square.sqrt();
                return (x / length, y / length);
            }
        }
    }

    /// Puts the items in a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_has_mean_0_and_deviation_1() {
        let mut draws = Draws::new(0, 0);
        let values: Vec<_> = (0..20_000).map(|_| f64::from(draws.bell())).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }

    #[test]
    fn shuffling_keeps_all_items_and_streams_differ() {
        let shuffled = |stream: u64| {
            let mut items: Vec<_> = (0..100).collect();
            Draws::new(7, stream).shuffle(&mut items);
            items
        };
        let mut sorted = shuffled(1);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
    }
}
