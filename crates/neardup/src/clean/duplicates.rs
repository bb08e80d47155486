//! Which images are duplicates of which, as cleaning asks for it.

use std::collections::HashMap;

use twinset_manifest::rows::{Pair, PairKind};

use crate::identical::Identical;
use crate::{LeftOut, NotDuplicates};

/// Pairs, as they are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Duplicates {
    identical: Identical,
    near: Vec<(u64, u64)>,
    not_duplicates: NotDuplicates,
    n_left_out: u64,
}

impl Duplicates {
    /// Pairs that are told to be no duplicates are not added.
    pub(super) fn except(&mut self, not_duplicates: NotDuplicates) {
        self.not_duplicates = not_duplicates;
    }

    /// Pairs that were not added because they are told to be no duplicates; none where no pairs are told to be.
    pub(super) fn left_out(&self) -> Option<LeftOut> {
        Some(LeftOut::of(self.n_left_out, &self.not_duplicates)).filter(|left_out| left_out.n_told > 0)
    }

    /// Whether a pair is told to be none.
    pub(super) fn is_left_out(&self, pair: &Pair) -> bool {
        self.not_duplicates.contains(pair.left_id, pair.right_id)
    }

    /// The connected components, each image by one that stands for its component.
    pub(super) fn components(&self) -> Identical {
        let mut components = self.identical.clone();
        self.near.iter().for_each(|&(left, right)| components.tie(left, right));
        components
    }

    pub(super) fn add(&mut self, pair: &Pair) {
        match pair.kind {
            PairKind::Exact => self.identical.tie(pair.left_id, pair.right_id),
            PairKind::Near if self.is_left_out(pair) => self.n_left_out += 1,
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
