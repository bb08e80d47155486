//! What arms have *alike*: the settings of an attack, a list of attacks, the images they were judged on.

use serde_json::{Map, Value};
use twinset_manifest::rows::Split;

use crate::evaluation::Evaluation;
use crate::measure::Measure;
use crate::results::Results;

/// Something that arms have alike, and the arms that have it, in the study's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shared<'a, T> {
    pub(crate) what: T,
    pub(crate) arms: Vec<&'a str>,
}

/// Groups arms by what their evaluations have.
pub(crate) fn shared<'a, T: PartialEq>(
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
