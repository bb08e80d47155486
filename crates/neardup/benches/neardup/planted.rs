//! Hashes by seed, with pairs planted at known distances.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Planted pairs differ in 0 to this many bits.
pub(crate) const RADIUS: u32 = 6;

/// Uniformly random 64-bit hashes, the last of which are changed copies of others.
pub(crate) struct Planted {
    /// All hashes.
    pub(crate) hashes: Vec<[u64; 1]>,
    /// For each of the last hashes the index of what it was copied from.
    originals: Vec<u32>,
}

impl Planted {
    /// One hash in a hundred is a copy, and no hash has two.
    pub(crate) fn new(n_hashes: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(n_hashes as u64);
        let n_planted = n_hashes / 100;
        let n_originals = n_hashes - n_planted;
        let mut hashes: Vec<[u64; 1]> = (0..n_originals).map(|_| [rng.next_u64()]).collect();
        let stride = n_originals / n_planted.max(1);
        let originals: Vec<u32> = (0..n_planted).map(|number| (number * stride) as u32).collect();
        for (number, original) in originals.iter().enumerate() {
            let mut copy = hashes[*original as usize][0];
            let mut n_left = number as u32 % (RADIUS + 1);
            while n_left > 0 {
                let bit = 1 << rng.random_range(0..64);
                if (copy ^ hashes[*original as usize][0]) & bit == 0 {
                    copy ^= bit;
                    n_left -= 1;
                }
            }
            hashes.push([copy]);
        }
        Self { hashes, originals }
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
