//! An *evaluation*: what the `predictions` manifest of one network comes to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use twinset_manifest::rows::{Prediction, Split, WORST_CASE};

use crate::counts::{ByImage, Count, Group, count_on_trainset, count_predictions, images_right};

/// What the predictions of one network come to.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Images by attack, split, class and group; those of [`WORST_CASE`] among them.
    pub counts: Vec<Count>,
    /// The same, image by image.
    pub by_image: ByImage,
    /// Those of these images of which a duplicate was found among the training images.
    pub twins: BTreeSet<u64>,
    /// Its attacks on each split in the order in which they ran; `clean` is the first.
    pub runs: Vec<Run>,
    /// Splits of which not every image was under every attack.
    pub partial: Vec<Partial>,
}

/// One attack on a split's own images.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The split.
    pub split: Split,
    /// The attack's name; `clean` for none.
    pub attack: String,
    /// What the evaluation's config says of it, the name left out, and how images were augmented before it.
    pub settings: Map<String, Value>,
    /// Images.
    pub n_images: u64,
    /// Images that it was the first to fool: those before it in the list left them right.
    pub n_first: u64,
    /// The same for each part of an attack that consists of several.
    pub first_by_part: Vec<(String, u64)>,
    /// How far it moved an image, in L∞.
    pub linf: Moved,
    /// The same in L2.
    pub l2: Moved,
}

/// How far an attack moved images, pixels being in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// The sum over images.
    pub sum: f64,
    /// The furthest.
    pub largest: f64,
}

/// How many of a split's own images were under all attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The split.
    pub split: Split,
    /// Images that all attacks saw.
    pub n_seen_by_all: u64,
    /// Images that any attack saw.
    pub n_images: u64,
}

impl Evaluation {
    /// Sums up predictions, which are in the order in which they were made; `config` is that of the evaluation, `positions` how often
    /// each image stands in the training set.
    pub(crate) fn of(
        rows: &[Prediction],
        config: &Value,
        group: impl Fn(u64) -> Group + Copy,
        positions: &BTreeMap<u64, u64>,
    ) -> Self {
        let own = |row: &&Prediction| group(row.image_id) != Group::Leaked;
        let worst = worst_case(rows);
        let partial = partial(rows.iter().filter(own), worst.iter().filter(own));
        let runs = runs(rows.iter().filter(own), config);
        let is_twin = |image_id: &u64| group(*image_id) == Group::Twin;
        let twins = rows.iter().map(|row| row.image_id).filter(is_twin).collect();
        let rows = [rows, &worst].concat();
        let mut counts = count_predictions(&rows, group);
        counts.extend(count_on_trainset(&rows, positions));
        Self { counts, by_image: images_right(&rows, group), twins, runs, partial }
    }

    /// The runs that a measure is made of: one, or for [`WORST_CASE`] all on the split.
    pub fn runs_of<'a>(&'a self, split: Split, attack: &'a str) -> impl Iterator<Item = &'a Run> {
        let is_it = move |run: &&Run| run.split == split && (attack == WORST_CASE || run.attack == attack);
        self.runs.iter().filter(is_it)
    }
}

/// One prediction for each image that every attack on its split saw, the clean image included: that of the first attack that made it wrong,
/// else of the last attack. A split without attacks has none.
fn worst_case(rows: &[Prediction]) -> Vec<Prediction> {
    let mut attacks: BTreeMap<Split, BTreeSet<&str>> = BTreeMap::new();
    let mut seen: BTreeMap<(Split, u64), Vec<&Prediction>> = BTreeMap::new();
    for row in rows {
        attacks.entry(row.split).or_default().insert(&row.attack);
        seen.entry((row.split, row.image_id)).or_default().push(row);
    }
    let worst = seen.iter().filter(|((split, _), of_image)| {
        let on_split = &attacks[split];
        let saw_it: BTreeSet<&str> = of_image.iter().map(|row| row.attack.as_str()).collect();
        on_split.contains("clean") && on_split.len() > 1 && saw_it == *on_split
    });
    worst
        .filter_map(|(_, of_image)| {
            let decides = of_image.iter().find(|row| !row.is_correct).or(of_image.last())?;
            Some(Prediction { attack: WORST_CASE.to_owned(), ..(*decides).clone() })
        })
        .collect()
}

/// The splits whose worst case is over fewer images than there are.
fn partial<'a>(
    rows: impl Iterator<Item = &'a Prediction>,
    worst: impl Iterator<Item = &'a Prediction>,
) -> Vec<Partial> {
    let mut n_by_all: BTreeMap<Split, u64> = BTreeMap::new();
    worst.for_each(|row| *n_by_all.entry(row.split).or_default() += 1);
    let (mut images, mut attacked): (BTreeSet<(Split, u64)>, BTreeSet<Split>) = Default::default();
    for row in rows {
        images.insert((row.split, row.image_id));
        if row.attack != "clean" {
            attacked.insert(row.split);
        }
    }
    let of_split = |split: Split| Partial {
        split,
        n_seen_by_all: n_by_all.get(&split).copied().unwrap_or(0),
        n_images: images.iter().filter(|(other, _)| *other == split).count() as u64,
    };
    attacked.into_iter().map(of_split).filter(|partial| partial.n_seen_by_all < partial.n_images).collect()
}

fn runs<'a>(rows: impl Iterator<Item = &'a Prediction>, config: &Value) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut fooled: BTreeSet<(Split, u64)> = BTreeSet::new();
    for row in rows {
        let place = runs.iter().rposition(|run| run.split == row.split && run.attack == row.attack);
        let place = place.unwrap_or_else(|| {
            runs.push(Run {
                split: row.split,
                attack: row.attack.clone(),
                settings: settings(config, &row.attack),
                n_images: 0,
                n_first: 0,
                first_by_part: Vec::new(),
                linf: Moved::default(),
                l2: Moved::default(),
            });
            runs.len() - 1
        });
        let run = &mut runs[place];
        run.n_images += 1;
        run.linf.add(row.linf);
        run.l2.add(row.l2);
        if !row.is_correct && fooled.insert((row.split, row.image_id)) {
            run.n_first += 1;
            let part = row.fooled_by.as_deref().and_then(|by| by.strip_prefix(&row.attack)?.strip_prefix('/'));
            if let Some(part) = part {
                match run.first_by_part.iter_mut().find(|(known, _)| known == part) {
                    Some((_, n)) => *n += 1,
                    None => run.first_by_part.push((part.to_owned(), 1)),
                }
            }
        }
    }
    runs
}

impl Moved {
    fn add(&mut self, distance: f32) {
        self.sum += f64::from(distance);
        self.largest = self.largest.max(f64::from(distance));
    }
}

/// What an evaluation's config says of an attack, the name left out, and how it augments images.
fn settings(config: &Value, attack: &str) -> Map<String, Value> {
    let of_name = |attacks: &Vec<Value>| attacks.iter().find(|config| config["name"] == attack)?.as_object().cloned();
    let mut settings = config.get("attacks").and_then(Value::as_array).and_then(of_name).unwrap_or_default();
    settings.remove("name");
    if let Some(augmentation) = config.get("augmentation") {
        settings.insert("augmentation".to_owned(), augmentation.clone());
    }
    settings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An image's row under an attack; `moved` is in L∞.
    fn row(split: Split, image_id: u64, attack: &str, is_correct: bool, moved: f32) -> Prediction {
        Prediction {
            image_id,
            split,
            label: 0,
            attack: attack.to_owned(),
            predicted: u32::from(!is_correct),
            is_correct,
            linf: moved,
            l2: 2.0 * moved,
            n_queries: 1,
            margin: if is_correct { 1.0 } else { -1.0 },
            loss: 0.5,
            fooled_by: (!is_correct).then(|| attack.to_owned()),
        }
    }

    /// Four images under two attacks: 1 withstands all, 2 is wrong when clean and right under both, 3 falls to the first and not to the
    /// second, 4 to the second alone.
    fn rows() -> Vec<Prediction> {
        let of = |attack: &'static str, right: [bool; 4], moved: f32| {
            (1..).zip(right).map(move |(id, is_right)| row(Split::Test, id, attack, is_right, moved))
        };
        let clean = of("clean", [true, false, true, true], 0.0);
        let pgd = of("pgd-10", [true, true, false, true], 0.25);
        clean.chain(pgd).chain(of("square", [true, true, true, false], 0.5)).collect()
    }

    fn sum_up(rows: &[Prediction]) -> Evaluation {
        let config =
            json!({ "attacks": [{ "name": "pgd-10", "kind": "pgd", "epsilon": "8/255" }, { "name": "square" }] });
        let group = |id: u64| if id >= 100 { Group::Leaked } else { Group::Own };
        Evaluation::of(rows, &config, group, &BTreeMap::new())
    }

    fn worst(evaluation: &Evaluation, split: Split) -> Option<Vec<(u64, bool)>> {
        let key = (WORST_CASE.to_owned(), split);
        evaluation.by_image.get(&key).map(|images| images.iter().map(|(id, is_right)| (*id, *is_right)).collect())
    }

    #[test]
    fn an_image_is_robust_where_it_is_right_under_every_attack_and_clean() {
        let evaluation = sum_up(&rows());
        assert_eq!(worst(&evaluation, Split::Test), Some(vec![(1, true), (2, false), (3, false), (4, false)]));
        let counts: Vec<_> =
            evaluation.counts.iter().map(|count| (count.attack.as_str(), count.n_correct, count.n_images)).collect();
        assert_eq!(counts, [("clean", 3, 4), ("pgd-10", 3, 4), ("square", 3, 4), (WORST_CASE, 1, 4)]);
        assert_eq!(evaluation.partial, []);
    }

    #[test]
    fn images_that_not_every_attack_saw_are_left_out_and_counted() {
        let mut rows = rows();
        // Square saw images 1 and 2 alone, and on the training split nothing was attacked.
        rows.retain(|row| row.attack != "square" || row.image_id < 3);
        rows.push(row(Split::Train, 50, "clean", true, 0.0));
        let evaluation = sum_up(&rows);
        assert_eq!(worst(&evaluation, Split::Test), Some(vec![(1, true), (2, false)]));
        assert_eq!(worst(&evaluation, Split::Train), None);
        assert_eq!(evaluation.partial, [Partial { split: Split::Test, n_seen_by_all: 2, n_images: 4 }]);
        // Under one attack twice is not under two.
        let twice = [("clean", 1), ("pgd-10", 1), ("pgd-10", 1), ("square", 2)]
            .map(|(attack, id)| row(Split::Test, id, attack, true, 0.0));
        assert_eq!(worst(&sum_up(&twice), Split::Test), None);
        assert_eq!(sum_up(&twice).partial, [Partial { split: Split::Test, n_seen_by_all: 0, n_images: 2 }]);
    }

    #[test]
    fn clean_images_alone_have_no_worst_case_and_attacks_without_clean_images_neither() {
        let alone: Vec<_> = rows().into_iter().filter(|row| row.attack == "clean").collect();
        assert_eq!((worst(&sum_up(&alone), Split::Test), sum_up(&alone).partial), (None, vec![]));
        let without: Vec<_> = rows().into_iter().filter(|row| row.attack != "clean").collect();
        assert_eq!(worst(&sum_up(&without), Split::Test), None);
    }

    #[test]
    fn a_run_counts_the_images_that_it_was_the_first_to_fool_and_how_far_it_moved_them() {
        let mut rows = rows();
        // What leaked is no image of the split's own.
        rows.extend(["clean", "pgd-10", "square"].map(|attack| row(Split::Test, 100, attack, false, 1.0)));
        let place = rows.iter().position(|row| row.attack == "square" && !row.is_correct).unwrap();
        rows[place].linf = 0.75;
        let evaluation = sum_up(&rows);
        let found: Vec<_> =
            evaluation.runs.iter().map(|run| (run.attack.as_str(), run.n_images, run.n_first)).collect();
        assert_eq!(found, [("clean", 4, 1), ("pgd-10", 4, 1), ("square", 4, 1)]);
        let moved: Vec<_> = evaluation.runs.iter().map(|run| (run.linf, run.l2.largest)).collect();
        let linf = |sum, largest| Moved { sum, largest };
        assert_eq!(moved, [(linf(0.0, 0.0), 0.0), (linf(1.0, 0.25), 0.5), (linf(2.25, 0.75), 1.0)]);
        assert_eq!(evaluation.runs[1].settings, *json!({ "kind": "pgd", "epsilon": "8/255" }).as_object().unwrap());
        assert_eq!(worst(&evaluation, Split::Test).unwrap().len(), 4, "what leaked is not kept image by image");
    }

    #[test]
    fn the_part_of_an_attack_that_fooled_an_image_first_is_told() {
        let mut rows = rows();
        rows[11].fooled_by = Some("square/part-b".to_owned());
        let evaluation = sum_up(&rows);
        assert_eq!(evaluation.runs[2].first_by_part, [("part-b".to_owned(), 1)]);
        assert_eq!(evaluation.runs[1].first_by_part, []);
    }
}
