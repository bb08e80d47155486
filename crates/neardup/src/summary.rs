//! What a person wants to know of the duplicates first.

use std::collections::BTreeMap;
use std::fmt;

use twinset_manifest::rows::{PairKind, Split};

use crate::{Clusters, Config, Fingerprint, Match, Recall};

/// What a person wants to know of the duplicates first. Printed, it is the stage's output on stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Images in all.
    pub n_images: u64,
    /// Images of one flat colour.
    pub n_flat: u64,
    /// Pairs by kind.
    pub n_pairs: BTreeMap<PairKind, u64>,
    /// Pairs of two classes, by kind.
    pub n_label_conflicts: BTreeMap<PairKind, u64>,
    /// Pairs that are exact or near by their splits, the earlier of the two (train, val, test) first.
    pub n_pairs_between: BTreeMap<(Split, Split), u64>,
    /// Images of the first split that share a cluster with an image of the second, for two different splits.
    pub n_leaked: BTreeMap<(Split, Split), u64>,
    /// Clusters of two images or more.
    pub n_clusters: u64,
    /// Images in them.
    pub n_clustered: u64,
    /// Images in the largest one.
    pub largest_cluster: u32,
    /// Near pairs that tie nothing together, for their cluster would be too large.
    pub n_untied: u64,
    /// How many of the planted duplicates were found, where a truth file tells of some.
    pub recall: Option<Recall>,
}

impl Summary {
    /// Sums up; images are in the order of their ids.
    pub fn of(images: &[Fingerprint], matches: &[Match], clusters: &Clusters, recall: Option<Recall>) -> Self {
        let mut summary = Self {
            n_images: images.len() as u64,
            n_flat: images.iter().filter(|image| image.is_flat).count() as u64,
            n_pairs: PairKind::ALL.iter().map(|&kind| (kind, 0)).collect(),
            n_label_conflicts: PairKind::ALL.iter().map(|&kind| (kind, 0)).collect(),
            n_pairs_between: BTreeMap::new(),
            n_leaked: leaked(images, clusters),
            n_clusters: clusters.sizes().count() as u64,
            n_clustered: clusters.sizes().map(u64::from).sum(),
            largest_cluster: clusters.sizes().max().unwrap_or(0),
            n_untied: clusters.n_untied(),
            recall,
        };
        for pair in matches {
            let (left, right) = (&images[pair.left as usize], &images[pair.right as usize]);
            *summary.n_pairs.entry(pair.kind).or_default() += 1;
            *summary.n_label_conflicts.entry(pair.kind).or_default() += u64::from(left.label != right.label);
            if pair.kind == PairKind::Similar {
                continue;
            }
            let splits = (left.split.min(right.split), left.split.max(right.split));
            *summary.n_pairs_between.entry(splits).or_default() += 1;
        }
        summary
    }
}

/// A warning where a chain of near-duplicates, each a little unlike the one before, ties together what is not alike: where
/// pairs were left untied, and where one cluster holds more than half of all images.
pub fn chain_warning(summary: &Summary, config: &Config) -> Option<String> {
    let Summary { n_images, largest_cluster, n_untied, .. } = summary;
    let bound = match config.search {
        _ if config.verify => format!("`near-similarity` {} is too small", config.near_similarity),
        _ => format!("`max-distance` {} is too large", config.max_distance),
    };
    if *n_untied > 0 {
        let max = config.max_cluster_size;
        return Some(format!(
            "{n_untied} near pairs tie nothing together, for their clusters would have more than {max} images \
             (`max-cluster-size`): {bound} for these images, or many of them are one picture"
        ));
    }
    let is_chained = *n_images > 2 && 2 * u64::from(*largest_cluster) > *n_images;
    is_chained.then(|| {
        format!(
            "one cluster holds {largest_cluster} of {n_images} images: {bound} for these images, or most of them are one \
             picture"
        )
    })
}

/// For each two different splits, the images of the one whose cluster has an image of the other.
fn leaked(images: &[Fingerprint], clusters: &Clusters) -> BTreeMap<(Split, Split), u64> {
    let bit = |split: Split| 1_u8 << split as u8;
    let mut splits_of = vec![0_u8; images.len()];
    for (index, image) in images.iter().enumerate() {
        splits_of[clusters.first(index)] |= bit(image.split);
    }
    let mut n_leaked = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        let splits = splits_of[clusters.first(index)];
        let others = Split::ALL.iter().filter(|&&other| other != image.split && splits & bit(other) != 0);
        for &other in others {
            *n_leaked.entry((image.split, other)).or_default() += 1;
        }
    }
    n_leaked
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} images, {} of one flat colour (left out of the hash search)", self.n_images, self.n_flat)?;
        for (kind, n_pairs) in self.n_pairs.iter().filter(|&(kind, &n)| n > 0 || *kind != PairKind::Similar) {
            writeln!(f, "{n_pairs} {kind} pairs, {} with two labels", self.n_label_conflicts[kind])?;
        }
        for ((left, right), n_pairs) in &self.n_pairs_between {
            writeln!(f, "  {left} - {right}: {n_pairs} pairs")?;
        }
        writeln!(
            f,
            "{} clusters of {} images, the largest of {}",
            self.n_clusters, self.n_clustered, self.largest_cluster
        )?;
        for ((split, other), n_leaked) in &self.n_leaked {
            writeln!(f, "  {n_leaked} {split} images share a cluster with a {other} image")?;
        }
        if let Some(recall) = &self.recall {
            write!(f, "{recall}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::{exact, image, near};

    fn set() -> (Vec<Fingerprint>, Vec<Match>) {
        let mut images: Vec<_> = (0..6).map(|id| image(id, id as u8, 0)).collect();
        images[3].split = Split::Test;
        images[4].split = Split::Test;
        images[4].label = 1;
        images[5].is_flat = true;
        (images, vec![near(0, 3, 2), exact(1, 2), near(3, 4, 1)])
    }

    #[test]
    fn leakage_label_conflicts_and_clusters_are_counted() {
        let (images, matches) = set();
        let summary = Summary::of(&images, &matches, &Clusters::of(images.len(), &matches, 1000), None);
        assert_eq!(
            summary.to_string(),
            "6 images, 1 of one flat colour (left out of the hash search)\n\
             1 exact pairs, 0 with two labels\n\
             2 near pairs, 1 with two labels\n  \
               train - train: 1 pairs\n  \
               train - test: 1 pairs\n  \
               test - test: 1 pairs\n\
             2 clusters of 5 images, the largest of 3\n  \
               1 train images share a cluster with a test image\n  \
               2 test images share a cluster with a train image\n"
        );
    }

    #[test]
    fn a_cluster_of_more_than_half_of_the_set_is_warned_of() {
        let check = |n_images: usize, expected: bool| {
            let images: Vec<_> = (0..n_images as u64).map(|id| image(id, id as u8, 0)).collect();
            let matches = [near(0, 1, 1), near(1, 2, 1)];
            let summary = Summary::of(&images, &matches, &Clusters::of(n_images, &matches, 1000), None);
            let warning = chain_warning(&summary, &Config::default());
            assert_eq!(warning.is_some(), expected, "{n_images} images: {warning:?}");
        };
        check(5, true);
        check(6, false);
    }
}
