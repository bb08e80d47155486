//! Which pairs are looked at closely.

use std::collections::BTreeSet;

use crate::config::Method;
use crate::correlation::{self, Candidate};
use crate::groups::Groups;
use crate::matches::{FoundBy, Phase};
use crate::orientation::Orientation;
use crate::search::{self, Neighbours, Sets, TooManyPairs};
use crate::thumbnail::Thumbnail;
use crate::{Config, Fingerprint, NeardupError};

/// The exact duplicates, and the pairs that may be near-duplicates.
pub struct Candidates {
    pub(crate) groups: Groups,
    /// Pairs of places, in order.
    pub(crate) pairs: Vec<Candidate>,
    pub(crate) found_by: FoundBy,
}

impl Candidates {
    /// Finds the exact duplicates and the candidates.
    ///
    /// # Errors
    /// When the hash search finds more than `max-pairs`.
    ///
    /// # Panics
    /// When candidates are searched by correlation and an image has no thumbnail.
    pub fn find<P: Fn(u64) + Sync>(
        images: &[Fingerprint],
        config: &Config,
        begin: &impl Fn(Phase, u64) -> P,
    ) -> Result<Self, NeardupError> {
        if u32::try_from(images.len()).is_err() {
            return Err(NeardupError::TooManyImages { n_images: images.len() });
        }
        let groups = Groups::of(images);
        let (pairs, found_by) = match config.method(images.len() as u64) {
            Method::Correlation => (by_correlation(images, &groups, config, begin), FoundBy::Correlation),
            Method::Hash => {
                let neighbours = by_hash(images, &groups, config, begin).map_err(|TooManyPairs| {
                    NeardupError::TooManyPairs { max_pairs: config.max_pairs, max_distance: config.max_distance }
                })?;
                let candidate = |pair: Neighbours| Candidate {
                    left: pair.left,
                    right: pair.right,
                    orientation: Orientation::UPRIGHT,
                };
                (neighbours.into_iter().map(candidate).collect(), FoundBy::Hash)
            }
        };
        Ok(Self { groups, pairs, found_by })
    }

    /// The indices of the images that verification needs the thumbnails of, where they have none yet.
    pub fn without_thumbnail(&self, images: &[Fingerprint]) -> BTreeSet<u32> {
        let ends = self.pairs.iter().flat_map(|pair| [pair.left, pair.right]);
        let ends = ends.map(|place| self.groups.index(place));
        ends.filter(|&index| images[index as usize].thumbnail.is_none()).collect()
    }
}

/// The thumbnails at some places.
///
/// # Panics
/// When an image has none.
pub(crate) fn thumbnails<'a>(
    images: &'a [Fingerprint],
    groups: &Groups,
    places: impl Iterator<Item = u32>,
) -> Vec<&'a Thumbnail> {
    let of = |place| images[groups.index(place) as usize].thumbnail.as_ref().expect("the image has a thumbnail");
    places.map(of).collect()
}

fn by_correlation<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    groups: &Groups,
    config: &Config,
    begin: &impl Fn(Phase, u64) -> P,
) -> Vec<Candidate> {
    let thumbnails = thumbnails(images, groups, 0..groups.n_searched() as u32);
    let may_pair = |left, right| !config.between_splits || groups.splits(left).differ_from(groups.splits(right));
    let orientations = config.orientations.list();
    let on_progress = begin(Phase::Search, (thumbnails.len() * orientations.len()) as u64);
    correlation::candidates(&thumbnails, &orientations, &may_pair, &on_progress)
}

/// Pairs of places within the radius, in order.
fn by_hash<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    groups: &Groups,
    config: &Config,
    begin: &impl Fn(Phase, u64) -> P,
) -> Result<Vec<Neighbours>, TooManyPairs> {
    if config.n_bits() <= 64 {
        hash_pairs(|place| [images[groups.index(place) as usize].hash[0]], groups, config, begin)
    } else {
        hash_pairs(|place| images[groups.index(place) as usize].hash, groups, config, begin)
    }
}

fn hash_pairs<const W: usize, P: Fn(u64) + Sync>(
    hash: impl Fn(u32) -> [u64; W],
    groups: &Groups,
    config: &Config,
    begin: &impl Fn(Phase, u64) -> P,
) -> Result<Vec<Neighbours>, TooManyPairs> {
    let all: Vec<u32> = (0..groups.n_searched() as u32).collect();
    let hashes = |places: &[u32]| -> Vec<[u64; W]> { places.iter().map(|&place| hash(place)).collect() };
    let search = |sets: Sets<'_, W>| {
        let method = search::Method::cheapest(sets.size(), config.n_bits(), config.max_distance);
        let on_progress = begin(Phase::Search, method.n_steps(sets.size()));
        search::collect_pairs(sets, config.n_bits(), config.max_distance, method, config.max_pairs, &on_progress)
    };
    if !config.between_splits {
        return search(Sets::Within(&hashes(&all)));
    }
    // What lies in one split alone is not compared within it.
    let of_split = |split: u8| -> Vec<u32> {
        all.iter().copied().filter(|&place| groups.splits(place).bits() & 1 << split != 0).collect()
    };
    let splits: Vec<Vec<u32>> = (0..8).map(of_split).filter(|places| !places.is_empty()).collect();
    let mut found = Vec::new();
    for (number, lefts) in splits.iter().enumerate() {
        for rights in &splits[number + 1..] {
            let (left_hashes, right_hashes) = (hashes(lefts), hashes(rights));
            // A group with images of both splits meets itself.
            let pairs = search(Sets::Between(&left_hashes, &right_hashes))?.into_iter().filter_map(|pair| {
                let (left, right) = (lefts[pair.left as usize], rights[pair.right as usize]);
                (left != right).then_some(Neighbours { left: left.min(right), right: left.max(right), ..pair })
            });
            found.extend(pairs);
        }
    }
    found.sort_unstable();
    found.dedup();
    if found.len() as u64 > config.max_pairs { Err(TooManyPairs) } else { Ok(found) }
}
