//! Points of one seed, and where classifiers of them change from one class to the other.

use twinset_chart::{Chart, Ink, Intervals, Legend, Marker, Point, Series, round_ticks, short};
use twinset_manifest::rows::{GaussianBoundary, GaussianSelection};

use super::name;
use crate::figures::{Figure, Panel};
use crate::gaussian::{GaussianEvidence, Selection, Toy};
use crate::numerals::{count, counted, range};

const NEGATIVE: (Ink, Option<Marker>) = (Ink::Series(0), Some(Marker::Circle));
const POSITIVE: (Ink, Option<Marker>) = (Ink::Series(1), Some(Marker::Diamond));
const WITHOUT: (Ink, Option<Marker>) = (Ink::Ramp(0), None);
const WITH: (Ink, Option<Marker>) = (Ink::Series(3), None);

/// The boundaries of one way of choosing duplicates.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// A panel for each number of duplicates.
    pub(super) figure: Figure,
    /// The panels that the page shows, as places among all.
    pub(super) shown: Vec<usize>,
    /// The number of duplicates of each panel, and its SVG.
    pub(super) files: Vec<(String, String)>,
}

/// What is drawn: nothing where no boundary is known.
pub(super) fn drawings(toy: &Toy<'_>) -> Vec<Drawing> {
    let evidence = toy.evidence;
    let has_boundary = |selection: &&Selection<'_>| {
        evidence.boundaries.iter().any(|row| row.selection == selection.selection) && !evidence.points.is_empty()
    };
    toy.selections.iter().filter(has_boundary).map(|selection| drawing(evidence, selection)).collect()
}

fn drawing(evidence: &GaussianEvidence, selection: &Selection<'_>) -> Drawing {
    let legend = |(ink, marker): (Ink, Option<Marker>), text: &str| Legend { ink, marker, text: text.to_owned() };
    let seed = range(evidence.points.iter().map(|point| point.seed));
    let levels: Vec<u64> = selection.levels.iter().map(|level| level.n_duplicates).collect();
    let panels: Vec<Panel> = levels.iter().map(|&level| panel(evidence, selection.selection, level)).collect();
    let figure = Figure {
        id: format!("gaussian-boundaries-{}", selection.selection),
        title: format!("{}: boundaries of seed {seed}", name(selection.selection)),
        legend: vec![
            legend(NEGATIVE, "points of class −1"),
            legend(POSITIVE, "points of class +1"),
            legend(WITHOUT, "boundary without duplicates"),
            legend(WITH, "boundary with duplicates"),
        ],
        panels,
        caption: format!(
            "The original points of seed {seed}, and where the classifier trained on them changes from one class to the other: without \
             duplicates, and with them.",
        ),
    };
    let last = levels.len().saturating_sub(1);
    let mut shown = vec![0, last / 2, last];
    shown.dedup();
    let files = levels.iter().map(|level| count(*level)).zip(figure.svg_paths()).collect();
    Drawing { figure, shown, files }
}

fn panel(evidence: &GaussianEvidence, selection: GaussianSelection, n_duplicates: u64) -> Panel {
    let cloud = |(ink, marker), is_positive| Series {
        ink,
        marker,
        points: (evidence.points.iter().filter(|point| point.is_positive == is_positive))
            .map(|point| Point { x: point.x, y: point.y, interval: None })
            .collect(),
        intervals: Intervals::Whiskers,
        is_joined: false,
    };
    let mut named =
        vec![("class −1".to_owned(), cloud(NEGATIVE, false)), ("class +1".to_owned(), cloud(POSITIVE, true))];
    named.extend(line(evidence, selection, 0, WITHOUT.0, "boundary without duplicates"));
    if n_duplicates > 0 {
        named.extend(line(evidence, selection, n_duplicates, WITH.0, "boundary with duplicates"));
    }
    let (names, series): (Vec<String>, Vec<Series>) = named.into_iter().unzip();
    let title = match n_duplicates {
        0 => "No duplicates".to_owned(),
        n => counted(n, "duplicate", "duplicates"),
    };
    let (x_range, y_range) = (ends(evidence, |[x, _]| x), ends(evidence, |[_, y]| y));
    let chart = Chart {
        alt: format!("{}, {title}: points of both classes and the boundaries between them", name(selection)),
        x_label: "first axis".to_owned(),
        y_label: "second axis".to_owned(),
        x_range,
        x_ticks: round_ticks(x_range.0, x_range.1, 6).into_iter().map(|x| (x, short(x))).collect(),
        y_range,
        dodge: 0.0,
        series,
    };
    Panel { title, chart, series: names }
}

/// A boundary, each of its pieces a series.
fn line(
    evidence: &GaussianEvidence,
    selection: GaussianSelection,
    n_duplicates: u64,
    ink: Ink,
    name: &str,
) -> Vec<(String, Series)> {
    let is_it = |row: &&GaussianBoundary| row.selection == selection && row.n_duplicates == n_duplicates;
    let rows: Vec<&GaussianBoundary> = evidence.boundaries.iter().filter(is_it).collect();
    let pieces: Vec<_> = rows.chunk_by(|left, right| left.piece == right.piece).collect();
    let series = |(number, piece): (usize, &&[&GaussianBoundary])| {
        let points = piece.iter().map(|row| Point { x: row.x, y: row.y, interval: None }).collect();
        let name = if pieces.len() == 1 { name.to_owned() } else { format!("{name}, piece {}", number + 1) };
        (name, Series { ink, marker: None, points, intervals: Intervals::Whiskers, is_joined: true })
    };
    pieces.iter().enumerate().map(series).collect()
}

/// The ends of an axis: those of everything that is drawn in any panel.
fn ends(evidence: &GaussianEvidence, axis: fn([f64; 2]) -> f64) -> (f64, f64) {
    let points = evidence.points.iter().map(|point| [point.x, point.y]);
    let places = points.chain(evidence.boundaries.iter().map(|row| [row.x, row.y])).map(axis);
    let (low, high) =
        places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| (low.min(place), high.max(place)));
    let margin = ((high - low) * 0.02).max(0.01);
    (low - margin, high + margin)
}
