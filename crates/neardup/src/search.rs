//! Radius search: all pairs of hashes that differ in at most `radius` bits.
//!
//! *Multi-index hashing* cuts the hash into `m` chunks. Let `s` = ⌊radius / m⌋ and `a` = radius − s·m: two hashes within
//! the radius differ in at most `s` bits in one of the first `a + 1` chunks, or in at most `s − 1` bits in one of the
//! others, for else they differed in at least (a + 1)(s + 1) + (m − a − 1)s = radius + 1 bits. So for each chunk, only
//! hashes whose chunks are that alike need comparing (Norouzi, Punjani, Fleet 2012, sections 3 and 4). A pair that
//! several chunks find is told by the first of them alone, so no set of pairs has to be kept.
//!
//! Where the radius is large for the number of hashes, comparing all of them is cheaper: [`Method::cheapest`] chooses.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

/// Two hashes within the radius, by their indices; `left` < `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbours {
    /// The smaller index.
    pub left: u32,
    /// The larger index.
    pub right: u32,
    /// In how many bits they differ.
    pub distance_bits: u16,
}

/// The search found more pairs than it was allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more pairs than allowed")]
pub struct TooManyPairs;

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

/// The longest index key in bits: its table of 2^24 offsets takes 64 MiB.
const MAX_KEY_BITS: u32 = 24;
/// The most neighbouring keys that are worth looking up for each hash and chunk.
const MAX_MASKS: f64 = 20_000.0;
/// Hashes that one task looks up.
const BLOCK: usize = 256;

/// All pairs of `hashes` (of `n_bits` bits, the rest 0) that differ in at most `radius` bits, in order.
///
/// `on_progress` is told how many more of [`Method::n_steps`] are done.
///
/// # Errors
/// When there are more than `max_pairs`.
///
/// # Panics
/// When there are 2^32 hashes or more, or more chunks than bits.
pub fn pairs_within<const W: usize>(
    hashes: &[[u64; W]],
    n_bits: u32,
    radius: u32,
    method: Method,
    max_pairs: u64,
    on_progress: &(impl Fn(u64) + Sync),
) -> Result<Vec<Neighbours>, TooManyPairs> {
    assert!(u32::try_from(hashes.len()).is_ok(), "hashes are numbered by u32");
    let budget = Budget { n_found: AtomicU64::new(0), max_pairs };
    let mut found = match method {
        Method::BruteForce => compare_all(hashes, radius, &budget, on_progress)?,
        Method::MultiIndex { n_chunks } => {
            let chunks = chunks(n_bits, radius, n_chunks, key_bits_for(hashes.len()));
            let mut found = Vec::new();
            for (number, chunk) in chunks.iter().enumerate() {
                let index = Index::new(hashes, *chunk);
                found.append(&mut index.search(&chunks[..number], radius, &budget, on_progress)?);
            }
            found
        }
    };
    found.par_sort_unstable();
    Ok(found)
}

impl Method {
    /// The method with the least estimated time.
    pub fn cheapest(n_hashes: usize, n_bits: u32, radius: u32) -> Self {
        let n = n_hashes as f64;
        // Nanoseconds, as measured to within a factor of two. Real hashes crowd in some buckets: hence the 4.
        let (compare, compare_in_bucket, look_up, sort) = (1.0, 4.0 * 1.5, 3.0, 30.0);
        let mut best = (n * n / 2.0 * compare, Self::BruteForce);
        for n_chunks in 1..=(radius + 1).min(n_bits) {
            let chunks = chunks(n_bits, radius, n_chunks, key_bits_for(n_hashes));
            let n_masks = |chunk: &Chunk| n_masks(chunk.key_bits, chunk.radius);
            if chunks.iter().any(|chunk| n_masks(chunk) > MAX_MASKS) {
                continue;
            }
            let cost = |chunk: &Chunk| {
                let share = n_masks(chunk) / f64::from(chunk.key_bits).exp2();
                n * (sort + n_masks(chunk) / 2.0 * look_up) + n * n / 2.0 * share.min(1.0) * compare_in_bucket
            };
            let cost = chunks.iter().map(cost).sum();
            if cost < best.0 {
                best = (cost, Self::MultiIndex { n_chunks });
            }
        }
        best.1
    }

    /// How many steps the search of so many hashes has, at most.
    pub fn n_steps(self, n_hashes: usize) -> u64 {
        match self {
            Self::BruteForce => n_hashes as u64,
            Self::MultiIndex { n_chunks } => n_hashes as u64 * u64::from(n_chunks),
        }
    }
}

/// How many pairs may still be found.
struct Budget {
    n_found: AtomicU64,
    max_pairs: u64,
}

impl Budget {
    fn spend(&self, n_pairs: usize) -> Result<(), TooManyPairs> {
        let n_found = self.n_found.fetch_add(n_pairs as u64, Ordering::Relaxed).saturating_add(n_pairs as u64);
        if n_found > self.max_pairs { Err(TooManyPairs) } else { Ok(()) }
    }
}

/// The part of a hash that an index is made of.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    first_bit: u32,
    /// At most the chunk's bits: what holds for a chunk holds for its part.
    key_bits: u32,
    /// Keys that differ in at most so many bits belong to hashes that are compared.
    radius: u32,
}

impl Chunk {
    fn key<const W: usize>(self, hash: &[u64; W]) -> u32 {
        let (word, shift) = (self.first_bit as usize / 64, self.first_bit % 64);
        let mut bits = hash[word] >> shift;
        if shift + self.key_bits > 64 {
            bits |= hash[word + 1] << (64 - shift);
        }
        (bits & ((1 << self.key_bits) - 1)) as u32
    }

    fn finds<const W: usize>(self, a: &[u64; W], b: &[u64; W]) -> bool {
        (self.key(a) ^ self.key(b)).count_ones() <= self.radius
    }
}

/// The chunks that have to be looked at; see the module's documentation.
fn chunks(n_bits: u32, radius: u32, n_chunks: u32, max_key_bits: u32) -> Vec<Chunk> {
    assert!((1..=n_bits).contains(&n_chunks), "{n_chunks} chunks of {n_bits} bits");
    let (low, rest) = (radius / n_chunks, radius % n_chunks);
    let edge = |number: u32| number * n_bits / n_chunks;
    (0..n_chunks)
        .filter_map(|number| {
            let radius = if number <= rest { Some(low) } else { low.checked_sub(1) }?;
            let key_bits = (edge(number + 1) - edge(number)).min(max_key_bits);
            Some(Chunk { first_bit: edge(number), key_bits, radius })
        })
        .collect()
}

/// A key longer than this has more values than there are hashes to tell apart.
fn key_bits_for(n_hashes: usize) -> u32 {
    (n_hashes.max(1).ilog2() + 2).min(MAX_KEY_BITS)
}

/// How many keys of so many bits differ from a given one in at most `radius` bits.
fn n_masks(key_bits: u32, radius: u32) -> f64 {
    let mut binomial = 1.0;
    let mut sum = 1.0;
    for i in 0..radius.min(key_bits) {
        binomial *= f64::from(key_bits - i) / f64::from(i + 1);
        sum += binomial;
    }
    sum
}

/// The numbers of `key_bits` bits that have at most `radius` ones; 0 comes first.
fn masks(key_bits: u32, radius: u32) -> Vec<u32> {
    let mut masks = vec![0];
    let mut start = 0;
    for _ in 0..radius.min(key_bits) {
        let end = masks.len();
        for position in start..end {
            let mask: u32 = masks[position];
            let above = 32 - mask.leading_zeros();
            masks.extend((above..key_bits).map(|bit| mask | 1 << bit));
        }
        start = end;
    }
    masks
}

/// The hashes in the order of one chunk's keys.
struct Index<const W: usize> {
    chunk: Chunk,
    /// For each key where its hashes start, and one past the last.
    starts: Vec<u32>,
    hashes: Vec<[u64; W]>,
    /// What each hash's index was.
    origins: Vec<u32>,
}

impl<const W: usize> Index<W> {
    fn new(hashes: &[[u64; W]], chunk: Chunk) -> Self {
        let mut starts = vec![0; (1 << chunk.key_bits) + 1];
        for hash in hashes {
            starts[chunk.key(hash) as usize + 1] += 1;
        }
        for key in 1..starts.len() {
            starts[key] += starts[key - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![[0; W]; hashes.len()];
        let mut origins = vec![0; hashes.len()];
        for (origin, hash) in hashes.iter().enumerate() {
            let place = &mut next[chunk.key(hash) as usize];
            sorted[*place as usize] = *hash;
            origins[*place as usize] = origin as u32;
            *place += 1;
        }
        Self { chunk, starts, hashes: sorted, origins }
    }

    /// The pairs that this chunk finds and none of the earlier ones.
    fn search(
        &self,
        earlier: &[Chunk],
        radius: u32,
        budget: &Budget,
        on_progress: &(impl Fn(u64) + Sync),
    ) -> Result<Vec<Neighbours>, TooManyPairs> {
        let masks = masks(self.chunk.key_bits, self.chunk.radius);
        in_blocks(self.hashes.len(), |block| {
            let mut found = Vec::new();
            for place in block.clone() {
                let (hash, n_before) = (&self.hashes[place], found.len());
                let key = self.chunk.key(hash);
                // Each two buckets meet once, from the one with the smaller key.
                for other in masks.iter().map(|mask| key ^ mask).filter(|&other| other >= key) {
                    let start = if other == key { place + 1 } else { self.starts[other as usize] as usize };
                    let end = self.starts[other as usize + 1] as usize;
                    for (offset, candidate) in self.hashes[start..end].iter().enumerate() {
                        let distance = distance_bits(hash, candidate);
                        if distance <= radius && !earlier.iter().any(|chunk| chunk.finds(hash, candidate)) {
                            found.push(neighbours(self.origins[place], self.origins[start + offset], distance));
                        }
                    }
                }
                budget.spend(found.len() - n_before)?;
            }
            on_progress(block.len() as u64);
            Ok(found)
        })
    }
}

fn compare_all<const W: usize>(
    hashes: &[[u64; W]],
    radius: u32,
    budget: &Budget,
    on_progress: &(impl Fn(u64) + Sync),
) -> Result<Vec<Neighbours>, TooManyPairs> {
    in_blocks(hashes.len(), |block| {
        let mut found = Vec::new();
        // The block stays in the fastest cache while the others stream past.
        for right in block.start + 1..hashes.len() {
            let n_before = found.len();
            for left in block.start..block.end.min(right) {
                let distance = distance_bits(&hashes[left], &hashes[right]);
                if distance <= radius {
                    found.push(neighbours(left as u32, right as u32, distance));
                }
            }
            if found.len() > n_before {
                budget.spend(found.len() - n_before)?;
            }
        }
        on_progress(block.len() as u64);
        Ok(found)
    })
}

/// What `search` finds in each block of indices, on all cores.
fn in_blocks(
    n_hashes: usize,
    search: impl Fn(std::ops::Range<usize>) -> Result<Vec<Neighbours>, TooManyPairs> + Sync,
) -> Result<Vec<Neighbours>, TooManyPairs> {
    let blocks: Result<Vec<_>, _> = (0..n_hashes.div_ceil(BLOCK))
        .into_par_iter()
        .map(|number| search(number * BLOCK..(number * BLOCK + BLOCK).min(n_hashes)))
        .collect();
    Ok(blocks?.concat())
}

pub(crate) fn distance_bits<const W: usize>(a: &[u64; W], b: &[u64; W]) -> u32 {
    (0..W).map(|word| (a[word] ^ b[word]).count_ones()).sum()
}

fn neighbours(a: u32, b: u32, distance_bits: u32) -> Neighbours {
    Neighbours { left: a.min(b), right: a.max(b), distance_bits: distance_bits as u16 }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
