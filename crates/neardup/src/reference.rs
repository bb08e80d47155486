//! Two sets: which images of the one have duplicates in the other, the reference.

mod summary;

use std::cmp::Reverse;

use twinset_manifest::rows::{Image, PairKind, ReferencePair, Split};

use crate::{Config, Fingerprint, Match, NeardupError, sort_by_id};

pub use summary::ReferenceSummary;

/// The images of both sets, numbered anew: those of the first set come first. For the search they are images of two splits, between
/// which alone duplicates are looked for.
#[derive(Clone, Debug)]
pub struct Both {
    /// With ids that are their places.
    pub images: Vec<Fingerprint>,
    /// Id and split of each, as its own set has them.
    own: Vec<(u64, Split)>,
    n_first: usize,
}

impl Both {
    /// Puts two sets together.
    ///
    /// # Errors
    /// When an id occurs twice in one of them.
    pub fn of(mut first: Vec<Fingerprint>, mut reference: Vec<Fingerprint>) -> Result<Self, NeardupError> {
        sort_by_id(&mut first)?;
        sort_by_id(&mut reference)?;
        let n_first = first.len();
        let mut images = first;
        images.append(&mut reference);
        let own = images.iter().map(|image| (image.image_id, image.split)).collect();
        for (place, image) in images.iter_mut().enumerate() {
            image.image_id = place as u64;
            image.split = if place < n_first { Split::Train } else { Split::Test };
        }
        Ok(Self { images, own, n_first })
    }

    /// The config of the search among both: between the two sets alone.
    pub fn config(config: &Config) -> Config {
        Config { between_splits: true, ..config.clone() }
    }

    /// Gives rows of one of the sets the ids that its images have here.
    pub fn renumber(&self, rows: &mut Vec<Image>, is_reference: bool) {
        let (range, before) = match is_reference {
            true => (self.n_first..self.own.len(), self.n_first),
            false => (0..self.n_first, 0),
        };
        let own = &self.own[range];
        rows.retain_mut(|row| match own.binary_search_by_key(&row.image_id, |(id, _)| *id) {
            Ok(place) => {
                row.image_id = (before + place) as u64;
                true
            }
            Err(_) => false,
        });
    }

    /// The pairs as rows, in the order of ids.
    pub fn rows<'a>(&'a self, matches: &'a [Match], config: &'a Config) -> impl Iterator<Item = ReferencePair> + 'a {
        matches.iter().map(|pair| {
            let row = pair.to_row(&self.images, config);
            let [(image_id, split), (reference_id, reference_split)] =
                [pair.left, pair.right].map(|place| self.own[place as usize]);
            ReferencePair {
                image_id,
                reference_id,
                source: row.left_source,
                reference_source: row.right_source,
                split,
                reference_split,
                kind: row.kind,
                found_by: row.found_by,
                hash_distance_bits: row.hash_distance_bits,
                similarity: row.similarity,
                expected_false_pairs: row.expected_false_pairs,
                alignment: row.alignment,
            }
        })
    }

    /// The places of the images of the first set that have an exact or near duplicate, each with its best pair, in order.
    fn found<'a>(&self, matches: &'a [Match]) -> Vec<&'a Match> {
        let mut best: Vec<&Match> = matches.iter().filter(|pair| pair.kind != PairKind::Similar).collect();
        best.sort_by_key(|pair| {
            let similarity = pair.similarity.map(f32::to_bits);
            (pair.left, pair.kind, Reverse(similarity), pair.hash_distance_bits, pair.right)
        });
        best.dedup_by_key(|pair| pair.left);
        best
    }
}
