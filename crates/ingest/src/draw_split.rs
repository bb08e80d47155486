//! Splits for a source that has none: a stratified draw by seed.
//!
//! Each class is divided alike. Its images, in the order of their ids, are shuffled by a generator of the seed and the
//! class's label; the first of them are for test, the next for val, the rest for train. How many are of each split is its
//! share of the class, rounded by largest remainder: whole parts first, then one more for the largest fractions, train
//! before val before test where they are equal. So which image goes where depends on the seed, the images' ids and labels,
//! and nothing else: not on what can be decoded.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

use crate::draws::Draws;

/// How large the parts are; train is what is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table such as { test = 0.2, seed = 0 }")]
pub struct DrawSplit {
    /// The share of each class that is for validation, 0 to 1; 0.
    #[serde(default)]
    pub val: f64,
    /// The share of each class that is for test, 0 to 1; 0.
    #[serde(default)]
    pub test: f64,
    /// What the draw depends on.
    #[serde(default)]
    pub seed: u64,
}

impl DrawSplit {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        let (val, test) = (self.val, self.test);
        for (field, share) in [("draw-split.val", val), ("draw-split.test", test)] {
            InvalidField::unless((0.0..1.0).contains(&share), field, share, "a share from 0 to less than 1")?;
        }
        let sum = val + test;
        InvalidField::unless(
            sum < 1.0,
            "draw-split.test",
            test,
            "less than 1 together with `val`, as train is the rest",
        )?;
        InvalidField::unless(sum > 0.0, "draw-split", "no share", "`val` or `test` above 0")
    }

    /// The split of each item, of which the labels are given by id; one without a label is for train.
    pub(crate) fn draw(&self, labels: &[Option<u32>]) -> Vec<Split> {
        let mut splits = vec![Split::Train; labels.len()];
        let mut by_label: Vec<(u32, usize)> =
            labels.iter().enumerate().filter_map(|(id, label)| label.map(|label| (label, id))).collect();
        by_label.sort_unstable();
        for of_class in by_label.chunk_by_mut(|(left, _), (right, _)| left == right) {
            let [_, n_val, n_test] = rounded(of_class.len(), [1.0 - self.val - self.test, self.val, self.test]);
            // A stream for each class: how many there are of one does not change what is drawn of another.
            Draws::new(self.seed, u64::from(of_class[0].0)).shuffle(of_class);
            for (place, &(_, id)) in of_class.iter().enumerate().take(n_test + n_val) {
                splits[id] = if place < n_test { Split::Test } else { Split::Val };
            }
        }
        splits
    }

    /// A warning for each split that was to be drawn and has nothing.
    pub(crate) fn unfilled(&self, splits: &[Split]) -> Vec<String> {
        let asked = [(Split::Val, self.val), (Split::Test, self.test)];
        let unfilled = asked.into_iter().filter(|(split, share)| *share > 0.0 && !splits.contains(split));
        let warning = |(split, share)| {
            format!("split `{split}` has no image: no class has enough for a share of {share} to be one")
        };
        unfilled.map(warning).collect()
    }
}

/// `n` in three parts of these shares, by largest remainder.
fn rounded(n: usize, shares: [f64; 3]) -> [usize; 3] {
    let quotas = shares.map(|share| share * n as f64);
    let mut parts = quotas.map(|quota| quota as usize);
    let mut order = [0, 1, 2];
    let rest = |at: usize| quotas[at] - quotas[at].trunc();
    order.sort_by(|&left, &right| rest(right).total_cmp(&rest(left)));
    let n_left = n.saturating_sub(parts.iter().sum());
    order.into_iter().take(n_left).for_each(|at| parts[at] += 1);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_rounded_by_largest_remainder() {
        let check = |n: usize, val: f64, test: f64, expected: [usize; 3]| {
            assert_eq!(rounded(n, [1.0 - val - test, val, test]), expected, "{n} by {val} and {test}");
        };
        check(10, 0.1, 0.2, [7, 1, 2]);
        check(100, 0.1, 0.2, [70, 10, 20]);
        check(1, 0.1, 0.2, [1, 0, 0]);
        check(2, 0.25, 0.25, [1, 1, 0]);
        check(3, 0.1, 0.2, [2, 0, 1]);
        check(0, 0.1, 0.2, [0, 0, 0]);
        check(7, 0.0, 0.5, [4, 0, 3]);
        for n in 0..2000 {
            for (val, test) in [(0.1, 0.2), (0.3, 0.3), (0.0, 0.07), (1.0 / 3.0, 1.0 / 3.0)] {
                assert_eq!(rounded(n, [1.0 - val - test, val, test]).iter().sum::<usize>(), n);
            }
        }
    }

    #[test]
    fn every_class_is_divided_alike_and_by_its_own_images_alone() {
        let draw_split = DrawSplit { val: 0.1, test: 0.2, seed: 5 };
        let labels: Vec<_> = (0..300).map(|id| (id != 7).then_some(id % 3)).collect();
        let splits = draw_split.draw(&labels);
        assert_eq!(splits, draw_split.draw(&labels), "twice the same");
        assert_ne!(splits, DrawSplit { seed: 6, ..draw_split.clone() }.draw(&labels), "another seed");
        assert_eq!(splits[7], Split::Train);
        let n = |label: u32, split: Split| {
            labels.iter().zip(&splits).filter(|&(found, of)| *found == Some(label) && *of == split).count()
        };
        for label in 0..3 {
            let n_test = 20;
            assert_eq!((n(label, Split::Val), n(label, Split::Test)), (10, n_test), "class {label}");
        }
        let without_2: Vec<_> = labels.iter().map(|label| label.filter(|&label| label != 2)).collect();
        let again = draw_split.draw(&without_2);
        assert!((0..300).filter(|id| id % 3 != 2).all(|id| splits[id] == again[id]));
    }
}
