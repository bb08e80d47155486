//! Which images are duplicates of which.

use rayon::prelude::*;
use twinset_manifest::rows::{Pair, PairKind};

use crate::search::{Method, Neighbours, TooManyPairs, pairs_within};
use crate::{Config, Fingerprint, NeardupError};

/// The largest group of identical images of which every pair is told. In a larger one each image is paired with the
/// group's first alone, and the first alone has near-duplicates, so that a thousand copies of a placeholder give a
/// thousand pairs and not half a million. Clusters are the same either way.
const MAX_COMPLETE_GROUP: usize = 16;

/// Two images that are duplicates, by their indices in the order of ids; `left` < `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The index of the image with the smaller id.
    pub left: u32,
    /// The index of the image with the larger id.
    pub right: u32,
    /// The distance of their hashes in bits; none where the pixels themselves agree.
    pub hash_distance_bits: Option<u16>,
}

impl Match {
    /// Exact or near.
    pub fn kind(&self) -> PairKind {
        if self.hash_distance_bits.is_none() { PairKind::Exact } else { PairKind::Near }
    }

    /// The row of a `pairs` manifest.
    pub fn to_row(&self, images: &[Fingerprint], config: &Config) -> Pair {
        let (left, right) = (&images[self.left as usize], &images[self.right as usize]);
        Pair {
            left_id: left.image_id,
            right_id: right.image_id,
            kind: self.kind(),
            found_by: self.hash_distance_bits.map_or("pixels", |_| config.hash.as_str()).to_owned(),
            hash_distance_bits: self.hash_distance_bits.map(u32::from),
            left_split: left.split,
            right_split: right.split,
            left_label: left.label,
            right_label: right.label,
            label_conflict: left.label != right.label,
            similarity: (self.kind() == PairKind::Exact).then_some(1.0),
            alignment: None,
        }
    }
}

/// All pairs of duplicates among images in the order of their ids, in the order of (left, right).
///
/// `begin` is told how many steps the hash search has and gives the function that is told how many more are done.
///
/// # Errors
/// When the hash search finds more than `max-pairs`.
pub fn find_matches<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    config: &Config,
    begin: impl FnOnce(u64) -> P,
) -> Result<Vec<Match>, NeardupError> {
    if u32::try_from(images.len()).is_err() {
        return Err(NeardupError::TooManyImages { n_images: images.len() });
    }
    let mut matches = Vec::new();
    let mut searched = Vec::new();
    for group in identical(images).chunk_by(|&a, &b| pixels(images, a) == pixels(images, b)) {
        let is_complete = group.len() <= MAX_COMPLETE_GROUP;
        let centres = if is_complete { group } else { &group[..1] };
        for (position, &left) in centres.iter().enumerate() {
            let partners = &group[position + 1..];
            matches.extend(partners.iter().map(|&right| Match { left, right, hash_distance_bits: None }));
        }
        if !images[group[0] as usize].is_flat {
            searched.extend(centres);
        }
    }
    searched.sort_unstable();
    let neighbours = search(images, &searched, config, begin).map_err(|TooManyPairs| NeardupError::TooManyPairs {
        max_pairs: config.max_pairs,
        max_distance: config.max_distance,
    })?;
    matches.extend(neighbours.into_iter().filter_map(|pair| {
        let (left, right) = (searched[pair.left as usize], searched[pair.right as usize]);
        let is_exact = pixels(images, left) == pixels(images, right);
        (!is_exact).then_some(Match { left, right, hash_distance_bits: Some(pair.distance_bits) })
    }));
    matches.par_sort_unstable();
    Ok(matches)
}

fn pixels(images: &[Fingerprint], index: u32) -> twinset_manifest::Digest {
    images[index as usize].pixels_blake3
}

/// The indices, those of identical images beside one another, smallest first.
fn identical(images: &[Fingerprint]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..images.len() as u32).collect();
    order.par_sort_unstable_by_key(|&index| (pixels(images, index), index));
    order
}

fn search<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    searched: &[u32],
    config: &Config,
    begin: impl FnOnce(u64) -> P,
) -> Result<Vec<Neighbours>, TooManyPairs> {
    let (n_bits, radius, max_pairs) = (config.n_bits(), config.max_distance, config.max_pairs);
    let method = Method::cheapest(searched.len(), n_bits, radius);
    let on_progress = begin(method.n_steps(searched.len()));
    let hashes = searched.iter().map(|&index| images[index as usize].hash);
    if n_bits <= 64 {
        let hashes: Vec<[u64; 1]> = hashes.map(|[word, ..]| [word]).collect();
        pairs_within(&hashes, n_bits, radius, method, max_pairs, &on_progress)
    } else {
        let hashes: Vec<[u64; 4]> = hashes.collect();
        pairs_within(&hashes, n_bits, radius, method, max_pairs, &on_progress)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use twinset_manifest::Digest;
    use twinset_manifest::rows::Split;

    use super::*;

    pub(crate) fn near(left: u32, right: u32, distance_bits: u16) -> Match {
        Match { left, right, hash_distance_bits: Some(distance_bits) }
    }

    pub(crate) fn exact(left: u32, right: u32) -> Match {
        Match { left, right, hash_distance_bits: None }
    }

    /// An image whose pixels are known by a number, with this hash.
    pub(crate) fn image(image_id: u64, pixels: u8, hash: u64) -> Fingerprint {
        Fingerprint {
            image_id,
            split: Split::Train,
            label: 0,
            pixels_blake3: Digest([pixels; 32]),
            is_flat: false,
            hash: [hash, 0, 0, 0],
        }
    }

    fn find(images: &[Fingerprint], max_distance: u32) -> Vec<Match> {
        find_matches(images, &Config { max_distance, ..Config::default() }, |_| |_| ()).unwrap()
    }

    #[test]
    fn exact_pairs_go_before_the_hash_and_near_pairs_reach_every_copy() {
        let images = [image(10, 1, 0b0), image(11, 2, 0b1), image(12, 1, 0b0), image(13, 3, 0b1111)];
        assert_eq!(find(&images, 1), [near(0, 1, 1), exact(0, 2), near(1, 2, 1)]);
        assert_eq!(find(&images, 0), [exact(0, 2)]);
    }

    #[test]
    fn different_pixels_with_one_hash_are_near() {
        assert_eq!(find(&[image(1, 1, 5), image(2, 2, 5)], 0), [near(0, 1, 0)]);
    }

    #[test]
    fn flat_images_match_by_their_pixels_alone() {
        let flat = |id, pixels| Fingerprint { is_flat: true, ..image(id, pixels, 0) };
        assert_eq!(find(&[flat(1, 1), flat(2, 2), flat(3, 1), image(4, 3, 0)], 6), [exact(0, 2)]);
    }

    #[test]
    fn a_large_group_of_identical_images_is_a_star() {
        let n_copies = MAX_COMPLETE_GROUP + 1;
        let mut images: Vec<_> = (0..n_copies as u64).map(|id| image(id, 1, 0)).collect();
        images.push(image(99, 2, 1));
        let mut expected: Vec<_> = (1..n_copies as u32).map(|right| exact(0, right)).collect();
        expected.push(near(0, n_copies as u32, 1));
        assert_eq!(find(&images, 2), expected);
    }

    #[test]
    fn too_large_a_radius_is_an_error() {
        let images: Vec<_> = (0..20).map(|id| image(id, id as u8, id)).collect();
        let config = Config { max_distance: 64, max_pairs: 100, ..Config::default() };
        let error = find_matches(&images, &config, |_| |_| ()).unwrap_err().to_string();
        assert_eq!(
            error,
            "more than 100 pairs (`max-pairs`) have hashes within 64 bits (`max-distance`) of one another"
        );
    }
}
