//! The duplicates that were found in the dataset, and what could not be read of it.

use std::collections::BTreeSet;

use askama::Template;
use twinset_gallery::{Twins, picture_rules};
use twinset_manifest::rows::{PairKind, Split};

use super::{Context, Section};
use crate::names::split_name;
use crate::numerals::{count, level, percent, percent_interval};
use crate::statistics::wilson;

#[derive(Template)]
#[template(path = "duplicates.html")]
struct Found<'a> {
    kinds: Vec<Kind>,
    n_clusters: String,
    n_clustered: String,
    largest: String,
    leaks: Vec<String>,
    splits: Vec<&'static str>,
    matrix: Vec<MatrixRow>,
    recall: Option<Recall>,
    gallery: Vec<Twins<'a>>,
    n_near: String,
    rejects: Vec<Reject>,
    n_rejected: String,
}

struct Kind {
    name: &'static str,
    n: String,
    n_leaks: String,
    n_conflicts: String,
}

struct MatrixRow {
    split: &'static str,
    entries: Vec<String>,
}

struct Recall {
    rows: Vec<RecallRow>,
    n_unplanted: String,
    level: String,
}

struct RecallRow {
    kind: &'static str,
    transform: String,
    n_planted: String,
    n_paired: String,
    share: String,
    interval: String,
    n_clustered: String,
}

struct Reject {
    reason: String,
    n: String,
    source: String,
    detail: String,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    let found = &context.evidence.duplicates;
    let splits: Vec<Split> = context.evidence.dataset.splits().collect();
    let kinds = PairKind::ALL.iter().filter(|&&kind| kind != PairKind::Similar || found.n_of(kind) > 0);
    let template = Found {
        kinds: kinds.map(|&kind| kind_row(context, kind)).collect(),
        n_clusters: count(found.n_clusters),
        n_clustered: count(found.n_clustered),
        largest: count(found.largest_cluster.into()),
        leaks: found.leaked.iter().map(|(splits, n)| leak(context, *splits, *n)).collect(),
        splits: splits.iter().map(|split| split_name(*split)).collect(),
        matrix: splits.iter().map(|row| matrix_row(context, *row, &splits)).collect(),
        recall: recall(context),
        gallery: found.gallery.iter().map(|pair| Twins::of(pair, &context.evidence.pictures)).collect(),
        n_near: count(found.n_of(PairKind::Near)),
        rejects: rejects(context),
        n_rejected: count(context.evidence.rejects.iter().map(|reject| reject.n).sum()),
    };
    Section::new("duplicates", "Duplicates found in the data", &template).map(Some)
}

fn kind_row(context: &Context<'_>, kind: PairKind) -> Kind {
    let found = &context.evidence.duplicates;
    let name = match kind {
        PairKind::Exact => "exact",
        PairKind::Near => "near",
        PairKind::Similar => "similar, not the same shot",
    };
    Kind {
        name,
        n: count(found.n_of(kind)),
        n_leaks: count(found.n_leaks_of(kind)),
        n_conflicts: count(found.n_conflicts_of(kind)),
    }
}

fn leak(context: &Context<'_>, (earlier, later): (Split, Split), n: u64) -> String {
    let of = context.evidence.dataset.n_in(later);
    format!(
        "{} of {} {} images ({} %) have an exact or near-duplicate among the {} images.",
        count(n),
        count(of),
        split_name(later),
        percent(n as f64 / of.max(1) as f64),
        split_name(earlier),
    )
}

/// Exact and near pairs between a split and each that does not stand before it.
fn matrix_row(context: &Context<'_>, row: Split, splits: &[Split]) -> MatrixRow {
    let n_of = |kind: PairKind, column: Split| -> u64 {
        let counts = context.evidence.duplicates.pairs.iter();
        counts.filter(|count| count.kind == kind && count.splits == (row, column)).map(|count| count.n).sum()
    };
    let entry = |column: &Split| match *column < row {
        true => String::new(),
        false => format!("{} + {}", count(n_of(PairKind::Exact, *column)), count(n_of(PairKind::Near, *column))),
    };
    MatrixRow { split: split_name(row), entries: splits.iter().map(entry).collect() }
}

fn recall(context: &Context<'_>) -> Option<Recall> {
    let recall = context.evidence.duplicates.recall.as_ref()?;
    let confidence = context.config.confidence;
    let rows = recall.groups.iter().map(|group| RecallRow {
        kind: group.kind.as_str(),
        transform: group.transform.clone(),
        n_planted: count(group.n_planted),
        n_paired: count(group.n_paired),
        share: percent(group.n_paired as f64 / group.n_planted.max(1) as f64),
        interval: percent_interval(wilson(group.n_paired, group.n_planted, confidence)),
        n_clustered: count(group.n_clustered),
    });
    Some(Recall { rows: rows.collect(), n_unplanted: count(recall.n_near_unplanted), level: level(confidence) })
}

/// The rules of the style sheet that the gallery's pictures need.
pub(super) fn rules(context: &Context<'_>) -> String {
    let shown = context.evidence.duplicates.gallery.iter().flat_map(|pair| [pair.left_id, pair.right_id]);
    let shown: BTreeSet<u64> = shown.collect();
    picture_rules(context.evidence.pictures.iter().filter(|(id, _)| shown.contains(id)))
}

fn rejects(context: &Context<'_>) -> Vec<Reject> {
    let rejects = context.evidence.rejects.iter().map(|reject| Reject {
        reason: reject.reason.clone(),
        n: count(reject.n),
        source: reject.example.0.clone(),
        detail: reject.example.1.clone(),
    });
    rejects.collect()
}
