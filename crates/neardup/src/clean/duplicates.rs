//! Which images are duplicates of which, as cleaning asks for it.

use std::collections::HashMap;

use twinset_manifest::rows::{Pair, PairKind};

use crate::identical::Identical;

/// Pairs, as they are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Duplicates {
    identical: Identical,
    near: Vec<(u64, u64)>,
}

impl Duplicates {
    pub(super) fn add(&mut self, pair: &Pair) {
        match pair.kind {
            PairKind::Exact => self.identical.tie(pair.left_id, pair.right_id),
            PairKind::Near => self.near.push((pair.left_id, pair.right_id)),
            PairKind::Similar => {}
        }
    }

    /// Of each image its duplicates. Identical images have the same: of a large group some alone are told to have any.
    pub(super) fn near(&self) -> Near<'_> {
        let mut near = HashMap::<u64, Vec<u64>>::new();
        for &(left, right) in &self.near {
            let (left, right) = self.identical.pair(left, right);
            near.entry(left).or_default().push(right);
            near.entry(right).or_default().push(left);
        }
        Near { identical: &self.identical, near }
    }
}

/// Duplicates by the images that stand for those identical to them.
pub(super) struct Near<'a> {
    identical: &'a Identical,
    near: HashMap<u64, Vec<u64>>,
}

impl Near<'_> {
    /// The image that stands for all that are identical to this one.
    pub(super) fn stands_for(&self, image_id: u64) -> u64 {
        self.identical.of(image_id)
    }

    /// Those that stand for the duplicates of an image: its own first.
    pub(super) fn of(&self, image_id: u64) -> impl Iterator<Item = u64> {
        let own = self.stands_for(image_id);
        std::iter::once(own).chain(self.near.get(&own).into_iter().flatten().copied())
    }
}
