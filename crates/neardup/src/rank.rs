//! The order of pairs: the most alike first.

use std::cmp::Reverse;

use twinset_manifest::rows::{Pair, PairKind};

/// How alike two images are: exact duplicates first (they have similarity 1), then by similarity, then what was not verified
/// by the distance of the hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// The bits of a similarity, a number from 0 to 1, are in its order.
    similarity: Reverse<Option<u32>>,
    hash_distance_bits: Option<u32>,
}

/// A similarity that is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("pair ({left_id}, {right_id}): `similarity` is {found}, expected 0 to 1")]
pub struct NoSimilarity {
    /// The pair's left image.
    pub left_id: u64,
    /// The pair's right image.
    pub right_id: u64,
    /// What it says.
    pub found: f32,
}

impl Rank {
    /// # Errors
    /// When the similarity is not from 0 to 1.
    pub(crate) fn of(pair: &Pair) -> Result<Self, NoSimilarity> {
        let similarity = if pair.kind == PairKind::Exact { Some(1.0) } else { pair.similarity };
        if let Some(found) = similarity.filter(|similarity| !(0.0..=1.0).contains(similarity)) {
            return Err(NoSimilarity { left_id: pair.left_id, right_id: pair.right_id, found });
        }
        // No similarity is told apart by its hashes: they only found it.
        let hash_distance_bits = if similarity.is_none() { pair.hash_distance_bits } else { None };
        Ok(Self { similarity: Reverse(similarity.map(|similarity| similarity.abs().to_bits())), hash_distance_bits })
    }

    /// The similarity; none where the pair was not verified.
    pub(crate) fn similarity(self) -> Option<f32> {
        self.similarity.0.map(f32::from_bits)
    }

    /// The distance of the hashes, where the pair was not verified.
    pub(crate) fn hash_distance_bits(self) -> Option<u32> {
        self.hash_distance_bits
    }
}
