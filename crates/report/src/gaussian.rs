//! The *Gaussian toy*: classifiers of two Gaussian classes, trained with more and more duplicates; their accuracies over seeds.

mod published;

use std::path::Path;

use twinset_manifest::Row;
use twinset_manifest::rows::{Gaussian, GaussianBoundary, GaussianCost, GaussianPoint, GaussianSelection};

use crate::sources::Sources;
use crate::statistics::{self, Interval, Mean, paired_difference, prediction};
use crate::{ReportError, Study};
pub(crate) use published::validate;
pub use published::{GaussianPublished, GaussianValue, Span};

/// What the manifests of a Gaussian toy say.
#[derive(Clone, Debug)]
pub struct GaussianEvidence {
    /// Each classifier.
    pub classifiers: Vec<Gaussian>,
    /// The boundaries of one seed's classifiers.
    pub boundaries: Vec<GaussianBoundary>,
    /// The original points of that seed.
    pub points: Vec<GaussianPoint>,
}

/// The results of a Gaussian toy.
#[derive(Clone, Debug)]
pub struct Toy<'a> {
    /// What it was made of.
    pub evidence: &'a GaussianEvidence,
    /// Any of its classifiers, for what is the same of all.
    pub any: &'a Gaussian,
    /// Each way of choosing duplicates.
    pub selections: Vec<Selection<'a>>,
    /// The confidence level of all intervals.
    pub confidence: f64,
}

/// One way of choosing duplicates.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    /// Which.
    pub selection: GaussianSelection,
    /// What was published of it.
    pub published: Option<&'a GaussianPublished>,
    /// Its numbers of duplicates, the smallest first.
    pub levels: Vec<Level<'a>>,
}

/// One number of duplicates.
#[derive(Clone, Debug)]
pub struct Level<'a> {
    /// How many.
    pub n_duplicates: u64,
    /// What was published of it.
    pub published: Option<GaussianValue>,
    /// At the published cost.
    classifiers: Vec<&'a Gaussian>,
    /// At the other costs.
    controls: Vec<&'a Gaussian>,
}

/// Which points an accuracy is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Those that were trained on, duplicates counted: the published measure.
    TrainedOn,
    /// The originals, each once.
    Originals,
    /// Points never seen.
    HeldOut,
}

/// Which class an accuracy is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Both: the mean of the two.
    Both,
    /// Class -1.
    Negative,
    /// Class +1.
    Positive,
}

/// Reads what a study names; none where it has no Gaussian toy.
pub(crate) fn read(study: &Study, sources: &mut Sources) -> Result<Option<GaussianEvidence>, ReportError> {
    let Some(path) = &study.gaussian else { return Ok(None) };
    let classifiers: Vec<Gaussian> = sources.read("gaussian", path)?;
    if classifiers.is_empty() {
        return Err(ReportError::Empty { field: "gaussian".to_owned(), path: path.clone() });
    }
    let boundaries = optional(sources, "gaussian_boundaries", study.gaussian_boundaries.as_deref())?;
    let points = optional(sources, "gaussian_points", study.gaussian_points.as_deref())?;
    Ok(Some(GaussianEvidence { classifiers, boundaries, points }))
}

fn optional<R: Row>(sources: &mut Sources, field: &str, path: Option<&Path>) -> Result<Vec<R>, ReportError> {
    path.map_or(Ok(Vec::new()), |path| sources.read(field, path))
}

/// Arranges the evidence, and sets beside it what was published; none where there is no evidence.
///
/// # Errors
/// Names the field whose selection or number of duplicates there is not.
pub fn toy<'a>(
    evidence: Option<&'a GaussianEvidence>,
    published: &'a [GaussianPublished],
    confidence: f64,
) -> Result<Option<Toy<'a>>, ReportError> {
    let Some((evidence, any)) = evidence.and_then(|evidence| Some((evidence, evidence.classifiers.first()?))) else {
        return published::refuse(published).map(|()| None);
    };
    let selections: Vec<Selection<'_>> = GaussianSelection::ALL
        .iter()
        .map(|&selection| {
            let published = published.iter().find(|published| published.selection == selection);
            Selection { selection, published, levels: levels(evidence, selection, published) }
        })
        .filter(|selection| !selection.levels.is_empty())
        .collect();
    published::check(published, &selections)?;
    Ok(Some(Toy { evidence, any, selections, confidence }))
}

fn levels<'a>(
    evidence: &'a GaussianEvidence,
    selection: GaussianSelection,
    published: Option<&GaussianPublished>,
) -> Vec<Level<'a>> {
    let of_selection = || evidence.classifiers.iter().filter(|row| row.selection == selection);
    let mut levels: Vec<u64> = of_selection().map(|row| row.n_duplicates).collect();
    levels.sort_unstable();
    levels.dedup();
    let level = |n_duplicates: u64| {
        let of_level = of_selection().filter(|row| row.n_duplicates == n_duplicates);
        let (classifiers, controls) = of_level.partition(|row| row.cost == GaussianCost::Same);
        let published = published.and_then(|published| published.value(n_duplicates));
        Level { n_duplicates, published, classifiers, controls }
    };
    levels.into_iter().map(level).collect()
}

impl Level<'_> {
    /// Each seed's accuracy.
    pub fn values(&self, over: Over, of: Of) -> Vec<(u64, f64)> {
        self.classifiers.iter().map(|row| (row.seed, accuracy(row, over, of))).collect()
    }

    /// The mean over seeds, its interval kept within [0, 1].
    pub fn mean(&self, over: Over, of: Of, confidence: f64) -> Option<Mean> {
        let mut mean = statistics::mean(&numbers(self.values(over, of)), confidence)?;
        mean.interval = mean.interval.map(Interval::of_fraction);
        Some(mean)
    }

    /// Where the published measure of one more drawing would lie.
    pub fn one_more(&self, of: Of, confidence: f64) -> Option<Interval> {
        prediction(&numbers(self.values(Over::TrainedOn, of)), confidence).map(Interval::of_fraction)
    }

    /// By how much what was trained on makes a classifier look better than it is, paired by seed.
    pub fn flattery(&self, confidence: f64) -> Option<Mean> {
        paired_difference(&self.values(Over::TrainedOn, Of::Both), &self.values(Over::HeldOut, Of::Both), confidence)
    }
}

impl Selection<'_> {
    /// What duplicates change, paired by seed; none without duplicates.
    pub fn change(&self, level: &Level<'_>, over: Over, of: Of, confidence: f64) -> Option<Mean> {
        paired_difference(&level.values(over, of), &self.without(level)?.values(over, of), confidence)
    }

    /// What duplicates change of the accuracy on held-out points at another cost than the published one, paired by seed with the
    /// classifiers without duplicates; none without duplicates.
    pub fn change_at(&self, level: &Level<'_>, cost: GaussianCost, confidence: f64) -> Option<Mean> {
        let at_cost = level.controls.iter().filter(|row| row.cost == cost);
        let values: Vec<_> = at_cost.map(|row| (row.seed, accuracy(row, Over::HeldOut, Of::Both))).collect();
        paired_difference(&values, &self.without(level)?.values(Over::HeldOut, Of::Both), confidence)
    }

    /// Where the published measure's change of one more drawing would lie.
    pub fn one_more_change(&self, level: &Level<'_>, confidence: f64) -> Option<Interval> {
        let none = self.without(level)?.values(Over::TrainedOn, Of::Both);
        let change = |(seed, value): (u64, f64)| Some(value - none.iter().find(|(other, _)| *other == seed)?.1);
        let changes: Vec<f64> = level.values(Over::TrainedOn, Of::Both).into_iter().filter_map(change).collect();
        prediction(&changes, confidence)
    }

    /// How far one seed's accuracies over the levels lie apart by the published measure, the largest minus the smallest: mean over
    /// seeds.
    pub fn span(&self, confidence: f64) -> Option<Mean> {
        let levels: Vec<_> = self.levels.iter().map(|level| level.values(Over::TrainedOn, Of::Both)).collect();
        let seeds = levels.first()?.iter().map(|(seed, _)| *seed);
        let spans = seeds.map(|seed| {
            let values = levels.iter().flatten().filter(|(other, _)| *other == seed).map(|(_, value)| *value);
            let (low, high) =
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
            high - low
        });
        statistics::mean(&spans.collect::<Vec<_>>(), confidence)
    }

    /// The level without duplicates, for another one.
    fn without(&self, level: &Level<'_>) -> Option<&Level<'_>> {
        self.levels.iter().find(|other| other.n_duplicates == 0 && level.n_duplicates > 0)
    }
}

fn numbers(values: Vec<(u64, f64)>) -> Vec<f64> {
    values.into_iter().map(|(_, value)| value).collect()
}

fn accuracy(row: &Gaussian, over: Over, of: Of) -> f64 {
    match (over, of) {
        (Over::TrainedOn, Of::Both) => row.accuracy_trained_on,
        (Over::TrainedOn, Of::Negative) => row.accuracy_trained_on_negative,
        (Over::TrainedOn, Of::Positive) => row.accuracy_trained_on_positive,
        (Over::Originals, Of::Both) => row.accuracy_originals,
        (Over::Originals, Of::Negative) => row.accuracy_originals_negative,
        (Over::Originals, Of::Positive) => row.accuracy_originals_positive,
        (Over::HeldOut, Of::Both) => row.accuracy_held_out,
        (Over::HeldOut, Of::Negative) => row.accuracy_held_out_negative,
        (Over::HeldOut, Of::Positive) => row.accuracy_held_out_positive,
    }
}

#[cfg(test)]
mod tests;
