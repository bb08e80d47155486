//! Which images are duplicates of which.

use std::collections::BTreeSet;

use rayon::prelude::*;
use twinset_manifest::Digest;
use twinset_manifest::rows::{Pair, PairKind};

use crate::align::Alignment;
use crate::config::Method;
use crate::correlation::{self, Candidate};
use crate::orientation::Orientation;
use crate::search::{self, Neighbours, TooManyPairs, distance_bits, pairs_within};
use crate::thumbnail::Thumbnail;
use crate::verify::{similarities, verify};
use crate::{Config, Fingerprint, NeardupError};

/// The largest group of identical images of which every pair is told. In a larger one each image is paired with the
/// group's first alone, and the first alone has near-duplicates, so that a thousand copies of a placeholder give a
/// thousand pairs and not half a million. Clusters are the same either way.
const MAX_COMPLETE_GROUP: usize = 16;

/// Two images that are duplicates, by their indices in the order of ids; `left` < `right`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// The index of the image with the smaller id.
    pub left: u32,
    /// The index of the image with the larger id.
    pub right: u32,
    /// Exact, near, or similar.
    pub kind: PairKind,
    /// What found it.
    pub found_by: FoundBy,
    /// The distance of their hashes in bits; none where the pixels themselves agree.
    pub hash_distance_bits: Option<u16>,
    /// How alike they are, once aligned, 0 to 1; none where pairs were not verified.
    pub similarity: Option<f32>,
    /// How the left image has to be changed to lie on the right one; none where pairs were not verified.
    pub alignment: Option<Alignment>,
}

/// What found a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// The digests of the decoded pixels.
    Pixels,
    /// The search for hashes within the radius.
    Hash,
    /// The search for the most correlated small pictures.
    Correlation,
}

impl Match {
    /// The row of a `pairs` manifest.
    pub fn to_row(&self, images: &[Fingerprint], config: &Config) -> Pair {
        let (left, right) = (&images[self.left as usize], &images[self.right as usize]);
        let found_by = match self.found_by {
            FoundBy::Pixels => "pixels",
            FoundBy::Hash => config.hash.as_str(),
            FoundBy::Correlation => "correlation",
        };
        Pair {
            left_id: left.image_id,
            right_id: right.image_id,
            kind: self.kind,
            found_by: found_by.to_owned(),
            hash_distance_bits: self.hash_distance_bits.map(u32::from),
            left_split: left.split,
            right_split: right.split,
            left_label: left.label,
            right_label: right.label,
            label_conflict: left.label != right.label,
            similarity: self.similarity,
            alignment: self.alignment.map(|alignment| alignment.to_string()),
        }
    }
}

/// A part of the work that takes a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The search for candidates.
    Search,
    /// Their verification.
    Verification,
}

/// The exact duplicates, and the pairs that may be near-duplicates.
pub struct Candidates {
    /// Groups of identical images by their indices, smallest first; most have one image.
    groups: Vec<Vec<u32>>,
    /// One image of each group that takes part in the search, in order, and its group.
    searched: Vec<(u32, u32)>,
    /// Pairs of places in `searched`, in order.
    pairs: Vec<Candidate>,
    found_by: FoundBy,
}

/// All pairs of duplicates among images in the order of their ids, in the order of (left, right).
///
/// `begin` is told which phase begins and how many steps it has, and gives the function that is told how many more are done.
///
/// # Errors
/// When the hash search finds more than `max-pairs`.
///
/// # Panics
/// When pairs are to be verified and an image has no thumbnail.
pub fn find_matches<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    config: &Config,
    begin: impl Fn(Phase, u64) -> P,
) -> Result<Vec<Match>, NeardupError> {
    Ok(Candidates::find(images, config, &begin)?.matches(images, config, &begin))
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
        let order = identical(images);
        let groups = order.chunk_by(|&a, &b| pixels(images, a) == pixels(images, b)).map(<[u32]>::to_vec);
        let mut groups: Vec<_> = groups.collect();
        groups.par_sort_unstable_by_key(|group| group[0]);
        let searched = groups.iter().enumerate().filter(|(_, group)| !images[group[0] as usize].is_flat);
        let searched: Vec<_> = searched.map(|(number, group)| (group[0], number as u32)).collect();
        let split = |place: u32| images[searched[place as usize].0 as usize].split;
        let may_pair = |left: u32, right: u32| !config.between_splits || split(left) != split(right);
        let method = config.method(images.len() as u64);
        let (pairs, found_by) =
            match method {
                Method::Correlation => {
                    let thumbnails = thumbnails(images, &searched);
                    let orientations = config.orientations.list();
                    let on_progress = begin(Phase::Search, (searched.len() * orientations.len()) as u64);
                    let pairs = correlation::candidates(&thumbnails, &orientations, &may_pair, &on_progress);
                    (pairs, FoundBy::Correlation)
                }
                Method::Hash => {
                    let neighbours = search_hashes(images, &searched, config, begin).map_err(|TooManyPairs| {
                        NeardupError::TooManyPairs { max_pairs: config.max_pairs, max_distance: config.max_distance }
                    })?;
                    let pairs = neighbours.iter().filter(|pair| may_pair(pair.left, pair.right)).map(|pair| {
                        Candidate { left: pair.left, right: pair.right, orientation: Orientation::UPRIGHT }
                    });
                    (pairs.collect(), FoundBy::Hash)
                }
            };
        Ok(Self { groups, searched, pairs, found_by })
    }

    /// The indices of the images that verification needs the thumbnails of, where they have none yet.
    pub fn without_thumbnail(&self, images: &[Fingerprint]) -> BTreeSet<u32> {
        let ends = self.pairs.iter().flat_map(|pair| [pair.left, pair.right]);
        let ends = ends.map(|place| self.searched[place as usize].0);
        ends.filter(|&index| images[index as usize].thumbnail.is_none()).collect()
    }

    /// Verifies the candidates, where the config says so, and gives all pairs of duplicates in the order of (left, right).
    ///
    /// # Panics
    /// When an image needs a thumbnail and has none.
    pub fn matches<P: Fn(u64) + Sync>(
        &self,
        images: &[Fingerprint],
        config: &Config,
        begin: &impl Fn(Phase, u64) -> P,
    ) -> Vec<Match> {
        let mut matches = self.exact(config);
        let distance = |left: u32, right: u32| {
            let hash = |place: u32| &images[self.searched[place as usize].0 as usize].hash;
            Some(distance_bits(hash(left), hash(right)) as u16)
        };
        if config.verify {
            // The candidates' own numbers, so that images without candidates need no thumbnail.
            let mut used: Vec<u32> = self.pairs.iter().flat_map(|pair| [pair.left, pair.right]).collect();
            used.par_sort_unstable();
            used.dedup();
            let number = |place: u32| used.binary_search(&place).expect("it is used") as u32;
            let pairs: Vec<_> = self
                .pairs
                .par_iter()
                .map(|pair| Candidate { left: number(pair.left), right: number(pair.right), ..*pair })
                .collect();
            let searched: Vec<_> = used.iter().map(|&place| self.searched[place as usize]).collect();
            let on_progress = begin(Phase::Verification, pairs.len() as u64);
            let verified = verify(&thumbnails(images, &searched), &pairs, &on_progress);
            let similarities = similarities(used.len(), &verified);
            for (pair, similarity) in verified.iter().zip(similarities) {
                let Some(kind) = config.kind(similarity) else { continue };
                let (left, right) = (used[pair.left as usize], used[pair.right as usize]);
                let hash_distance_bits = distance(left, right);
                let (similarity, alignment) = (Some(similarity), Some(pair.alignment));
                self.of_all_copies(left, right, |left, right| {
                    matches.push(Match {
                        left,
                        right,
                        kind,
                        found_by: self.found_by,
                        hash_distance_bits,
                        similarity,
                        alignment,
                    });
                });
            }
        } else {
            for pair in &self.pairs {
                let hash_distance_bits = distance(pair.left, pair.right);
                self.of_all_copies(pair.left, pair.right, |left, right| {
                    let (kind, found_by) = (PairKind::Near, self.found_by);
                    matches.push(Match {
                        left,
                        right,
                        kind,
                        found_by,
                        hash_distance_bits,
                        similarity: None,
                        alignment: None,
                    });
                });
            }
        }
        if config.between_splits {
            matches.retain(|pair| images[pair.left as usize].split != images[pair.right as usize].split);
        }
        matches.par_sort_unstable_by_key(|pair| (pair.left, pair.right));
        matches
    }

    fn exact(&self, config: &Config) -> Vec<Match> {
        let mut matches = Vec::new();
        for group in &self.groups {
            for (position, &left) in group[..n_centres(group)].iter().enumerate() {
                matches.extend(group[position + 1..].iter().map(|&right| Match {
                    left,
                    right,
                    kind: PairKind::Exact,
                    found_by: FoundBy::Pixels,
                    hash_distance_bits: None,
                    similarity: config.verify.then_some(1.0),
                    alignment: config.verify.then(Alignment::default),
                }));
            }
        }
        matches
    }

    /// Tells the pairs of two groups of identical images, of which two images were found.
    fn of_all_copies(&self, left: u32, right: u32, mut tell: impl FnMut(u32, u32)) {
        let group = |place: u32| {
            let group = &self.groups[self.searched[place as usize].1 as usize];
            &group[..n_centres(group)]
        };
        for &left in group(left) {
            for &right in group(right) {
                tell(left.min(right), left.max(right));
            }
        }
    }
}

/// How many images of a group of identical ones stand for it.
fn n_centres(group: &[u32]) -> usize {
    if group.len() <= MAX_COMPLETE_GROUP { group.len() } else { 1 }
}

fn pixels(images: &[Fingerprint], index: u32) -> Digest {
    images[index as usize].pixels_blake3
}

/// The indices, those of identical images beside one another, smallest first.
fn identical(images: &[Fingerprint]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..images.len() as u32).collect();
    order.par_sort_unstable_by_key(|&index| (pixels(images, index), index));
    order
}

fn thumbnails<'a>(images: &'a [Fingerprint], searched: &[(u32, u32)]) -> Vec<&'a Thumbnail> {
    let of = |index: u32| images[index as usize].thumbnail.as_ref().expect("the image has a thumbnail");
    searched.iter().map(|&(index, _)| of(index)).collect()
}

fn search_hashes<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    searched: &[(u32, u32)],
    config: &Config,
    begin: &impl Fn(Phase, u64) -> P,
) -> Result<Vec<Neighbours>, TooManyPairs> {
    let (n_bits, radius, max_pairs) = (config.n_bits(), config.max_distance, config.max_pairs);
    let size = search::Size::Within(searched.len());
    let method = search::Method::cheapest(size, n_bits, radius);
    let on_progress = begin(Phase::Search, method.n_steps(size));
    let hashes = searched.iter().map(|&(index, _)| images[index as usize].hash);
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
    use crate::Search;

    pub(crate) fn near(left: u32, right: u32, distance_bits: u16) -> Match {
        Match {
            left,
            right,
            kind: PairKind::Near,
            found_by: FoundBy::Hash,
            hash_distance_bits: Some(distance_bits),
            similarity: None,
            alignment: None,
        }
    }

    pub(crate) fn exact(left: u32, right: u32) -> Match {
        Match { kind: PairKind::Exact, found_by: FoundBy::Pixels, hash_distance_bits: None, ..near(left, right, 0) }
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
            thumbnail: None,
            pdq_quality: None,
        }
    }

    /// The search by hash alone.
    fn by_hash() -> Config {
        Config { search: Search::Hash, verify: false, ..Config::default() }
    }

    fn find(images: &[Fingerprint], max_distance: u32) -> Vec<Match> {
        find_matches(images, &Config { max_distance, ..by_hash() }, |_, _| |_| ()).unwrap()
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
        let config = Config { max_distance: 64, max_pairs: 100, ..by_hash() };
        let error = find_matches(&images, &config, |_, _| |_| ()).unwrap_err().to_string();
        assert_eq!(
            error,
            "more than 100 pairs (`max-pairs`) have hashes within 64 bits (`max-distance`) of one another"
        );
    }
}
