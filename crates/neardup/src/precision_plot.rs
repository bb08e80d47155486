//! The precision-recall curve as a picture.

use twinset_chart::{Chart, Ink, Intervals, Legend, Marker, Point, Series, short};
use twinset_manifest::rows::PrecisionRecall;

use crate::Evaluation;

/// The least move along either axis that is drawn.
const RESOLUTION: f64 = 0.002;

/// The precision-recall curve as an SVG file: precision over recall, both 0 to 1, with the steps at the usual ranks, the
/// greatest F1, and the last step that has `min_precision` marked.
pub fn plot(evaluation: &Evaluation, min_precision: f64) -> String {
    let mut lines = Vec::new();
    let n_judged = evaluation.steps.last().map_or(0, |step| step.n_judged);
    if evaluation.is_complete {
        lines.push(("precision".to_owned(), Curve::OfAll));
    } else {
        if !evaluation.is_lower_bound() {
            lines.push((format!("precision of the {n_judged} judged pairs"), Curve::OfJudged));
        }
        lines.push(("the least that precision can be".to_owned(), Curve::OfAll));
    }
    let mut series = Vec::new();
    let mut legend = Vec::new();
    for (number, (text, curve)) in lines.into_iter().enumerate() {
        let ink = Ink::Series(number as u8);
        let points = visible(evaluation.steps.iter().filter_map(|step| curve.point(step)).collect());
        series.push(Series { ink, marker: None, points, intervals: Intervals::Whiskers, is_joined: true });
        legend.push(Legend { ink, marker: None, text });
    }
    let mut mark = |ink: Ink, marker: Marker, steps: &[&PrecisionRecall], text: String| {
        let point = |step: &&PrecisionRecall| Point { x: step.recall, y: evaluation.precision(step), interval: None };
        // Each on its own: marks are not joined by a line.
        let marks = steps.iter().map(point).map(|point| (vec![point], Some(marker)));
        series.extend(marks.map(|(points, marker)| Series {
            ink,
            marker,
            points,
            intervals: Intervals::Whiskers,
            is_joined: true,
        }));
        legend.push(Legend { ink, marker: Some(marker), text });
    };
    let usual = evaluation.usual_steps();
    let ranks: Vec<_> = usual.iter().map(|step| step.n_pairs.to_string()).collect();
    mark(Ink::Series(0), Marker::Circle, &usual, format!("after {} pairs", ranks.join(", ")));
    if let Some(best) = evaluation.best_f1() {
        let bound = if evaluation.is_lower_bound() { "at least " } else { "" };
        let f1 = evaluation.f1(best);
        mark(Ink::Series(2), Marker::Diamond, &[best], format!("greatest F1, {bound}{f1:.3}, {}", from(best)));
    }
    if let Some(step) = evaluation.reaching(min_precision) {
        mark(Ink::Series(3), Marker::Square, &[step], format!("precision of {min_precision} or more, {}", from(step)));
    }
    let ticks = (0..=5).map(|tick| f64::from(tick) / 5.0);
    let chart = Chart {
        alt: alt(evaluation),
        x_label: "recall".to_owned(),
        y_label: if evaluation.is_lower_bound() { "precision, at least" } else { "precision" }.to_owned(),
        x_range: (0.0, 1.0),
        x_ticks: ticks.map(|tick| (tick, short(tick))).collect(),
        y_range: (0.0, 1.0),
        dodge: 0.0,
        series,
    };
    let n_known = evaluation.steps.last().map_or(0, |step| step.n_known);
    let bound = if evaluation.is_lower_bound() { "at least " } else { "" };
    let area = evaluation.average_precision();
    chart.file(&format!("{n_known} known duplicates, average precision {bound}{area:.3}"), &legend)
}

/// What is drawn over recall.
#[derive(Clone, Copy)]
enum Curve {
    OfAll,
    OfJudged,
}

impl Curve {
    fn point(self, step: &PrecisionRecall) -> Option<Point> {
        let y = match self {
            Self::OfAll => Some(step.precision),
            Self::OfJudged => step.precision_of_judged,
        };
        Some(Point { x: step.recall, y: y?, interval: None })
    }
}

/// The points that lie apart far enough to be seen, first and last always.
pub(crate) fn visible(points: Vec<Point>) -> Vec<Point> {
    let last = points.last().copied();
    let mut seen: Vec<Point> = Vec::new();
    for point in points {
        let is_apart = |from: &Point| (point.x - from.x).abs() >= RESOLUTION || (point.y - from.y).abs() >= RESOLUTION;
        if seen.last().is_none_or(is_apart) || Some(point) == last {
            seen.push(point);
        }
    }
    seen
}

fn from(step: &PrecisionRecall) -> String {
    match (step.similarity, step.hash_distance_bits) {
        (Some(similarity), _) => format!("from similarity {similarity:.4} on"),
        (None, Some(bits)) => format!("up to {bits} bits"),
        (None, None) => "in the whole list".to_owned(),
    }
}

fn alt(evaluation: &Evaluation) -> String {
    let at = |step: &&PrecisionRecall| {
        format!("after {} pairs recall {:.3}, precision {:.3}", step.n_pairs, step.recall, evaluation.precision(step))
    };
    let steps: Vec<_> = evaluation.usual_steps().iter().map(at).collect();
    format!("Precision over recall: {}", steps.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_nobody_can_tell_apart_are_not_drawn() {
        let point = |x: f64, y: f64| Point { x, y, interval: None };
        let points = vec![point(0.0, 1.0), point(0.001, 1.0), point(0.002, 1.0), point(0.002, 0.5), point(0.003, 0.5)];
        let [first, _, third, fourth, last] = points[..] else { panic!("five points") };
        assert_eq!(visible(points), [first, third, fourth, last]);
        assert_eq!(visible(vec![]), []);
    }
}
