//! Which accuracies may be *compared*: those under attacks of equal settings, on the same images.

use serde_json::{Map, Value};

use crate::evaluation::{Evaluation, Run};
use crate::measure::Measure;

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
