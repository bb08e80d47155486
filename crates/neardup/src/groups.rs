//! Groups of identical images, of which one takes part in the search.

use rayon::prelude::*;
use twinset_manifest::Digest;
use twinset_manifest::rows::Split;

use crate::Fingerprint;

/// The largest group of identical images of which every pair is told. In a larger one each image is paired with the
/// group's first of each split alone, and these alone have near-duplicates, so that a thousand copies of a placeholder give some
/// thousand pairs and not half a million. Clusters are the same either way, and a split that has such an image is told of.
pub(crate) const MAX_COMPLETE_GROUP: usize = 16;

/// All images in groups of identical ones, and those that stand for their groups in the search.
///
/// A *place* is the number of an image among those that are searched.
pub(crate) struct Groups {
    /// In the order of their first images.
    groups: Vec<Group>,
    searched: Vec<Searched>,
}

/// Identical images; most groups have one.
struct Group {
    /// By their indices, smallest first.
    images: Vec<u32>,
    /// Those that every pair is told of.
    centres: Vec<u32>,
}

impl Group {
    fn of(images: Vec<u32>, split: impl Fn(u32) -> Split) -> Self {
        if images.len() <= MAX_COMPLETE_GROUP {
            return Self { centres: images.clone(), images };
        }
        let first = |of: &Split| images.iter().copied().find(|&image| split(image) == *of);
        let mut centres: Vec<u32> = Split::ALL.iter().filter_map(first).collect();
        centres.sort_unstable();
        Self { images, centres }
    }
}

/// An image that stands for its group.
#[derive(Clone, Copy)]
struct Searched {
    index: u32,
    group: u32,
    splits: Splits,
}

/// The splits that a group of identical images has images of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Splits(u8);

impl Splits {
    fn of(images: &[Fingerprint], group: &[u32]) -> Self {
        Self(group.iter().fold(0, |splits, &index| splits | 1 << images[index as usize].split as u8))
    }

    /// Whether an image of the one and an image of the other can be of two splits.
    pub(crate) fn differ_from(self, other: Self) -> bool {
        (self.0 | other.0).count_ones() > 1
    }

    /// As a number, of one bit a split.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }
}

impl Groups {
    pub(crate) fn of(images: &[Fingerprint]) -> Self {
        let pixels = |index: u32| -> Digest { images[index as usize].pixels_blake3 };
        let mut order: Vec<u32> = (0..images.len() as u32).collect();
        order.par_sort_unstable_by_key(|&index| (pixels(index), index));
        let split = |index: u32| images[index as usize].split;
        let groups = order.chunk_by(|&a, &b| pixels(a) == pixels(b)).map(|group| Group::of(group.to_vec(), split));
        let mut groups: Vec<_> = groups.collect();
        groups.par_sort_unstable_by_key(|group| group.images[0]);
        let searched = groups.iter().enumerate().filter(|(_, group)| !images[group.images[0] as usize].is_flat);
        let searched = searched.map(|(number, group)| Searched {
            index: group.images[0],
            group: number as u32,
            splits: Splits::of(images, &group.images),
        });
        Self { searched: searched.collect(), groups }
    }

    /// How many images are searched.
    pub(crate) fn n_searched(&self) -> usize {
        self.searched.len()
    }

    /// The indices of the images that stand for the groups that are not searched.
    pub(crate) fn not_searched(&self) -> impl Iterator<Item = u32> {
        let mut searched = self.searched.iter().map(|searched| searched.index).peekable();
        let first = self.groups.iter().map(|group| group.images[0]);
        first.filter(move |&index| searched.next_if_eq(&index).is_none())
    }

    /// The index of the image at a place.
    pub(crate) fn index(&self, place: u32) -> u32 {
        self.searched[place as usize].index
    }

    /// The splits of the images that the one at a place stands for.
    pub(crate) fn splits(&self, place: u32) -> Splits {
        self.searched[place as usize].splits
    }

    /// All pairs of identical images that are told, the smaller index first.
    pub(crate) fn exact_pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.groups.iter().flat_map(|Group { images, centres }| {
            let is_centre = |image: u32| centres.binary_search(&image).is_ok();
            centres.iter().flat_map(move |&centre| {
                // Of two centres the smaller one tells the pair.
                let others =
                    images.iter().filter(move |&&other| other > centre || (other < centre && !is_centre(other)));
                others.map(move |&other| (centre.min(other), centre.max(other)))
            })
        })
    }

    /// All pairs that two places stand for, the smaller index first.
    pub(crate) fn pairs_of(&self, left: u32, right: u32) -> impl Iterator<Item = (u32, u32)> {
        let centres = |place: u32| &self.groups[self.searched[place as usize].group as usize].centres;
        let rights = centres(right);
        let pairs = centres(left).iter().flat_map(|&left| rights.iter().map(move |&right| (left, right)));
        pairs.map(|(left, right)| (left.min(right), left.max(right)))
    }
}
