//! A *scan* joins every two partitions of an index, or of two, that may hold pairs, on all cores.

use std::ops::{ControlFlow, Range};

use rayon::prelude::*;

use super::chunk::{Chunk, masks};
use super::index::{Index, PARTITION, Partition, high_bits};
use super::join::{Hit, Task, join};
use super::{BATCH, Neighbours, Sets};
use crate::Part;

/// What a scan looks for, and whom it tells.
pub(super) struct Report<'a, F, P> {
    pub radius: u32,
    /// Of the left hashes, those that are joined with others.
    pub part: Part,
    /// Told of pairs; ends the scan when it breaks.
    pub on_pairs: &'a F,
    /// Told of how many more left hashes are done.
    pub on_progress: &'a P,
}

/// Compares every hash with every other.
pub(super) fn every_pair<const W: usize, F, P>(sets: Sets<'_, W>, report: &Report<'_, F, P>) -> ControlFlow<()>
where
    F: Fn(&[Neighbours]) -> ControlFlow<()> + Sync,
    P: Fn(u64) + Sync,
{
    let n_partitions = sets.size().n_longest().div_ceil(PARTITION);
    let masks: Vec<u32> = (0..n_partitions.next_power_of_two() as u32).collect();
    scan(sets, Index::unsorted, &masks, &[], report)
}

/// Compares hashes that are alike in a chunk; pairs that one of the `earlier` chunks compares are not told again.
pub(super) fn by_chunk<const W: usize, F, P>(
    sets: Sets<'_, W>,
    chunk: Chunk,
    earlier: &[Chunk],
    report: &Report<'_, F, P>,
) -> ControlFlow<()>
where
    F: Fn(&[Neighbours]) -> ControlFlow<()> + Sync,
    P: Fn(u64) + Sync,
{
    let high_bits = high_bits(sets.size().n_longest(), chunk);
    let masks = masks(chunk.key_bits, chunk.radius);
    scan(sets, |hashes| Index::new(hashes, chunk, high_bits), &masks, earlier, report)
}

fn scan<const W: usize, F, P>(
    sets: Sets<'_, W>,
    index: impl Fn(&[[u64; W]]) -> Index<W>,
    masks: &[u32],
    earlier: &[Chunk],
    report: &Report<'_, F, P>,
) -> ControlFlow<()>
where
    F: Fn(&[Neighbours]) -> ControlFlow<()> + Sync,
    P: Fn(u64) + Sync,
{
    let (left, right) = match sets {
        Sets::Within(hashes) => (index(hashes), None),
        Sets::Between(left, right) => (index(left), Some(index(right))),
    };
    let is_within = right.is_none();
    let right = right.as_ref().unwrap_or(&left);
    let steps = steps(masks, left.low_bits);
    let tiles = report.part.every(tiles(&left));
    tiles.into_par_iter().try_for_each(|(number, places)| {
        let partition = &left.partitions[number];
        let mut batch = Vec::new();
        for step in &steps {
            let other = number ^ step.high as usize;
            let Some(others) = right.partitions.get(other).filter(|_| !is_within || other >= number) else { continue };
            let tell = &mut |hit: Hit| {
                let is_new = earlier.is_empty() || {
                    let (a, b) = (partition.hash(hit.left), others.hash(hit.right));
                    !earlier.iter().any(|chunk| chunk.compares(&a, &b))
                };
                if is_new {
                    batch.push(neighbours(partition, others, hit, is_within));
                }
                if batch.len() == BATCH { flush(&mut batch, report.on_pairs) } else { ControlFlow::Continue(()) }
            };
            let (places, masks, is_within) = (places.clone(), &step.lows, is_within && other == number);
            let task = Task { left: partition, places, right: others, masks, is_within, radius: report.radius };
            join(&task, tell)?;
        }
        flush(&mut batch, report.on_pairs)?;
        (report.on_progress)(places.len() as u64);
        ControlFlow::Continue(())
    })
}

/// The masks of two partitions: one difference in their keys' high bits, and the differences in the low bits with it.
struct Step {
    high: u32,
    lows: Vec<u32>,
}

fn steps(masks: &[u32], low_bits: u32) -> Vec<Step> {
    let mut masks = masks.to_vec();
    masks.sort_unstable();
    let low = |mask: &u32| mask & ((1 << low_bits) - 1);
    let step = |masks: &[u32]| Step { high: masks[0] >> low_bits, lows: masks.iter().map(low).collect() };
    masks.chunk_by(|a, b| a >> low_bits == b >> low_bits).map(step).collect()
}

/// What one task joins with everything else: a partition, or a part of one that is larger than others.
fn tiles<const W: usize>(index: &Index<W>) -> Vec<(usize, Range<usize>)> {
    let of = |(number, partition): (usize, &Partition<W>)| {
        let n_hashes = partition.n_hashes();
        let tile = move |start: usize| (number, start..(start + PARTITION).min(n_hashes));
        (0..n_hashes).step_by(PARTITION).map(tile)
    };
    index.partitions.iter().enumerate().flat_map(of).collect()
}

fn neighbours<const W: usize>(left: &Partition<W>, right: &Partition<W>, hit: Hit, is_within: bool) -> Neighbours {
    let (left, right) = (left.origins[hit.left], right.origins[hit.right]);
    let (left, right) = if is_within { (left.min(right), left.max(right)) } else { (left, right) };
    Neighbours { left, right, distance_bits: hit.distance_bits as u16 }
}

fn flush(batch: &mut Vec<Neighbours>, on_pairs: &impl Fn(&[Neighbours]) -> ControlFlow<()>) -> ControlFlow<()> {
    let flow = if batch.is_empty() { ControlFlow::Continue(()) } else { on_pairs(batch) };
    batch.clear();
    flow
}
