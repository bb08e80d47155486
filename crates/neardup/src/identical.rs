//! Images of identical pixels as one.

use std::collections::HashMap;

/// For each image that has identical ones, the smallest known id among them.
///
/// Of a large group of identical images not every pair is told, and its first image alone has near-duplicates. So what is
/// said of one image of a group is said of all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identical {
    parent: HashMap<u64, u64>,
}

impl Identical {
    /// Two images have identical pixels.
    pub(crate) fn tie(&mut self, a: u64, b: u64) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            self.parent.insert(a.max(b), a.min(b));
        }
    }

    /// The image that stands for all that are identical to this one.
    pub(crate) fn of(&self, mut image: u64) -> u64 {
        while let Some(&parent) = self.parent.get(&image) {
            image = parent;
        }
        image
    }

    /// The two images that stand for those of a pair, smallest first; twice the same where its own are identical.
    pub(crate) fn pair(&self, left_id: u64, right_id: u64) -> (u64, u64) {
        let (left, right) = (self.of(left_id), self.of(right_id));
        (left.min(right), left.max(right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_star_or_a_chain_are_one() {
        for ties in [[(1, 2), (1, 3), (1, 4)], [(3, 4), (2, 3), (1, 2)], [(1, 2), (3, 4), (2, 4)]] {
            let mut identical = Identical::default();
            ties.iter().for_each(|&(a, b)| identical.tie(a, b));
            assert_eq!([1, 2, 3, 4, 5].map(|image| identical.of(image)), [1, 1, 1, 1, 5], "{ties:?}");
            assert_eq!(identical.pair(5, 4), (1, 5), "{ties:?}");
        }
    }
}
