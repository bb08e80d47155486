//! Pairs in groups: those of one cluster, and the similar ones between two.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinset_gallery::{Found, Group, MAX_IDENTICAL};
use twinset_manifest::rows::{Pair, PairKind, Split};

use super::counted::Counted;
use crate::clean::DefaultCleaning;
use crate::identical::Identical;

/// Which images belong together by all pairs of a manifest, and how many pairs there are.
#[derive(Default)]
pub(super) struct Grouping {
    tied: Identical,
    identical: Identical,
    /// How many pairs of identical images are shown if there is room, by the image that stands for those.
    n_identical: HashMap<u64, usize>,
    /// The images of exact and near pairs.
    images: BTreeMap<u64, Tied>,
    cleaning: DefaultCleaning,
    n_of: BTreeMap<PairKind, u64>,
    /// Pairs of identical images that are not shown even if there is room.
    pub(super) n_implied: u64,
}

/// An image of an exact or near pair.
#[derive(Clone, Copy, Debug)]
struct Tied {
    split: Split,
    label: u32,
}

impl Grouping {
    /// Takes note of a pair: an exact or near one ties its images together. Whether it is to be shown: of identical images one
    /// pair for each image after the first is, up to [`MAX_IDENTICAL`].
    pub(super) fn add(&mut self, pair: &Pair) -> bool {
        *self.n_of.entry(pair.kind).or_default() += 1;
        if pair.kind == PairKind::Similar {
            return true;
        }
        let (left, right) = (pair.left_id, pair.right_id);
        self.tied.tie(left, right);
        self.cleaning.add(pair);
        self.images.insert(left, Tied { split: pair.left_split, label: pair.left_label });
        self.images.insert(right, Tied { split: pair.right_split, label: pair.right_label });
        let is_shown = pair.kind != PairKind::Exact || self.tie_identical(left, right);
        self.n_implied += u64::from(!is_shown);
        is_shown
    }

    /// Ties two identical images. Whether their pair is to be shown.
    fn tie_identical(&mut self, left: u64, right: u64) -> bool {
        let ends = self.identical.pair(left, right);
        if ends.0 == ends.1 {
            return false;
        }
        let n = [ends.0, ends.1].map(|end| self.n_identical.remove(&end).unwrap_or(0)).iter().sum::<usize>() + 1;
        self.identical.tie(left, right);
        self.n_identical.insert(self.identical.of(left), n);
        n <= MAX_IDENTICAL
    }

    /// Whether an image has duplicates.
    pub(super) fn has(&self, image_id: u64) -> bool {
        self.images.contains_key(&image_id)
    }

    /// The images that cleaning leaves out by its default settings; where duplicates were searched between splits alone, those that
    /// leak.
    pub(super) fn left_out(&self, counted: &Counted, is_searched_within: bool) -> BTreeSet<u64> {
        let n_pixels = |id: &u64| counted.n_pixels.get(id).copied().unwrap_or(0);
        let images = self.images.iter().map(|(id, tied)| (*id, tied.split, n_pixels(id)));
        self.cleaning.left_out(images, is_searched_within)
    }

    /// What was found in all.
    pub(super) fn found(&self, counted: &Counted) -> Found {
        let mut groups: HashMap<u64, Vec<Tied>> = HashMap::new();
        for (&id, &tied) in &self.images {
            groups.entry(self.tied.of(id)).or_default().push(tied);
        }
        let mut n_leaked = BTreeMap::new();
        for group in groups.values() {
            let first = group.iter().map(|tied| tied.split).min();
            for tied in group.iter().filter(|tied| Some(tied.split) > first) {
                *n_leaked.entry(tied.split).or_default() += 1;
            }
        }
        let has_two_labels = |group: &&Vec<Tied>| group.iter().any(|tied| tied.label != group[0].label);
        let n_of = |kind| self.n_of.get(&kind).copied().unwrap_or(0);
        Found {
            n_groups: groups.len() as u64,
            n_images: self.images.len() as u64,
            n_conflict_groups: groups.values().filter(has_two_labels).count() as u64,
            n_exact: n_of(PairKind::Exact),
            n_near: n_of(PairKind::Near),
            n_similar: n_of(PairKind::Similar),
            n_images_of: counted.n_images_of.clone(),
            n_leaked,
            n_classes: counted.classes.len(),
        }
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
        let groups = grouping.groups(shown);
        assert_eq!(groups[0].n_images, Some(5));
    }

    #[test]
    fn similar_pairs_count_apart_and_images_leak_from_earlier_splits() {
        let mut images: Vec<_> = (0..8).map(|id| image(id, id as u8, 0)).collect();
        (images[1].split, images[2].split, images[4].split) = (Split::Test, Split::Test, Split::Val);
        images[2].label = 1;
        let similar = Match { kind: PairKind::Similar, ..near(2, 6, 9) };
        let mut grouping = Grouping::default();
        for pair in [near(0, 1, 1), near(1, 2, 1), exact(3, 4), similar] {
            grouping.add(&pair.to_row(&images, &Config::default()));
        }
        let found = grouping.found(&Counted::default());
        assert_eq!((found.n_groups, found.n_images, found.n_conflict_groups), (2, 5, 1));
        assert_eq!((found.n_exact, found.n_near, found.n_similar), (1, 2, 1));
        assert_eq!(found.n_leaked, BTreeMap::from([(Split::Val, 1), (Split::Test, 2)]));
        // By the default settings 0 stays, and with it 2, which is no duplicate of it; 3 stays.
        assert_eq!(grouping.left_out(&Counted::default(), true), BTreeSet::from([1, 4]));
    }

    #[test]
    fn a_thousand_copies_take_the_room_of_some() {
        let star: Vec<_> = (1..1000).map(|right| exact(0, right)).collect();
        let (grouping, shown) = grouped(1000, &star);
        assert_eq!((shown.len(), grouping.n_implied), (MAX_IDENTICAL, 999 - MAX_IDENTICAL as u64));
        let groups = grouping.groups(shown);
        assert_eq!(groups[0].n_images, Some(1000));
        // Whether they are shown or not.
        assert_eq!(grouping.left_out(&Counted::default(), true).len(), 999);
    }
}
