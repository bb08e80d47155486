//! What was found to be a duplicate of what: how many, across which splits, and how many of the planted ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinset_manifest::rows::{Cluster, Pair, PairKind, Split};

use crate::counts::{PairCount, count_pairs};
use crate::truth::Planted;

/// The duplicates of a dataset, counted.
#[derive(Clone, Debug, Default)]
pub struct Duplicates {
    /// Pairs by kind and splits.
    pub pairs: Vec<PairCount>,
    /// Clusters of at least two images.
    pub n_clusters: u64,
    /// Images in those.
    pub n_clustered: u64,
    /// Images of the largest cluster.
    pub largest_cluster: u32,
    /// For two splits, how many images of the later one have an exact or near-duplicate in the earlier one.
    pub leaked: BTreeMap<(Split, Split), u64>,
    /// Near-duplicates to look at.
    pub gallery: Vec<Pair>,
    /// How many of the planted duplicates were found; none where nothing is known to be planted.
    pub recall: Option<Recall>,
}

/// How many of the planted duplicates were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recall {
    /// By kind and by what was done to the image.
    pub groups: Vec<RecallGroup>,
    /// Near pairs that were found though neither planted nor implied by what was.
    pub n_near_unplanted: u64,
}

/// How many of one sort of planted duplicates were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecallGroup {
    /// Exact or near.
    pub kind: PairKind,
    /// The transform's name without its parameters; empty for exact duplicates.
    pub transform: String,
    /// Pairs planted.
    pub n_planted: u64,
    /// Those listed as a pair: an exact one as exact, a near one as exact or near.
    pub n_paired: u64,
    /// Those that ended in one cluster.
    pub n_clustered: u64,
}

impl Duplicates {
    /// Counts pairs and clusters, and chooses at most `n_gallery` near-duplicates to show.
    pub fn count(pairs: &[Pair], clusters: &[Cluster], truth: Option<&[Planted]>, n_gallery: usize) -> Self {
        let large = || clusters.iter().filter(|row| row.cluster_size > 1);
        Self {
            pairs: count_pairs(pairs),
            n_clusters: large().filter(|row| row.is_representative).count() as u64,
            n_clustered: large().count() as u64,
            largest_cluster: large().map(|row| row.cluster_size).max().unwrap_or(0),
            leaked: leaked(pairs),
            gallery: gallery(pairs, n_gallery),
            recall: truth.map(|planted| recall(pairs, clusters, planted)),
        }
    }

    /// Pairs of a kind.
    pub fn n_of(&self, kind: PairKind) -> u64 {
        self.of(kind).map(|count| count.n).sum()
    }

    /// Pairs of a kind across two splits.
    pub fn n_leaks_of(&self, kind: PairKind) -> u64 {
        self.of(kind).filter(|count| count.splits.0 != count.splits.1).map(|count| count.n).sum()
    }

    /// Pairs of a kind whose images are of different classes.
    pub fn n_conflicts_of(&self, kind: PairKind) -> u64 {
        self.of(kind).map(|count| count.n_label_conflicts).sum()
    }

    fn of(&self, kind: PairKind) -> impl Iterator<Item = &PairCount> {
        self.pairs.iter().filter(move |count| count.kind == kind)
    }
}

fn leaked(pairs: &[Pair]) -> BTreeMap<(Split, Split), u64> {
    let mut images: BTreeMap<(Split, Split), BTreeSet<u64>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.kind != PairKind::Similar && pair.left_split != pair.right_split) {
        let (left, right) = ((pair.left_split, pair.left_id), (pair.right_split, pair.right_id));
        let (earlier, later) = (left.min(right), left.max(right));
        images.entry((earlier.0, later.0)).or_default().insert(later.1);
    }
    images.into_iter().map(|(splits, images)| (splits, images.len() as u64)).collect()
}

/// Near pairs, leaks first; of each sort, where not all fit, evenly spaced from the smallest distance to the largest.
fn gallery(pairs: &[Pair], n: usize) -> Vec<Pair> {
    let (mut leaks, mut others): (Vec<_>, Vec<_>) = pairs
        .iter()
        .filter(|pair| pair.kind == PairKind::Near)
        .cloned()
        .partition(|pair| pair.left_split != pair.right_split);
    for sort in [&mut leaks, &mut others] {
        sort.sort_by_key(|pair| (pair.hash_distance_bits, pair.left_id, pair.right_id));
    }
    let mut chosen = evenly(&leaks, n);
    chosen.extend(evenly(&others, n - chosen.len()));
    chosen
}

/// At most `n` items, evenly spaced from the first to the last.
pub(crate) fn evenly<T: Clone>(items: &[T], n: usize) -> Vec<T> {
    if items.len() <= n {
        return items.to_vec();
    }
    let last = n.saturating_sub(1).max(1);
    (0..n).map(|i| items[i * (items.len() - 1) / last].clone()).collect()
}

fn recall(pairs: &[Pair], clusters: &[Cluster], planted: &[Planted]) -> Recall {
    let kinds: HashMap<_, _> = pairs.iter().map(|pair| ((pair.left_id, pair.right_id), pair.kind)).collect();
    let cluster: HashMap<_, _> = clusters.iter().map(|row| (row.image_id, row.cluster_id)).collect();
    let mut groups: Vec<RecallGroup> = Vec::new();
    for pair in planted {
        let transform = if pair.kind == PairKind::Exact { "" } else { transform_name(&pair.transform) };
        let place = groups.iter().position(|group| group.kind == pair.kind && group.transform == transform);
        let place = place.unwrap_or_else(|| {
            let transform = transform.to_owned();
            groups.push(RecallGroup { kind: pair.kind, transform, n_planted: 0, n_paired: 0, n_clustered: 0 });
            groups.len() - 1
        });
        let is_paired = match kinds.get(&(pair.left_id, pair.right_id)) {
            Some(PairKind::Exact) => true,
            Some(PairKind::Near) => pair.kind != PairKind::Exact,
            Some(PairKind::Similar) | None => false,
        };
        let left = cluster.get(&pair.left_id);
        let group = &mut groups[place];
        group.n_planted += 1;
        group.n_paired += u64::from(is_paired);
        group.n_clustered += u64::from(left.is_some() && left == cluster.get(&pair.right_id));
    }
    groups.sort_by(|left, right| (left.kind, &left.transform).cmp(&(right.kind, &right.transform)));
    let roots = components(planted);
    let is_implied =
        |pair: &&Pair| roots.get(&pair.left_id).is_some_and(|root| Some(root) == roots.get(&pair.right_id));
    let near = pairs.iter().filter(|pair| pair.kind == PairKind::Near);
    Recall { groups, n_near_unplanted: near.filter(|pair| !is_implied(pair)).count() as u64 }
}

/// `jpeg` of `jpeg(quality=75)`, of `jpeg quality=75` and of `jpeg: quality 75`; two duplicates of one original have both
/// been changed, which a ` / ` tells.
fn transform_name(transform: &str) -> &str {
    if transform.contains(" / ") {
        return "both changed";
    }
    transform.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).next().unwrap_or_default()
}

/// The smallest image that each planted one is connected with.
fn components(planted: &[Planted]) -> HashMap<u64, u64> {
    let mut roots: HashMap<u64, u64> =
        planted.iter().flat_map(|p| [(p.left_id, p.left_id), (p.right_id, p.right_id)]).collect();
    let mut has_changed = true;
    while has_changed {
        has_changed = false;
        for pair in planted {
            let root = roots[&pair.left_id].min(roots[&pair.right_id]);
            for id in [pair.left_id, pair.right_id] {
                has_changed |= roots.insert(id, root) != Some(root);
            }
        }
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(left_id: u64, right_id: u64, kind: PairKind, splits: (Split, Split), bits: u32) -> Pair {
        Pair {
            left_id,
            right_id,
            kind,
            found_by: "gradient".to_owned(),
            hash_distance_bits: Some(bits),
            left_split: splits.0,
            right_split: splits.1,
            left_label: 0,
            right_label: 0,
            label_conflict: false,
            similarity: None,
            expected_false_pairs: None,
            alignment: None,
            left_source: String::new(),
            right_source: String::new(),
        }
    }

    const WITHIN: (Split, Split) = (Split::Train, Split::Train);
    const ACROSS: (Split, Split) = (Split::Train, Split::Test);

    #[test]
    fn the_gallery_shows_leaks_first_and_then_distances_evenly() {
        let mut pairs: Vec<_> = (0..10).map(|i| pair(i, i + 100, PairKind::Near, WITHIN, i as u32)).collect();
        pairs.push(pair(50, 60, PairKind::Near, ACROSS, 9));
        pairs.push(pair(51, 61, PairKind::Exact, ACROSS, 0));
        let check = |n: usize, expected: &[u64]| {
            let found: Vec<_> = gallery(&pairs, n).iter().map(|pair| pair.left_id).collect();
            assert_eq!(found, expected, "{n}");
        };
        check(0, &[]);
        check(1, &[50]);
        check(2, &[50, 0]);
        check(4, &[50, 0, 4, 9]);
        check(99, &[50, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_leaked_image_counts_once_however_many_twins_it_has() {
        let pairs = [
            pair(1, 9, PairKind::Near, ACROSS, 1),
            pair(2, 9, PairKind::Exact, ACROSS, 0),
            pair(3, 8, PairKind::Similar, ACROSS, 5),
            pair(4, 5, PairKind::Near, WITHIN, 5),
        ];
        assert_eq!(leaked(&pairs), BTreeMap::from([(ACROSS, 1)]));
    }

    #[test]
    fn recall_is_counted_by_transform() {
        let planted = |left_id, right_id, kind, transform: &str| Planted {
            left_id,
            right_id,
            kind,
            transform: transform.to_owned(),
        };
        let truth = [
            planted(1, 2, PairKind::Exact, ""),
            planted(1, 3, PairKind::Near, "jpeg(quality=75)"),
            planted(4, 5, PairKind::Near, "jpeg quality=60"),
            planted(6, 7, PairKind::Exact, ""),
        ];
        let pairs = [
            pair(1, 2, PairKind::Exact, WITHIN, 0),
            pair(1, 3, PairKind::Near, WITHIN, 3),
            pair(2, 3, PairKind::Near, WITHIN, 3), // implied by the two above
            pair(6, 7, PairKind::Near, WITHIN, 1), // an exact one taken for a near one is not found
            pair(8, 9, PairKind::Near, WITHIN, 6), // nobody planted this
        ];
        let cluster = |image_id, cluster_id| Cluster {
            image_id,
            cluster_id,
            cluster_size: 2,
            is_representative: false,
            source: String::new(),
        };
        let clusters =
            [cluster(1, 1), cluster(2, 1), cluster(3, 1), cluster(4, 4), cluster(5, 5), cluster(6, 6), cluster(7, 6)];
        let found = recall(&pairs, &clusters, &truth);
        let group = |kind, transform: &str, n_planted, n_paired, n_clustered| RecallGroup {
            kind,
            transform: transform.to_owned(),
            n_planted,
            n_paired,
            n_clustered,
        };
        assert_eq!(found.groups, [group(PairKind::Exact, "", 2, 1, 2), group(PairKind::Near, "jpeg", 2, 1, 1)]);
        assert_eq!(found.n_near_unplanted, 1);
    }
}
