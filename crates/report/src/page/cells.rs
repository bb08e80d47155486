//! Each cell on its own, and those that came to nothing.

use askama::Template;
use twinset_chart::short;
use twinset_manifest::rows::Origin;

use super::{Context, Section};
use crate::numerals::{count, level, percent, percent_interval, range};
use crate::results::{ArmResults, RateResults, SeedResults};
use crate::study::Status;

#[derive(Template)]
#[template(path = "cells.html")]
struct Cells {
    lost: Vec<Lost>,
    measures: Vec<String>,
    rows: Vec<Row>,
    level: String,
}

struct Lost {
    arm: String,
    rate: String,
    seed: u64,
    status: &'static str,
    stage: String,
    reason: String,
}

struct Row {
    arm: String,
    rate: String,
    seed: u64,
    n_training: String,
    entries: Vec<Option<Entry>>,
    n_images: String,
}

struct Entry {
    value: String,
    interval: String,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let cells = || {
        let rates = context.results.arms.iter().flat_map(|arm| arm.rates.iter().map(move |rate| (arm, rate)));
        rates.flat_map(|(arm, rate)| rate.seeds.iter().map(move |seed| (arm, rate, seed)))
    };
    let n_splits = context.results.splits().len();
    let title = |measure: &crate::results::Measure| match n_splits {
        1 => context.names().measure(measure),
        _ => format!("{} ({})", context.names().measure(measure), measure.split),
    };
    let template = Cells {
        lost: cells().filter_map(|(arm, rate, seed)| lost(arm, rate, seed)).collect(),
        measures: context.results.measures.iter().map(title).collect(),
        rows: cells().map(|(arm, rate, seed)| row(context, arm, rate, seed)).collect(),
        level: level(context.results.confidence),
    };
    Section::new("cells", "Cell by cell", &template).map(Some)
}

fn lost(arm: &ArmResults<'_>, rate: &RateResults<'_>, seed: &SeedResults<'_>) -> Option<Lost> {
    let status = seed.cell.map_or(Status::Missing, |cell| cell.status);
    let status = match status {
        Status::Done => return None,
        Status::Failed => "failed",
        Status::Missing => "missing",
    };
    let reason = match seed.cell {
        Some(cell) => cell.reason.clone().unwrap_or_else(|| "not run".to_owned()),
        None => "the runner does not list it".to_owned(),
    };
    Some(Lost {
        arm: arm.arm.name.clone(),
        rate: short(rate.rate),
        seed: seed.seed,
        status,
        stage: seed.cell.and_then(|cell| cell.failed_stage.clone()).unwrap_or_default(),
        reason,
    })
}

fn row(context: &Context<'_>, arm: &ArmResults<'_>, rate: &RateResults<'_>, seed: &SeedResults<'_>) -> Row {
    let entry = |measure| {
        let proportion = seed.proportion(measure, None)?;
        Some(Entry {
            value: percent(proportion.value()),
            interval: percent_interval(proportion.interval(context.results.confidence)),
        })
    };
    let proportions = context.results.measures.iter().filter_map(|measure| seed.proportion(measure, None));
    let n_of = |origin: Origin| -> u64 {
        let counts = seed.evidence.into_iter().flat_map(|cell| &cell.trainset);
        counts.filter(|count| count.origin == origin).map(|count| count.n).sum()
    };
    let n_training = match (n_of(Origin::Original), n_of(Origin::Injected)) {
        (0, 0) => String::new(),
        (originals, injected) => format!("{} + {}", count(originals), count(injected)),
    };
    Row {
        arm: arm.arm.name.clone(),
        rate: short(rate.rate),
        seed: seed.seed,
        n_training,
        entries: context.results.measures.iter().map(entry).collect(),
        n_images: range(proportions.map(|proportion| proportion.n)),
    }
}
