//! Counting rows by group: how many images an attack left rightly classified, how many duplicates a class got.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, IntoLazy, PolarsError, PolarsResult, UInt32Chunked, col, df, len};
use twinset_manifest::rows::{Origin, Pair, PairKind, Prediction, Split, TrainsetRow};

/// What an image that was classified has to do with the training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Counts predictions by attack, split, class and group, in the order in which these first appear.
///
/// # Errors
/// Does not fail on any rows; what polars says is passed on.
pub(crate) fn count_predictions(rows: &[Prediction], group: impl Fn(u64) -> Group) -> PolarsResult<Vec<Count>> {
    const GROUPS: [Group; 3] = [Group::Own, Group::Twin, Group::Leaked];
    let place = |row: &Prediction| GROUPS.iter().position(|known| *known == group(row.image_id)).map(|i| i as u32);
    let frame = df!(
        "attack" => rows.iter().map(|row| row.attack.as_str()).collect::<Vec<_>>(),
        "split" => rows.iter().map(|row| row.split.as_str()).collect::<Vec<_>>(),
        "label" => rows.iter().map(|row| row.label).collect::<Vec<_>>(),
        "group" => rows.iter().map(place).collect::<Vec<_>>(),
        "is_correct" => rows.iter().map(|row| row.is_correct).collect::<Vec<_>>(),
    )?;
    let counts = frame
        .lazy()
        .group_by_stable([col("attack"), col("split"), col("label"), col("group")])
        .agg([len().alias("n"), col("is_correct").sum().alias("n_correct")])
        .collect()?;
    let (attack, split) = (counts.column("attack")?.str()?, counts.column("split")?.str()?);
    let (label, group) = (u32s(&counts, "label")?, u32s(&counts, "group")?);
    let (n, n_correct) = (u32s(&counts, "n")?, u32s(&counts, "n_correct")?);
    (0..counts.height())
        .map(|row| {
            Ok(Count {
                attack: attack.get(row).unwrap_or_default().to_owned(),
                split: parsed(split.get(row))?,
                label: at(label, row),
                group: GROUPS[at(group, row) as usize],
                n_images: at(n, row).into(),
                n_correct: at(n_correct, row).into(),
            })
        })
        .collect()
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

/// Counts the predictions of training images as often as each image stands in the training set, by attack and class, in the
/// order in which these first appear.
pub(crate) fn count_on_trainset(rows: &[Prediction], positions: &BTreeMap<u64, u64>) -> Vec<Count> {
    let mut counts: Vec<Count> = Vec::new();
    for row in rows.iter().filter(|row| row.split == Split::Train) {
        let Some(&n_images) = positions.get(&row.image_id) else { continue };
        let n_correct = if row.is_correct { n_images } else { 0 };
        match counts.iter_mut().find(|count| count.label == row.label && count.attack == row.attack) {
            Some(count) => (count.n_images, count.n_correct) = (count.n_images + n_images, count.n_correct + n_correct),
            None => counts.push(Count {
                attack: row.attack.clone(),
                split: row.split,
                label: row.label,
                group: Group::Position,
                n_images,
                n_correct,
            }),
        }
    }
    counts
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
///
/// # Errors
/// As [`count_predictions`].
pub(crate) fn count_trainset(rows: &[TrainsetRow]) -> PolarsResult<Vec<TrainsetCount>> {
    let frame = df!(
        "origin" => rows.iter().map(|row| row.origin.as_str()).collect::<Vec<_>>(),
        "label" => rows.iter().map(|row| row.label).collect::<Vec<_>>(),
    )?;
    let counts = frame.lazy().group_by_stable([col("origin"), col("label")]).agg([len().alias("n")]).collect()?;
    let origin = counts.column("origin")?.str()?;
    let (label, n) = (u32s(&counts, "label")?, u32s(&counts, "n")?);
    (0..counts.height())
        .map(|row| Ok(TrainsetCount { origin: parsed(origin.get(row))?, label: at(label, row), n: at(n, row).into() }))
        .collect()
}

/// Counts pairs by kind and by the two splits they join.
///
/// # Errors
/// As [`count_predictions`].
pub(crate) fn count_pairs(rows: &[Pair]) -> PolarsResult<Vec<PairCount>> {
    let splits = |row: &Pair| (row.left_split.min(row.right_split), row.left_split.max(row.right_split));
    let frame = df!(
        "kind" => rows.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(),
        "one" => rows.iter().map(|row| splits(row).0.as_str()).collect::<Vec<_>>(),
        "other" => rows.iter().map(|row| splits(row).1.as_str()).collect::<Vec<_>>(),
        "label_conflict" => rows.iter().map(|row| row.label_conflict).collect::<Vec<_>>(),
    )?;
    let counts = frame
        .lazy()
        .group_by_stable([col("kind"), col("one"), col("other")])
        .agg([len().alias("n"), col("label_conflict").sum().alias("n_label_conflicts")])
        .collect()?;
    let text = |name: &str| counts.column(name)?.str();
    let (kind, one, other) = (text("kind")?, text("one")?, text("other")?);
    let (n, conflicts) = (u32s(&counts, "n")?, u32s(&counts, "n_label_conflicts")?);
    (0..counts.height())
        .map(|row| {
            Ok(PairCount {
                kind: parsed(kind.get(row))?,
                splits: (parsed(one.get(row))?, parsed(other.get(row))?),
                n: at(n, row).into(),
                n_label_conflicts: at(conflicts, row).into(),
            })
        })
        .collect()
}

fn u32s<'a>(frame: &'a DataFrame, name: &str) -> PolarsResult<&'a UInt32Chunked> {
    frame.column(name)?.u32()
}

/// The value in a row; the columns here hold no null.
fn at(column: &UInt32Chunked, row: usize) -> u32 {
    column.get(row).unwrap_or_default()
}

fn parsed<T: std::str::FromStr<Err = String>>(text: Option<&str>) -> PolarsResult<T> {
    text.unwrap_or_default().parse().map_err(|message: String| PolarsError::ComputeError(message.into()))
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
        assert_eq!(count_predictions(&rows, group).unwrap(), expected);
        assert_eq!(count_predictions(&[], group).unwrap(), []);
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
            alignment: None,
        };
        let rows = [pair(Split::Test, Split::Train, 0), pair(Split::Train, Split::Test, 3)];
        let expected =
            PairCount { kind: PairKind::Near, splits: (Split::Train, Split::Test), n: 2, n_label_conflicts: 1 };
        assert_eq!(count_pairs(&rows).unwrap(), [expected]);
    }
}
