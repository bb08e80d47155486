//! Radius search: all pairs of hashes that differ in at most `radius` bits.

mod chunk;
mod index;
mod join;
mod lanes;
mod method;
mod scan;

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::Part;

pub use method::{Method, Size};

/// Two hashes within the radius, by their indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbours {
    /// The smaller index; between two sets, the index in the left one.
    pub left: u32,
    /// The larger index; between two sets, the index in the right one.
    pub right: u32,
    /// In how many bits they differ.
    pub distance_bits: u16,
}

/// The hashes whose pairs are wanted: of `n_bits` bits, the rest 0, fewer than 2^32 in a set.
#[derive(Clone, Copy, Debug)]
pub enum Sets<'a, const W: usize> {
    /// Pairs of two hashes of one set.
    Within(&'a [[u64; W]]),
    /// Pairs of a hash of the left set and one of the right set.
    Between(&'a [[u64; W]], &'a [[u64; W]]),
}

/// The search found more pairs than it was allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more pairs than allowed")]
pub struct TooManyPairs;

/// The most pairs that [`stream_pairs`] tells of at once.
pub const BATCH: usize = 4096;

/// Tells `on_pairs` of all pairs that differ in at most `radius` bits, each once, at most [`BATCH`] at a time, from all
/// cores at once and in no order. When it breaks, the search ends. Parts of a search tell of each pair once together.
///
/// # Panics
/// When there are 2^32 hashes or more in a set, or more chunks than bits.
pub fn stream_pairs<const W: usize>(
    sets: Sets<'_, W>,
    n_bits: u32,
    radius: u32,
    method: Method,
    part: Part,
    on_pairs: &(impl Fn(&[Neighbours]) -> ControlFlow<()> + Sync),
    on_progress: &(impl Fn(u64) + Sync),
) -> ControlFlow<()> {
    assert!(u32::try_from(sets.size().n_longest()).is_ok(), "hashes are numbered by u32");
    let report = scan::Report { radius, part, on_pairs, on_progress };
    match method {
        Method::BruteForce => scan::every_pair(sets, &report),
        Method::MultiIndex { n_chunks } => {
            let chunks = method::chunks(sets.size(), n_bits, radius, n_chunks);
            (0..chunks.len()).try_for_each(|number| scan::by_chunk(sets, chunks[number], &chunks[..number], &report))
        }
    }
}

impl<const W: usize> Sets<'_, W> {
    /// How many hashes there are.
    pub fn size(&self) -> Size {
        match self {
            Self::Within(hashes) => Size::Within(hashes.len()),
            Self::Between(left, right) => Size::Between(left.len(), right.len()),
        }
    }
}

/// All pairs that differ in at most `radius` bits, in order; of a part those that it finds.
///
/// `on_progress` is told how many more of [`Method::n_steps`] are done.
///
/// # Errors
/// When there are more than `max_pairs`.
///
/// # Panics
/// As [`stream_pairs`].
pub fn collect_pairs<const W: usize>(
    sets: Sets<'_, W>,
    n_bits: u32,
    radius: u32,
    method: Method,
    part: Part,
    max_pairs: u64,
    on_progress: &(impl Fn(u64) + Sync),
) -> Result<Vec<Neighbours>, TooManyPairs> {
    let n_found = AtomicU64::new(0);
    let found = Mutex::new(Vec::new());
    let keep = |pairs: &[Neighbours]| {
        let n_pairs = pairs.len() as u64;
        if n_found.fetch_add(n_pairs, Ordering::Relaxed).saturating_add(n_pairs) > max_pairs {
            return ControlFlow::Break(());
        }
        found.lock().expect("no thread panics with the lock").extend_from_slice(pairs);
        ControlFlow::Continue(())
    };
    if stream_pairs(sets, n_bits, radius, method, part, &keep, on_progress).is_break() {
        return Err(TooManyPairs);
    }
    let mut found = found.into_inner().expect("no thread panics with the lock");
    found.par_sort_unstable();
    Ok(found)
}

/// In how many bits two hashes differ.
#[inline(always)]
pub(crate) fn distance_bits<const W: usize>(a: &[u64; W], b: &[u64; W]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[cfg(test)]
mod tests;
