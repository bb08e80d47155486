//! How much training an accuracy took.

use askama::Template;
use twinset_chart::short;

use super::{Context, Section};
use crate::efficiency::{Comparison, ConditionCurves, Curve, CurvePoint};
use crate::names::regime_title;
use crate::numerals::{count, level, percent, percent_interval, points, points_interval};
use crate::statistics::{Mean, mean, paired_difference};

#[derive(Template)]
#[template(path = "efficiency.html")]
struct Efficiency {
    tables: Vec<Table>,
    level: String,
    chance: String,
}

struct Table {
    title: String,
    n_samples_common: String,
    accuracies: Vec<String>,
    rows: Vec<Row>,
    has_seconds: bool,
}

struct Row {
    condition: String,
    n_seeds: usize,
    n_samples: String,
    mean_accuracy: String,
    interval: String,
    change: String,
    change_interval: String,
    is_clear: bool,
    reached: Vec<Reached>,
}

/// When an accuracy was reached.
struct Reached {
    samples: String,
    steps: String,
    seconds: String,
    /// `3 of 5 seeds`, where not all reached it.
    share: String,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    if context.comparisons.is_empty() {
        return Ok(None);
    }
    let confidence = context.results.confidence;
    let tables = context.comparisons.iter().map(|comparison| table(comparison, confidence)).collect();
    let chance = percent(context.evidence.dataset.chance());
    Section::new("efficiency", "Efficiency", &Efficiency { tables, level: level(confidence), chance }).map(Some)
}

fn table(comparison: &Comparison<'_>, confidence: f64) -> Table {
    let rows: Vec<_> = comparison.conditions.iter().map(|condition| row(comparison, condition, confidence)).collect();
    Table {
        title: regime_title(comparison.regime),
        n_samples_common: count(comparison.n_samples_common as u64),
        accuracies: comparison.accuracies.iter().map(|accuracy| format!("{:.0}", accuracy * 100.0)).collect(),
        has_seconds: rows.iter().flat_map(|row| &row.reached).any(|reached| !reached.seconds.is_empty()),
        rows,
    }
}

fn row(comparison: &Comparison<'_>, condition: &ConditionCurves<'_>, confidence: f64) -> Row {
    let n_common = comparison.n_samples_common;
    let areas = |condition: &ConditionCurves<'_>| -> Vec<(u64, f64)> {
        condition.curves.iter().map(|(seed, curve)| (*seed, curve.mean_accuracy(n_common))).collect()
    };
    let arm = condition.arm.arm;
    let is_baseline = |other: &&ConditionCurves<'_>| other.arm.arm.name == arm.baseline() && other.rate.rate == 0.0;
    let baseline = comparison.conditions.iter().find(is_baseline).filter(|_| !arm.is_baseline_at(condition.rate.rate));
    let change: Option<Mean> =
        baseline.and_then(|baseline| paired_difference(&areas(condition), &areas(baseline), confidence));
    let own: Vec<f64> = areas(condition).into_iter().map(|(_, area)| area).collect();
    let area = mean(&own, confidence);
    let change_interval = change.and_then(|change| change.interval);
    let samples: Vec<f64> = condition.curves.iter().map(|(_, curve)| curve.n_samples()).collect();
    Row {
        condition: format!("{}, rate {}", condition.arm.arm.name, short(condition.rate.rate)),
        n_seeds: condition.curves.len(),
        n_samples: mean(&samples, confidence).map_or_else(String::new, |mean| count(mean.mean.round() as u64)),
        mean_accuracy: area.map_or_else(String::new, |area| percent(area.mean)),
        interval: area
            .and_then(|area| area.interval)
            .map_or_else(String::new, |interval| percent_interval(interval.of_fraction())),
        change: change.map_or_else(String::new, |change| points(change.mean)),
        change_interval: change_interval.map_or_else(String::new, points_interval),
        is_clear: change.is_some_and(|change| change.is_clear()),
        reached: comparison.accuracies.iter().map(|accuracy| reached(condition, *accuracy)).collect(),
    }
}

/// The median over seeds, those that never reached it being later than all; none where half of them never did.
fn reached(condition: &ConditionCurves<'_>, accuracy: f64) -> Reached {
    let n_seeds = condition.curves.len();
    let mut points: Vec<(CurvePoint, Option<f64>)> = condition
        .curves
        .iter()
        .filter_map(|(seed, curve)| Some((curve.reach(accuracy)?, seconds(condition, *seed, curve, accuracy))))
        .collect();
    points.sort_by(|(left, _), (right, _)| left.n_samples.total_cmp(&right.n_samples));
    let share = if points.len() == n_seeds { String::new() } else { format!("{} of {n_seeds}", points.len()) };
    // The upper one of two in the middle, which may be one that never did.
    let Some((point, seconds)) = points.get(n_seeds / 2) else {
        let longest = condition.curves.iter().map(|(_, curve)| curve.n_samples()).fold(0.0, f64::max);
        let steps =
            condition.curves.iter().filter_map(|(_, curve)| curve.last()).map(|p| p.n_steps).fold(0.0, f64::max);
        let more = |n: f64| format!("> {}", count(n as u64));
        return Reached { samples: more(longest), steps: more(steps), seconds: String::new(), share };
    };
    Reached {
        samples: count(point.n_samples.round() as u64),
        steps: count(point.n_steps.round() as u64),
        seconds: seconds.map_or_else(String::new, |seconds| format!("{seconds:.0}")),
        share,
    }
}

/// Processor seconds until then, all samples of a training taking as long.
fn seconds(condition: &ConditionCurves<'_>, seed: u64, curve: &Curve, accuracy: f64) -> Option<f64> {
    let of_seed = condition.rate.seeds.iter().find(|results| results.seed == seed)?;
    let whole = of_seed.cell?.train_cpu_seconds?;
    Some(whole * curve.reach(accuracy)?.n_samples / curve.n_samples())
}
