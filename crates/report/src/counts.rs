//! Counting rows by group: how many images an attack left rightly classified, how many duplicates a class got.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use twinset_manifest::rows::{Origin, Pair, PairKind, Prediction, Split, TrainsetRow};

/// What an image that was classified has to do with the training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Nothing that is known: an image of its split, or a training image itself.
    Own,
    /// It is one of its split, of which a duplicate was found among the training images.
    Twin,
    /// It is a duplicate of a training image that leaked on purpose.
    Leaked,
    /// It is one of the training set: counted as often as it stands there.
    Position,
}

/// How many of a class's images in a split were classified rightly under an attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The attack's name; `clean` for none.
    pub attack: String,
    /// The split.
    pub split: Split,
    /// The class.
    pub label: u32,
    /// What these images have to do with the training images.
    pub group: Group,
    /// Images.
    pub n_images: u64,
    /// Those classified rightly.
    pub n_correct: u64,
}

/// How many positions of a training set a class has, by where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainsetCount {
    /// Original or injected.
    pub origin: Origin,
    /// The class.
    pub label: u32,
    /// Positions.
    pub n: u64,
}

/// How many pairs of a kind lie between two splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairCount {
    /// Exact, near or similar.
    pub kind: PairKind,
    /// The two splits, in order.
    pub splits: (Split, Split),
    /// Pairs.
    pub n: u64,
    /// Those whose two images are of different classes.
    pub n_label_conflicts: u64,
}

/// Counts predictions by attack, split, class and group.
pub(crate) fn count_predictions(rows: &[Prediction], group: impl Fn(u64) -> Group) -> Vec<Count> {
    count_images(rows.iter().map(|row| (row, group(row.image_id), 1)))
}

/// How many positions of a training set each image stands at; none where a duplicate is not its original itself, since
/// nothing is known then of how it would be classified.
pub(crate) fn count_positions(rows: &[TrainsetRow]) -> BTreeMap<u64, u64> {
    let mut positions = BTreeMap::new();
    if rows.iter().all(|row| row.duplicate_of.is_none_or(|original| original == row.image_id)) {
        for row in rows {
            *positions.entry(row.image_id).or_default() += 1;
        }
    }
    positions
}

/// Counts the predictions of training images by attack and class, each image as often as it stands in the training set.
pub(crate) fn count_on_trainset(rows: &[Prediction], positions: &BTreeMap<u64, u64>) -> Vec<Count> {
    let images = rows.iter().filter(|row| row.split == Split::Train);
    count_images(images.filter_map(|row| Some((row, Group::Position, *positions.get(&row.image_id)?))))
}

/// Counts predictions, each with its group and how often it counts.
fn count_images<'a>(rows: impl Iterator<Item = (&'a Prediction, Group, u64)>) -> Vec<Count> {
    let rows = rows.map(|(row, group, n)| ((row.attack.as_str(), row.split, row.label, group), n, row.is_correct));
    let count = |((attack, split, label, group), n_images, n_correct)| {
        let attack = str::to_owned(attack);
        Count { attack, split, label, group, n_images, n_correct }
    };
    group_by(rows).into_iter().map(count).collect()
}

/// Which of a split's own images were classified rightly under an attack: by attack and split, by the image's id.
pub type ByImage = BTreeMap<(String, Split), BTreeMap<u64, bool>>;

/// Keeps predictions image by image, for two networks to be compared on the same images; what leaked is left out.
pub(crate) fn images_right(rows: &[Prediction], group: impl Fn(u64) -> Group) -> ByImage {
    let mut right = ByImage::new();
    for row in rows.iter().filter(|row| group(row.image_id) != Group::Leaked) {
        right.entry((row.attack.clone(), row.split)).or_default().insert(row.image_id, row.is_correct);
    }
    right
}

/// Counts a training set's positions by origin and class.
pub(crate) fn count_trainset(rows: &[TrainsetRow]) -> Vec<TrainsetCount> {
    let counts = group_by(rows.iter().map(|row| ((row.origin, row.label), 1, false)));
    counts.into_iter().map(|((origin, label), n, _)| TrainsetCount { origin, label, n }).collect()
}

/// Counts pairs by kind and by the two splits they join.
pub(crate) fn count_pairs(rows: &[Pair]) -> Vec<PairCount> {
    let splits = |row: &Pair| (row.left_split.min(row.right_split), row.left_split.max(row.right_split));
    let counts = group_by(rows.iter().map(|row| ((row.kind, splits(row)), 1, row.label_conflict)));
    let count = |((kind, splits), n, n_label_conflicts)| PairCount { kind, splits, n, n_label_conflicts };
    counts.into_iter().map(count).collect()
}

/// Counts items by key, in the order in which the keys first appear. Each item has its key, how often it counts, and a mark.
/// The result has each key, the count of its items, and the count of those that are marked.
fn group_by<K: Copy + Eq + Hash>(items: impl Iterator<Item = (K, u64, bool)>) -> Vec<(K, u64, u64)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut counts: Vec<(K, u64, u64)> = Vec::new();
    for (key, n, is_marked) in items {
        let place = *places.entry(key).or_insert(counts.len());
        if place == counts.len() {
            counts.push((key, 0, 0));
        }
        counts[place].1 += n;
        counts[place].2 += if is_marked { n } else { 0 };
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(attack: &str, split: Split, label: u32, is_correct: bool) -> Prediction {
        let predicted = if is_correct { label } else { label + 1 };
        Prediction {
            image_id: 0,
            split,
            label,
            attack: attack.to_owned(),
            predicted,
            is_correct,
            linf: 0.0,
            l2: 0.0,
            n_queries: 1,
            margin: if is_correct { 1.0 } else { -1.0 },
            loss: 0.5,
            fooled_by: (!is_correct).then(|| attack.to_owned()),
        }
    }

    #[test]
    fn predictions_are_counted_by_attack_split_and_class() {
        let leaked = Prediction { image_id: 7, ..prediction("clean", Split::Test, 1, true) };
        let rows = [
            prediction("clean", Split::Test, 1, true),
            prediction("clean", Split::Test, 0, true),
            prediction("clean", Split::Test, 1, false),
            prediction("pgd-20", Split::Test, 1, false),
            prediction("clean", Split::Train, 1, true),
            leaked,
        ];
        let count = |attack: &str, split, label, n_images, n_correct| Count {
            attack: attack.to_owned(),
            split,
            label,
            group: Group::Own,
            n_images,
            n_correct,
        };
        let expected = [
            count("clean", Split::Test, 1, 2, 1),
            count("clean", Split::Test, 0, 1, 1),
            count("pgd-20", Split::Test, 1, 1, 0),
            count("clean", Split::Train, 1, 1, 1),
            Count { group: Group::Leaked, ..count("clean", Split::Test, 1, 1, 1) },
        ];
        let group = |image_id| if image_id == 7 { Group::Leaked } else { Group::Own };
        assert_eq!(count_predictions(&rows, group), expected);
        assert_eq!(count_predictions(&[], group), []);
    }

    #[test]
    fn predictions_of_training_images_are_counted_as_often_as_they_stand_in_the_training_set() {
        let position = |image_id: u64, duplicate_of: Option<u64>| TrainsetRow {
            position: 0,
            image_id,
            label: 0,
            origin: if duplicate_of.is_some() { Origin::Injected } else { Origin::Original },
            duplicate_of,
            copy: 0,
        };
        let exact = [position(1, None), position(2, None), position(1, Some(1)), position(1, Some(1))];
        let positions = count_positions(&exact);
        assert_eq!(positions, BTreeMap::from([(1, 3), (2, 1)]));
        assert_eq!(count_positions(&[position(1, None), position(9, Some(1))]), BTreeMap::new(), "9 is another image");
        let of = |image_id, split, is_correct| Prediction { image_id, ..prediction("clean", split, 4, is_correct) };
        let rows = [
            of(1, Split::Train, true),
            of(2, Split::Train, false),
            of(3, Split::Train, true),
            of(1, Split::Test, true),
        ];
        let expected = Count {
            attack: "clean".to_owned(),
            split: Split::Train,
            label: 4,
            group: Group::Position,
            n_images: 4,
            n_correct: 3,
        };
        assert_eq!(count_on_trainset(&rows, &positions), [expected]);
    }

    #[test]
    fn a_pair_across_splits_counts_once_whichever_side_is_left() {
        let pair = |left_split, right_split, right_label| Pair {
            left_id: 0,
            right_id: 1,
            kind: PairKind::Near,
            found_by: "gradient".to_owned(),
            hash_distance_bits: Some(2),
            left_split,
            right_split,
            left_label: 0,
            right_label,
            label_conflict: right_label != 0,
            similarity: None,
            expected_false_pairs: None,
            alignment: None,
            left_source: String::new(),
            right_source: String::new(),
        };
        let rows = [pair(Split::Test, Split::Train, 0), pair(Split::Train, Split::Test, 3)];
        let expected =
            PairCount { kind: PairKind::Near, splits: (Split::Train, Split::Test), n: 2, n_label_conflicts: 1 };
        assert_eq!(count_pairs(&rows), [expected]);
    }
}
