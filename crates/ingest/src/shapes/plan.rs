//! Which scene stands where: originals, planted duplicates, and the truth about them.

use std::collections::BTreeMap;
use std::fmt::Write;

use twinset_manifest::rows::{PairKind, Split};

use super::Config;
use super::change::Change;
use super::shape::Shape;
use crate::draws::Draws;

/// A scene's number, by which all of it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SceneId {
    split: Split,
    index: u32,
}

impl SceneId {
    /// Classes take turns, so that each split has as many of one as of another.
    pub(super) fn shape(self) -> Shape {
        Shape::ALL[self.index as usize % Shape::ALL.len()]
    }

    /// Streams below 2³² are the plan's own.
    pub(super) fn stream(self) -> u64 {
        ((self.split as u64 + 1) << 32) + u64::from(self.index)
    }
}

/// What stands at one place of the dataset.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) split: Split,
    pub(super) label: u32,
    pub(super) scene: SceneId,
    /// What was done to the scene; none for an original and for an exact duplicate.
    pub(super) change: Option<Change>,
}

/// How many images of which kind.
pub(super) struct Plan {
    /// Train, val, test.
    pub(super) splits: [SplitPlan; 3],
    pub(super) n_label_conflicts: u32,
}

pub(super) struct SplitPlan {
    pub(super) split: Split,
    /// All images, planted duplicates among them.
    pub(super) n_images: u32,
    pub(super) n_exact: u32,
    pub(super) n_near: u32,
}

impl Plan {
    pub(super) fn counts(config: &Config) -> Self {
        let split = |split, n_images: u32, exact: Option<u32>, near: Option<u32>| SplitPlan {
            split,
            n_images,
            n_exact: exact.unwrap_or(n_images / 50),
            n_near: near.unwrap_or(n_images / 25),
        };
        let splits = [
            split(Split::Train, config.n_train, config.n_exact_in_train, config.n_near_in_train),
            split(Split::Val, config.n_val, config.n_exact_in_val, config.n_near_in_val),
            split(Split::Test, config.n_test, config.n_exact_in_test, config.n_near_in_test),
        ];
        let n_near: u64 = splits.iter().map(|split| u64::from(split.n_near)).sum();
        let n_label_conflicts = config.n_label_conflicts.unwrap_or((n_near / 20) as u32);
        Self { splits, n_label_conflicts }
    }

    /// All images in the order of their ids. The counts must have been validated.
    pub(super) fn draw(&self, seed: u64) -> Vec<Planned> {
        let mut draws = Draws::new(seed, 0);
        let mut sources = self.sources(&mut draws);
        let mut planted: Vec<_> = self
            .splits
            .iter()
            .flat_map(|split| {
                let kinds =
                    (0..split.n_exact).map(|_| PairKind::Exact).chain((0..split.n_near).map(|_| PairKind::Near));
                kinds.map(|kind| (split.split, kind))
            })
            .map(|(split, kind)| {
                let scene = sources.next().expect("sources never end where duplicates are planted");
                let change = (kind == PairKind::Near).then(|| Change::draw(&mut draws));
                Planned { split, label: scene.shape() as u32, scene, change }
            })
            .collect();
        self.mislabel(&mut planted, &mut draws);

        let mut images = Vec::new();
        for split in &self.splits {
            let n_originals = split.n_images - split.n_exact - split.n_near;
            let originals = (0..n_originals).map(|index| {
                let scene = SceneId { split: split.split, index };
                Planned { split: split.split, label: scene.shape() as u32, scene, change: None }
            });
            let duplicates = planted.iter().filter(|planned| planned.split == split.split).cloned();
            let mut of_split: Vec<_> = originals.chain(duplicates).collect();
            Draws::new(seed, split.split as u64 + 1).shuffle(&mut of_split);
            images.append(&mut of_split);
        }
        images
    }

    /// The training images that are duplicated: a few of them twice, so that there are clusters of three.
    fn sources(&self, draws: &mut Draws) -> impl Iterator<Item = SceneId> + use<> {
        let train = &self.splits[0];
        let n_originals = train.n_images - train.n_exact - train.n_near;
        let n_planted: usize = self.splits.iter().map(|split| (split.n_exact + split.n_near) as usize).sum();
        let mut sources: Vec<_> = (0..n_originals).map(|index| SceneId { split: Split::Train, index }).collect();
        draws.shuffle(&mut sources);
        sources.truncate(n_planted - n_planted / 8);
        sources.into_iter().cycle()
    }

    fn mislabel(&self, planted: &mut [Planned], draws: &mut Draws) {
        let mut near: Vec<_> = (0..planted.len()).filter(|&at| planted[at].change.is_some()).collect();
        draws.shuffle(&mut near);
        let n_classes = Shape::ALL.len() as u32;
        for &at in near.iter().take(self.n_label_conflicts as usize) {
            planted[at].label = (planted[at].label + 1 + draws.below(n_classes - 1)) % n_classes;
        }
    }
}

/// Two images of one scene.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    left_id: usize,
    right_id: usize,
    kind: PairKind,
    transform: String,
    left_split: Split,
    right_split: Split,
}

/// All pairs of images of one scene, by id: an original and its duplicate, and two duplicates of one original.
pub(super) fn pairs(images: &[Planned]) -> Vec<Pair> {
    let mut families: BTreeMap<SceneId, Vec<usize>> = BTreeMap::new();
    for (id, image) in images.iter().enumerate() {
        families.entry(image.scene).or_default().push(id);
    }
    let mut pairs: Vec<_> = families
        .values()
        .flat_map(|ids| {
            ids.iter().enumerate().flat_map(|(at, &left)| ids[at + 1..].iter().map(move |&right| (left, right)))
        })
        .map(|(left_id, right_id)| {
            let (left, right) = (&images[left_id], &images[right_id]);
            let kind = if left.change == right.change { PairKind::Exact } else { PairKind::Near };
            let transform = match (&left.change, &right.change) {
                (left, right) if left == right => "none".to_owned(),
                (None, Some(change)) | (Some(change), None) => change.to_string(),
                (Some(left), Some(right)) => format!("{left} / {right}"),
                (None, None) => unreachable!("two unchanged images are equal"),
            };
            Pair { left_id, right_id, kind, transform, left_split: left.split, right_split: right.split }
        })
        .collect();
    pairs.sort();
    pairs
}

/// The truth as a table, one pair a line.
pub(super) fn to_csv(pairs: &[Pair]) -> String {
    let mut csv = String::from("left_id,right_id,kind,transform,left_split,right_split\n");
    for Pair { left_id, right_id, kind, transform, left_split, right_split } in pairs {
        let _ = writeln!(csv, "{left_id},{right_id},{kind},{transform},{left_split},{right_split}");
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config { n_train: 200, n_val: 50, n_test: 100, ..Config::default() }
    }

    #[test]
    fn counts_are_kept_and_classes_balanced() {
        let images = Plan::counts(&config()).draw(3);
        assert_eq!(images.len(), 350);
        let n_of = |split: Split| images.iter().filter(|image| image.split == split).count();
        assert_eq!([n_of(Split::Train), n_of(Split::Val), n_of(Split::Test)], [200, 50, 100]);
        let n_near = images.iter().filter(|image| image.change.is_some()).count();
        assert_eq!(n_near, 8 + 2 + 4);
        for label in 0..10 {
            let n = images.iter().filter(|image| image.label == label).count();
            assert!((25..=45).contains(&n), "{n} of class {label}");
        }
    }

    #[test]
    fn the_truth_knows_all_pairs_and_nothing_else() {
        let images = Plan::counts(&config()).draw(3);
        let pairs = pairs(&images);
        let n_expected: usize = (0..images.len())
            .map(|left| images[left + 1..].iter().filter(|right| right.scene == images[left].scene).count())
            .sum();
        assert_eq!(pairs.len(), n_expected);
        assert!(pairs.len() > 21, "21 duplicates, some of one original");
        assert!(pairs.iter().any(|pair| pair.left_split != pair.right_split));
        assert!(pairs.iter().all(|pair| pair.left_id < pair.right_id));
        let conflicts = pairs.iter().filter(|pair| images[pair.left_id].label != images[pair.right_id].label);
        assert_eq!(Plan::counts(&Config { n_label_conflicts: Some(0), ..config() }).n_label_conflicts, 0);
        assert_eq!(conflicts.count(), 0, "14 near-duplicates are too few for a conflict by default");
    }

    #[test]
    fn label_conflicts_are_as_many_as_asked_for() {
        let images = Plan::counts(&Config { n_label_conflicts: Some(5), ..config() }).draw(3);
        let n = images.iter().filter(|image| image.label != image.scene.shape() as u32).count();
        assert_eq!(n, 5);
    }

    #[test]
    fn a_larger_training_set_leaves_the_test_scenes_as_they_are() {
        let test_scenes = |n_train: u32| {
            let images =
                Plan::counts(&Config { n_train, n_exact_in_test: Some(0), n_near_in_test: Some(0), ..config() });
            images.draw(3).into_iter().filter(|i| i.split == Split::Test).map(|i| i.scene).collect::<Vec<_>>()
        };
        assert_eq!(test_scenes(200), test_scenes(1000));
    }
}
