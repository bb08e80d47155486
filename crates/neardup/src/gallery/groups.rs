//! Pairs in groups: those of one cluster, and the similar ones between two.

use std::collections::{BTreeMap, HashMap, HashSet};

use twinset_gallery::Group;
use twinset_manifest::rows::{Pair, PairKind};

use crate::identical::Identical;

/// Which images belong together by all pairs of a manifest.
#[derive(Default)]
pub(super) struct Grouping {
    tied: Identical,
    images: HashSet<u64>,
}

impl Grouping {
    /// Takes note of a pair: an exact or near one ties its images together.
    pub(super) fn add(&mut self, pair: &Pair) {
        if pair.kind != PairKind::Similar {
            self.tied.tie(pair.left_id, pair.right_id);
            self.images.extend([pair.left_id, pair.right_id]);
        }
    }

    /// The groups of some pairs, in the order of their first pairs.
    pub(super) fn groups(&self, pairs: Vec<Pair>) -> Vec<Group> {
        let mut n_images: HashMap<u64, u64> = HashMap::new();
        self.images.iter().for_each(|&image| *n_images.entry(self.tied.of(image)).or_default() += 1);
        let mut groups: Vec<Group> = Vec::new();
        let mut places: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        for pair in pairs {
            let ends = self.tied.pair(pair.left_id, pair.right_id);
            let n_images = if ends.0 == ends.1 { n_images.get(&ends.0).copied() } else { None };
            let place = *places.entry(ends).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.pairs.push(pair),
                None => groups.push(Group { pairs: vec![pair], n_images }),
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::{image, near};
    use crate::{Config, Match};

    #[test]
    fn pairs_of_a_cluster_are_a_group_and_similar_ones_between_two_clusters_too() {
        let images: Vec<_> = (0..9).map(|id| image(id, id as u8, 0)).collect();
        let similar = |left, right| Match { kind: PairKind::Similar, ..near(left, right, 9) };
        let matches =
            [near(5, 6, 1), near(0, 1, 1), near(1, 2, 2), similar(0, 5), similar(0, 2), similar(2, 6), similar(7, 8)];
        let pairs: Vec<Pair> = matches.iter().map(|pair| pair.to_row(&images, &Config::default())).collect();
        let mut grouping = Grouping::default();
        pairs.iter().for_each(|pair| grouping.add(pair));
        // The page has no room for the first pair of the second cluster.
        let shown = [&pairs[..1], &pairs[2..]].concat();
        let groups = grouping.groups(shown);
        let told = |group: &Group| {
            let pairs: Vec<_> = group.pairs.iter().map(|pair| (pair.left_id, pair.right_id)).collect();
            (pairs, group.n_images)
        };
        let expected = [
            (vec![(5, 6)], Some(2)),
            (vec![(1, 2), (0, 2)], Some(3)),
            (vec![(0, 5), (2, 6)], None),
            (vec![(7, 8)], None),
        ];
        assert_eq!(groups.iter().map(told).collect::<Vec<_>>(), expected);
    }
}
