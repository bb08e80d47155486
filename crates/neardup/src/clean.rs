//! *Cleaning* leaves out duplicates within splits and leaks between them, and says of each image that it left out why.
//!
//! Each image that is left out is a duplicate of one that stays, and that one is named. So of a chain - a panning video - as many
//! images stay as it takes, and no two that stay are duplicates of one another.

mod census;
mod config;
mod duplicates;
mod error;
mod summary;
mod worth;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinset_manifest::rows::{Pair, PairKind, Removal, Removed, Split};

use crate::LeftOut;
use census::by_split;
use duplicates::{Duplicates, Near};
use worth::Worth;

pub use census::Census;
pub use config::{CleanConfig, Keep, LabelConflicts, Leaks};
pub use error::CleanError;
pub use worth::Scales;

/// An image of a cluster of two or more.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    image_id: u64,
    cluster_id: u64,
    split: Split,
    label: u32,
    worth: Worth,
    source: Box<str>,
}

/// Which images of a set are left out, and why.
#[derive(Clone, Debug)]
pub struct Cleaning {
    /// What is left out, in the order of ids.
    pub removed: Vec<Removed>,
    /// All ids, smallest first.
    ids: Vec<u64>,
    config: CleanConfig,
    n_images: BTreeMap<(Split, u32), u64>,
    class_names: BTreeMap<u32, String>,
    n_clusters: u64,
    n_conflicts: u64,
    /// Of these, how many have images of two labels still.
    n_conflicts_left: u64,
    n_left_within: u64,
    n_left_between: u64,
    /// Whether duplicates within splits were searched.
    is_searched_within: bool,
    left_out: Option<LeftOut>,
    /// Similar pairs of two images that both stay.
    n_similar_left: u64,
    duplicates: Duplicates,
}

impl Cleaning {
    /// Whether an image stays.
    pub fn keeps(&self, image_id: u64) -> bool {
        self.removed.binary_search_by_key(&image_id, |removed| removed.image_id).is_err()
    }

    /// Expects that something is left of every split.
    ///
    /// # Errors
    /// Names the first split of which nothing is.
    pub fn check_left(&self) -> Result<(), CleanError> {
        let (n_images, n_kept) = (by_split(&self.n_images), by_split(&self.n_kept()));
        match n_images.into_iter().find(|(split, _)| n_kept[split] == 0) {
            None => Ok(()),
            Some((split, n_images)) => Err(CleanError::NothingLeft { split, n_images }),
        }
    }

    /// Says that no duplicates were searched within splits.
    pub fn not_searched_within(&mut self) {
        self.is_searched_within = false;
    }

    /// Counts the pairs that are left: those of two images that both stay.
    ///
    /// # Errors
    /// Names an image that is not among those of the set.
    pub fn add_pairs(&mut self, pairs: &[Pair]) -> Result<(), CleanError> {
        for pair in pairs {
            let ends = [pair.left_id, pair.right_id];
            if let Some(&image_id) = ends.iter().find(|image_id| self.ids.binary_search(image_id).is_err()) {
                return Err(CleanError::UnknownImage { image_id, of: "pairs" });
            }
            if self.duplicates.is_left_out(pair) || !ends.iter().all(|&image_id| self.keeps(image_id)) {
                continue;
            }
            let n_left = match pair.kind {
                PairKind::Similar => &mut self.n_similar_left,
                _ if pair.left_split == pair.right_split => &mut self.n_left_within,
                _ => &mut self.n_left_between,
            };
            *n_left += 1;
        }
        Ok(())
    }

    /// The class names by label.
    pub fn class_names(&self) -> Vec<String> {
        census::by_label(&self.class_names)
    }

    /// Images that stay, by split and label, in the same order as those that there were.
    fn n_kept(&self) -> BTreeMap<(Split, u32), u64> {
        let mut n_kept = self.n_images.clone();
        for removed in &self.removed {
            *n_kept.entry((removed.split, removed.label)).or_default() -= 1;
        }
        n_kept
    }
}

/// What cleaning does by its default settings, of all pairs of a search.
#[derive(Clone, Debug, Default)]
pub(crate) struct DefaultCleaning {
    duplicates: Duplicates,
}

impl DefaultCleaning {
    pub(crate) fn add(&mut self, pair: &Pair) {
        self.duplicates.add(pair);
    }

    /// The images that are left out, of all that have duplicates: each with its split and its number of pixels.
    pub(crate) fn left_out(
        &self,
        images: impl Iterator<Item = (u64, Split, u64)>,
        within_splits: bool,
    ) -> BTreeSet<u64> {
        let member = |(image_id, split, n_pixels): (u64, Split, u64)| {
            let worth = Scales::by_pixels(n_pixels);
            Member { image_id, cluster_id: 0, split, label: 0, worth, source: "".into() }
        };
        // All clusters at once: no image has duplicates in another one.
        let members: Vec<Member> = images.map(member).collect();
        let config = CleanConfig { within_splits, ..CleanConfig::default() };
        let left_out = clean_cluster(&members, &config, &self.duplicates.near());
        left_out.into_iter().map(|removed| removed.image_id).collect()
    }
}

/// What is left out of a cluster.
fn clean_cluster(members: &[Member], config: &CleanConfig, near: &Near<'_>) -> Vec<Removed> {
    let removed = |member: &Member, reason: Removal, kept: Option<&Member>| {
        let Member { image_id, cluster_id, split, label, ref source, .. } = *member;
        let (kept_id, kept_source) = (kept.map(|kept| kept.image_id), kept.map(|kept| kept.source.to_string()));
        Removed { image_id, split, label, cluster_id, kept_id, reason, source: source.to_string(), kept_source }
    };
    if config.label_conflicts == LabelConflicts::Remove && has_two_labels(members) {
        return members.iter().map(|member| removed(member, Removal::LabelConflict, None)).collect();
    }
    // Those that stay before others come first.
    let mut order: Vec<&Member> = members.iter().collect();
    order.sort_by_key(|member| {
        let split = member.split as i8;
        let split = match config.leaks {
            Leaks::RemoveFromTest => split,
            Leaks::RemoveFromTrain => -split,
            Leaks::Keep => 0,
        };
        (split, Reverse(member.worth), member.image_id)
    });
    let mut kept = HashMap::<u64, Vec<&Member>>::new();
    let mut left_out = Vec::new();
    for member in order {
        let duplicate = |is_of: &dyn Fn(Split) -> bool| {
            let mut kept = near.of(member.image_id).filter_map(|other| kept.get(&other)).flatten();
            kept.find(|kept| is_of(kept.split)).copied()
        };
        let leaks_to = if config.leaks == Leaks::Keep { None } else { duplicate(&|split| split != member.split) };
        let within = if config.within_splits { duplicate(&|split| split == member.split) } else { None };
        match (leaks_to, within) {
            (Some(kept), _) => left_out.push(removed(member, Removal::Leak, Some(kept))),
            (None, Some(kept)) => left_out.push(removed(member, Removal::Duplicate, Some(kept))),
            (None, None) => kept.entry(near.stands_for(member.image_id)).or_default().push(member),
        }
    }
    left_out
}

fn has_two_labels(members: &[Member]) -> bool {
    members.iter().any(|member| member.label != members[0].label)
}

#[cfg(test)]
mod tests;
