//! The plots.

use super::{Context, Section};
use crate::figures;
use crate::names::split_name;

pub(super) fn over_rate(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let splits = context.results.splits();
    let figures = splits.iter().flat_map(|&split| {
        let mut figures = figures::over_rate(context.results, &context.names(), split);
        if splits.len() > 1 {
            for figure in &mut figures {
                figure.title = format!("{}, {} images", figure.title, split_name(split));
            }
        }
        figures
    });
    let figures: Vec<_> = figures.collect();
    if figures.is_empty() {
        return Ok(None);
    }
    Section::of_figures("over-rate", "Accuracy over the rate of duplicates", figures).map(Some)
}

pub(super) fn over_samples(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let figures = figures::over_samples(context.results);
    if figures.is_empty() {
        return Ok(None);
    }
    Section::of_figures("over-samples", "Accuracy over training samples seen", figures).map(Some)
}
