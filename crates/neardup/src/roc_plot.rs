//! The ROC curve as a picture.

use twinset_chart::{Chart, Ink, Intervals, Legend, Point, Series, short};

use crate::Evaluation;
use crate::precision_plot::visible;

/// The ROC curve as an SVG file: the share of the known duplicates that is found over the share of the pairs that are judged to be
/// none; none where no pair is judged so.
pub fn roc_plot(evaluation: &Evaluation) -> Option<String> {
    let area = evaluation.auroc()?;
    let point = |x: f64, y: f64| Point { x, y, interval: None };
    let steps = evaluation.steps.iter().filter_map(|step| Some(point(step.false_positive_rate?, step.recall)));
    let listed: Vec<Point> = [point(0.0, 0.0)].into_iter().chain(steps).collect();
    let unlisted = listed.last().copied().into_iter().chain([point(1.0, 1.0)]).collect();
    let line = |ink: Ink, points: Vec<Point>| Series {
        ink,
        marker: None,
        points,
        intervals: Intervals::Whiskers,
        is_joined: true,
    };
    let legend = |ink: Ink, text: String| Legend { ink, marker: None, text };
    let ticks = || (0..=5).map(|tick| f64::from(tick) / 5.0).map(|tick| (tick, short(tick))).collect();
    let chart = Chart {
        alt: format!("ROC curve, area {area:.3}"),
        x_label: "false positive rate".to_owned(),
        y_label: "recall".to_owned(),
        x_range: (0.0, 1.0),
        x_ticks: ticks(),
        y_range: (0.0, 1.0),
        dodge: 0.0,
        series: vec![line(Ink::Series(0), visible(listed)), line(Ink::Series(1), unlisted)],
    };
    let legends = [
        legend(Ink::Series(0), format!("down the list of pairs; area {area:.3}")),
        legend(Ink::Series(1), "pairs that are not listed, in no order".to_owned()),
    ];
    Some(chart.file("Known duplicates found over pairs that are none", &legends))
}
