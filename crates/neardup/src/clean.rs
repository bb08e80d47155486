//! *Cleaning* leaves out duplicates within splits and leaks between them, and says of each image that it left out why.

mod census;
mod config;
mod summary;

use std::collections::BTreeMap;

use twinset_manifest::rows::{Pair, PairKind, Removal, Removed, Split};

pub use census::{Census, CleanError};
pub use config::{CleanConfig, Keep, LabelConflicts, Leaks};

/// An image of a cluster of two or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    image_id: u64,
    cluster_id: u64,
    split: Split,
    label: u32,
    n_pixels: u64,
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
}

impl Cleaning {
    /// Whether an image stays.
    pub fn keeps(&self, image_id: u64) -> bool {
        self.removed.binary_search_by_key(&image_id, |removed| removed.image_id).is_err()
    }

    /// Counts the duplicates that are left: exact and near pairs of two images that both stay.
    ///
    /// # Errors
    /// Names an image that is not among those of the set.
    pub fn add_pairs(&mut self, pairs: &[Pair]) -> Result<(), CleanError> {
        for pair in pairs {
            let ends = [pair.left_id, pair.right_id];
            if let Some(&image_id) = ends.iter().find(|image_id| self.ids.binary_search(image_id).is_err()) {
                return Err(CleanError::UnknownImage { image_id, of: "pairs" });
            }
            if pair.kind == PairKind::Similar || !ends.iter().all(|&image_id| self.keeps(image_id)) {
                continue;
            }
            let n_left =
                if pair.left_split == pair.right_split { &mut self.n_left_within } else { &mut self.n_left_between };
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

/// What is left out of a cluster.
fn clean_cluster(members: &[Member], config: &CleanConfig) -> Vec<Removed> {
    let removed = |member: &Member, reason: Removal, kept_id: Option<u64>| {
        let &Member { image_id, cluster_id, split, label, .. } = member;
        Removed { image_id, split, label, cluster_id, kept_id, reason }
    };
    if config.label_conflicts == LabelConflicts::Remove && has_two_labels(members) {
        return members.iter().map(|member| removed(member, Removal::LabelConflict, None)).collect();
    }
    let splits = members.iter().map(|member| member.split);
    let only = match config.leaks {
        Leaks::RemoveFromTest => splits.min(),
        Leaks::RemoveFromTrain => splits.max(),
        Leaks::Keep => None,
    };
    let mut left_out = Vec::new();
    for member in members {
        let kept_split = only.unwrap_or(member.split);
        let kept_id = config.keep.choose(members.iter().filter(|other| other.split == kept_split));
        if member.split != kept_split {
            left_out.push(removed(member, Removal::Leak, kept_id));
        } else if config.within_splits && kept_id != Some(member.image_id) {
            left_out.push(removed(member, Removal::Duplicate, kept_id));
        }
    }
    left_out
}

fn has_two_labels(members: &[Member]) -> bool {
    members.iter().any(|member| member.label != members[0].label)
}

impl Keep {
    /// The image that stands for these.
    fn choose<'a>(self, members: impl Iterator<Item = &'a Member>) -> Option<u64> {
        let size = |member: &Member| if self == Self::Largest { u64::MAX - member.n_pixels } else { 0 };
        members.min_by_key(|member| (size(member), member.image_id)).map(|member| member.image_id)
    }
}

#[cfg(test)]
mod tests;
