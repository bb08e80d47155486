//! One interval for each model, on one axis.

use twinset_chart::{round_ticks, short};

use crate::numerals::difference;
use crate::{Analysis, sentences};

/// One interval for each model, on one axis; places are percent of its width.
pub(super) struct Forest {
    pub(super) rows: Vec<Row>,
    pub(super) zero: f64,
    pub(super) ticks: Vec<(f64, String)>,
    /// Whether a model has an interval to draw.
    pub(super) has_axis: bool,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) sentence: String,
    pub(super) alt: String,
    pub(super) number: String,
    pub(super) is_clear: bool,
    pub(super) at: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
}

impl Forest {
    /// The models, the best as reported first.
    pub(super) fn of(analysis: &Analysis) -> Self {
        let ends = analysis.models.iter().filter_map(|model| model.overstatement).flat_map(|of| {
            let interval = of.interval.map_or([of.value; 2], |interval| [interval.low, interval.high]);
            [of.value, interval[0], interval[1]]
        });
        let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
        let margin = ((high - low) * 0.06).max(1e-4);
        let (low, high) = (low - margin, high + margin);
        let place = |value: f64| (value - low) / (high - low) * 100.0;
        let row = |ranked: &crate::Ranked| {
            let model = &analysis.models[ranked.model];
            let of = model.overstatement;
            let interval = of.and_then(|of| of.interval);
            Row {
                name: model.name.clone(),
                sentence: sentences::of_model(model),
                alt: of.map_or("nothing to compare with".to_owned(), |of| {
                    format!("{} points of the reported accuracy", difference(of))
                }),
                number: of.map_or_else(String::new, difference),
                is_clear: of.is_some_and(|of| of.is_clear()),
                at: interval.and(of).map(|of| place(of.value)),
                interval: interval.map(|interval| (place(interval.low), place(interval.high))),
            }
        };
        let rows: Vec<Row> = analysis.ranking.0.iter().map(row).collect();
        let ticks = round_ticks(low * 100.0, high * 100.0, 5);
        Self {
            has_axis: rows.iter().any(|row| row.interval.is_some()),
            rows,
            zero: place(0.0),
            ticks: ticks.into_iter().map(|tick| (place(tick / 100.0), short(tick))).collect(),
        }
    }
}
