//! Whether candidates are the same shot: laid on one another, and compared.
//!
//! The correlation of a pair follows from its two images alone, and it does not matter which of them is called the left one. Which
//! of two is shifted is decided by their pixels. Where an image is large, the other is looked for among its crops.

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::align::{Alignment, correlation, improve};
use crate::candidates::Phase;
use crate::correlation::Candidate;
use crate::gates::{self, Gate, HALF, WINDOW};
use crate::maps::{LocalContrast, Map};
use crate::orientation::Orientation;
use crate::thumbnail::{SIDE, Thumbnail};

/// A pair is aligned from its best shift where that correlates so much. Two of the 139 known duplicates of CIFAR-10 do not.
const MIN_SHIFTED: f32 = 0.5;
/// It is aligned from its best crop where that correlates so much, and so much more than the best shift.
const MIN_CROPPED: f32 = 0.55;
const CROPPED_MORE: f32 = 0.05;
/// What a crop, or another right-angled orientation than upright, adds to what a pair lacks to a correlation of 1: there are more
/// of them to choose from.
const COST_OF_CROP: f32 = 0.2;
const COST_OF_TURN: f32 = 0.5;
/// Pairs that progress is told of at once.
const TOLD_AT_ONCE: usize = 256;

/// Two images once aligned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verified {
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// The mean of three correlations of locally normalised contrast: of fine and of coarse structures once aligned, and of
    /// middle ones where only whole shifts, or the crops that are tried, are allowed; of discs, the mean of fine and of middle
    /// structures once aligned. −1 to 1.
    pub(crate) correlation: f32,
    pub(crate) alignment: Alignment,
}

/// What an image is verified by.
struct Maps {
    fine: Map,
    middle: Map,
    coarse: Map,
    is_plain_shape: bool,
}

struct Filters {
    fine: LocalContrast,
    middle: LocalContrast,
    coarse: LocalContrast,
}

impl Filters {
    fn new() -> Self {
        let [fine, middle, coarse] =
            [(0.6, 2.0), (1.0, 3.0), (2.0, 6.0)].map(|(blur, wide)| LocalContrast::new(blur, wide));
        Self { fine, middle, coarse }
    }

    fn maps(&self, thumbnail: &Thumbnail) -> Maps {
        let brightness = thumbnail.brightness();
        let of = |filter: &LocalContrast| filter.of(&brightness);
        let middle = of(&self.middle);
        Maps { fine: of(&self.fine), middle, coarse: of(&self.coarse), is_plain_shape: is_plain_shape(&middle) }
    }
}

/// Which pairs are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that may be duplicates by their best shift or crop.
    Likely,
    /// All: to see how alike unrelated images are.
    All,
}

/// An image to be verified.
#[derive(Clone, Copy)]
pub(crate) struct Picture<'a> {
    pub(crate) thumbnail: &'a Thumbnail,
    /// Whether it is large enough for a part of it to be a picture.
    pub(crate) is_large: bool,
}

/// Aligns and compares candidates: for each how well it lies, none where it does not. `begin` is told which phase begins and how many
/// candidates it has, and gives the function that is told how many more are done.
pub(crate) fn verify<P: Fn(u64) + Sync>(
    pictures: &[Picture<'_>],
    candidates: &[Candidate],
    which: Which,
    begin: &impl Fn(Phase, u64) -> P,
) -> Vec<Option<Verified>> {
    let n_candidates = candidates.len() as u64;
    let filters = Filters::new();
    let with_discs = candidates.iter().any(|candidate| !candidate.orientation.is_right_angled());
    let discs: Vec<Thumbnail> =
        if with_discs { pictures.par_iter().map(|picture| picture.thumbnail.disc(0)).collect() } else { Vec::new() };
    let shown = Shown { pictures, discs, filters: &filters };
    // The same way round, whatever the images' numbers are.
    let bytes = |image: u32| pictures[image as usize].thumbnail.bytes();
    let is_swapped: Vec<bool> =
        candidates.par_iter().map(|candidate| bytes(candidate.left) > bytes(candidate.right)).collect();
    let turned_to = |place: usize, other_way: bool| {
        if is_swapped[place] == other_way { candidates[place] } else { swapped(candidates[place]) }
    };
    let all = |other_way: bool| (0..candidates.len()).map(move |place| (turned_to(place, other_way), place as u32));
    let shifts = shown.shifts(all(false).collect(), &begin(Phase::Verification, n_candidates));
    let is_large = |image: u32| pictures[image as usize].is_large;
    let crops = |other_way: bool| {
        let of_large =
            |(candidate, _): &(Candidate, u32)| candidate.orientation.is_right_angled() && is_large(candidate.left);
        shown.crops(all(other_way).filter(of_large).collect(), candidates.len())
    };
    let crops = [crops(false), crops(true)];
    let maps: Vec<OnceLock<Box<Maps>>> = pictures.iter().map(|_| OnceLock::new()).collect();
    let maps_of =
        |image: u32| maps[image as usize].get_or_init(|| Box::new(filters.maps(pictures[image as usize].thumbnail)));
    let aligned = |candidate: Candidate, start: Start| {
        let Candidate { left, right, orientation } = candidate;
        let turned = (orientation != Orientation::UPRIGHT)
            .then(|| filters.maps(&orientation.of(pictures[left as usize].thumbnail)));
        let left_maps = turned.as_ref().unwrap_or_else(|| maps_of(left));
        let right_maps = match orientation.is_right_angled() {
            true => maps_of(right),
            false => &filters.maps(&shown.discs[right as usize]),
        };
        align(orientation, start, left_maps, right_maps)
    };
    let on_progress = begin(Phase::Alignment, n_candidates);
    let verified = (0..candidates.len()).into_par_iter().map(|place| {
        if place % TOLD_AT_ONCE == 0 {
            on_progress(TOLD_AT_ONCE.min(candidates.len() - place) as u64);
        }
        let candidate = candidates[place];
        let shift = shifts[place];
        let is_plain = candidate.orientation.is_right_angled()
            && maps_are_needed(which, shift, crops[0][place], crops[1][place])
            && maps_of(candidate.left).is_plain_shape
            && maps_of(candidate.right).is_plain_shape;
        let mut starts = vec![];
        if which == Which::All || shift.correlation >= MIN_SHIFTED {
            starts.push((if is_plain { Start::Still } else { Start::At(shift) }, false));
        }
        let crop = if crops[1][place].correlation > crops[0][place].correlation { 1 } else { 0 };
        let gate = crops[crop][place];
        if !is_plain && is_worth_cropping(which, shift, gate) {
            starts.push((Start::At(gate), crop == 1));
        }
        let found = starts.into_iter().map(|(start, other_way)| {
            let lies = aligned(turned_to(place, other_way), start);
            lies.of(candidate, is_swapped[place] != other_way)
        });
        found.reduce(|best, other| if other.correlation > best.correlation { other } else { best })
    });
    verified.collect()
}

/// The same pair, with the other image as the left one.
fn swapped(Candidate { left, right, orientation }: Candidate) -> Candidate {
    Candidate { left: right, right: left, orientation: orientation.inverse() }
}

fn maps_are_needed(which: Which, shift: Gate, crop: Gate, other_crop: Gate) -> bool {
    let crop = if other_crop.correlation > crop.correlation { other_crop } else { crop };
    which == Which::All || shift.correlation >= MIN_SHIFTED || is_worth_cropping(which, shift, crop)
}

/// Whether a pair is aligned from a crop.
fn is_worth_cropping(which: Which, shift: Gate, crop: Gate) -> bool {
    let is_better = shift.correlation < MIN_SHIFTED || crop.correlation >= shift.correlation + CROPPED_MORE;
    crop != Gate::NONE && (which == Which::All || (crop.correlation >= MIN_CROPPED && is_better))
}

/// Of each pair the way that lies best.
pub(crate) fn best_of_each_pair(verified: impl IntoIterator<Item = Verified>) -> Vec<Verified> {
    let mut verified: Vec<Verified> = verified.into_iter().collect();
    verified.par_sort_unstable_by(|a, b| {
        let better = b.correlation.total_cmp(&a.correlation);
        (a.left, a.right)
            .cmp(&(b.left, b.right))
            .then(better)
            .then(a.alignment.orientation.cmp(&b.alignment.orientation))
    });
    verified.dedup_by_key(|pair| (pair.left, pair.right));
    verified
}

/// What pictures show.
struct Shown<'a> {
    pictures: &'a [Picture<'a>],
    /// As discs, where any angle is searched.
    discs: Vec<Thumbnail>,
    filters: &'a Filters,
}

impl Shown<'_> {
    /// The middle map of each picture, or of each disc, made into so many numbers.
    fn targets(&self, of_discs: bool, length: usize, of: fn(&Map, &mut [f32])) -> Vec<f32> {
        let n = if of_discs { self.discs.len() } else { self.pictures.len() };
        let mut targets = vec![0.0; n * length];
        targets.par_chunks_exact_mut(length).enumerate().for_each(|(image, out)| {
            let thumbnail = if of_discs { &self.discs[image] } else { self.pictures[image].thumbnail };
            of(&self.filters.middle.of(&thumbnail.brightness()), out);
        });
        targets
    }

    /// The best shift of each candidate's left image, by the candidates' places.
    fn shifts(&self, mut candidates: Vec<(Candidate, u32)>, on_progress: &(impl Fn(u64) + Sync)) -> Vec<Gate> {
        let targets = [false, true].map(|of_discs| self.targets(of_discs, WINDOW, gates::window_of));
        let n = candidates.len();
        let look = |map: &Map, group: &[(Candidate, u32)]| {
            let of_disc = usize::from(!group[0].0.orientation.is_right_angled());
            let found = gates::best_shifts(map, &rights(&targets[of_disc], WINDOW, group));
            on_progress(group.len() as u64);
            found
        };
        self.look(&mut candidates, n, look)
    }

    /// The best crop of each candidate's left image, by the candidates' places among all; none of those that are not given.
    fn crops(&self, mut candidates: Vec<(Candidate, u32)>, n: usize) -> Vec<Gate> {
        let targets = if candidates.is_empty() { Vec::new() } else { self.targets(false, HALF, gates::half_of) };
        self.look(&mut candidates, n, |map, group| gates::best_crops(map, &rights(&targets, HALF, group)))
    }

    fn look(
        &self,
        candidates: &mut [(Candidate, u32)],
        n: usize,
        look: impl Fn(&Map, &[(Candidate, u32)]) -> Vec<Gate> + Sync,
    ) -> Vec<Gate> {
        candidates.par_sort_unstable_by_key(|(candidate, place)| (candidate.left, candidate.orientation, *place));
        let groups: Vec<&[(Candidate, u32)]> =
            candidates.chunk_by(|(a, _), (b, _)| (a.left, a.orientation) == (b.left, b.orientation)).collect();
        let found = groups.par_iter().map(|group| {
            let Candidate { left, orientation, .. } = group[0].0;
            let lies = orientation.of(self.pictures[left as usize].thumbnail);
            look(&self.filters.middle.of(&lies.brightness()), group)
        });
        let found: Vec<Vec<Gate>> = found.collect();
        let mut gates = vec![Gate::NONE; n];
        for (&(_, place), found) in candidates.iter().zip(found.iter().flatten()) {
            gates[place as usize] = *found;
        }
        gates
    }
}

/// The targets of the right images of some candidates.
fn rights(targets: &[f32], length: usize, group: &[(Candidate, u32)]) -> Vec<f32> {
    let of = |(candidate, _): &(Candidate, u32)| &targets[candidate.right as usize * length..][..length];
    group.iter().flat_map(of).copied().collect()
}

/// Where the search for an alignment begins.
#[derive(Clone, Copy)]
enum Start {
    /// The images are compared as they lie.
    Still,
    At(Gate),
}

/// How an image lies on another.
struct Lies {
    correlation: f32,
    alignment: Alignment,
}

impl Lies {
    /// As a pair; `is_swapped` where it was the right image that was changed.
    fn of(self, Candidate { left, right, .. }: Candidate, is_swapped: bool) -> Verified {
        let alignment = if is_swapped { self.alignment.inverse() } else { self.alignment };
        Verified { left, right, correlation: self.correlation, alignment }
    }
}

fn align(orientation: Orientation, start: Start, from: &Maps, to: &Maps) -> Lies {
    let quality = |at: &[f32; 6]| {
        correlation(&from.middle, &to.middle, at).map_or(-1.0, |(value, overlap)| value * overlap.sqrt())
    };
    let is_turned = orientation != Orientation::UPRIGHT && orientation.is_right_angled();
    let mut cost = if is_turned { COST_OF_TURN } else { 0.0 };
    let (at, middle) = match start {
        Start::Still => ([0.0; 6], quality(&[0.0; 6])),
        Start::At(start) => {
            let mut improved = start.at;
            improve(&from.coarse, &to.coarse, &mut improved, 8, 2, 0.05);
            improve(&from.middle, &to.middle, &mut improved, 6, 1, 0.02);
            let at = if quality(&improved) > quality(&start.at) { improved } else { start.at };
            cost += if start.is_crop { COST_OF_CROP } else { 0.0 };
            (at, start.correlation)
        }
    };
    let of = |from: &Map, to: &Map| correlation(from, to, &at).map_or(-1.0, |(value, _)| value);
    let fine = of(&from.fine, &to.fine);
    // A disc has few coarse structures, which may well lie alike; and half a step of the angle is more than shifts make up for.
    let correlation = match orientation.is_right_angled() {
        true => (fine + of(&from.coarse, &to.coarse) + middle) / 3.0,
        false => f32::midpoint(fine, of(&from.middle, &to.middle)),
    };
    let correlation = (correlation - cost * (1.0 - correlation)).max(-1.0);
    Lies { correlation, alignment: Alignment { orientation, at } }
}

/// Below this effective rank of its map a picture is a plain shape. Of 2,000 test images of CIFAR-10 3 in 1,000 are, of 24 photos
/// none; a bar has 1.3 to 1.5.
const RANK_OF_SHAPES: f32 = 1.6;

/// Whether a picture is a plain shape: nearly all of its rows are multiples of one row. Any two bars can be shifted and
/// stretched onto one another, so that plain shapes are compared where they are.
///
/// The effective rank is (Σσ²)² / Σσ⁴ over the map's singular values σ: 1 where all rows are multiples of one.
fn is_plain_shape(map: &Map) -> bool {
    let rows: Vec<&[f32]> = map.chunks_exact(SIDE).collect();
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let trace: f32 = rows.iter().map(|row| product(row, row)).sum();
    let squares: f32 = rows.iter().flat_map(|a| rows.iter().map(|b| product(a, b).powi(2))).sum();
    trace.powi(2) < RANK_OF_SHAPES * squares
}

#[cfg(test)]
mod tests;
