//! The verdicts: what the study claimed, and what came of it.

mod forest;
mod overview;
mod registration;
mod words;

use askama::Template;
use twinset_chart::{Chart, Ink, Intervals, Legend, Marker, Point, Series, short};
use twinset_manifest::rows::{ClaimRow, Direction};

use super::{Context, Figures, Section};
use crate::claims::Judged;
use crate::claims::family::OF_THE_STUDY;
use crate::figures::{Figure, Panel};
use crate::numerals::{points, points_interval};
use crate::results::Measure;
use forest::Forest;

#[derive(Template)]
#[template(path = "claims.html")]
struct Claims {
    families: Vec<Family>,
    n_claims: usize,
    figure: Figure,
    /// What was declared when.
    declared: String,
}

struct Family {
    /// Empty where there is but one.
    title: String,
    claims: Vec<ClaimItem>,
}

struct ClaimItem {
    id: String,
    name: String,
    text: String,
    /// The class that colours it.
    class: &'static str,
    verdict: String,
    contrast: String,
    difference: String,
    interval: String,
    /// What was found, in a plain sentence.
    sentence: String,
    /// How long the two sides trained.
    training: String,
    /// The line over all rates.
    slope: String,
    /// What else a sceptic would ask for.
    details: String,
    /// Its seeds' differences.
    svg: String,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    if context.claims.is_empty() {
        return Ok(None);
    }
    let figure = figure(context.claims);
    let families = by_family(context.claims, |place, judged| item(context, place, judged, &figure.panels[place]));
    let template = Claims {
        families: families.into_iter().map(|(title, claims)| Family { title, claims }).collect(),
        n_claims: context.claims.len(),
        figure: figure.clone(),
        declared: registration::sentence(context.study),
    };
    let section = Section::new("verdicts", "Verdicts", &template)?;
    Ok(Some(section.with_figures(Figures { figures: vec![figure] })))
}

/// What the page begins with: all claims on one axis; none where nothing is claimed.
pub(super) fn answer(context: &Context<'_>) -> askama::Result<Option<String>> {
    (!context.claims.is_empty())
        .then(|| Forest::of(context.claims, context.study, &context.config.families).render())
        .transpose()
}

/// The title of claims that are of no family.
const OTHERS: &str = "Other claims";

/// Something of each claim and its place, by family. Families are in the order of their names. A family's title is empty where there is but one.
fn by_family<'a, T>(claims: &'a [Judged], of: impl Fn(usize, &'a Judged) -> T) -> Vec<(String, Vec<T>)> {
    let mut families: Vec<(String, Vec<T>)> = Vec::new();
    for (place, judged) in claims.iter().enumerate() {
        let family = judged.row.family.as_str();
        let (title, item) = (if family == OF_THE_STUDY { OTHERS } else { family }, of(place, judged));
        match families.iter_mut().find(|(other, _)| other == title) {
            Some((_, items)) => items.push(item),
            None => families.push((title.to_owned(), vec![item])),
        }
    }
    // Claims that are of no family come last.
    families.sort_by_key(|(title, _)| (title == OTHERS, title.clone()));
    if let [(title, _)] = families.as_mut_slice() {
        title.clear();
    }
    families
}

/// What leads to a claim's details.
fn anchor(place: usize) -> String {
    format!("claim-{}", place + 1)
}

const SEED: (Ink, Marker) = (Ink::Series(0), Marker::Circle);
const MEAN: (Ink, Marker) = (Ink::Series(1), Marker::Diamond);
const NO_MATTER: Ink = Ink::Ramp(0);

/// Each claim's differences, seed by seed, with their mean.
fn figure(claims: &[Judged]) -> Figure {
    let legend = |ink, marker, text: &str| Legend { ink, marker, text: text.to_owned() };
    let panel = |judged: &Judged| {
        let (chart, series) = chart(judged);
        Panel { title: judged.row.name.clone(), chart, series }
    };
    Figure {
        id: "verdicts".to_owned(),
        title: String::new(),
        legend: vec![
            legend(SEED.0, Some(SEED.1), "a seed"),
            legend(MEAN.0, Some(MEAN.1), "mean and its interval"),
            legend(NO_MATTER, None, "0, within what does not matter"),
        ],
        panels: claims.iter().map(panel).collect(),
        caption: String::new(),
    }
}

/// The chart, and what its series are.
fn chart(judged: &Judged) -> (Chart, Vec<String>) {
    let (row, n) = (&judged.row, judged.differences.len() as f64);
    let delta = row.smallest_effect * 100.0;
    let alone = |(ink, marker), point| Series {
        ink,
        marker: Some(marker),
        points: vec![point],
        intervals: Intervals::Whiskers,
        is_joined: true,
    };
    let edge = |x| Point { x, y: 0.0, interval: Some((-delta, delta)) };
    let zero = Series {
        ink: NO_MATTER,
        marker: None,
        points: vec![edge(0.4), edge(n + 1.6)],
        intervals: Intervals::Band,
        is_joined: true,
    };
    let mut named = vec![("no difference that matters".to_owned(), zero)];
    let mut x_ticks = Vec::new();
    for (i, (seed, difference)) in judged.differences.iter().enumerate() {
        let x = i as f64 + 1.0;
        x_ticks.push((x, seed.to_string()));
        named.push((format!("seed {seed}"), alone(SEED, Point { x, y: difference * 100.0, interval: None })));
    }
    if x_ticks.len() > 10 {
        x_ticks.clear();
    }
    if let Some(difference) = row.difference {
        let interval = row.interval_low.zip(row.interval_high).map(|(low, high)| (low * 100.0, high * 100.0));
        named.push(("mean".to_owned(), alone(MEAN, Point { x: n + 1.0, y: difference * 100.0, interval })));
        x_ticks.push((n + 1.0, "mean".to_owned()));
    }
    let drawn = named.iter().flat_map(|(_, series)| &series.points);
    let ends = drawn.flat_map(|point| point.interval.map_or([point.y; 2], |(low, high)| [low, high]));
    let furthest = ends.fold(delta, |furthest: f64, end| furthest.max(end.abs())) * 1.08;
    let (names, series) = named.into_iter().unzip();
    let unit = if row.metric.starts_with("samples") { "difference (% of samples)" } else { "difference (points)" };
    let chart = Chart {
        alt: format!("Differences of the claim {}, seed by seed, and their mean; the numbers are beside it", row.name),
        x_label: "seed".to_owned(),
        y_label: unit.to_owned(),
        x_range: (0.4, n + 1.6),
        x_ticks,
        y_range: (-furthest, furthest),
        dodge: 0.0,
        series,
    };
    (chart, names)
}

fn item(context: &Context<'_>, place: usize, judged: &Judged, panel: &Panel) -> ClaimItem {
    let claim = &judged.row;
    let measure = context.names().measure(&Measure::new(claim.split, claim.attack.clone()));
    let than = match claim.direction {
        Direction::Lower => "lower than",
        Direction::Higher => "higher than",
        Direction::Differs => "different from",
        Direction::NotHigher => "no higher than",
    };
    let (left, right) = words::sides(claim);
    ClaimItem {
        id: anchor(place),
        name: claim.name.clone(),
        text: claim.text.clone(),
        class: claim.verdict.as_str(),
        verdict: words::verdict(claim),
        svg: panel.chart.svg(),
        contrast: format!("{}: {left} said to be {than} {right}", what(claim, &measure)),
        difference: claim.difference.map_or_else(String::new, points),
        interval: words::interval(claim).map_or_else(String::new, points_interval),
        sentence: [words::mismatch(judged.mismatch), &words::sentence(claim)].concat(),
        training: words::training(claim),
        slope: words::slope(claim),
        details: words::details(claim),
    }
}

/// What is compared, in words.
fn what(claim: &ClaimRow, measure: &str) -> String {
    match claim.metric.split_once(' ') {
        Some((_, accuracy)) => {
            let accuracy = accuracy.parse().map_or_else(|_| accuracy.to_owned(), |share: f64| short(share * 100.0));
            format!(
                "Samples until {accuracy} % of held-out images were classified rightly, as a share of those that all saw"
            )
        }
        None if claim.metric == "accuracy" => format!("{measure} on {} images", claim.split),
        None if claim.metric == "accuracy-with-leaks" => {
            format!("{measure} on {} images, those that leaked included", claim.split)
        }
        None if claim.metric == "accuracy-without-twins" => {
            format!("{measure} on {} images without a duplicate among the training images", claim.split)
        }
        None if claim.metric == "accuracy-of-twins" => {
            format!("{measure} on {} images with a duplicate among the training images", claim.split)
        }
        None => "Mean clean accuracy on held-out images over the samples that all saw".to_owned(),
    }
}
