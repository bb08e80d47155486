//! Which accuracies may be *compared*: those under attacks of equal settings, on the same images.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use twinset_manifest::rows::Split;

use crate::evaluation::{Evaluation, Run};
use crate::names::split_name;
use crate::numerals::{count, listed};
use crate::results::{Measure, Results};

/// Why the accuracies of two cells are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Attacks of one name have other settings, or other attacks make up the worst case.
    Settings,
    /// They are over other images.
    Images,
}

/// Why a measure of two evaluations is not to be compared; none where it may be.
pub(crate) fn mismatch(left: &Evaluation, right: &Evaluation, measure: &Measure) -> Option<Mismatch> {
    if how(left, measure) != how(right, measure) {
        return Some(Mismatch::Settings);
    }
    let key = (measure.attack.clone(), measure.split);
    let images = |evaluation: &Evaluation| {
        evaluation.by_image.get(&key).map(|images| images.keys().copied().collect::<Vec<_>>())
    };
    (images(left) != images(right)).then_some(Mismatch::Images)
}

/// The attacks of a measure and their settings, by name.
type How<'a> = Vec<(&'a str, &'a Map<String, Value>)>;

fn how<'a>(evaluation: &'a Evaluation, measure: &'a Measure) -> How<'a> {
    let runs = evaluation.runs_of(measure.split, &measure.attack);
    let mut how: How<'_> = runs.map(|run: &Run| (run.attack.as_str(), &run.settings)).collect();
    how.sort_by_key(|(attack, _)| *attack);
    how
}

/// Something that arms have alike, and the arms that have it, in the study's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shared<'a, T> {
    pub(crate) what: T,
    pub(crate) arms: Vec<&'a str>,
}

/// Groups arms by what their evaluations have.
fn shared<'a, T: PartialEq>(
    results: &'a Results<'_>,
    what: impl Fn(&'a Evaluation) -> Option<T>,
) -> Vec<Shared<'a, T>> {
    let mut groups: Vec<Shared<'a, T>> = Vec::new();
    for arm in &results.arms {
        let name = arm.arm.name.as_str();
        let seeds = arm.rates.iter().flat_map(|rate| &rate.seeds).filter_map(|seed| seed.evidence);
        for what in seeds.filter_map(|evidence| what(&evidence.evaluation)) {
            match groups.iter_mut().find(|group| group.what == what) {
                Some(group) if group.arms.contains(&name) => {}
                Some(group) => group.arms.push(name),
                None => groups.push(Shared { what, arms: vec![name] }),
            }
        }
    }
    groups
}

/// The ways in which an attack was run on a split, each with its arms.
pub(crate) fn settings_of<'a>(
    results: &'a Results<'_>,
    measure: &'a Measure,
) -> Vec<Shared<'a, &'a Map<String, Value>>> {
    shared(results, |evaluation| evaluation.runs_of(measure.split, &measure.attack).next().map(|run| &run.settings))
}

/// The attacks that make up the worst case on a split, each list with its arms.
pub(crate) fn attacks_on<'a>(results: &'a Results<'_>, split: Split) -> Vec<Shared<'a, Vec<&'a str>>> {
    shared(results, |evaluation| {
        let attacks = evaluation.runs.iter().filter(|run| run.split == split && run.attack != "clean");
        let attacks: Vec<&str> = attacks.map(|run| run.attack.as_str()).collect();
        (!attacks.is_empty()).then_some(attacks)
    })
}

/// What a reader has to know before comparing arms.
pub(crate) fn cautions(results: &Results<'_>) -> Vec<String> {
    let mut cautions = Vec::new();
    for measure in results.measures.iter().filter(|measure| !measure.is_worst_case()) {
        cautions.extend(of_settings(&settings_of(results, measure), measure));
    }
    for split in results.splits() {
        cautions.extend(of_attacks(&attacks_on(results, split), split));
        cautions.extend(of_images(results, split));
    }
    cautions
}

fn of_settings(ways: &[Shared<'_, &Map<String, Value>>], measure: &Measure) -> Option<String> {
    if ways.len() < 2 {
        return None;
    }
    let keys: BTreeSet<&String> = ways.iter().flat_map(|way| way.what.keys()).collect();
    let differs = |key: &&&String| ways.iter().any(|way| way.what.get(**key) != ways[0].what.get(**key));
    let keys: Vec<&String> = keys.iter().filter(differs).copied().collect();
    let said = |way: &Shared<'_, &Map<String, Value>>| {
        let value = |key: &&String| match way.what.get(*key) {
            Some(Value::String(text)) => format!("{key} {text}"),
            Some(value) => format!("{key} {value}"),
            None => format!("{key} as usual"),
        };
        let values: Vec<String> = keys.iter().map(value).collect();
        format!("{} in {}", values.join(", "), arms(&way.arms))
    };
    let ways: Vec<String> = ways.iter().map(said).collect();
    let what = if measure.is_clean() {
        format!("Clean {} images were classified in other ways in some arms", split_name(measure.split))
    } else {
        format!(
            "The attack `{}` on {} images has other settings in some arms",
            measure.attack,
            split_name(measure.split)
        )
    };
    Some(format!(
        "{what}: {}. Accuracies under it, and robust accuracies, are not compared between these arms.",
        ways.join("; ")
    ))
}

fn of_attacks(lists: &[Shared<'_, Vec<&str>>], split: Split) -> Option<String> {
    if lists.len() < 2 {
        return None;
    }
    let said = |list: &Shared<'_, Vec<&str>>| format!("{} in {}", list.what.join(", "), arms(&list.arms));
    let lists: Vec<String> = lists.iter().map(said).collect();
    Some(format!(
        "Robust accuracy on {} images is the worst of other attacks in some arms: {}. It is not compared between these arms.",
        split_name(split),
        lists.join("; ")
    ))
}

fn of_images(results: &Results<'_>, split: Split) -> Option<String> {
    let key = ("clean".to_owned(), split);
    let sets = shared(results, |evaluation| Some(evaluation.by_image.get(&key)?.keys().copied().collect::<Vec<u64>>()));
    if sets.len() < 2 {
        return None;
    }
    let said = |set: &Shared<'_, Vec<u64>>| format!("{} in {}", count(set.what.len() as u64), arms(&set.arms));
    let sets: Vec<String> = sets.iter().map(said).collect();
    Some(format!(
        "Arms were judged on different {} images: {}. Their accuracies are not compared.",
        split_name(split),
        sets.join("; ")
    ))
}

fn arms(arms: &[&str]) -> String {
    listed(&arms.iter().map(|arm| (*arm).to_owned()).collect::<Vec<_>>())
}
