//! How alike a pair has to be in this set: as alike as unrelated images of the set hardly are.
//!
//! A pair's correlation follows from its two images. What it means depends on the set: unrelated photos are hardly alike,
//! scanned forms are. So each pair is given its *expected false pairs*: how many pairs of unrelated images of this set are
//! expected to be at least as alike. They follow from the correlations of random pairs of the set (`chance`).
//!
//! Copies of an image change none of this: images that are all but the same count as one.

mod chance;
mod crowd;
mod families;

use crate::verify::Verified;
use chance::Chance;
use crowd::Crowds;
use families::Families;

/// Images that correlate so much are copies of one another: they count as one.
const TIED: f32 = 0.98;
/// Images that correlate so much are of one family.
const ALIKE: f32 = 0.7;
/// A family of so many images that are not copies is no set of duplicates, but images of one kind: pairs of a smaller one are not
/// taken for unrelated images.
const MIN_KIND: u32 = 20;
/// Random pairs that are looked at.
const N_SAMPLED: usize = 3000;

/// What a pair is worth in its set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Judged {
    /// The correlation, 0 to 1.
    pub(crate) similarity: f32,
    /// The same, less how much the two are like others as well, 0 to 1.
    pub(crate) distinctness: f32,
    /// How many pairs of unrelated images are expected to be at least so distinct; none where that was not estimated.
    pub(crate) expected_false_pairs: Option<f64>,
    /// Whether the two are no copies of one another.
    is_between_copies: bool,
}

/// The correlations of pairs of places in one orientation.
pub(crate) type Correlations<'a> = &'a dyn Fn(&[(u32, u32)]) -> Vec<f32>;

/// Judges pairs of places, each given once.
///
/// `order` has all places in an order that does not depend on their numbers. Each pair was looked at in `n_orientations`.
/// `n_unrelated` says how many pairs there are among some places. Without `correlations` nothing is estimated.
pub(crate) fn judge(
    order: &[u32],
    pairs: &[Verified],
    n_orientations: usize,
    n_unrelated: impl Fn(&[u32]) -> f64,
    correlations: Option<Correlations<'_>>,
) -> Vec<Judged> {
    let copies = Families::of(order.len(), pairs, TIED);
    let families = Families::of(order.len(), pairs, ALIKE);
    let crowds = Crowds::of(order.len(), pairs, &copies);
    let distinctness: Vec<f64> =
        pairs.iter().map(|pair| crowds.distinctness(pair.left, pair.right, pair.correlation)).collect();
    let judged = |(pair, distinctness): (&Verified, &f64)| Judged {
        similarity: pair.correlation.clamp(0.0, 1.0),
        distinctness: (distinctness.tanh() as f32).clamp(0.0, 1.0),
        expected_false_pairs: None,
        is_between_copies: copies.of_image(pair.left) == copies.of_image(pair.right),
    };
    let mut judged: Vec<Judged> = pairs.iter().zip(&distinctness).map(judged).collect();
    let Some(correlations) = correlations else { return judged };

    // One image of each group of copies stands for all.
    let mut is_seen = vec![false; order.len()];
    let firsts =
        order.iter().copied().filter(|&place| !std::mem::replace(&mut is_seen[copies.of_image(place) as usize], true));
    let firsts: Vec<u32> = firsts.collect();
    let sizes = families.sizes(&firsts);
    let is_unrelated = |left: u32, right: u32| {
        let family = families.of_image(left);
        family != families.of_image(right) || sizes[family as usize] >= MIN_KIND
    };
    let sample = chance::sample(&firsts, N_SAMPLED, is_unrelated);
    let found = sample.iter().zip(correlations(&sample));
    let found = found.map(|(&(left, right), correlation)| crowds.distinctness(left, right, correlation));
    let chance = Chance::of(found.collect()).unwrap_or(Chance::OF_PHOTOS);
    let n_pairs = n_unrelated(&firsts) * n_orientations as f64;
    for (judged, distinctness) in judged.iter_mut().zip(distinctness) {
        judged.expected_false_pairs = Some(chance.above(distinctness) * n_pairs);
    }
    judged
}

/// The most expected false pairs that a pair may have, so that of all pairs which have no more at most a share is expected to be
/// false (Benjamini and Hochberg 1995). Copies of one image make no pairs of their own.
pub(crate) fn most_expected(judged: impl Iterator<Item = Judged>, share: f64) -> f64 {
    let between = judged.filter(|pair| !pair.is_between_copies);
    let mut expected: Vec<f64> = between.filter_map(|pair| pair.expected_false_pairs).collect();
    expected.sort_unstable_by(f64::total_cmp);
    let kept = expected.iter().enumerate().rev().find(|&(place, &expected)| expected <= share * (place + 1) as f64);
    kept.map_or(share, |(_, &expected)| expected.max(share))
}
