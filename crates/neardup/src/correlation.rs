//! Candidates by correlation: for each image, the images whose small blurred pictures correlate most with its own.

mod top_k;

use std::borrow::Cow;
use std::cell::LazyCell;
use std::ops::Range;

use rayon::prelude::*;

use crate::maps::{COARSE, coarse};
use crate::orientation::Orientation;
use crate::thumbnail::Thumbnail;
use top_k::{Candidate as Found, Rows, top_k};

/// How many candidates an image has in an orientation, and what candidates correlate at least: images that correlate less are
/// not alike in any light. Discs have fewer, for there are forty such orientations.
const UPRIGHT: (usize, f32) = (50, 0.3);
const DISC: (usize, f32) = (10, 0.5);

/// The parts that images are also looked for by, for crops of them: their upper left corners, as parts of the image's side.
const PARTS: [(f32, f32); 5] = [(0.11, 0.11), (0.0, 0.0), (0.22, 0.0), (0.0, 0.22), (0.22, 0.22)];
/// The sides of these parts, and how many candidates each has that correlate at least so much.
const PART_SIDE: f32 = 0.78;
const PART: (usize, f32) = (20, 0.5);

/// Two images that may be duplicates, by their places; `left` < `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// How the left image has to lie.
    pub(crate) orientation: Orientation,
}

/// A candidate, and in whose list it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) candidate: Candidate,
    /// The correlation with which the right image is in the left one's list.
    pub(crate) of_left: Option<f32>,
    /// The correlation with which the left image is in the right one's list.
    pub(crate) of_right: Option<f32>,
}

impl Listed {
    /// Adds in which lists the same candidate is as well.
    pub(crate) fn add(&mut self, other: Self) {
        self.of_left = self.of_left.or(other.of_left);
        self.of_right = self.of_right.or(other.of_right);
    }
}

/// What is known of an image's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The image was not there when lists were made: it has none, and is in none.
    New,
    /// The image was there, but its list lacks what is there no more.
    Stale,
    /// Its list holds all that is not new.
    Known,
}

/// What to search.
pub(crate) struct Search<'a, M> {
    pub(crate) thumbnails: &'a [&'a Thumbnail],
    /// Of each, whether it is large enough for a part of it to be a picture.
    pub(crate) is_large: &'a [bool],
    pub(crate) orientations: &'a [Orientation],
    /// Says of two images whether they are looked at.
    pub(crate) may_pair: &'a M,
    /// Of each image.
    pub(crate) states: &'a [State],
    /// Of each, whether it is one of those of which no two may pair. They are not compared with one another.
    pub(crate) are_apart: &'a [bool],
    /// The lists of images whose state is known; others are passed over.
    pub(crate) known: &'a [Listed],
    /// The images whose lists are made.
    pub(crate) mine: Range<u32>,
}

/// Candidates among images, in order: the same whatever is known already. `on_progress` is told how many more queries are
/// done, of one an image and orientation.
pub(crate) fn candidates(
    search: &Search<'_, impl Fn(u32, u32) -> bool + Sync>,
    on_progress: &(impl Fn(u64) + Sync),
) -> Vec<Listed> {
    let Search { thumbnails, is_large, orientations, may_pair, states, are_apart, known, ref mine } = *search;
    let places = |is_wanted: &dyn Fn(State) -> bool| -> Vec<u32> {
        let places = states.iter().zip(0..).filter(|&(state, _)| is_wanted(*state));
        places.map(|(_, place)| place).collect()
    };
    let all = places(&|_| true);
    let own = |mut places: Vec<u32>| {
        places.retain(|place| mine.contains(place));
        places
    };
    let again = own(places(&|state| state != State::Known));
    let listed = own(places(&|state| state == State::Known));
    let new = places(&|state| state == State::New);

    let upright = vectors(thumbnails, coarse);
    let discs = LazyCell::new(|| vectors(thumbnails, |thumbnail| coarse(&thumbnail.disc(0))));
    let mut candidates = Vec::new();
    for &orientation in orientations {
        let turned =
            (orientation != Orientation::UPRIGHT).then(|| vectors(thumbnails, |own| coarse(&orientation.of(own))));
        let queries = turned.as_ref().unwrap_or(&upright);
        let (rows, (k, at_least)) = if orientation.is_right_angled() { (&upright, UPRIGHT) } else { (&*discs, DISC) };
        let find = |query_places: &[u32], row_places: &[u32]| {
            let (queries, rows) = (select(queries, query_places), select(rows, row_places));
            let of = |values, places| Rows { d: COARSE, values, places };
            top_k(of(&queries, query_places), of(&rows, row_places), k, at_least, may_pair, on_progress)
        };
        let mut found = find(&again, &all);
        if !listed.is_empty() {
            let mut merged = find(&listed, &new);
            merged.extend(lists(known, states, orientation));
            merged.par_sort_unstable_by(|a, b| {
                a.query.cmp(&b.query).then(b.correlation.total_cmp(&a.correlation)).then(a.found.cmp(&b.found))
            });
            found.extend(merged.chunk_by(|a, b| a.query == b.query).flat_map(|list| &list[..list.len().min(k)]));
        }
        candidates.extend(found.into_iter().map(|found| listed_as(found, orientation)));
    }
    // Lists of parts are not kept: they are made anew.
    let large = |of_apart: bool| -> Vec<u32> {
        let is_wanted = |&place: &u32| is_large[place as usize] && are_apart[place as usize] == of_apart;
        mine.clone().filter(is_wanted).collect()
    };
    let others: Vec<u32> = all.iter().copied().filter(|&place| !are_apart[place as usize]).collect();
    let searches = [(large(false), &all), (large(true), &others)];
    let searches = searches.iter().filter(|(large, _)| !large.is_empty());
    for ((x, y), (large, rows)) in searches.flat_map(|search| PARTS.iter().map(move |part| (part, search))) {
        let parts: Vec<&Thumbnail> = large.iter().map(|&place| thumbnails[place as usize]).collect();
        let queries = vectors(&parts, |thumbnail| coarse(&thumbnail.part(*x, *y, PART_SIDE)));
        let of = |values, places| Rows { d: COARSE, values, places };
        let values = select(&upright, rows);
        let found = top_k(of(&queries, large), of(&values, rows), PART.0, PART.1, may_pair, &|_| ());
        candidates.extend(found.into_iter().map(|found| {
            let Listed { candidate, .. } = listed_as(found, Orientation::UPRIGHT);
            Listed { candidate, of_left: None, of_right: None }
        }));
    }
    candidates.par_sort_unstable_by_key(|listed| listed.candidate);
    candidates.dedup_by(|again, first| {
        let is_same = again.candidate == first.candidate;
        if is_same {
            first.add(*again);
        }
        is_same
    });
    candidates
}

/// What a query in an orientation found, by its left image.
fn listed_as(Found { query, found, correlation }: Found, orientation: Orientation) -> Listed {
    if query < found {
        let candidate = Candidate { left: query, right: found, orientation };
        Listed { candidate, of_left: Some(correlation), of_right: None }
    } else {
        let candidate = Candidate { left: found, right: query, orientation: orientation.inverse() };
        Listed { candidate, of_left: None, of_right: Some(correlation) }
    }
}

/// The known lists of an orientation.
fn lists<'a>(known: &'a [Listed], states: &'a [State], orientation: Orientation) -> impl Iterator<Item = Found> + 'a {
    let found = known.iter().flat_map(move |&Listed { candidate, of_left, of_right }| {
        let Candidate { left, right, .. } = candidate;
        let of_left = of_left.filter(|_| candidate.orientation == orientation);
        let of_right = of_right.filter(|_| candidate.orientation.inverse() == orientation);
        let of_left = of_left.map(|correlation| Found { query: left, found: right, correlation });
        let of_right = of_right.map(|correlation| Found { query: right, found: left, correlation });
        of_left.into_iter().chain(of_right)
    });
    found.filter(|found| states[found.query as usize] == State::Known)
}

fn vectors(thumbnails: &[&Thumbnail], of: impl Fn(&Thumbnail) -> [f32; COARSE] + Sync) -> Vec<f32> {
    let mut vectors = vec![0.0; thumbnails.len() * COARSE];
    vectors
        .par_chunks_exact_mut(COARSE)
        .zip(thumbnails)
        .for_each(|(vector, thumbnail)| vector.copy_from_slice(&of(thumbnail)));
    vectors
}

/// The vectors at some places.
fn select<'a>(vectors: &'a [f32], places: &[u32]) -> Cow<'a, [f32]> {
    if places.len() * COARSE == vectors.len() {
        return Cow::Borrowed(vectors);
    }
    let row = |&place: &u32| &vectors[place as usize * COARSE..][..COARSE];
    Cow::Owned(places.iter().flat_map(row).copied().collect())
}
