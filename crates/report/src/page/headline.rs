//! The first table: accuracy by arm and rate.

use askama::Template;
use twinset_chart::short;
use twinset_manifest::rows::{Origin, Split};

use super::{Context, Section};
use crate::names::split_name;
use crate::numerals::{level, percent, percent_interval, points, points_interval, range};
use crate::results::{Among, ArmResults, Measure, RateResults};
use crate::study::Arm;

#[derive(Template)]
#[template(path = "headline.html")]
struct Headline {
    tables: Vec<Table>,
}

struct Table {
    /// Empty where there is but one table.
    title: String,
    measures: Vec<String>,
    arms: Vec<ArmRows>,
    caption: String,
    has_one_seed: bool,
    level: String,
}

struct ArmRows {
    name: String,
    rows: Vec<Row>,
}

struct Row {
    rate: String,
    n_training: String,
    n_seeds: String,
    entries: Vec<Option<Entry>>,
}

struct Entry {
    value: String,
    interval: String,
    is_one_seed: bool,
    /// Empty where there is nothing to compare with.
    change: String,
    change_interval: String,
    is_clear: bool,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let splits = context.results.splits();
    let own = |split: &Split| context.results.measures_on(*split).into_iter().cloned().collect::<Vec<_>>();
    let name = |split: &Split| format!("{} images", split_name(*split));
    let mut tables: Vec<_> = splits.iter().map(|split| table(context, &name(split), &own(split))).collect();
    let on_trainset: Vec<_> = own(&Split::Train).iter().map(|measure| measure.among(Among::Trainset)).collect();
    if has_injected(context) && on_trainset.iter().any(|measure| is_measured(context, measure)) {
        tables.push(table(
            context,
            "training images, each counted as often as it stands in the training set",
            &on_trainset,
        ));
    }
    if let [only] = tables.as_mut_slice() {
        only.title.clear();
    }
    Section::new("accuracy", "Accuracy by arm and rate", &Headline { tables }).map(Some)
}

fn is_measured(context: &Context<'_>, measure: &Measure) -> bool {
    let mut rates = context.results.arms.iter().flat_map(|arm| &arm.rates);
    rates.any(|rate| !rate.proportions(measure, None).is_empty())
}

fn table(context: &Context<'_>, images: &str, measures: &[Measure]) -> Table {
    let confidence = context.results.confidence;
    let arms: Vec<_> = context
        .results
        .arms
        .iter()
        .map(|arm| ArmRows {
            name: name_with_baseline(arm.arm),
            rows: arm.rates.iter().map(|rate| row(arm, rate, measures, confidence)).collect(),
        })
        .collect();
    let rates = context.results.arms.iter().flat_map(|arm| &arm.rates);
    let accuracies = rates.flat_map(|rate| measures.iter().filter_map(|m| rate.accuracy(m, None, confidence)));
    let n_images = range(accuracies.map(|accuracy| accuracy.n_images));
    let level = level(confidence);
    let entries = || arms.iter().flat_map(|arm| &arm.rows).flat_map(|row| row.entries.iter().flatten());
    Table {
        title: format!("On {images}"),
        measures: measures.iter().map(|measure| context.names().measure(measure)).collect(),
        caption: format!(
            "Accuracy in % on {n_images} {images}: mean over seeds [{level} t interval]. Change: difference from rate 0 of the \
             same arm, or of the one that it names, in percentage points, paired by seed [{level} t interval]; marked where the interval excludes 0, \
             without correction for the number of comparisons; of fewer than five seeds nothing is marked, as their spread is hardly known.",
        ),
        has_one_seed: entries().any(|entry| entry.is_one_seed),
        level,
        arms,
    }
}

/// The arm's name, and the arm that it is compared with where that is another.
fn name_with_baseline(arm: &Arm) -> String {
    match arm.baseline() {
        own if own == arm.name => own.to_owned(),
        other => format!("{} (change from {other})", arm.name),
    }
}

fn row(arm: &ArmResults<'_>, rate: &RateResults<'_>, measures: &[Measure], confidence: f64) -> Row {
    let n_done = measures.iter().map(|measure| rate.proportions(measure, None).len()).max().unwrap_or(0);
    let n_planned = rate.seeds.len();
    let known = rate.seeds.iter().filter_map(|seed| seed.evidence).filter(|cell| !cell.trainset.is_empty());
    Row {
        rate: short(rate.rate),
        n_training: range(known.map(|cell| cell.trainset.iter().map(|count| count.n).sum())),
        n_seeds: if n_done == n_planned { n_done.to_string() } else { format!("{n_done} of {n_planned}") },
        entries: measures.iter().map(|measure| entry(arm, rate, measure, confidence)).collect(),
    }
}

fn entry(arm: &ArmResults<'_>, rate: &RateResults<'_>, measure: &Measure, confidence: f64) -> Option<Entry> {
    let accuracy = rate.accuracy(measure, None, confidence)?;
    let change = arm.difference_from_baseline(rate, measure, None, confidence);
    let change_interval = change.and_then(|change| change.interval);
    Some(Entry {
        value: percent(accuracy.mean.mean),
        interval: accuracy.mean.interval.or(accuracy.wilson).map_or_else(String::new, percent_interval),
        is_one_seed: accuracy.wilson.is_some(),
        change: change.map_or_else(String::new, |change| points(change.mean)),
        change_interval: change_interval.map_or_else(String::new, points_interval),
        is_clear: change.is_some_and(|change| change.is_clear()),
    })
}

/// Whether any training set of the study is known to hold duplicates.
pub(super) fn has_injected(context: &Context<'_>) -> bool {
    let counts = context.evidence.cells.iter().flat_map(|cell| &cell.trainset);
    counts.into_iter().any(|count| count.origin == Origin::Injected)
}
