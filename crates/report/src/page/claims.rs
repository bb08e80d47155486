//! The verdicts: what the study claimed, and what came of it.

use askama::Template;
use twinset_chart::{Chart, Ink, Intervals, Legend, Marker, Point, Series, short};
use twinset_manifest::rows::{ClaimRow, Direction, Verdict};

use super::{Context, Figures, Section};
use crate::claims::Judged;
use crate::comparable::Mismatch;
use crate::figures::{Figure, Panel};
use crate::numerals::{level, points, points_interval};
use crate::results::Measure;
use crate::statistics::Interval;

#[derive(Template)]
#[template(path = "claims.html")]
struct Claims {
    claims: Vec<ClaimItem>,
    n_claims: usize,
    figure: Figure,
}

struct ClaimItem {
    name: String,
    text: String,
    /// The class that colours it.
    class: &'static str,
    verdict: String,
    contrast: String,
    difference: String,
    interval: String,
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
    let items = context.claims.iter().zip(&figure.panels);
    let claims: Vec<_> = items.map(|(judged, panel)| item(context, judged, panel)).collect();
    let template = Claims { n_claims: claims.len(), claims, figure: figure.clone() };
    let section = Section::new("verdicts", "Verdicts", &template)?;
    Ok(Some(section.with_figures(Figures { figures: vec![figure] })))
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
            legend(MEAN.0, Some(MEAN.1), "mean and t interval"),
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

fn item(context: &Context<'_>, judged: &Judged, panel: &Panel) -> ClaimItem {
    let claim = &judged.row;
    let condition = |arm: &str, rate: f64| format!("{arm} at rate {}", short(rate));
    let measure = context.names().measure(&Measure::new(claim.split, claim.attack.clone()));
    let than = match claim.direction {
        Direction::Lower => "lower than",
        Direction::Higher => "higher than",
        Direction::Differs => "different from",
        Direction::NotHigher => "no higher than",
    };
    let interval = claim.interval_low.zip(claim.interval_high).map(|(low, high)| Interval { low, high });
    ClaimItem {
        name: claim.name.clone(),
        text: claim.text.clone(),
        class: claim.verdict.as_str(),
        verdict: verdict(claim),
        svg: panel.chart.svg(),
        contrast: format!(
            "{}: {} said to be {than} {}",
            what(claim, &measure),
            condition(&claim.left_arm, claim.left_rate),
            condition(&claim.right_arm, claim.right_rate),
        ),
        difference: claim.difference.map_or_else(String::new, points),
        interval: interval.map_or_else(String::new, points_interval),
        details: [mismatch(judged.mismatch), &details(claim)].concat(),
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
        None => "Mean clean accuracy on held-out images over the samples that all saw".to_owned(),
    }
}

fn verdict(claim: &ClaimRow) -> String {
    let delta = points_of(claim.smallest_effect);
    match (claim.verdict, claim.seeds_needed) {
        (Verdict::Supported, _) => "Supported".to_owned(),
        (Verdict::Contradicted, _) => "Contradicted".to_owned(),
        (Verdict::NoEffect, _) => format!("No effect larger than {delta}"),
        (Verdict::Undecided, Some(n)) if n > claim.n_seeds => {
            format!("Undecided: {n} seeds would find {delta}")
        }
        (Verdict::Undecided, _) => "Undecided".to_owned(),
    }
}

/// Why seeds that have both conditions are left out.
fn mismatch(mismatch: Option<Mismatch>) -> &'static str {
    match mismatch {
        None => "",
        Some(Mismatch::Settings) => "The two conditions were not attacked in the same way, so they are not compared. ",
        Some(Mismatch::Images) => "The two conditions were judged on different images, so they are not compared. ",
    }
}

fn details(claim: &ClaimRow) -> String {
    let n = claim.n_seeds;
    let (Some(p), Some(adjusted), Some(equivalence)) = (claim.p_value, claim.p_adjusted, claim.p_equivalence) else {
        return match n {
            0 => "No seed has both conditions to compare.".to_owned(),
            1 => "One seed: nothing is known of chance.".to_owned(),
            _ => format!("All {n} seeds differ by the same: nothing is known of chance."),
        };
    };
    let mut details = format!(
        "{n} seeds, [{}] t interval; paired t test p {}, with Holm's adjustment {}; {} {} p {}",
        level(1.0 - claim.level),
        p_value(p),
        p_value(adjusted),
        if claim.direction == Direction::NotHigher { "one-sided test below" } else { "two one-sided tests within" },
        points_of(claim.smallest_effect),
        p_value(equivalence),
    );
    if let Some((low, high)) = claim.bootstrap_low.zip(claim.bootstrap_high) {
        details.push_str(&format!("; BCa bootstrap interval {}", points_interval(Interval { low, high })));
    }
    if let Some(n_mcnemar) = claim.n_mcnemar {
        details.push_str(&format!("; image by image (McNemar) {n_mcnemar} of {n} seeds differ"));
    }
    if let Some(effect) = claim.effect_size {
        details.push_str(&format!("; effect size {effect:.1} standard deviations"));
    }
    if let Some(detectable) = claim.detectable_difference {
        details.push_str(&format!("; {n} seeds find {} with probability 0.8", points_of(detectable)));
    }
    details + "."
}

/// `2 points`, of a difference of accuracy.
fn points_of(difference: f64) -> String {
    let points = format!("{:.1}", 100.0 * difference);
    let points = points.strip_suffix(".0").unwrap_or(&points);
    format!("{points} point{}", if points == "1" { "" } else { "s" })
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}
