//! The images of a set with their clusters, counted and checked batch by batch.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use twinset_manifest::rows::{Cluster, Image, Pair, Split};

use super::duplicates::Duplicates;
use super::error::{CleanError, MAX_CLASSES};
use super::worth::Scales;
use super::{CleanConfig, Cleaning, Member, clean_cluster, has_two_labels};
use crate::NotDuplicates;

/// What cleaning needs to know of the images: 33 bytes an image, 32 more for one that has duplicates.
#[derive(Clone, Debug)]
pub struct Census {
    clusters: Vec<Place>,
    is_seen: Vec<bool>,
    members: Vec<Member>,
    pub(super) duplicates: Duplicates,
    n_images: BTreeMap<(Split, u32), u64>,
    class_names: BTreeMap<u32, String>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    image_id: u64,
    cluster_id: u64,
    is_alone: bool,
}

impl Census {
    /// Begins with the clusters; images are added.
    ///
    /// # Errors
    /// When an image has two clusters.
    pub fn of(clusters: impl IntoIterator<Item = Cluster>) -> Result<Self, CleanError> {
        let place =
            |row: Cluster| Place { image_id: row.image_id, cluster_id: row.cluster_id, is_alone: row.cluster_size < 2 };
        let mut clusters: Vec<_> = clusters.into_iter().map(place).collect();
        clusters.sort_unstable_by_key(|place| place.image_id);
        if let Some(twice) = clusters.windows(2).find(|pair| pair[0].image_id == pair[1].image_id) {
            return Err(CleanError::RepeatedId { image_id: twice[0].image_id, of: "clusters" });
        }
        let is_seen = vec![false; clusters.len()];
        Ok(Self {
            clusters,
            is_seen,
            members: Vec::new(),
            duplicates: Duplicates::default(),
            n_images: BTreeMap::new(),
            class_names: BTreeMap::new(),
        })
    }

    /// Takes pairs that are told to be none for no duplicates. Comes before all pairs.
    pub fn except(&mut self, not_duplicates: NotDuplicates) {
        self.duplicates.except(not_duplicates);
    }

    /// Makes the clusters anew where pairs are told to be no duplicates. Comes after all pairs and before all images.
    pub fn recluster(&mut self) {
        if self.duplicates.left_out().is_none() {
            return;
        }
        let components = self.duplicates.components();
        let mut sizes = HashMap::<u64, u32>::new();
        for place in &mut self.clusters {
            place.cluster_id = components.of(place.image_id);
            *sizes.entry(place.cluster_id).or_default() += 1;
        }
        self.clusters.iter_mut().for_each(|place| place.is_alone = sizes[&place.cluster_id] < 2);
    }

    /// Adds the images of a batch. `scales` weigh those that have duplicates.
    ///
    /// # Errors
    /// Names an image that occurs twice, that has no cluster, whose class cannot be, or whose file cannot be read.
    pub fn add(&mut self, images: &[Image], scales: &Scales) -> Result<(), CleanError> {
        for image in images {
            let image_id = image.image_id;
            let index = self.clusters.binary_search_by_key(&image_id, |place| place.image_id);
            let index = index.map_err(|_| CleanError::NoCluster { image_id })?;
            if std::mem::replace(&mut self.is_seen[index], true) {
                return Err(CleanError::RepeatedId { image_id, of: "images" });
            }
            self.name_class(image)?;
            *self.n_images.entry((image.split, image.label)).or_default() += 1;
            let Place { cluster_id, is_alone, .. } = self.clusters[index];
            if !is_alone {
                let (split, label, worth) = (image.split, image.label, scales.weigh(image)?);
                let source = image.source.as_str().into();
                self.members.push(Member { image_id, cluster_id, split, label, worth, source });
            }
        }
        Ok(())
    }

    /// Adds pairs, of which those count that are exact or near.
    ///
    /// # Errors
    /// Names an image that the clusters do not tell of.
    pub fn add_pairs(&mut self, pairs: &[Pair]) -> Result<(), CleanError> {
        for pair in pairs {
            let ends = [pair.left_id, pair.right_id];
            if let Some(&image_id) = ends.iter().find(|&&image_id| self.cluster_of(image_id).is_none()) {
                return Err(CleanError::UnknownImage { image_id, of: "pairs" });
            }
            self.duplicates.add(pair);
        }
        Ok(())
    }

    fn name_class(&mut self, image: &Image) -> Result<(), CleanError> {
        let (image_id, label, found) = (image.image_id, image.label, &image.class_name);
        if label >= MAX_CLASSES {
            return Err(CleanError::Label { image_id, label });
        }
        match self.class_names.entry(label) {
            Entry::Vacant(entry) => {
                entry.insert(found.clone());
                Ok(())
            }
            Entry::Occupied(entry) if entry.get() == found => Ok(()),
            Entry::Occupied(entry) => {
                let (found, expected) = (found.clone(), entry.get().clone());
                Err(CleanError::ClassName { image_id, label, found, expected })
            }
        }
    }

    /// The cluster of an image.
    pub(crate) fn cluster_of(&self, image_id: u64) -> Option<u64> {
        let index = self.clusters.binary_search_by_key(&image_id, |place| place.image_id).ok()?;
        Some(self.clusters[index].cluster_id)
    }

    /// An image that the clusters tell of and that was not added.
    pub(crate) fn unseen(&self) -> Option<u64> {
        self.is_seen.iter().position(|is_seen| !is_seen).map(|index| self.clusters[index].image_id)
    }

    /// The class names by label.
    pub(crate) fn class_names(&self) -> Vec<String> {
        by_label(&self.class_names)
    }

    /// Decides which images are left out.
    ///
    /// # Errors
    /// When the clusters tell of an image that was not added.
    pub fn clean(mut self, config: &CleanConfig) -> Result<Cleaning, CleanError> {
        if let Some(image_id) = self.unseen() {
            return Err(CleanError::UnknownImage { image_id, of: "clusters" });
        }
        let near = self.duplicates.near();
        self.members.sort_unstable_by_key(|member| (member.cluster_id, member.image_id));
        let clusters = || self.members.chunk_by(|a, b| a.cluster_id == b.cluster_id);
        let mut removed: Vec<_> = clusters().flat_map(|members| clean_cluster(members, config, &near)).collect();
        removed.sort_unstable_by_key(|removed| removed.image_id);
        let is_removed =
            |member: &Member| removed.binary_search_by_key(&member.image_id, |removed| removed.image_id).is_ok();
        let is_conflict_left = |members: &&[Member]| {
            let kept: Vec<Member> = members.iter().filter(|member| !is_removed(member)).cloned().collect();
            has_two_labels(&kept)
        };
        let n_conflicts_left = clusters().filter(is_conflict_left).count() as u64;
        Ok(Cleaning {
            removed,
            ids: self.clusters.iter().map(|place| place.image_id).collect(),
            config: *config,
            n_clusters: clusters().count() as u64,
            n_conflicts: clusters().filter(|members| has_two_labels(members)).count() as u64,
            n_conflicts_left,
            n_images: self.n_images,
            class_names: self.class_names,
            left_out: self.duplicates.left_out(),
            is_searched_within: true,
            duplicates: self.duplicates,
            n_left_within: 0,
            n_left_between: 0,
            n_similar_left: 0,
        })
    }
}

/// Class names by label; an empty one for a label between others that no image has.
pub(super) fn by_label(class_names: &BTreeMap<u32, String>) -> Vec<String> {
    let n_classes = class_names.last_key_value().map_or(0, |(&label, _)| label + 1);
    (0..n_classes).map(|label| class_names.get(&label).cloned().unwrap_or_default()).collect()
}

/// Counts by split and label, as counts by split.
pub(super) fn by_split(counts: &BTreeMap<(Split, u32), u64>) -> BTreeMap<Split, u64> {
    let mut of_split = BTreeMap::new();
    counts.iter().for_each(|((split, _), n)| *of_split.entry(*split).or_default() += n);
    of_split
}
