//! Accuracy by kind and similarity of the twins.

use twinset_chart::{Chart, Ink, Intervals, Marker, Point, Series, short, swatch};
use twinset_manifest::rows::LeakSubset;

use super::{n_images, share, share_interval};
use crate::numerals::difference;
use crate::{Analysis, ModelResult, Subset};

/// Series that a chart tells apart.
const MAX_SERIES: usize = 6;

/// A model's accuracy on each subset.
pub(super) struct ByKind {
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) subset: String,
    /// How deep it stands below the subset that it is a part of.
    pub(super) depth: u8,
    pub(super) n_images: String,
    pub(super) accuracy: String,
    pub(super) interval: String,
    pub(super) difference: String,
    pub(super) is_clear: bool,
}

/// A chart with its legend.
pub(super) struct Figure {
    pub(super) svg: String,
    /// Swatches and names.
    pub(super) legend: Vec<(String, String)>,
    /// Models that are not drawn.
    pub(super) n_left_out: usize,
}

pub(super) fn tables(analysis: &Analysis) -> Vec<ByKind> {
    let models = analysis.ranking.0.iter().map(|ranked| &analysis.models[ranked.model]);
    let table = |model: &ModelResult| {
        // Each subset below the one that it is a part of.
        let mut subsets: Vec<&Subset> = model.subsets.iter().collect();
        subsets.sort_by_key(|subset| match subset.subset {
            LeakSubset::All => 0,
            LeakSubset::WithoutTwin => 1,
            LeakSubset::TwinWithinSplit => 2,
            _ => 3,
        });
        ByKind { name: model.name.clone(), rows: subsets.into_iter().map(row).collect() }
    };
    models.map(table).collect()
}

fn row(subset: &Subset) -> Row {
    let Subset { accuracy, .. } = *subset;
    Row {
        subset: match (subset.subset, subset.similarity) {
            (LeakSubset::All, _) => "all images".to_owned(),
            (LeakSubset::WithoutTwin, _) => "without a twin in training".to_owned(),
            (LeakSubset::Leaked, _) => "leaked".to_owned(),
            (LeakSubset::LeakedExact, _) => "exact twin".to_owned(),
            (LeakSubset::LeakedNear, _) => "near twin".to_owned(),
            (LeakSubset::LeakedSimilarity, bin) => format!("similarity {}", bin.map(words).unwrap_or_default()),
            (LeakSubset::TwinWithinSplit, _) => "twin only within the split".to_owned(),
        },
        depth: match subset.subset {
            LeakSubset::All => 0,
            LeakSubset::WithoutTwin | LeakSubset::Leaked => 1,
            LeakSubset::LeakedExact | LeakSubset::LeakedNear | LeakSubset::TwinWithinSplit => 2,
            LeakSubset::LeakedSimilarity => 3,
        },
        n_images: n_images(accuracy),
        accuracy: share(accuracy),
        interval: share_interval(accuracy),
        difference: subset.difference.map_or_else(String::new, difference),
        is_clear: subset.difference.is_some_and(|of| of.is_clear()),
    }
}

/// `below 0.85`, `0.85 to 0.9`, `from 0.95`.
fn words((low, high): (f64, f64)) -> String {
    match (low == 0.0, high == 1.0) {
        (true, true) => "of any size".to_owned(),
        (true, false) => format!("below {}", short(high)),
        (false, true) => format!("from {}", short(low)),
        (false, false) => format!("{} to {}", short(low), short(high)),
    }
}

/// Accuracy over similarity: without a twin, the bins, an exact twin. None where no image leaked.
pub(super) fn figure(analysis: &Analysis) -> Option<Figure> {
    if analysis.n_leaked == 0 {
        return None;
    }
    let is_drawn = |subset: &&Subset| {
        use LeakSubset::{LeakedExact, LeakedSimilarity, WithoutTwin};
        subset.subset == WithoutTwin
            || (matches!(subset.subset, LeakedExact | LeakedSimilarity) && subset.accuracy.n_images > 0)
    };
    let place = |subset: &Subset| match (subset.subset, subset.similarity) {
        (LeakSubset::WithoutTwin, _) => (0, "none".to_owned()),
        (LeakSubset::LeakedExact, _) => (2, "exact".to_owned()),
        (_, Some((low, high))) => (1, bin(low, high)),
        (_, None) => (1, String::new()),
    };
    // The manifest has the exact ones before the bins; the axis has them last.
    let columns = |model: &ModelResult| {
        let mut columns: Vec<_> =
            model.subsets.iter().filter(is_drawn).map(|subset| (place(subset), *subset)).collect();
        columns.sort_by_key(|((place, _), _)| *place);
        columns
    };
    let ranked: Vec<&ModelResult> = analysis.ranking.0.iter().map(|ranked| &analysis.models[ranked.model]).collect();
    let drawn = &ranked[..ranked.len().min(MAX_SERIES)];
    let series = drawn.iter().enumerate().map(|(i, model)| {
        let points = columns(model).into_iter().enumerate().filter_map(|(x, (_, subset))| {
            let interval = subset.accuracy.interval.map(|of| (of.low * 100.0, of.high * 100.0));
            Some(Point { x: x as f64, y: subset.accuracy.accuracy? * 100.0, interval })
        });
        let (ink, marker) = look(i);
        Series { ink, marker: Some(marker), points: points.collect(), intervals: Intervals::Whiskers, is_joined: true }
    });
    let series: Vec<Series> = series.collect();
    let labels: Vec<String> = columns(drawn.first()?).into_iter().map(|((_, label), _)| label).collect();
    let ends = series.iter().flat_map(|series| &series.points).flat_map(|point| {
        let (low, high) = point.interval.unwrap_or((point.y, point.y));
        [low, high]
    });
    let (low, high) = ends.fold((100.0_f64, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let margin = ((high - low) * 0.06).max(0.5);
    let n = labels.len() as f64;
    let names: Vec<&str> = drawn.iter().map(|model| model.name.as_str()).collect();
    let chart = Chart {
        alt: format!(
            "accuracy by the similarity of an image’s most similar twin in training, for {}",
            names.join(", ")
        ),
        x_label: "similarity of the most similar twin in training".to_owned(),
        y_label: "accuracy (%)".to_owned(),
        x_range: (-0.5, n - 0.5),
        x_ticks: labels.into_iter().enumerate().map(|(x, label)| (x as f64, label)).collect(),
        y_range: ((low - margin).max(0.0), (high + margin).min(100.5)),
        dodge: 0.5 / drawn.len().max(4) as f64,
        series,
    };
    let legend = |(i, model): (usize, &&ModelResult)| {
        let (ink, marker) = look(i);
        (swatch(ink, Some(marker)), model.name.clone())
    };
    Some(Figure {
        svg: chart.svg(),
        legend: drawn.iter().enumerate().map(legend).collect(),
        n_left_out: ranked.len() - drawn.len(),
    })
}

fn look(i: usize) -> (Ink, Marker) {
    (Ink::Series(i as u8), Marker::ALL[i % Marker::ALL.len()])
}

/// A bin as a mark on an axis.
fn bin(low: f64, high: f64) -> String {
    match (low == 0.0, high == 1.0) {
        (true, false) => format!("<{}", short(high)),
        (false, true) => format!("\u{2265}{}", short(low)),
        _ => format!("{}–{}", short(low), short(high)),
    }
}
