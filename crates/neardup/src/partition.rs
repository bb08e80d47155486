//! A *partition* gives each cluster of duplicates, as a whole, one split: no image has a duplicate in another split.
//!
//! Splits have shares of the images. Clusters are placed one after another, larger ones first, those of one size in an order
//! that the seed draws. A cluster goes to one of the splits that have room for all of it, and of these to the one where its
//! labels are rarest against their shares; where none has room, to the split that lacks most. So each split's number of
//! images is off its share by less than the largest cluster has, and every class is divided alike as far as clusters allow.

mod config;
mod summary;

use std::collections::BTreeMap;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use twinset_manifest::rows::{Cluster, Image, Pair, Split};
use twinset_stage::{counted, verb};

use crate::NotDuplicates;
use crate::clean::{Census, CleanError, Keep, Scales};
pub use config::PartitionConfig;

/// The images of a set, their clusters and labels, before they are partitioned.
#[derive(Clone, Debug)]
pub struct Unpartitioned {
    census: Census,
    /// Image, cluster, label.
    images: Vec<(u64, u64, u32)>,
}

/// Which split each image is in.
#[derive(Clone, Debug)]
pub struct Partition {
    config: PartitionConfig,
    /// By image id.
    splits: Vec<(u64, Split)>,
    class_names: Vec<String>,
    n_images: BTreeMap<(Split, u32), u64>,
    n_clusters: usize,
    n_larger: usize,
    largest: usize,
}

/// Why a set cannot be partitioned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// Images and clusters do not belong together.
    #[error(transparent)]
    Set(#[from] CleanError),
    /// A split would be empty.
    #[error(
        "no cluster is left for split `{split}`: {} {} all {}, the largest {largest}",
        counted(*n_clusters as u64, "cluster"),
        verb(*n_clusters as u64, "holds", "hold"),
        counted(*n_images as u64, "image")
    )]
    Empty {
        /// The split.
        split: Split,
        /// How many clusters there are.
        n_clusters: usize,
        /// How many images there are.
        n_images: usize,
        /// How many images the largest cluster has.
        largest: usize,
    },
}

impl Unpartitioned {
    /// Begins with the clusters; images are added.
    ///
    /// # Errors
    /// When an image has two clusters.
    pub fn of(clusters: impl IntoIterator<Item = Cluster>) -> Result<Self, PartitionError> {
        Ok(Self { census: Census::of(clusters)?, images: Vec::new() })
    }

    /// Takes pairs that are told to be none for no duplicates. Comes before all pairs.
    pub fn except(&mut self, not_duplicates: NotDuplicates) {
        self.census.except(not_duplicates);
    }

    /// Adds pairs that were found with the clusters.
    ///
    /// # Errors
    /// Names an image that the clusters do not tell of.
    pub fn add_pairs(&mut self, pairs: &[Pair]) -> Result<(), PartitionError> {
        Ok(self.census.add_pairs(pairs)?)
    }

    /// Makes the clusters anew where pairs are told to be no duplicates. Comes after all pairs and before all images.
    pub fn recluster(&mut self) {
        self.census.recluster();
    }

    /// Adds the images of a batch.
    ///
    /// # Errors
    /// Names an image that occurs twice, that has no cluster, or whose class cannot be.
    pub fn add(&mut self, images: &[Image]) -> Result<(), PartitionError> {
        self.census.add(images, &Scales::new(Keep::First, Path::new("")))?;
        for image in images {
            let image_id = image.image_id;
            let cluster_id = self.census.cluster_of(image_id).ok_or(CleanError::NoCluster { image_id })?;
            self.images.push((image_id, cluster_id, image.label));
        }
        Ok(())
    }

    /// Decides which split each cluster is in.
    ///
    /// # Errors
    /// When the clusters tell of an image that was not added, and when a split would be empty.
    pub fn partition(mut self, config: &PartitionConfig) -> Result<Partition, PartitionError> {
        if let Some(image_id) = self.census.unseen() {
            return Err(CleanError::UnknownImage { image_id, of: "clusters" }.into());
        }
        self.images.sort_unstable_by_key(|&(image_id, cluster_id, _)| (cluster_id, image_id));
        let mut clusters: Vec<_> = self.images.chunk_by(|left, right| left.1 == right.1).collect();
        shuffle(&mut clusters, config.seed);
        clusters.sort_by_key(|members| std::cmp::Reverse(members.len()));
        let mut room = Room::of(&self.images, config);
        let mut splits = Vec::with_capacity(self.images.len());
        for members in &clusters {
            let split = room.place(members);
            splits.extend(members.iter().map(|&(image_id, ..)| (image_id, split)));
        }
        splits.sort_unstable_by_key(|&(image_id, _)| image_id);
        let partition = Partition {
            config: config.clone(),
            splits,
            class_names: self.census.class_names(),
            n_images: room.n_images,
            n_clusters: clusters.len(),
            n_larger: clusters.iter().filter(|members| members.len() > 1).count(),
            largest: clusters.first().map_or(0, |members| members.len()),
        };
        let is_empty = |split: &Split| config.share(*split) > 0.0 && partition.n_of_split(*split) == 0;
        match Split::ALL.iter().copied().find(is_empty) {
            None => Ok(partition),
            Some(split) => Err(PartitionError::Empty {
                split,
                n_clusters: partition.n_clusters,
                n_images: partition.splits.len(),
                largest: partition.largest,
            }),
        }
    }
}

impl Partition {
    /// The split of an image of the set.
    pub fn split_of(&self, image_id: u64) -> Option<Split> {
        let at = self.splits.binary_search_by_key(&image_id, |&(image_id, _)| image_id).ok()?;
        Some(self.splits[at].1)
    }

    /// The class names by label.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// How many images a split has.
    pub fn n_of_split(&self, split: Split) -> u64 {
        self.n_images.iter().filter(|((of, _), _)| *of == split).map(|(_, n)| n).sum()
    }

    /// How many images the largest cluster has.
    pub fn largest_cluster(&self) -> usize {
        self.largest
    }
}

/// How many images each split has so far, against how many it should have.
struct Room {
    /// The splits with a share, and how many images that is.
    targets: Vec<(Split, f64)>,
    of_label: BTreeMap<u32, u64>,
    n_total: u64,
    n_images: BTreeMap<(Split, u32), u64>,
    n_placed: BTreeMap<Split, u64>,
}

impl Room {
    fn of(images: &[(u64, u64, u32)], config: &PartitionConfig) -> Self {
        let mut of_label = BTreeMap::new();
        images.iter().for_each(|&(.., label)| *of_label.entry(label).or_default() += 1);
        let n_total = images.len() as u64;
        let shares = Split::ALL.iter().map(|&split| (split, config.share(split)));
        let targets = shares.filter(|&(_, share)| share > 0.0).map(|(split, share)| (split, share * n_total as f64));
        Self { targets: targets.collect(), of_label, n_total, n_images: BTreeMap::new(), n_placed: BTreeMap::new() }
    }

    /// Decides where a cluster goes.
    fn place(&mut self, members: &[(u64, u64, u32)]) -> Split {
        let mut labels: BTreeMap<u32, u64> = BTreeMap::new();
        members.iter().for_each(|&(.., label)| *labels.entry(label).or_default() += 1);
        let lacks = |&(split, target): &(Split, f64)| target - self.n_placed.get(&split).copied().unwrap_or(0) as f64;
        let has_room = |of: &&(Split, f64)| lacks(of) >= members.len() as f64;
        // What is compared is Sainte-Laguë's quotient, (2 n + 1) / target for one image, summed over the cluster.
        let crowding = |&(split, target): &(Split, f64)| {
            let of_label = labels.iter().map(|(label, &n)| {
                let n_there = self.n_images.get(&(split, *label)).copied().unwrap_or(0);
                let target = target * self.of_label[label] as f64 / self.n_total as f64;
                (n * (2 * n_there + n)) as f64 / target
            });
            of_label.sum::<f64>()
        };
        let fitting = self.targets.iter().filter(has_room).min_by(|a, b| crowding(a).total_cmp(&crowding(b)));
        let emptiest = || self.targets.iter().rev().max_by(|a, b| lacks(a).total_cmp(&lacks(b)));
        let split = fitting.or_else(emptiest).map_or(Split::Train, |&(split, _)| split);
        *self.n_placed.entry(split).or_default() += members.len() as u64;
        labels.into_iter().for_each(|(label, n)| *self.n_images.entry((split, label)).or_default() += n);
        split
    }
}

/// Puts clusters, which come in the order of their ids, in an order that depends on the seed alone.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for last in (1..items.len()).rev() {
        let other = ((u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests;
