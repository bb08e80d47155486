//! An *index* is a set of hashes in the order of one chunk's keys.

use rayon::prelude::*;

use super::chunk::Chunk;
use super::lanes::{Block, LANES, Lanes};

/// Hashes that a partition should have: two partitions of 64-bit hashes take half a megabyte and stay in a core's cache.
pub(super) const PARTITION: usize = 16_384;
/// The most partitions, as bits of the key.
const MAX_HIGH_BITS: u32 = 12;
/// Hashes in the order of one chunk's keys: the key's high bits choose the partition, its low bits the bucket in it.
pub(super) struct Index<const W: usize> {
    /// How many bits of the key choose the bucket in a partition.
    pub low_bits: u32,
    /// By the key's high bits.
    pub partitions: Vec<Partition<W>>,
}

/// Hashes whose keys have the same high bits, in the order of the low ones.
pub(super) struct Partition<const W: usize> {
    /// For each key where its hashes start, and one past the last.
    pub starts: Vec<u32>,
    /// The hashes, word by word; the last block is filled up with zeros.
    pub blocks: Vec<Block<W>>,
    /// What each hash's index was.
    pub origins: Vec<u32>,
}

/// A hash and its index.
#[derive(Clone, Copy)]
struct Entry<const W: usize> {
    hash: [u64; W],
    origin: u32,
}

/// How many bits of the chunk's key choose the partition, where there are so many hashes.
pub(super) fn high_bits(n_hashes: usize, chunk: Chunk) -> u32 {
    (n_hashes / PARTITION).checked_ilog2().map_or(0, |bits| bits + 1).min(MAX_HIGH_BITS).min(chunk.key_bits)
}

impl<const W: usize> Index<W> {
    /// Sorts by the chunk's key.
    ///
    /// First each core distributes stretches of the input over the partitions, then each partition, which by then fits
    /// the cache, is sorted by counting: so no write goes to a cold place of a large array.
    pub(super) fn new(hashes: &[[u64; W]], chunk: Chunk, high_bits: u32) -> Self {
        let low_bits = chunk.key_bits - high_bits;
        let stretch = (hashes.len() / 64).max(1 << 16);
        let distribute = |(number, stretch_hashes): (usize, &[[u64; W]])| {
            distribute(stretch_hashes, number * stretch, chunk, low_bits, 1 << high_bits)
        };
        let stretches: Vec<Vec<Vec<Entry<W>>>> = hashes.par_chunks(stretch).enumerate().map(distribute).collect();
        let mut by_partition: Vec<Vec<Vec<Entry<W>>>> = vec![Vec::with_capacity(stretches.len()); 1 << high_bits];
        for stretch in stretches {
            for (partition, entries) in by_partition.iter_mut().zip(stretch) {
                partition.push(entries);
            }
        }
        let low_mask = (1 << low_bits) - 1;
        let key = |entry: &Entry<W>| (chunk.key(&entry.hash) & low_mask) as usize;
        let partitions = by_partition.into_par_iter().map(|entries| Partition::new(&entries, 1 << low_bits, key));
        Self { low_bits, partitions: partitions.collect() }
    }

    /// Leaves the order as it is: partitions of one bucket each.
    pub(super) fn unsorted(hashes: &[[u64; W]]) -> Self {
        let partition = |(number, hashes): (usize, &[[u64; W]])| {
            let entry = |(offset, hash): (usize, &[u64; W])| Entry {
                hash: *hash,
                origin: (number * PARTITION + offset) as u32,
            };
            let entries: Vec<_> = hashes.iter().enumerate().map(entry).collect();
            Partition::new(&[entries], 1, |_| 0)
        };
        Self { low_bits: 0, partitions: hashes.par_chunks(PARTITION).enumerate().map(partition).collect() }
    }
}

/// A stretch's hashes by the high bits of their keys.
fn distribute<const W: usize>(
    hashes: &[[u64; W]],
    first: usize,
    chunk: Chunk,
    low_bits: u32,
    n_partitions: usize,
) -> Vec<Vec<Entry<W>>> {
    let mut counts = vec![0; n_partitions];
    for hash in hashes {
        counts[(chunk.key(hash) >> low_bits) as usize] += 1;
    }
    let mut partitions: Vec<Vec<Entry<W>>> = counts.into_iter().map(Vec::with_capacity).collect();
    for (offset, hash) in hashes.iter().enumerate() {
        let entry = Entry { hash: *hash, origin: (first + offset) as u32 };
        partitions[(chunk.key(hash) >> low_bits) as usize].push(entry);
    }
    partitions
}

impl<const W: usize> Partition<W> {
    fn new(entries: &[Vec<Entry<W>>], n_keys: usize, key: impl Fn(&Entry<W>) -> usize) -> Self {
        let mut starts = vec![0; n_keys + 1];
        for entry in entries.iter().flatten() {
            starts[key(entry) + 1] += 1;
        }
        for key in 1..starts.len() {
            starts[key] += starts[key - 1];
        }
        let n_hashes = starts[n_keys] as usize;
        let mut next = starts.clone();
        let mut blocks = vec![[Lanes([0; LANES]); W]; n_hashes.div_ceil(LANES)];
        let mut origins = vec![0; n_hashes];
        for entry in entries.iter().flatten() {
            let next = &mut next[key(entry)];
            let place = *next as usize;
            for (lanes, word) in blocks[place / LANES].iter_mut().zip(entry.hash) {
                lanes.0[place % LANES] = word;
            }
            origins[place] = entry.origin;
            *next += 1;
        }
        Self { starts, blocks, origins }
    }

    /// How many hashes it has.
    pub(super) fn n_hashes(&self) -> usize {
        self.origins.len()
    }

    /// The hash at a place.
    #[inline(always)]
    pub(super) fn hash(&self, place: usize) -> [u64; W] {
        self.blocks[place / LANES].map(|lanes| lanes.0[place % LANES])
    }
}
