//! What a person wants to know of the duplicates first.

use std::collections::BTreeMap;
use std::fmt;

use twinset_manifest::rows::{PairKind, Split};
use twinset_stage::{counted, verb};

use crate::{Clusters, Fingerprint, LeftOut, Match, NamedPair, Recall, Searched};

/// Pairs that are named.
const N_NAMED: usize = 5;

/// What a person wants to know of the duplicates first. Printed, it is the stage's output on stdout.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How the set was searched.
    pub searched: Searched,
    /// Images by split, of the splits that have any.
    pub n_images_of: BTreeMap<Split, u64>,
    /// Images of one flat colour.
    pub n_flat: u64,
    /// The leakage matrix: pairs by their two splits, the earlier of them (train, val, test) first, and by their kind.
    pub n_pairs: BTreeMap<((Split, Split), PairKind), PairCount>,
    /// For two different splits, the images of the first that have a duplicate in the second.
    pub n_leaked: BTreeMap<(Split, Split), Leaked>,
    /// Clusters of two images or more.
    pub n_clusters: u64,
    /// Images in them.
    pub n_clustered: u64,
    /// Images in the largest one.
    pub largest_cluster: u32,
    /// The first exact and near pairs, one of each cluster.
    pub first: Vec<NamedPair>,
    /// The first exact or near pair of images of two splits.
    pub first_leak: Option<NamedPair>,
    /// What a file of pairs that are no duplicates did, where there is one.
    pub left_out: Option<LeftOut>,
    /// How many of the planted duplicates were found, where a truth file tells of some.
    pub recall: Option<Recall>,
}

/// How many pairs there are of some sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairCount {
    /// All.
    pub n_pairs: u64,
    /// Those of two classes.
    pub n_label_conflicts: u64,
}

/// How many images of a split have a duplicate in another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaked {
    /// Those in an exact or near pair with an image there.
    pub n_images: u64,
    /// Those that are tied to an image there by pairs with other images alone: they share a cluster.
    pub n_through_others: u64,
}

impl Summary {
    /// Sums up; images are in the order of their ids.
    pub fn of(
        images: &[Fingerprint],
        matches: &[Match],
        clusters: &Clusters,
        recall: Option<Recall>,
        searched: Searched,
    ) -> Self {
        let mut n_images_of = BTreeMap::new();
        images.iter().for_each(|image| *n_images_of.entry(image.split).or_default() += 1);
        let mut n_pairs: BTreeMap<_, PairCount> = BTreeMap::new();
        for pair in matches {
            let (left, right) = (&images[pair.left as usize], &images[pair.right as usize]);
            let splits = (left.split.min(right.split), left.split.max(right.split));
            let count = n_pairs.entry((splits, pair.kind)).or_default();
            count.n_pairs += 1;
            count.n_label_conflicts += u64::from(left.label != right.label);
        }
        let is_leak = |left: &Fingerprint, right: &Fingerprint| left.split != right.split;
        Self {
            searched,
            first: NamedPair::first(N_NAMED, images, matches, clusters, |_, _| true),
            first_leak: NamedPair::first(1, images, matches, clusters, is_leak).pop(),
            left_out: None,
            n_images_of,
            n_flat: images.iter().filter(|image| image.is_flat).count() as u64,
            n_pairs,
            n_leaked: leaked(images, matches, clusters),
            n_clusters: clusters.sizes().count() as u64,
            n_clustered: clusters.sizes().map(u64::from).sum(),
            largest_cluster: clusters.sizes().max().unwrap_or(0),
            recall,
        }
    }

    /// Images in all.
    pub fn n_images(&self) -> u64 {
        self.n_images_of.values().sum()
    }

    /// Exact and near pairs of images of two splits.
    pub fn n_leaks(&self) -> u64 {
        let is_leak = |((left, right), kind): &((Split, Split), PairKind)| left != right && *kind != PairKind::Similar;
        self.n_pairs.iter().filter(|(of, _)| is_leak(of)).map(|(_, count)| count.n_pairs).sum()
    }

    /// The pairs of a kind, of these splits or of any.
    pub(crate) fn count(&self, splits: Option<(Split, Split)>, kind: PairKind) -> PairCount {
        let counts = self.n_pairs.iter().filter(|((s, k), _)| *k == kind && splits.is_none_or(|splits| splits == *s));
        counts.fold(PairCount::default(), |sum, (_, count)| PairCount {
            n_pairs: sum.n_pairs + count.n_pairs,
            n_label_conflicts: sum.n_label_conflicts + count.n_label_conflicts,
        })
    }

    /// The leakage matrix, a line for each two splits and one for all.
    fn write_matrix(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_similar = self.count(None, PairKind::Similar).n_pairs > 0;
        let kinds = || PairKind::ALL.iter().filter(|&&kind| has_similar || kind != PairKind::Similar);
        let line = |f: &mut fmt::Formatter<'_>, name: &str, splits: Option<(Split, Split)>| {
            write!(f, "  {name:21}")?;
            for &kind in kinds() {
                let PairCount { n_pairs, n_label_conflicts } = self.count(splits, kind);
                let is_within = splits.is_some_and(|(left, right)| left == right);
                let count = match is_within && self.searched.is_between_splits() {
                    true => "not searched".to_owned(),
                    false => format!("{n_pairs} ({n_label_conflicts})"),
                };
                write!(f, "{count:>18}")?;
            }
            writeln!(f)
        };
        write!(f, "pairs (with two labels)")?;
        kinds().try_for_each(|kind| write!(f, "{:>18}", kind.as_str()))?;
        writeln!(f)?;
        let splits: Vec<Split> = self.n_images_of.keys().copied().collect();
        for (place, &left) in splits.iter().enumerate() {
            for &right in &splits[place..] {
                line(f, &format!("{left} - {right}"), Some((left, right)))?;
            }
        }
        if splits.len() > 1 { line(f, "all", None) } else { Ok(()) }
    }

    /// Which share of each split has a duplicate in each other one.
    fn write_leaked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (split, n_images) in &self.n_images_of {
            for other in self.n_images_of.keys().filter(|&other| other != split) {
                let Leaked { n_images: n, n_through_others } =
                    self.n_leaked.get(&(*split, *other)).copied().unwrap_or_default();
                let (share, have) = (n as f64 / *n_images as f64, verb(n, "has", "have"));
                write!(f, "  {n} of {n_images} {split} images ({share:.4}) {have} a duplicate in {other}")?;
                match n_through_others {
                    0 => writeln!(f)?,
                    _ => writeln!(f, ", {n_through_others} more through other images")?,
                }
            }
        }
        Ok(())
    }
}

/// For each two different splits, the images of the one that have a duplicate in the other.
fn leaked(images: &[Fingerprint], matches: &[Match], clusters: &Clusters) -> BTreeMap<(Split, Split), Leaked> {
    let bit = |split: Split| 1_u8 << split as u8;
    let mut twins_in = vec![0_u8; images.len()];
    for pair in matches.iter().filter(|pair| pair.kind != PairKind::Similar) {
        let (left, right) = (pair.left as usize, pair.right as usize);
        twins_in[left] |= bit(images[right].split);
        twins_in[right] |= bit(images[left].split);
    }
    let mut splits_of = vec![0_u8; images.len()];
    for (index, image) in images.iter().enumerate() {
        splits_of[clusters.first(index)] |= bit(image.split);
    }
    let mut n_leaked: BTreeMap<(Split, Split), Leaked> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        let splits = splits_of[clusters.first(index)];
        let others = Split::ALL.iter().filter(|&&other| other != image.split && splits & bit(other) != 0);
        for &other in others {
            let leaked = n_leaked.entry((image.split, other)).or_default();
            match twins_in[index] & bit(other) {
                0 => leaked.n_through_others += 1,
                _ => leaked.n_images += 1,
            }
        }
    }
    n_leaked
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = counted(self.n_images(), "image");
        writeln!(f, "{images}, {} of one flat colour (compared by their pixels alone)", self.n_flat)?;
        write!(f, "{}", self.searched)?;
        self.write_matrix(f)?;
        let Self { n_clusters, n_clustered, largest_cluster, .. } = self;
        let (clusters, images) = (counted(*n_clusters, "cluster"), counted(*n_clustered, "image"));
        writeln!(f, "{clusters} of {images}, the largest of {largest_cluster}")?;
        self.write_leaked(f)?;
        if let Some(left_out) = &self.left_out {
            write!(f, "{left_out}")?;
        }
        if !self.first.is_empty() {
            writeln!(f, "the first exact and near pairs, one of each cluster:")?;
            self.first.iter().try_for_each(|pair| writeln!(f, "  {pair}"))?;
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
    use crate::Config;
    use crate::matches::tests::{exact, image, near};

    fn set() -> (Vec<Fingerprint>, Vec<Match>) {
        let mut images: Vec<_> = (0..6).map(|id| image(id, id as u8, 0)).collect();
        images[3].split = Split::Test;
        images[4].split = Split::Test;
        images[4].label = 1;
        images[5].is_flat = true;
        (images, vec![near(0, 3, 2), exact(1, 2), near(3, 4, 1)])
    }

    fn searched() -> Searched {
        Searched::of(&Config::default(), 6)
    }

    #[test]
    fn within_a_split_that_was_not_searched_nothing_is_counted() {
        let (images, _) = set();
        let matches = [near(0, 3, 2)];
        let searched = Searched::of(&Config { between_splits: true, ..Config::default() }, 6);
        let summary = Summary::of(&images, &matches, &Clusters::of(images.len(), &matches), None, searched);
        let expected = "
  train - train              not searched      not searched
  train - test                      0 (0)             1 (0)
  test - test                not searched      not searched
  all                               0 (0)             1 (0)
";
        assert!(summary.to_string().contains(expected), "{summary}");
        assert_eq!(summary.first_leak.unwrap().to_string(), "near: `0.png` (train) and `3.png` (test)");
    }

    #[test]
    fn leakage_label_conflicts_and_clusters_are_counted() {
        let (images, matches) = set();
        let clusters = Clusters::of(images.len(), &matches);
        let summary = Summary::of(&images, &matches, &clusters, None, searched());
        let expected = "\
6 images, 1 of one flat colour (compared by their pixels alone)
searched by correlation
mirrored and turned pictures: not searched
pairs (with two labels)             exact              near
  train - train                     1 (0)             0 (0)
  train - test                      0 (0)             1 (0)
  test - test                       0 (0)             1 (1)
  all                               1 (0)             2 (1)
2 clusters of 5 images, the largest of 3
  1 of 4 train images (0.2500) has a duplicate in test
  1 of 2 test images (0.5000) has a duplicate in train, 1 more through other images
the first exact and near pairs, one of each cluster:
  near: `0.png` (train) and `3.png` (test)
  exact: `1.png` (train) and `2.png` (train)
";
        assert_eq!(summary.to_string(), expected);
        assert_eq!(summary.n_leaks(), 1);

        let similar = Match { kind: PairKind::Similar, ..near(2, 4, 9) };
        let text = Summary::of(&images, &[similar], &clusters, None, searched()).to_string();
        let line = "  train - test                      0 (0)             0 (0)             1 (1)\n";
        assert!(text.contains(line), "{text}");
        let text = Summary::of(&images[..3], &[], &Clusters::of(3, &[]), None, searched()).to_string();
        assert_eq!(text.lines().count(), 6, "one split has no other to leak to: {text}");
    }
}
