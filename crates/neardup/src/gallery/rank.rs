//! The most similar pairs of many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use twinset_manifest::rows::{Pair, PairKind};

use super::GalleryError;

/// At most so many pairs: the first in the order of a gallery.
pub(super) struct MostSimilar<'a> {
    max_pairs: usize,
    path: &'a Path,
    kept: BinaryHeap<Ranked>,
    n_seen: u64,
}

impl<'a> MostSimilar<'a> {
    /// None of the pairs of a manifest yet.
    pub(super) fn new(max_pairs: usize, path: &'a Path) -> Self {
        Self { max_pairs, path, kept: BinaryHeap::new(), n_seen: 0 }
    }

    /// # Errors
    /// When the similarity is none.
    pub(super) fn add(&mut self, pair: Pair) -> Result<(), GalleryError> {
        self.n_seen += 1;
        let rank = Rank::of(&pair, self.path)?;
        if self.kept.len() < self.max_pairs {
            self.kept.push(Ranked { rank, pair });
        } else if let Some(mut last) = self.kept.peek_mut().filter(|last| rank < last.rank) {
            *last = Ranked { rank, pair };
        }
        Ok(())
    }

    /// The pairs, and how many are left out.
    pub(super) fn finish(self) -> (Vec<Pair>, u64) {
        let n_left_out = self.n_seen - self.kept.len() as u64;
        (self.kept.into_sorted_vec().into_iter().map(|ranked| ranked.pair).collect(), n_left_out)
    }
}

/// The order of a gallery: duplicates before similar pairs; the most similar first; what was not verified last, by the distance of the hashes; then by ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_similar: bool,
    /// The bits of a similarity, a number from 0 to 1, are in its order.
    similarity: Reverse<Option<u32>>,
    hash_distance_bits: Option<u32>,
    ids: (u64, u64),
}

impl Rank {
    fn of(pair: &Pair, path: &Path) -> Result<Self, GalleryError> {
        let (left_id, right_id) = (pair.left_id, pair.right_id);
        if let Some(found) = pair.similarity.filter(|similarity| !(0.0..=1.0).contains(similarity)) {
            return Err(GalleryError::Similarity { path: path.to_owned(), left_id, right_id, found });
        }
        let similarity = Reverse(pair.similarity.map(|similarity| similarity.abs().to_bits()));
        let is_similar = pair.kind == PairKind::Similar;
        Ok(Self { is_similar, similarity, hash_distance_bits: pair.hash_distance_bits, ids: (left_id, right_id) })
    }
}

/// A pair that is compared by its rank alone.
struct Ranked {
    rank: Rank,
    pair: Pair,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}
