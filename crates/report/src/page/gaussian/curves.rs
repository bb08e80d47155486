//! Balanced accuracy over the number of duplicates.

use twinset_chart::{Chart, Ink, Intervals, Legend, Marker, Point, Series};

use super::{n_seeds, name};
use crate::figures::{Figure, Panel, rate_ticks, y_range};
use crate::gaussian::{Level, Of, Over, Selection, Toy};
use crate::numerals::{level, range};

const TRAINED_ON: (Ink, Option<Marker>) = (Ink::Series(0), Some(Marker::Circle));
const HELD_OUT: (Ink, Option<Marker>) = (Ink::Series(2), Some(Marker::Triangle));
const PUBLISHED: (Ink, Option<Marker>) = (Ink::Series(1), Some(Marker::Square));
const BEST: (Ink, Option<Marker>) = (Ink::Ramp(0), None);

/// One chart for each way of choosing duplicates.
pub(super) fn figure(toy: &Toy<'_>) -> Figure {
    let legend = |(ink, marker): (Ink, Option<Marker>), text: &str| Legend { ink, marker, text: text.to_owned() };
    let mut lines = vec![
        legend(TRAINED_ON, "on what was trained on, duplicates counted (the published measure)"),
        legend(HELD_OUT, "on held-out points"),
        legend(BEST, "the best that is possible (Bayes)"),
    ];
    if toy.selections.iter().any(|selection| selection.published.is_some()) {
        lines.push(legend(PUBLISHED, "published, one drawing"));
    }
    let levels = || toy.selections.iter().flat_map(|selection| &selection.levels);
    Figure {
        id: "gaussian".to_owned(),
        title: String::new(),
        legend: lines,
        panels: toy.selections.iter().map(|selection| panel(toy, selection)).collect(),
        caption: format!(
            "Balanced accuracy: the mean of the two classes’ accuracies; mean over seeds (n = {}), whiskers: {} t interval. Vertical \
             axes differ and need not begin at 0.",
            range(levels().map(|level| n_seeds(toy, level))),
            level(toy.confidence),
        ),
    }
}

fn panel(toy: &Toy<'_>, selection: &Selection<'_>) -> Panel {
    let of = |over| {
        move |level: &Level<'_>| {
            let mean = level.mean(over, Of::Both, toy.confidence)?;
            let interval = mean.interval.map(|interval| (interval.low * 100.0, interval.high * 100.0));
            Some(Point { x: level.n_duplicates as f64, y: mean.mean * 100.0, interval })
        }
    };
    let best = |level: &Level<'_>| {
        Some(Point { x: level.n_duplicates as f64, y: toy.any.bayes_accuracy * 100.0, interval: None })
    };
    let line = |(ink, marker), value: &dyn Fn(&Level<'_>) -> Option<Point>| Series {
        ink,
        marker,
        points: selection.levels.iter().filter_map(value).collect(),
        intervals: Intervals::Whiskers,
        is_joined: true,
    };
    let mut named = vec![
        ("best possible", line(BEST, &best)),
        ("trained on", line(TRAINED_ON, &of(Over::TrainedOn))),
        ("held out", line(HELD_OUT, &of(Over::HeldOut))),
    ];
    // Each alone: what lies between two published levels was not published.
    named.extend(selection.levels.iter().filter_map(|level| {
        let point = Point { x: level.n_duplicates as f64, y: level.published?.accuracy * 100.0, interval: None };
        let (ink, marker) = PUBLISHED;
        let points = vec![point];
        Some(("published", Series { ink, marker, points, intervals: Intervals::Whiskers, is_joined: true }))
    }));
    let (names, series): (Vec<&str>, Vec<Series>) = named.into_iter().unzip();
    let (x_range, x_ticks) = rate_ticks(selection.levels.iter().map(|level| level.n_duplicates as f64).collect());
    let title = name(selection.selection).to_owned();
    let chart = Chart {
        alt: format!("{title}: balanced accuracy over the number of duplicates; the numbers are in the table"),
        x_label: "duplicates".to_owned(),
        y_label: "balanced accuracy (%)".to_owned(),
        x_range,
        x_ticks,
        y_range: y_range(&series),
        dodge: 0.0,
        series,
    };
    Panel { title, chart, series: names.into_iter().map(str::to_owned).collect() }
}
