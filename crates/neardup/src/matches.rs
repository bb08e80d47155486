//! Finds the pairs of duplicates.

use rayon::prelude::*;
use twinset_manifest::rows::{Pair, PairKind};

use crate::align::Alignment;
use crate::calibration::{Correlations, Judged, judge, most_expected};
use crate::candidates::{Candidates, FoundBy, Phase};
use crate::correlation::Candidate;
use crate::looked::Verdict;
use crate::orientation::Orientation;
use crate::search::distance_bits;
use crate::verify::{Verified, Which, best_of_each_pair, verify};
use crate::{Config, Fingerprint, Known, NeardupError, Part};

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
    /// The distance of their hashes in bits; none if the pixels are identical.
    pub hash_distance_bits: Option<u16>,
    /// The similarity after alignment, 0 to 1; none if pairs were not verified.
    pub similarity: Option<f32>,
    /// How many pairs of unrelated images of the set are expected to be as alike; none if this was not estimated.
    pub expected_false_pairs: Option<f64>,
    /// How the left image has to be changed to match the right one; none if pairs were not verified.
    pub alignment: Option<Alignment>,
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
            expected_false_pairs: self.expected_false_pairs,
            alignment: self.alignment.map(|alignment| alignment.to_string()),
            left_source: left.source.to_string(),
            right_source: right.source.to_string(),
        }
    }
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
    let mut candidates = Candidates::find(images, config, &Known::default(), Part::WHOLE, &begin)?;
    Ok(candidates.matches(images, config, &begin))
}

impl Candidates {
    /// Verifies the candidates, where the config says so, and gives all pairs of duplicates in the order of (left, right).
    ///
    /// # Panics
    /// When an image needs a thumbnail and has none.
    pub fn matches<P: Fn(u64) + Sync>(
        &mut self,
        images: &[Fingerprint],
        config: &Config,
        begin: &impl Fn(Phase, u64) -> P,
    ) -> Vec<Match> {
        self.verify(images, config, begin);
        let judged = if config.verify { self.judged(images, config, self.lying()) } else { Vec::new() };
        let is_by_chance = |(_, judged, kind): &&(Verified, Judged, PairKind)| {
            *kind == PairKind::Similar && f64::from(judged.distinctness) >= config.near_similarity
        };
        self.n_by_chance = judged.iter().filter(is_by_chance).count() as u64;
        let exact = self.groups.exact_pairs().map(|(left, right)| Match {
            left,
            right,
            kind: PairKind::Exact,
            found_by: FoundBy::Pixels,
            hash_distance_bits: None,
            similarity: config.verify.then_some(1.0),
            expected_false_pairs: config.verify.then_some(0.0),
            alignment: config.verify.then(Alignment::default),
        });
        let mut matches: Vec<Match> = exact.collect();
        let mut tell = |left: u32, right: u32, kind: PairKind, verified: Option<(Judged, Alignment)>| {
            let hash = |place: u32| &images[self.groups.index(place) as usize].hash;
            let hash_distance_bits = Some(distance_bits(hash(left), hash(right)) as u16);
            let (judged, alignment) = verified.unzip();
            let similarity = judged.map(|judged| judged.similarity);
            let expected_false_pairs = judged.and_then(|judged| judged.expected_false_pairs);
            let found_by = self.found_by;
            matches.extend(self.groups.pairs_of(left, right).map(|(left, right)| Match {
                left,
                right,
                kind,
                found_by,
                hash_distance_bits,
                similarity,
                expected_false_pairs,
                alignment,
            }));
        };
        if config.verify {
            for (pair, judged, kind) in judged {
                tell(pair.left, pair.right, kind, Some((judged, pair.alignment)));
            }
        } else {
            let pairs = self.pairs.iter().map(|looked| looked.listed.candidate);
            pairs.for_each(|pair| tell(pair.left, pair.right, PairKind::Near, None));
        }
        if config.between_splits {
            matches.retain(|pair| images[pair.left as usize].split != images[pair.right as usize].split);
        }
        matches.par_sort_unstable_by_key(|pair| (pair.left, pair.right));
        matches
    }

    /// Judges each verified pair within this set, and decides its kind. Pairs that are not alike enough are left out.
    fn judged(
        &self,
        images: &[Fingerprint],
        config: &Config,
        verified: Vec<Verified>,
    ) -> Vec<(Verified, Judged, PairKind)> {
        let mut order: Vec<u32> = (0..self.groups.n_searched() as u32).collect();
        order.par_sort_unstable_by_key(|&place| images[self.groups.index(place) as usize].pixels_blake3);
        let correlations = |pairs: &[(u32, u32)]| self.correlations(images, pairs);
        let has_thumbnails = self.found_by == FoundBy::Correlation;
        let n_orientations = config.orientations.list().len();
        let correlations: Option<Correlations<'_>> = if has_thumbnails { Some(&correlations) } else { None };
        let judged = judge(&order, &verified, n_orientations, |places| self.n_unrelated(places), correlations);
        let near = config.near_similarity as f32;
        let most = most_expected(judged.iter().copied().filter(|pair| pair.distinctness >= near), config.false_share);
        let judged = verified.into_iter().zip(judged).filter_map(|(pair, judged)| {
            let is_by_chance = judged.expected_false_pairs.is_some_and(|expected| expected > most);
            Some((pair, judged, config.kind(judged.distinctness, is_by_chance)?))
        });
        judged.collect()
    }

    /// The correlations of pairs of images, which need not be candidates.
    fn correlations(&self, images: &[Fingerprint], pairs: &[(u32, u32)]) -> Vec<f32> {
        let mut used: Vec<u32> = pairs.iter().flat_map(|&(left, right)| [left, right]).collect();
        used.sort_unstable();
        used.dedup();
        let number = |place: u32| used.binary_search(&place).expect("it is used") as u32;
        let pairs: Vec<Candidate> = pairs
            .iter()
            .map(|&(left, right)| Candidate {
                left: number(left),
                right: number(right),
                orientation: Orientation::UPRIGHT,
            })
            .collect();
        // Frames of unrelated images may well be the same.
        let view = |place: u32| self.views.view(place, true).unwrap_or(place);
        let pictures: Vec<_> =
            used.iter().map(|&place| self.views.picture(images, &self.groups, view(place))).collect();
        let found = verify(&pictures, &pairs, Which::All, &|_, _| |_| ());
        found.into_iter().map(|found| found.map_or(-1.0, |found| found.correlation)).collect()
    }

    /// Looks at the candidates that were not yet verified, where the config says so.
    ///
    /// # Panics
    /// When an image needs a thumbnail and has none.
    pub fn verify<P: Fn(u64) + Sync>(
        &mut self,
        images: &[Fingerprint],
        config: &Config,
        begin: &impl Fn(Phase, u64) -> P,
    ) {
        if !config.verify {
            return;
        }
        // The candidates' own numbers, so that images without candidates need no thumbnail.
        let mut used: Vec<u32> = self.not_verified().flat_map(|pair| [pair.left, pair.right]).collect();
        used.par_sort_unstable();
        used.dedup();
        let number = |view: u32| used.binary_search(&view).expect("it is used") as u32;
        let numbered = |pair: Candidate| Candidate { left: number(pair.left), right: number(pair.right), ..pair };
        let pairs: Vec<_> = self.not_verified().map(numbered).collect();
        let pictures: Vec<_> = used.iter().map(|&view| self.views.picture(images, &self.groups, view)).collect();
        let found = verify(&pictures, &pairs, Which::Likely, begin);
        let not_verified = self.pairs.iter_mut().filter(|looked| looked.verdict.is_none());
        for (looked, found) in not_verified.zip(found) {
            looked.verdict = Some(match found {
                Some(Verified { correlation, alignment, .. }) => Verdict::Lies { correlation, alignment },
                None => Verdict::DoesNotLie,
            });
        }
    }

    /// Of each pair that lies on one another the best way, by places.
    fn lying(&self) -> Vec<Verified> {
        best_of_each_pair(self.pairs.iter().filter_map(|looked| match (looked.listed.candidate, looked.verdict?) {
            (Candidate { left, right, .. }, Verdict::Lies { correlation, alignment }) => {
                let (left, right) = (self.views.place(left), self.views.place(right));
                Some(match left < right {
                    true => Verified { left, right, correlation, alignment },
                    false => Verified { left: right, right: left, correlation, alignment: alignment.inverse() },
                })
            }
            (_, Verdict::DoesNotLie) => None,
        }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use twinset_manifest::Digest;
    use twinset_manifest::rows::Split;

    use super::*;
    use crate::Search;
    use crate::groups::MAX_COMPLETE_GROUP;

    pub(crate) fn near(left: u32, right: u32, distance_bits: u16) -> Match {
        Match {
            left,
            right,
            kind: PairKind::Near,
            found_by: FoundBy::Hash,
            hash_distance_bits: Some(distance_bits),
            similarity: None,
            expected_false_pairs: None,
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
            source: format!("{image_id}.png").into(),
            pixels_blake3: Digest([pixels; 32]),
            has_lost: false,
            is_flat: false,
            is_large: false,
            hash: [hash, 0, 0, 0],
            thumbnail: None,
            framed: None,
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
    fn between_splits_a_copy_in_the_other_split_counts() {
        let mut images = [image(10, 1, 0b0), image(11, 1, 0b0), image(12, 2, 0b1), image(13, 3, 0b10)];
        images[1].split = Split::Test;
        let config = Config { max_distance: 1, between_splits: true, ..by_hash() };
        let found = find_matches(&images, &config, |_, _| |_| ()).unwrap();
        assert_eq!(found, [exact(0, 1), near(1, 2, 1), near(1, 3, 1)]);
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
    fn between_splits_a_large_group_of_identical_images_leaks() {
        let n_copies = MAX_COMPLETE_GROUP as u64 + 4;
        let mut images: Vec<_> = (0..n_copies).map(|id| image(id, 1, 0)).collect();
        images.push(image(99, 2, 1));
        let last = images.len() as u32 - 1;
        images[7].split = Split::Test;
        images[9].split = Split::Test;
        images[last as usize].split = Split::Test;
        let config = Config { max_distance: 2, between_splits: true, ..by_hash() };
        let found = find_matches(&images, &config, |_, _| |_| ()).unwrap();
        let leaks: Vec<_> = found.iter().filter(|pair| pair.kind == PairKind::Exact).collect();
        // Each training copy and each test copy is in a pair.
        for index in 0..n_copies as u32 {
            assert!(leaks.iter().any(|pair| pair.left == index || pair.right == index), "{index}: {leaks:?}");
        }
        assert!(found.contains(&near(0, last, 1)), "{found:?}");
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
