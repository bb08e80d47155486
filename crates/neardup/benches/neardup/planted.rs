//! Hashes by seed, with pairs planted at known distances.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is searched.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) n_bits: u32,
    /// Planted pairs differ in 0 to so many bits.
    pub(crate) radius: u32,
}

/// A short hash at a usual radius.
pub(crate) const SHORT: Setting = Setting { n_bits: 64, radius: 6 };
/// The stage's default.
pub(crate) const DEFAULT: Setting = Setting { n_bits: 220, radius: 36 };

/// Uniformly random hashes, the last of which are changed copies of others.
pub(crate) struct Planted<const W: usize> {
    pub(crate) setting: Setting,
    /// All hashes.
    pub(crate) hashes: Vec<[u64; W]>,
    /// For each of the last hashes the index of what it was copied from.
    originals: Vec<u32>,
}

impl<const W: usize> Planted<W> {
    /// One hash in a hundred is a copy, and no hash has two.
    pub(crate) fn new(n_hashes: usize, setting: Setting) -> Self {
        let Setting { n_bits, radius } = setting;
        let mut rng = ChaCha8Rng::seed_from_u64(n_hashes as u64);
        let n_planted = n_hashes / 100;
        let n_originals = n_hashes - n_planted;
        let word =
            |word: u32, random: u64| random & 1_u64.unbounded_shl(n_bits.saturating_sub(64 * word)).wrapping_sub(1);
        let mut random = || std::array::from_fn(|number| word(number as u32, rng.next_u64()));
        let mut hashes: Vec<[u64; W]> = (0..n_originals).map(|_| random()).collect();
        let stride = n_originals / n_planted.max(1);
        let originals: Vec<u32> = (0..n_planted).map(|number| (number * stride) as u32).collect();
        for (number, original) in originals.iter().enumerate() {
            let original = hashes[*original as usize];
            let mut copy = original;
            let mut n_left = number as u32 % (radius + 1);
            while n_left > 0 {
                let (bit, word) = (rng.random_range(0..n_bits), |bit: u32| bit as usize / 64);
                let flipped = 1 << (bit % 64);
                if (copy[word(bit)] ^ original[word(bit)]) & flipped == 0 {
                    copy[word(bit)] ^= flipped;
                    n_left -= 1;
                }
            }
            hashes.push(copy);
        }
        Self { setting, hashes, originals }
    }

    /// How many pairs are planted.
    pub(crate) fn n_planted(&self) -> usize {
        self.originals.len()
    }

    /// Whether these two, the smaller index first, are a planted pair.
    pub(crate) fn is_planted(&self, left: u32, right: u32) -> bool {
        let n_originals = self.hashes.len() - self.originals.len();
        (right as usize).checked_sub(n_originals).is_some_and(|number| self.originals[number] == left)
    }
}
