//! *Lanes* are words of eight hashes side by side, as wide registers compare them.

/// Hashes side by side: as many 64-bit words as the widest registers have.
pub(super) const LANES: usize = 8;
/// Hashes that meet a block of others at once, so that the block is read once for all of them.
pub(super) const GROUP: usize = 4;

/// One word of [`LANES`] hashes, aligned as the widest registers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Lanes(pub [u64; LANES]);

/// [`LANES`] hashes, word by word.
pub(super) type Block<const W: usize> = [Lanes; W];

/// [`GROUP`] hashes, each in all lanes.
pub(super) type Group<const W: usize> = [[Lanes; W]; GROUP];

/// The first of `blocks` with a hash that differs from one of the group in at most `radius` bits.
///
/// Compiled into what calls it, for the processor that the caller is compiled for.
#[inline(always)]
pub(super) fn first_near<const W: usize>(group: &Group<W>, blocks: &[Block<W>], radius: u32) -> Option<usize> {
    blocks.iter().position(|block| {
        let mut nearest = [u64::MAX; LANES];
        for hash in group {
            let mut distances = [0_u64; LANES];
            for (word, lanes) in hash.iter().zip(block) {
                for (distance, (a, b)) in distances.iter_mut().zip(word.0.iter().zip(lanes.0)) {
                    // A sum that is checked for overflow is not done in whole registers.
                    *distance = distance.wrapping_add(u64::from((a ^ b).count_ones()));
                }
            }
            for (nearest, distance) in nearest.iter_mut().zip(distances) {
                *nearest = distance.min(*nearest);
            }
        }
        nearest.iter().fold(false, |is_near, distance| is_near | (*distance <= u64::from(radius)))
    })
}

/// For processors with AVX-512 VPOPCNTDQ.
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi64, _mm512_cmple_epi64_mask, _mm512_min_epi64, _mm512_popcnt_epi64, _mm512_set1_epi64,
        _mm512_setr_epi64, _mm512_setzero_si512, _mm512_xor_si512,
    };

    use super::{Block, Group, Lanes};

    /// As [`super::first_near`]: an exclusive or, a population count and a sum for each word of eight pairs, and a minimum
    /// for each eight pairs. Written out because the compiler finds these by itself for hashes of one word only; for
    /// four, its own code took seven times as long.
    #[multiversion::target("x86_64+avx512f+avx512vpopcntdq")]
    #[inline]
    pub(in super::super) fn first_near<const W: usize>(
        group: &Group<W>,
        blocks: &[Block<W>],
        radius: u32,
    ) -> Option<usize> {
        let radius = _mm512_set1_epi64(i64::from(radius));
        let group = group.each_ref().map(|hash| hash.each_ref().map(|word| load(word)));
        blocks.iter().position(|block| {
            let mut nearest = _mm512_set1_epi64(i64::MAX);
            for hash in &group {
                let mut distances = _mm512_setzero_si512();
                for (word, lanes) in hash.iter().zip(block) {
                    let differing = _mm512_xor_si512(*word, load(lanes));
                    distances = _mm512_add_epi64(distances, _mm512_popcnt_epi64(differing));
                }
                nearest = _mm512_min_epi64(nearest, distances);
            }
            _mm512_cmple_epi64_mask(nearest, radius) != 0
        })
    }

    /// One load, though it does not look like it.
    #[multiversion::target("x86_64+avx512f")]
    #[inline]
    fn load(lanes: &Lanes) -> __m512i {
        let [a, b, c, d, e, f, g, h] = lanes.0.map(u64::cast_signed);
        _mm512_setr_epi64(a, b, c, d, e, f, g, h)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// One of all distances is `distance_bits`, the others are larger by far.
    fn check<const W: usize>(seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let hashes: [[u64; W]; GROUP] = std::array::from_fn(|_| std::array::from_fn(|_| rng.next_u64()));
        let mut blocks: Vec<Block<W>> =
            (0..5).map(|_| std::array::from_fn(|_| Lanes(std::array::from_fn(|_| rng.next_u64())))).collect();
        let below = |n: usize, rng: &mut ChaCha8Rng| rng.next_u32() as usize % n;
        let (number, block, lane) = (below(GROUP, &mut rng), below(5, &mut rng), below(LANES, &mut rng));
        let (distance_bits, first_bit) = (below(6, &mut rng), below(64 * W, &mut rng));
        for (lanes, word) in blocks[block].iter_mut().zip(hashes[number]) {
            lanes.0[lane] = word;
        }
        for bit in first_bit..first_bit + distance_bits {
            blocks[block][bit / 64 % W].0[lane] ^= 1 << (bit % 64);
        }
        let group = hashes.map(|hash| hash.map(|word| Lanes([word; LANES])));
        for radius in 0..8 {
            let expected = (distance_bits as u32 <= radius).then_some(block);
            assert_eq!(first_near(&group, &blocks, radius), expected, "{W} words, seed {seed}, radius {radius}");
        }
    }

    #[test]
    fn the_block_of_the_near_pair_is_found() {
        for seed in 0..200 {
            check::<1>(seed);
            check::<4>(seed);
        }
    }
}
