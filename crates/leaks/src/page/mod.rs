//! The page: how much of the accuracy is leakage.

mod by_kind;
mod forest;
mod leaked;

use std::collections::BTreeMap;

use askama::Template;
use twinset_chart::CHART_CSS;
use twinset_gallery::{Picture, TWINS_CSS, picture_rules};
use twinset_manifest::Input;

use crate::numerals::{count, difference, level, percent};
use crate::{Accuracy, Analysis, Dataset, Model, sentences};
use by_kind::{ByKind, Figure};
use forest::Forest;
use leaked::LeakedImages;

pub use leaked::{Shown, pairs_shown};

/// What a page is made from.
#[derive(Clone, Copy, Debug)]
pub struct PageSource<'a> {
    /// The findings.
    pub analysis: &'a Analysis,
    /// The images.
    pub dataset: &'a Dataset,
    /// The models, as in the findings.
    pub models: &'a [Model],
    /// The leaked images that are shown.
    pub shown: &'a Shown,
    /// Their pictures, and those of their twins.
    pub pictures: &'a BTreeMap<u64, Picture>,
    /// The command that makes a training set without the twins.
    pub without_twins: &'a str,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    twins_css: &'static str,
    chart_css: &'static str,
    style: &'static str,
    rules: String,
    leaked: String,
    has_leaks: bool,
    confound: &'static str,
    without_twins: &'a str,
    warnings: &'a [String],
    forest: Forest,
    level: String,
    ranking: Option<RankingTable>,
    by_kind: Vec<ByKind>,
    figure: Option<Figure>,
    images: Vec<LeakedImages>,
    n_without_pictures: usize,
    read: Vec<ReadRow<'a>>,
    made_from: &'a [Input],
    version: &'static str,
}

struct RankingTable {
    sentence: String,
    rows: Vec<RankingRow>,
    reversals: Vec<String>,
}

struct RankingRow {
    name: String,
    rank: u32,
    reported: String,
    lead: String,
    rank_without: String,
    is_moved: bool,
    without: String,
    lead_without: String,
}

struct ReadRow<'a> {
    name: &'a str,
    file: &'a str,
    format: &'a str,
    images_by: String,
    predicted: &'a str,
    label: &'a str,
}

/// The page. It asks for nothing over a network.
pub fn page(source: &PageSource<'_>, made_from: &[Input]) -> String {
    let PageSource { analysis, models, shown, pictures, .. } = source;
    let page = Page {
        twins_css: TWINS_CSS,
        chart_css: CHART_CSS,
        style: include_str!("../../templates/style.css"),
        rules: picture_rules(*pictures),
        leaked: sentences::leaked(analysis),
        has_leaks: analysis.n_leaked > 0,
        confound: sentences::CONFOUND,
        without_twins: source.without_twins,
        warnings: &analysis.warnings,
        forest: Forest::of(analysis),
        level: level(analysis.confidence),
        ranking: ranking(analysis),
        by_kind: by_kind::tables(analysis),
        figure: by_kind::figure(analysis),
        images: leaked::images(source),
        n_without_pictures: models.len() - shown.n_models(),
        read: analysis.models.iter().map(read_row).collect(),
        made_from,
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render().expect("writing to a string does not fail")
}

fn read_row(model: &crate::ModelResult) -> ReadRow<'_> {
    ReadRow {
        name: &model.name,
        file: &model.read.file,
        format: model.read.format,
        images_by: model.read.images_by.replace('`', ""),
        predicted: model.read.predicted_column.as_deref().unwrap_or("–"),
        label: model.read.label_column.as_deref().unwrap_or("–"),
    }
}

fn ranking(analysis: &Analysis) -> Option<RankingTable> {
    if analysis.models.len() < 2 {
        return None;
    }
    let rows = analysis.ranking.0.iter().map(|ranked| {
        let model = &analysis.models[ranked.model];
        let without = analysis.ranking_without_twins.of_model(ranked.model);
        RankingRow {
            name: ranked.name.clone(),
            rank: ranked.rank,
            reported: share(model.reported),
            lead: ranked.lead.map_or_else(String::new, difference),
            rank_without: without.map_or("–".to_owned(), |without| without.rank.to_string()),
            is_moved: without.is_some_and(|without| without.rank != ranked.rank),
            without: share(model.without_twin),
            lead_without: without.and_then(|without| without.lead).map_or_else(String::new, difference),
        }
    });
    let reversals = analysis.reversals.iter().take(20).map(sentences::reversal).collect();
    Some(RankingTable { sentence: sentences::ranking(analysis), rows: rows.collect(), reversals })
}

/// An accuracy in percent; a dash where there is no image.
fn share(accuracy: Accuracy) -> String {
    accuracy.accuracy.map_or("–".to_owned(), percent)
}

/// An accuracy's interval in percent.
fn share_interval(accuracy: Accuracy) -> String {
    accuracy.interval.map_or_else(String::new, |of| format!("[{}, {}]", percent(of.low), percent(of.high)))
}

fn n_images(accuracy: Accuracy) -> String {
    count(accuracy.n_images)
}
