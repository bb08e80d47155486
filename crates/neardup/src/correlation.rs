//! Candidates by correlation: for each image, the images whose small blurred pictures correlate most with its own.

mod top_k;

use rayon::prelude::*;

use crate::maps::{COARSE, coarse};
use crate::orientation::Orientation;
use crate::thumbnail::Thumbnail;
use top_k::top_k;

/// How many candidates an image has in each orientation.
const N_CANDIDATES: usize = 50;
/// Images that correlate less are not alike in any light.
const MIN_CORRELATION: f32 = 0.3;

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
    let rows = vectors(thumbnails, Orientation::UPRIGHT);
    let mut candidates = Vec::new();
    for &orientation in orientations {
        let turned = (orientation != Orientation::UPRIGHT).then(|| vectors(thumbnails, orientation));
        let queries = turned.as_ref().unwrap_or(&rows);
        let found = top_k(queries, &rows, COARSE, N_CANDIDATES, MIN_CORRELATION, may_pair, on_progress);
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

fn vectors(thumbnails: &[&Thumbnail], orientation: Orientation) -> Vec<f32> {
    let mut vectors = vec![0.0; thumbnails.len() * COARSE];
    vectors.par_chunks_exact_mut(COARSE).zip(thumbnails).for_each(|(vector, thumbnail)| {
        let of =
            if orientation == Orientation::UPRIGHT { coarse(thumbnail) } else { coarse(&orientation.of(thumbnail)) };
        vector.copy_from_slice(&of);
    });
    vectors
}
