//! The Gaussian toy: what duplicates do to a classifier of two Gaussian classes.

mod boundaries;
mod curves;

use askama::Template;
use twinset_manifest::rows::{GaussianCost, GaussianSelection};

use super::{Context, Figures, Section};
use crate::gaussian::{Level, Of, Over, Selection, Toy};
use crate::numerals::{count, counted, level, percent, percent_interval, points, points_interval};
use crate::statistics::{Interval, Mean};
use boundaries::Drawing;

#[derive(Template)]
#[template(path = "gaussian.html")]
struct GaussianToy {
    n_points: String,
    n_held_out: String,
    n_seeds: String,
    bayes: String,
    level: String,
    figures: Figures,
    tables: Vec<Table>,
    drawings: Vec<Drawing>,
}

struct Table {
    title: String,
    summary: Vec<String>,
    /// Where published values stand; empty of none.
    source: String,
    /// Whether something was published of each class.
    has_classes: bool,
    rows: Vec<Row>,
}

impl Table {
    fn is_published(&self) -> bool {
        !self.source.is_empty()
    }
}

struct Row {
    n_duplicates: String,
    published: Accuracies,
    ours: Accuracies,
    interval: String,
    one_more: String,
    is_inside: Option<bool>,
    originals: String,
    held_out: Accuracies,
    held_out_interval: String,
    change: Change,
    held_out_change: Change,
    /// What duplicates change on held-out points where they raise no cost: of all points together, of any class.
    controls: [Change; 2],
}

/// Percent; empty where nothing is known.
#[derive(Default)]
struct Accuracies {
    both: String,
    negative: String,
    positive: String,
}

/// What duplicates change, in points; empty without duplicates.
#[derive(Default)]
struct Change {
    points: String,
    interval: String,
    is_clear: bool,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let Some(toy) = context.toy else { return Ok(None) };
    let curves = Figures { figures: vec![curves::figure(toy)] };
    let drawings = boundaries::drawings(toy);
    let n_seeds = toy.selections.iter().flat_map(|selection| &selection.levels).map(|level| n_seeds(toy, level)).max();
    let template = GaussianToy {
        n_points: count(toy.any.n_points),
        n_held_out: count(toy.any.n_held_out),
        n_seeds: counted(n_seeds.unwrap_or_default(), "seed", "seeds"),
        bayes: percent(toy.any.bayes_accuracy),
        level: level(toy.confidence),
        figures: curves.clone(),
        tables: toy.selections.iter().map(|selection| table(toy, selection)).collect(),
        drawings: drawings.clone(),
    };
    let mut section = Section::new("gaussian", "Gaussian toy", &template)?.with_figures(curves);
    section.figures.extend(drawings.into_iter().map(|drawing| drawing.figure));
    Ok(Some(section))
}

const CONTROLS: [GaussianCost; 2] = [GaussianCost::PerRate, GaussianCost::PerClass];

/// What a selection is called.
fn name(selection: GaussianSelection) -> &'static str {
    match selection {
        GaussianSelection::Uniform => "Uniform duplicates",
        GaussianSelection::NonUniform => "Non-uniform duplicates, more of class +1",
    }
}

fn n_seeds(toy: &Toy<'_>, level: &Level<'_>) -> u64 {
    level.mean(Over::TrainedOn, Of::Both, toy.confidence).map_or(0, |mean| mean.n as u64)
}

fn table(toy: &Toy<'_>, selection: &Selection<'_>) -> Table {
    Table {
        title: name(selection.selection).to_owned(),
        summary: summary(toy, selection),
        source: selection.published.map_or_else(String::new, |published| published.source.clone()),
        has_classes: selection.levels.iter().filter_map(|level| level.published).any(|value| value.negative.is_some()),
        rows: selection.levels.iter().map(|level| row(toy, selection, level)).collect(),
    }
}

fn row(toy: &Toy<'_>, selection: &Selection<'_>, level: &Level<'_>) -> Row {
    let accuracies = |over| {
        let percent_of = |of| level.mean(over, of, toy.confidence).map_or_else(String::new, |mean| percent(mean.mean));
        Accuracies {
            both: percent_of(Of::Both),
            negative: percent_of(Of::Negative),
            positive: percent_of(Of::Positive),
        }
    };
    let interval = |over| {
        let interval = level.mean(over, Of::Both, toy.confidence).and_then(|mean| mean.interval);
        interval.map_or_else(String::new, percent_interval)
    };
    let one_more = level.one_more(Of::Both, toy.confidence);
    let published = level.published.map(|value| Accuracies {
        both: percent(value.accuracy),
        negative: value.negative.map_or_else(String::new, percent),
        positive: value.positive.map_or_else(String::new, percent),
    });
    Row {
        n_duplicates: count(level.n_duplicates),
        published: published.unwrap_or_default(),
        ours: accuracies(Over::TrainedOn),
        interval: interval(Over::TrainedOn),
        one_more: one_more.map_or_else(String::new, percent_interval),
        is_inside: one_more.zip(level.published).map(|(interval, value)| holds(interval, value.accuracy)),
        originals: accuracies(Over::Originals).both,
        held_out: accuracies(Over::HeldOut),
        held_out_interval: interval(Over::HeldOut),
        change: change(selection.change(level, Over::TrainedOn, Of::Both, toy.confidence)),
        held_out_change: change(selection.change(level, Over::HeldOut, Of::Both, toy.confidence)),
        controls: CONTROLS.map(|cost| change(selection.change_at(level, cost, toy.confidence))),
    }
}

fn holds(interval: Interval, value: f64) -> bool {
    interval.low <= value && value <= interval.high
}

fn change(mean: Option<Mean>) -> Change {
    let Some(mean) = mean else { return Change::default() };
    Change {
        points: points(mean.mean),
        interval: mean.interval.map_or_else(String::new, points_interval),
        is_clear: mean.is_clear(),
    }
}

/// A mean, with its interval.
fn told(mean: Mean) -> String {
    let interval = mean.interval.map_or_else(String::new, |interval| format!(" {}", points_interval(interval)));
    format!("{} points{interval}", points(mean.mean))
}

/// How much of what was published is the measure, and how much is chance.
fn summary(toy: &Toy<'_>, selection: &Selection<'_>) -> Vec<String> {
    let (Some(first), Some(last)) = (selection.levels.first(), selection.levels.last()) else { return vec![] };
    let mut sentences = Vec::new();
    let change = |over| selection.change(last, over, Of::Both, toy.confidence);
    if let (Some(published), Some(held_out)) = (change(Over::TrainedOn), change(Over::HeldOut)) {
        sentences.push(format!(
            "From no duplicates to {} the published measure, on what was trained on, changes by {}; on held-out points the \
             same classifiers change by {}.",
            count(last.n_duplicates),
            told(published),
            told(held_out),
        ));
    }
    if let [Some(per_rate), Some(per_class)] = CONTROLS.map(|cost| selection.change_at(last, cost, toy.confidence)) {
        sentences.push(format!(
            "Each repetition also counts in what errors cost. With C divided by 1 + rate, so that all points together cost what the \
             originals do, the change on held-out points is {}; divided class by class it is {}: that much the repetition itself does.",
            told(per_rate),
            told(per_class),
        ));
    }
    if let (Some(none), Some(many)) = (first.flattery(toy.confidence), last.flattery(toy.confidence)) {
        sentences.push(format!(
            "Accuracy on what was trained on minus accuracy on held-out points: {} without duplicates, {} with {}.",
            told(none),
            told(many),
            count(last.n_duplicates),
        ));
    }
    sentences.extend(of_paper(toy, selection, last));
    sentences
}

/// What one drawing, which is what the paper has, can tell.
fn of_paper(toy: &Toy<'_>, selection: &Selection<'_>, last: &Level<'_>) -> Vec<String> {
    let Some(published) = selection.published else { return vec![] };
    let mut sentences = Vec::new();
    let without = selection.levels.iter().find(|level| level.n_duplicates == 0).and_then(|level| level.published);
    let one_more = selection.one_more_change(last, toy.confidence);
    if let (Some(last), Some(without), Some(interval)) = (last.published, without, one_more) {
        let change = last.accuracy - without.accuracy;
        sentences.push(format!(
            "Published, of one drawing: {} points, {} where one more drawing of ours would lie, {}.",
            points(change),
            if holds(interval, change) { "which is" } else { "which is not" },
            points_interval(interval),
        ));
    }
    if let (Some(span), Some(ours)) = (published.span, selection.span(toy.confidence)) {
        sentences.push(format!(
            "Over all levels the published accuracies lie between {} and {} %, {} points apart; those of one drawing of ours {} \
             points on average.",
            percent(span.lowest),
            percent(span.highest),
            points(span.highest - span.lowest).trim_start_matches('+'),
            points(ours.mean).trim_start_matches('+'),
        ));
    }
    sentences
}
