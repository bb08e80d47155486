//! *Cautions*: what a reader has to know before comparing arms.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use twinset_manifest::rows::Split;

use crate::measure::Measure;
use crate::names::split_name;
use crate::numerals::{count, listed};
use crate::results::Results;
use crate::shared::{Shared, attacks_on, settings_of, shared};

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

/// That networks were computed on several kinds of processors.
pub(crate) fn of_processors(processors: &[String]) -> Option<String> {
    (processors.len() > 1).then(|| {
        format!(
            "Networks were trained and evaluated on {} kinds of processors ({}), which round differently: on another one the same seed \
             gives another network.",
            processors.len(),
            processors.join("; ")
        )
    })
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

/// Arms that are named one by one; of more, the first of them.
const NAMED: usize = 4;

fn arms(arms: &[&str]) -> String {
    let names = |arms: &[&str]| arms.iter().map(|arm| (*arm).to_owned()).collect::<Vec<_>>();
    if arms.len() <= NAMED {
        return listed(&names(arms));
    }
    let n_more = arms.len() - (NAMED - 1);
    listed(&[names(&arms[..NAMED - 1]), vec![format!("{n_more} arms more")]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_arms_the_first_are_named() {
        assert_eq!(arms(&["a", "b", "c", "d"]), "a, b, c and d");
        assert_eq!(arms(&["a", "b", "c", "d", "e", "f"]), "a, b, c and 3 arms more");
    }

    #[test]
    fn several_kinds_of_processors_are_told() {
        let kinds = ["AVX2, oneDNN AVX2", "AVX512, oneDNN AVX512_CORE_AMX"].map(str::to_owned);
        assert_eq!(of_processors(&kinds[..1]), None);
        let caution = of_processors(&kinds).unwrap();
        assert!(
            caution
                .starts_with("Networks were trained and evaluated on 2 kinds of processors (AVX2, oneDNN AVX2; AVX512")
        );
    }
}
