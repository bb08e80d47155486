//! Candidates by correlation: for each image, the images whose small blurred pictures correlate most with its own.

mod top_k;

use std::cell::LazyCell;

use rayon::prelude::*;

use crate::maps::{COARSE, coarse};
use crate::orientation::Orientation;
use crate::thumbnail::Thumbnail;
use top_k::top_k;

/// How many candidates an image has in an orientation, and what candidates correlate at least: images that correlate less are
/// not alike in any light. Discs have fewer, for there are forty such orientations.
const UPRIGHT: (usize, f32) = (50, 0.3);
const DISC: (usize, f32) = (10, 0.5);

/// Two images that may be duplicates, by their indices; `left` < `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// How the left image has to lie.
    pub(crate) orientation: Orientation,
}

/// Candidates among images, in order. `may_pair` says of two images whether they are looked at; `on_progress` is told how
/// many more queries are done, of one an image and orientation.
pub(crate) fn candidates(
    thumbnails: &[&Thumbnail],
    orientations: &[Orientation],
    may_pair: &(impl Fn(u32, u32) -> bool + Sync),
    on_progress: &(impl Fn(u64) + Sync),
) -> Vec<Candidate> {
    let rows = vectors(thumbnails, |thumbnail| coarse(thumbnail));
    let discs = LazyCell::new(|| vectors(thumbnails, |thumbnail| coarse(&thumbnail.disc(0))));
    let mut candidates = Vec::new();
    for &orientation in orientations {
        let turned =
            (orientation != Orientation::UPRIGHT).then(|| vectors(thumbnails, |own| coarse(&orientation.of(own))));
        let queries = turned.as_ref().unwrap_or(&rows);
        let (rows, (k, at_least)) = if orientation.is_right_angled() { (&rows, UPRIGHT) } else { (&*discs, DISC) };
        let found = top_k(queries, rows, COARSE, k, at_least, may_pair, on_progress);
        candidates.extend(found.into_iter().map(|pair| {
            if pair.query < pair.found {
                Candidate { left: pair.query, right: pair.found, orientation }
            } else {
                Candidate { left: pair.found, right: pair.query, orientation: orientation.inverse() }
            }
        }));
    }
    candidates.par_sort_unstable();
    candidates.dedup();
    candidates
}

fn vectors(thumbnails: &[&Thumbnail], of: impl Fn(&Thumbnail) -> [f32; COARSE] + Sync) -> Vec<f32> {
    let mut vectors = vec![0.0; thumbnails.len() * COARSE];
    vectors
        .par_chunks_exact_mut(COARSE)
        .zip(thumbnails)
        .for_each(|(vector, thumbnail)| vector.copy_from_slice(&of(thumbnail)));
    vectors
}
