//! The order of pairs: the most alike first.

use std::cmp::Reverse;

use twinset_manifest::rows::{Pair, PairKind};

/// How likely two images are duplicates: exact duplicates first, then those as alike as the fewest unrelated images are expected
/// to be, then by similarity, then what was not verified by the distance of the hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// The bits of the expected false pairs, a number that is not negative, are in its order. Last, where they are not known.
    expected_false_pairs: u64,
    /// The bits of a similarity, a number from 0 to 1, are in its order.
    similarity: Reverse<Option<u32>>,
    hash_distance_bits: Option<u32>,
}

/// A pair that has no place in the order.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoRank {
    /// A similarity that is none.
    #[error("pair ({left_id}, {right_id}): `similarity` is {found}, expected 0 to 1")]
    Similarity {
        /// The pair's left image.
        left_id: u64,
        /// The pair's right image.
        right_id: u64,
        /// What it says.
        found: f32,
    },
    /// A number of pairs that is none.
    #[error("pair ({left_id}, {right_id}): `expected_false_pairs` is {found}, expected 0 or more")]
    Expected {
        /// The pair's left image.
        left_id: u64,
        /// The pair's right image.
        right_id: u64,
        /// What it says.
        found: f64,
    },
}

impl Rank {
    /// # Errors
    /// When the similarity is not from 0 to 1, or the expected false pairs are negative.
    pub(crate) fn of(pair: &Pair) -> Result<Self, NoRank> {
        let similarity = if pair.kind == PairKind::Exact { Some(1.0) } else { pair.similarity };
        if let Some(found) = similarity.filter(|similarity| !(0.0..=1.0).contains(similarity)) {
            return Err(NoRank::Similarity { left_id: pair.left_id, right_id: pair.right_id, found });
        }
        let expected = if pair.kind == PairKind::Exact { Some(0.0) } else { pair.expected_false_pairs };
        if let Some(found) = expected.filter(|expected| expected.is_nan() || *expected < 0.0) {
            return Err(NoRank::Expected { left_id: pair.left_id, right_id: pair.right_id, found });
        }
        // No similarity is told apart by its hashes: they only found it.
        let hash_distance_bits = if similarity.is_none() { pair.hash_distance_bits } else { None };
        Ok(Self {
            expected_false_pairs: expected.map_or(u64::MAX, |expected| expected.abs().to_bits()),
            similarity: Reverse(similarity.map(|similarity| similarity.abs().to_bits())),
            hash_distance_bits,
        })
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
