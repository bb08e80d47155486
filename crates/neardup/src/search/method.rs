//! Which *method* searches fastest, and how it cuts the hashes into chunks.

use super::chunk::{Chunk, n_masks, radii};

/// How to search. All methods find the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Compare every hash with every other.
    BruteForce,
    /// Multi-index hashing.
    MultiIndex {
        /// Chunks that the hash is cut into, at least 1 and at most its bits.
        n_chunks: u32,
    },
}

/// How many hashes there are to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many hashes, each with each.
    Within(usize),
    /// So many left hashes, each with so many right ones.
    Between(usize, usize),
}

/// The longest key in bits: its table of 2^24 buckets takes 64 MiB.
const MAX_KEY_BITS: u32 = 24;
/// The most neighbouring keys that are worth looking up for each bucket.
const MAX_MASKS: f64 = 20_000.0;

/// Nanoseconds on one core, as `cargo xtask bench neardup` measures them, for hashes of one word.
mod cost {
    /// Comparing two hashes of one word.
    pub(super) const COMPARE: f64 = 0.06;
    /// Joining two buckets, without the comparisons.
    pub(super) const JOIN: f64 = 10.0;
    /// Comparisons that a hash wastes at the edges of each bucket it is joined with.
    pub(super) const WASTED: f64 = 10.0;
    /// Bringing a hash into its bucket.
    pub(super) const SORT: f64 = 25.0;
    /// Passing over a key, whether or not a hash has it.
    pub(super) const KEY: f64 = 1.0;
    /// Real hashes crowd: buckets are joined with so many times more pairs than if all keys were as frequent.
    pub(super) const CROWD: f64 = 4.0;
}

impl Method {
    /// The method with the least estimated time.
    pub fn cheapest(size: Size, n_bits: u32, radius: u32) -> Self {
        let n_words = f64::from(n_bits.div_ceil(64));
        let brute_force = size.n_pairs() * cost::COMPARE * n_words + size.n_hashes() * cost::SORT;
        let mut best = (brute_force, Self::BruteForce);
        for n_chunks in 1..=(radius + 1).min(n_bits) {
            let chunks = chunks(size, n_bits, radius, n_chunks);
            let cost = chunks.iter().map(|chunk| cost_ns(size, n_bits, chunk.key_bits, chunk.radius)).sum();
            if cost < best.0 {
                best = (cost, Self::MultiIndex { n_chunks });
            }
        }
        best.1
    }

    /// How many steps the search has, at most.
    pub fn n_steps(self, size: Size) -> u64 {
        match self {
            Self::BruteForce => size.n_left() as u64,
            Self::MultiIndex { n_chunks } => size.n_left() as u64 * u64::from(n_chunks),
        }
    }
}

impl Size {
    pub(super) fn n_longest(self) -> usize {
        match self {
            Self::Within(n_hashes) => n_hashes,
            Self::Between(n_left, n_right) => n_left.max(n_right),
        }
    }

    fn n_left(self) -> usize {
        match self {
            Self::Within(n_hashes) | Self::Between(n_hashes, _) => n_hashes,
        }
    }

    fn n_hashes(self) -> f64 {
        match self {
            Self::Within(n_hashes) => n_hashes as f64,
            Self::Between(n_left, n_right) => n_left as f64 + n_right as f64,
        }
    }

    fn n_pairs(self) -> f64 {
        match self {
            Self::Within(n_hashes) => n_hashes as f64 * n_hashes as f64 / 2.0,
            Self::Between(n_left, n_right) => n_left as f64 * n_right as f64,
        }
    }
}

/// The chunks of multi-index hashing; see the module above.
///
/// A chunk starts with as many bits as it has radius, with which it tells nothing apart; then the hash's bits are dealt
/// out one by one, each to the chunk that it saves the most time, until none saves any.
///
/// # Panics
/// When there are more chunks than bits, or none.
pub(super) fn chunks(size: Size, n_bits: u32, radius: u32, n_chunks: u32) -> Vec<Chunk> {
    assert!((1..=n_bits).contains(&n_chunks), "{n_chunks} chunks of {n_bits} bits");
    let mut chunks: Vec<Chunk> = radii(radius.min(n_bits), n_chunks)
        .into_iter()
        .map(|radius| Chunk { first_bit: 0, key_bits: radius.min(MAX_KEY_BITS), radius })
        .collect();
    let dealt: u32 = chunks.iter().map(|chunk| chunk.key_bits).sum();
    for _ in dealt..n_bits {
        let saved = |chunk: &Chunk| {
            let of = |key_bits| cost_ns(size, n_bits, key_bits, chunk.radius);
            of(chunk.key_bits) - of(chunk.key_bits + 1)
        };
        let is_open = |chunk: &&mut Chunk| {
            chunk.key_bits < MAX_KEY_BITS
                && n_masks(chunk.key_bits + 1, chunk.radius) <= MAX_MASKS
                && saved(chunk) > 0.0
        };
        match chunks.iter_mut().filter(is_open).max_by(|a, b| saved(a).total_cmp(&saved(b))) {
            Some(chunk) => chunk.key_bits += 1,
            None => break,
        }
    }
    let mut first_bit = 0;
    for chunk in &mut chunks {
        chunk.first_bit = first_bit;
        first_bit += chunk.key_bits;
    }
    chunks
}

/// What the search by one chunk costs, in nanoseconds on one core.
fn cost_ns(size: Size, n_bits: u32, key_bits: u32, radius: u32) -> f64 {
    let compare = cost::COMPARE * f64::from(n_bits.div_ceil(64));
    let (n_keys, n_masks) = (f64::from(key_bits).exp2(), n_masks(key_bits, radius));
    let occupied = |n_hashes: f64| 1.0 - (-n_hashes / n_keys).exp();
    let (n_left, n_right, n_masks_each_way) = match size {
        Size::Within(n_hashes) => (n_hashes as f64, n_hashes as f64, n_masks / 2.0),
        Size::Between(n_left, n_right) => (n_left as f64, n_right as f64, n_masks),
    };
    let n_joins = n_keys * occupied(n_left) * n_masks_each_way;
    let n_wasted = n_left * n_masks_each_way * occupied(n_right) * cost::WASTED;
    let share = n_masks / n_keys;
    let crowded_share = share * cost::CROWD / (1.0 + share * (cost::CROWD - 1.0));
    let n_pairs = size.n_pairs() * crowded_share;
    size.n_hashes() * cost::SORT + n_keys * cost::KEY + n_joins * cost::JOIN + (n_pairs + n_wasted) * compare
}
