//! Pairs in groups: those of one cluster, and the similar ones between two.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinset_gallery::{Group, MAX_IDENTICAL};
use twinset_manifest::rows::{Pair, PairKind, Split};

use crate::identical::Identical;

/// Which images belong together by all pairs of a manifest.
#[derive(Default)]
pub(super) struct Grouping {
    tied: Identical,
    identical: Identical,
    /// By the images that stand for those that are identical to them.
    alike: HashMap<u64, Alike>,
    /// Of each image of an exact or near pair, how many of those that are shown if there is room it is the left one of.
    images: HashMap<u64, usize>,
    /// Pairs of identical images that are not shown even if there is room.
    pub(super) n_implied: u64,
}

/// Identical images.
#[derive(Clone, Copy, Debug, Default)]
struct Alike {
    n_pairs: usize,
    /// The one that stays when they are cleaned.
    first: Option<(Split, u64)>,
}

impl Grouping {
    /// Takes note of a pair: an exact or near one ties its images together. Whether it is to be shown: of identical images one
    /// pair for each image after the first is, up to [`MAX_IDENTICAL`].
    pub(super) fn add(&mut self, pair: &Pair) -> bool {
        let (left, right) = (pair.left_id, pair.right_id);
        if pair.kind == PairKind::Similar {
            return true;
        }
        self.tied.tie(left, right);
        self.images.entry(right).or_default();
        let n_shown = self.images.entry(left).or_default();
        if pair.kind == PairKind::Exact && !tie(&mut self.identical, &mut self.alike, pair) {
            self.n_implied += 1;
            return false;
        }
        *n_shown += 1;
        true
    }

    /// The groups all of whose pairs that are to be shown are shown, and that have the images that stay when they are cleaned.
    pub(super) fn whole<'a>(&self, groups: &'a mut [Group], is_searched_within: bool) -> Vec<&'a mut Group> {
        let mut n_pairs: HashMap<u64, usize> = HashMap::new();
        self.images.iter().for_each(|(&image, n)| *n_pairs.entry(self.tied.of(image)).or_default() += n);
        let is_whole = |group: &&mut Group| {
            let ids: BTreeSet<u64> = group.pairs.iter().flat_map(|pair| [pair.left_id, pair.right_id]).collect();
            let has_first = |image: &u64| {
                let Some(alike) = self.alike.get(&self.identical.of(*image)) else { return true };
                let is_cut = alike.n_pairs > MAX_IDENTICAL;
                !is_cut || (is_searched_within && alike.first.is_some_and(|(_, first)| ids.contains(&first)))
            };
            group.n_images.is_some()
                && n_pairs.get(&self.tied.of(group.pairs[0].left_id)) == Some(&group.pairs.len())
                && ids.iter().all(has_first)
        };
        groups.iter_mut().filter(is_whole).collect()
    }

    /// The groups of some pairs, in the order of their first pairs.
    pub(super) fn groups(&self, pairs: Vec<Pair>) -> Vec<Group> {
        let mut n_images: HashMap<u64, u64> = HashMap::new();
        self.images.keys().for_each(|&image| *n_images.entry(self.tied.of(image)).or_default() += 1);
        let mut groups: Vec<Group> = Vec::new();
        let mut places: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        for pair in pairs {
            let ends = self.tied.pair(pair.left_id, pair.right_id);
            let n_images = if ends.0 == ends.1 { n_images.get(&ends.0).copied() } else { None };
            let place = *places.entry(ends).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.pairs.push(pair),
                None => groups.push(Group { pairs: vec![pair], n_images, kept: BTreeSet::new() }),
            }
        }
        groups
    }
}

/// Ties two identical images. Whether their pair is to be shown.
fn tie(identical: &mut Identical, alike: &mut HashMap<u64, Alike>, pair: &Pair) -> bool {
    let of = |id: u64, split: Split| (identical.of(id), Some((split, id)));
    let [left, right] = [of(pair.left_id, pair.left_split), of(pair.right_id, pair.right_split)];
    if left.0 == right.0 {
        return false;
    }
    let both = [left, right].map(|(of, only)| alike.remove(&of).unwrap_or(Alike { n_pairs: 0, first: only }));
    let n_pairs = both[0].n_pairs + both[1].n_pairs + 1;
    identical.tie(pair.left_id, pair.right_id);
    alike.insert(identical.of(pair.left_id), Alike { n_pairs, first: both[0].first.min(both[1].first) });
    n_pairs <= MAX_IDENTICAL
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
        assert!(pairs.iter().all(|pair| grouping.add(pair)));
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
    fn exact(left: u32, right: u32) -> Match {
        Match { kind: PairKind::Exact, ..near(left, right, 0) }
    }

    /// The pairs of images of one look that are shown, and the grouping.
    fn grouped(n_images: u64, matches: &[Match]) -> (Grouping, Vec<Pair>) {
        let images: Vec<_> = (0..n_images).map(|id| image(id, 0, 0)).collect();
        let mut grouping = Grouping::default();
        let pairs = matches.iter().map(|pair| pair.to_row(&images, &Config::default()));
        let shown = pairs.filter(|pair| grouping.add(pair)).collect();
        (grouping, shown)
    }

    #[test]
    fn of_identical_images_one_pair_for_each_after_the_first_is_shown() {
        let matches = [exact(0, 1), exact(0, 2), exact(1, 2), near(1, 3, 2), near(2, 3, 2), exact(3, 4)];
        let (grouping, shown) = grouped(5, &matches);
        let ids: Vec<_> = shown.iter().map(|pair| (pair.left_id, pair.right_id)).collect();
        assert_eq!(ids, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]);
        assert_eq!(grouping.n_implied, 1);
        let mut groups = grouping.groups(shown);
        assert_eq!(groups[0].n_images, Some(5));
        assert_eq!(grouping.whole(&mut groups, true).len(), 1);
        groups[0].pairs.pop();
        assert_eq!(grouping.whole(&mut groups, true).len(), 0, "a pair has no room");
    }

    #[test]
    fn a_thousand_copies_take_the_room_of_some() {
        let star: Vec<_> = (1..1000).map(|right| exact(0, right)).collect();
        let (grouping, shown) = grouped(1000, &star);
        assert_eq!((shown.len(), grouping.n_implied), (MAX_IDENTICAL, 999 - MAX_IDENTICAL as u64));
        let mut groups = grouping.groups(shown);
        assert_eq!(groups[0].n_images, Some(1000));
        assert_eq!(grouping.whole(&mut groups, true).len(), 1, "image 0 stays, and is shown");
        assert_eq!(grouping.whole(&mut groups, false).len(), 0, "of each split all stay, and not all are shown");
        // Image 0 is told of last.
        let (grouping, shown) = grouped(
            1000,
            &[&star[1..].iter().map(|pair| exact(1, pair.right)).collect::<Vec<_>>()[..], &star[..1]].concat(),
        );
        let mut groups = grouping.groups(shown);
        assert_eq!(grouping.whole(&mut groups, true).len(), 0);
    }
}
