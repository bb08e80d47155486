//! The candidates: the pairs that are verified.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use twinset_manifest::ManifestError;
use twinset_manifest::rows::Split;

use crate::config::Method;
use crate::correlation::{self, Candidate, Listed, State};
use crate::groups::{Groups, Splits};
use crate::looked::Looked;
use crate::orientation::Orientation;
use crate::search::{self, Neighbours, Sets, TooManyPairs};
use crate::thumbnail::Thumbnail;
use crate::views::Views;
use crate::{Config, Fingerprint, Known, NeardupError, Part};

/// The exact duplicates, and the pairs that may be near-duplicates.
pub struct Candidates {
    pub(crate) groups: Groups,
    pub(crate) views: Views,
    /// Pairs of views, in order.
    pub(crate) pairs: Vec<Looked>,
    pub(crate) found_by: FoundBy,
    pub(crate) n_by_chance: u64,
    /// Whether pairs of unrelated images are counted only between the two sets.
    pub(crate) is_between_sets: bool,
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

/// A phase of the work, for progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The search for candidates.
    Search,
    /// Finds the best shift or crop of each candidate, and drops unlikely ones.
    Verification,
    /// The alignment of the remaining candidates.
    Alignment,
}

impl Candidates {
    /// Finds the exact duplicates and the candidates. The result does not depend on what is `known`. A part finds its
    /// share of the candidates; all parts together find the same candidates as the whole.
    ///
    /// # Errors
    /// When the hash search finds more than `max-pairs`.
    ///
    /// # Panics
    /// When candidates are searched by correlation and an image has no thumbnail.
    pub fn find<P: Fn(u64) + Sync>(
        images: &[Fingerprint],
        config: &Config,
        known: &Known,
        part: Part,
        begin: &impl Fn(Phase, u64) -> P,
    ) -> Result<Self, NeardupError> {
        let Self { groups, views, found_by, .. } = Self::none(images, config)?;
        let (mut states, looked) = known.of(images, &groups, &views, config);
        // With `between-splits`, the images of the largest split are not compared with one another, which saves time.
        let largest = if config.between_splits { largest_split(&groups) } else { None };
        let is_of_largest = |view: u32| largest.is_some_and(|largest| groups.splits(views.place(view)) == largest);
        let is_of_largest: Vec<bool> = (0..views.len()).map(is_of_largest).collect();
        if known.n_images() == 0 {
            let states = states.iter_mut().zip(&is_of_largest).filter(|(_, is_of_largest)| **is_of_largest);
            states.for_each(|(state, _)| *state = State::Known);
        }
        let listed = match found_by {
            FoundBy::Hash => by_hash(images, &groups, config, part, &states, &looked, begin)
                .map_err(|TooManyPairs| too_many_pairs(config))?,
            _ => by_correlation(images, &groups, &views, config, (part, &states, &is_of_largest), &looked, begin),
        };
        let verdict = |listed: &Listed| {
            let place = looked.binary_search_by_key(&listed.candidate, |looked| looked.listed.candidate).ok()?;
            looked[place].verdict
        };
        let pairs = listed.into_iter().map(|listed| Looked { verdict: verdict(&listed), listed }).collect();
        Ok(Self { groups, views, pairs, found_by, n_by_chance: 0, is_between_sets: false })
    }

    /// The exact duplicates, and no candidates.
    pub(crate) fn none(images: &[Fingerprint], config: &Config) -> Result<Self, NeardupError> {
        if u32::try_from(images.len()).is_err() {
            return Err(NeardupError::TooManyImages { n_images: images.len() });
        }
        let groups = Groups::of(images);
        let (views, found_by) = match config.method(images.len() as u64) {
            Method::Correlation => (Views::of(images, &groups), FoundBy::Correlation),
            Method::Hash => (Views::without_frames(&groups), FoundBy::Hash),
        };
        Ok(Self { groups, views, pairs: Vec::new(), found_by, n_by_chance: 0, is_between_sets: false })
    }

    /// Treats the two splits as two sets, so that pairs of unrelated images are counted only between them.
    pub fn only_between_sets(&mut self) {
        self.is_between_sets = true;
    }

    /// How many pairs of unrelated images there are among some places, one of which stands for each image.
    pub(crate) fn n_unrelated(&self, places: &[u32]) -> f64 {
        let n = places.len() as f64;
        if !self.is_between_sets {
            return n * (n - 1.0).max(0.0) / 2.0;
        }
        let in_first = |place: &&u32| self.groups.splits(**place).bits() & 1 << Split::Train as u8 != 0;
        let n_first = places.iter().filter(in_first).count() as f64;
        n_first * (n - n_first)
    }

    /// The number of pairs to verify, each in one orientation.
    pub fn n_pairs(&self) -> usize {
        self.pairs.len()
    }

    /// How many pairs are `similar` instead of `near` because unrelated images of this set are as alike; 0 before
    /// [`matches`](Self::matches).
    pub fn n_by_chance(&self) -> u64 {
        self.n_by_chance
    }

    /// Saves the results for the next run, which loads them as [`Known`].
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn save(&self, folder: &Path, images: &[Fingerprint], config: &Config) -> Result<(), ManifestError> {
        Known::save(folder, images, &self.groups, &self.views, &self.pairs, config)
    }

    /// The pairs that verification has to look at.
    pub(crate) fn not_verified(&self) -> impl Iterator<Item = Candidate> {
        self.pairs.iter().filter(|looked| looked.verdict.is_none()).map(|looked| looked.listed.candidate)
    }

    /// The indices of the images whose thumbnails verification needs and that have none yet.
    pub fn without_thumbnail(&self, images: &[Fingerprint]) -> BTreeSet<u32> {
        let ends = self.not_verified().flat_map(|pair| [pair.left, pair.right]);
        let ends = ends.map(|view| self.groups.index(self.views.place(view)));
        ends.filter(|&index| images[index as usize].thumbnail.is_none()).collect()
    }
}

pub(crate) fn too_many_pairs(config: &Config) -> NeardupError {
    NeardupError::TooManyPairs { max_pairs: config.max_pairs, max_distance: config.max_distance }
}

/// The split with the most images, counting only images that are in no other split.
fn largest_split(groups: &Groups) -> Option<Splits> {
    let mut n_images: BTreeMap<Splits, usize> = BTreeMap::new();
    (0..groups.n_searched() as u32).for_each(|place| *n_images.entry(groups.splits(place)).or_default() += 1);
    let alone = n_images.into_iter().filter(|(splits, _)| splits.bits().count_ones() == 1);
    alone.max_by_key(|(_, n)| *n).map(|(splits, _)| splits)
}

fn by_correlation<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    groups: &Groups,
    views: &Views,
    config: &Config,
    (part, states, is_of_largest): (Part, &[State], &[bool]),
    looked: &[Looked],
    begin: &impl Fn(Phase, u64) -> P,
) -> Vec<Listed> {
    let known: Vec<Listed> = looked.iter().map(|looked| looked.listed).collect();
    let thumbnails: Vec<&Thumbnail> = (0..views.len()).map(|view| views.thumbnail(images, groups, view)).collect();
    let may_pair = |left: u32, right: u32| {
        // Two pictures in frames are not compared with their frames: these may well be the same.
        let is_of_frames = |view| !views.is_framed(view) && views.view(view, true).is_some();
        if is_of_frames(left) && is_of_frames(right) {
            return false;
        }
        let (left, right) = (views.place(left), views.place(right));
        left != right && (!config.between_splits || groups.splits(left).differ_from(groups.splits(right)))
    };
    let mine = part.range(u64::from(views.len()));
    let search = correlation::Search {
        thumbnails: &thumbnails,
        is_large: &(0..views.len()).map(|view| views.is_large(images, groups, view)).collect::<Vec<bool>>(),
        orientations: &config.orientations.list(),
        may_pair: &may_pair,
        states,
        are_apart: is_of_largest,
        known: &known,
        mine: mine.start as u32..mine.end as u32,
    };
    let on_progress = begin(Phase::Search, (mine.end - mine.start) * search.orientations.len() as u64);
    correlation::candidates(&search, &on_progress)
}

/// Pairs of places within the radius, in order.
fn by_hash<P: Fn(u64) + Sync>(
    images: &[Fingerprint],
    groups: &Groups,
    config: &Config,
    part: Part,
    states: &[State],
    looked: &[Looked],
    begin: &impl Fn(Phase, u64) -> P,
) -> Result<Vec<Listed>, TooManyPairs> {
    let mut listed: Vec<Listed> = looked.iter().map(|looked| looked.listed).collect();
    let hash = |place: u32| &images[groups.index(place) as usize].hash;
    let found = if config.n_bits() <= 64 {
        new_hash_pairs(|place| [hash(place)[0]], groups, config, part, states, begin)
    } else {
        new_hash_pairs(|place| *hash(place), groups, config, part, states, begin)
    };
    listed.extend(found?.into_iter().map(|pair| Listed {
        candidate: Candidate { left: pair.left, right: pair.right, orientation: Orientation::UPRIGHT },
        of_left: Some(pair.distance_bits.into()),
        of_right: None,
    }));
    listed.sort_unstable_by_key(|listed| listed.candidate);
    listed.dedup_by_key(|listed| listed.candidate);
    if listed.len() as u64 > config.max_pairs { Err(TooManyPairs) } else { Ok(listed) }
}

/// Pairs of places within the radius, those of two images that are known left out.
fn new_hash_pairs<const W: usize, P: Fn(u64) + Sync>(
    hash: impl Fn(u32) -> [u64; W],
    groups: &Groups,
    config: &Config,
    part: Part,
    states: &[State],
    begin: &impl Fn(Phase, u64) -> P,
) -> Result<Vec<Neighbours>, TooManyPairs> {
    let places = |is_wanted: &dyn Fn(u32, bool) -> bool| -> Vec<u32> {
        let places = (0..states.len() as u32).filter(|&place| is_wanted(place, states[place as usize] == State::New));
        places.collect()
    };
    let hashes = |places: &[u32]| -> Vec<[u64; W]> { places.iter().map(|&place| hash(place)).collect() };
    let search = |sets: Sets<'_, W>| {
        let method = search::Method::cheapest(sets.size(), config.n_bits(), config.max_distance);
        let on_progress = begin(Phase::Search, method.n_steps(sets.size()) / u64::from(part.count()));
        search::collect_pairs(sets, config.n_bits(), config.max_distance, method, part, config.max_pairs, &on_progress)
    };
    let mut found = Vec::new();
    let mut between = |lefts: &[u32], rights: &[u32]| {
        if lefts.is_empty() || rights.is_empty() {
            return Ok(());
        }
        let pairs = search(Sets::Between(&hashes(lefts), &hashes(rights)))?;
        // A group with images of two splits meets itself.
        found.extend(pairs.into_iter().filter_map(|pair| {
            let (left, right) = (lefts[pair.left as usize], rights[pair.right as usize]);
            (left != right).then_some(Neighbours { left: left.min(right), right: left.max(right), ..pair })
        }));
        Ok(())
    };
    if config.between_splits {
        // What lies in one split alone is not compared within it.
        for left in 0..8 {
            for right in left + 1..8 {
                let of = |place, split: u8| groups.splits(place).bits() & 1 << split != 0;
                between(&places(&|place, is_new| is_new && of(place, left)), &places(&|place, _| of(place, right)))?;
                between(
                    &places(&|place, is_new| !is_new && of(place, left)),
                    &places(&|place, is_new| is_new && of(place, right)),
                )?;
            }
        }
        return Ok(found);
    }
    let new = places(&|_, is_new| is_new);
    between(&new, &places(&|_, is_new| !is_new))?;
    let within = search(Sets::Within(&hashes(&new)))?;
    found.extend(within.into_iter().map(|pair| {
        let (left, right) = (new[pair.left as usize], new[pair.right as usize]);
        Neighbours { left, right, ..pair }
    }));
    Ok(found)
}
