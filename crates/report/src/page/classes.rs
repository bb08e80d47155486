//! Accuracy class by class, for the arms whose duplicates are spread unevenly over the classes.

use askama::Template;
use twinset_chart::short;
use twinset_manifest::rows::Split;

use super::headline::has_injected;
use super::{Context, Section};
use crate::names::{short_attack, split_name};
use crate::numerals::{count, counted, level, listed, percent, points, range};
use crate::results::{ArmResults, Measure, RateResults};

#[derive(Template)]
#[template(path = "classes.html")]
struct Classes {
    tables: Vec<Table>,
    uniform: String,
}

struct Table {
    title: String,
    rates: Vec<RateHead>,
    rows: Vec<Row>,
    caption: String,
}

struct RateHead {
    rate: String,
    has_duplicates: bool,
    attacks: Vec<String>,
}

impl RateHead {
    fn n_columns(&self) -> usize {
        self.attacks.len() + usize::from(self.has_duplicates)
    }
}

struct Row {
    class_name: String,
    entries: Vec<Entry>,
}

enum Entry {
    Empty,
    Duplicates(String),
    Accuracy { value: String, change: String, shade: &'static str, is_clear: bool },
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    if !has_injected(context) {
        return Ok(None);
    }
    let originals = originals(context);
    let (uneven, even): (Vec<_>, Vec<_>) = context.results.arms.iter().partition(|arm| arm.is_non_uniform(&originals));
    let even: Vec<_> = even.iter().map(|arm| arm.arm.name.clone()).collect();
    let splits = context.results.splits();
    let tables = uneven.iter().flat_map(|arm| {
        let has_several = splits.len() > 1;
        splits.iter().map(move |&split| table(context, arm, split, has_several))
    });
    let template = Classes {
        tables: tables.collect(),
        uniform: if even.is_empty() {
            String::new()
        } else {
            format!("The duplicates of {} follow the classes\u{2019} shares of the originals.", listed(&even))
        },
    };
    Section::new("classes", "Class by class", &template).map(Some)
}

/// Images of each class in the training split.
fn originals(context: &Context<'_>) -> Vec<(u32, u64)> {
    let dataset = &context.evidence.dataset;
    dataset
        .classes
        .keys()
        .map(|&label| (label, dataset.counts.get(&(Split::Train, label)).copied().unwrap_or(0)))
        .collect()
}

fn table(context: &Context<'_>, arm: &ArmResults<'_>, split: Split, has_several_splits: bool) -> Table {
    let measures = context.results.measures_on(split);
    let dataset = &context.evidence.dataset;
    let most = arm.rates.last();
    let mut labels: Vec<u32> = dataset.classes.keys().copied().collect();
    let n_injected = |label: u32| most.and_then(|rate| rate.n_injected(label)).unwrap_or(0.0);
    labels.sort_by(|left, right| n_injected(*right).total_cmp(&n_injected(*left)));
    let head = |rate: &RateResults<'_>| RateHead {
        rate: short(rate.rate),
        has_duplicates: rate.rate > 0.0,
        attacks: measures.iter().map(|measure| short_attack(measure).to_owned()).collect(),
    };
    let row = |&label: &u32| Row {
        class_name: dataset.class_name(label),
        entries: arm
            .rates
            .iter()
            .flat_map(|rate| entries(arm, rate, &measures, label, context.results.confidence))
            .collect(),
    };
    let accuracies = labels.iter().flat_map(|&label| arm.rates.iter().map(move |rate| (rate, label)));
    let accuracies = accuracies
        .flat_map(|(rate, label)| measures.iter().filter_map(move |measure| rate.accuracy(measure, Some(label), 0.95)));
    let accuracies: Vec<_> = accuracies.collect();
    let has_robust = measures.iter().any(|measure| measure.is_worst_case());
    let robust = if has_robust { " Robust: right as it is and under every attack." } else { "" };
    let on = if has_several_splits { format!(", {} images", split_name(split)) } else { String::new() };
    Table {
        title: format!("{}{on}", arm.arm.name),
        rates: arm.rates.iter().map(head).collect(),
        rows: labels.iter().map(row).collect(),
        caption: format!(
            "{}, most duplicates first. Duplicates: mean over seeds of how many the class got. Accuracy in %, mean over seeds \
             (n = {}), on {} {} images of the class; below it the difference from {} in percentage points, paired by \
             seed, marked where its {} t interval excludes 0 (no correction for the number of comparisons; of fewer than five seeds nothing is marked).{robust}",
            counted(labels.len() as u64, "class", "classes"),
            range(accuracies.iter().map(|accuracy| accuracy.mean.n as u64)),
            range(accuracies.iter().map(|accuracy| accuracy.n_images)),
            split_name(split),
            if arm.arm.baseline() == arm.arm.name {
                "rate 0".to_owned()
            } else {
                format!("{} at rate 0", arm.arm.baseline())
            },
            level(context.results.confidence),
        ),
    }
}

fn entries(
    arm: &ArmResults<'_>,
    rate: &RateResults<'_>,
    measures: &[&Measure],
    label: u32,
    confidence: f64,
) -> Vec<Entry> {
    let duplicates =
        (rate.rate > 0.0).then(|| rate.n_injected(label).map_or(Entry::Empty, |n| Entry::Duplicates(short_count(n))));
    let accuracy = |measure: &&Measure| {
        let Some(accuracy) = rate.accuracy(measure, Some(label), confidence) else { return Entry::Empty };
        let change = arm.difference_from_baseline(rate, measure, Some(label), confidence);
        Entry::Accuracy {
            value: percent(accuracy.mean.mean),
            change: change.map_or_else(String::new, |change| points(change.mean)),
            shade: change.map_or("", |change| shade(change.mean)),
            is_clear: change.is_some_and(|change| change.is_clear()),
        }
    };
    duplicates.into_iter().chain(measures.iter().map(accuracy)).collect()
}

/// How strongly a change is coloured.
fn shade(change: f64) -> &'static str {
    match change * 100.0 {
        c if c <= -10.0 => "down-3",
        c if c <= -5.0 => "down-2",
        c if c <= -2.0 => "down-1",
        c if c < 2.0 => "",
        c if c < 5.0 => "up-1",
        c if c < 10.0 => "up-2",
        _ => "up-3",
    }
}

/// A mean of counts: whole where it is.
fn short_count(n: f64) -> String {
    let tenths = (n * 10.0).round() as u64;
    match tenths % 10 {
        0 => count(tenths / 10),
        tenth => format!("{}.{tenth}", count(tenths / 10)),
    }
}
