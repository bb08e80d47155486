//! The verdicts at a glance: a row for each family of claims, a column for each way of training.

use std::collections::BTreeMap;

use twinset_manifest::rows::Verdict;

use super::{by_family, words};
use crate::claims::Judged;
use crate::names::regime_title;
use crate::numerals::{points, points_interval};
use crate::study::Study;

/// So few claims are seen at a glance anyway.
const FEW: usize = 4;

/// The verdicts at a glance.
pub(super) struct Overview {
    /// The ways of training.
    pub(super) columns: Vec<String>,
    /// The families.
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) family: String,
    /// What the family is about; empty where the pipeline does not say it.
    pub(super) text: String,
    /// For each way of training.
    pub(super) cells: Vec<Cell>,
}

#[derive(Default)]
pub(super) struct Cell {
    pub(super) decided: Vec<Decided>,
    pub(super) undecided: Vec<Named>,
}

/// A claim's place on the page, and its name without that of its family.
pub(super) struct Named {
    pub(super) id: String,
    pub(super) name: String,
}

/// A claim that is decided.
pub(super) struct Decided {
    pub(super) claim: Named,
    pub(super) class: &'static str,
    pub(super) verdict: String,
    /// Its difference with the interval.
    pub(super) number: String,
    /// That one side trained longer; else empty.
    pub(super) training: String,
}

impl Overview {
    /// None where there are few claims.
    pub(super) fn of(claims: &[Judged], study: &Study, families: &BTreeMap<String, String>) -> Option<Self> {
        if claims.len() <= FEW {
            return None;
        }
        let regime = |judged: &Judged| {
            let arm = study.arms.iter().find(|arm| arm.name == judged.row.left_arm);
            arm.and_then(|arm| arm.regime()).map(str::to_owned)
        };
        let mut regimes: Vec<Option<String>> = Vec::new();
        for judged in claims {
            let regime = regime(judged);
            if !regimes.contains(&regime) {
                regimes.push(regime);
            }
        }
        let rows = by_family(claims, |place, judged| (place, judged)).into_iter().map(|(family, members)| Row {
            text: families.get(&family).cloned().unwrap_or_default(),
            cells: regimes
                .iter()
                .map(|wanted| cell(members.iter().filter(|(_, judged)| regime(judged) == *wanted)))
                .collect(),
            family,
        });
        let columns = match regimes.as_slice() {
            [_] => vec!["Verdicts".to_owned()],
            many => many.iter().map(|regime| regime_title(regime.as_deref())).collect(),
        };
        Some(Self { columns, rows: rows.collect() })
    }
}

fn cell<'a>(members: impl Iterator<Item = &'a (usize, &'a Judged)>) -> Cell {
    let mut cell = Cell::default();
    for (place, judged) in members {
        let claim = &judged.row;
        let after_family = claim.name.strip_prefix(&claim.family).and_then(|rest| rest.trim_start().strip_prefix(':'));
        let name = after_family.unwrap_or(&claim.name).trim().to_owned();
        let named = Named { id: super::anchor(*place), name };
        if claim.verdict == Verdict::Undecided {
            cell.undecided.push(named);
            continue;
        }
        let interval = words::interval(claim).map_or_else(String::new, points_interval);
        cell.decided.push(Decided {
            claim: named,
            class: claim.verdict.as_str(),
            verdict: words::verdict(claim),
            number: format!("{} {interval}", claim.difference.map_or_else(String::new, points)),
            training: words::longer_training(claim),
        });
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, arm: &str, verdict: Verdict) -> Judged {
        let mut row = words::tests::claim(verdict, -0.05, -0.03);
        (row.family, row.name, row.left_arm) =
            (name.split_once(':').unwrap().0.to_owned(), name.to_owned(), arm.to_owned());
        Judged { row, differences: Vec::new(), mismatch: None, estimate: None }
    }

    #[test]
    fn each_family_has_a_row_and_each_way_of_training_a_column() {
        let arm = |name: &str, regime: &str| serde_json::json!({ "name": name, "rates": [0.0], "inject": {}, "train": { "regime": { "kind": regime } }, "evaluate": {} });
        let study = serde_json::json!({
            "pipeline": "p", "description": "", "pipeline_file": "pipelines/p.toml", "seeds": [0], "images": "", "rejects": "",
            "hashes": "", "pairs": "", "clusters": "", "truth": null, "cells": [],
            "arms": [arm("s", "standard"), arm("r", "pgd")],
        });
        let study: Study = serde_json::from_value(study).unwrap();
        let claims = [
            judged("C2: a", "s", Verdict::Supported),
            judged("C2: b", "s", Verdict::Undecided),
            judged("C2: c", "s", Verdict::Undecided),
            judged("C1: d", "r", Verdict::NoEffect),
            judged("C1: e", "s", Verdict::Undecided),
        ];
        assert!(Overview::of(&claims[..FEW], &study, &BTreeMap::new()).is_none(), "few claims are seen at a glance");
        let families = BTreeMap::from([("C2".to_owned(), "Duplicates lower accuracy.".to_owned())]);
        let overview = Overview::of(&claims, &study, &families).unwrap();
        assert_eq!(overview.columns, ["Standard training", "Adversarial training (PGD)"]);
        let heads: Vec<_> = overview.rows.iter().map(|row| [row.family.as_str(), &row.text]).collect();
        assert_eq!(heads, [["C1", ""], ["C2", "Duplicates lower accuracy."]]);
        let told = |row: usize, column: usize| {
            let cell = &overview.rows[row].cells[column];
            let decided = cell.decided.iter();
            let decided = decided.map(|it| format!("{} {} {} {}", it.claim.id, it.verdict, it.claim.name, it.number));
            let undecided = cell.undecided.iter().map(|claim| format!("{} {}", claim.id, claim.name));
            (decided.collect::<Vec<_>>(), undecided.collect::<Vec<_>>())
        };
        let nothing = Vec::<String>::new();
        assert_eq!(told(0, 0), (nothing.clone(), vec!["claim-5 e".to_owned()]));
        assert_eq!(
            told(0, 1),
            (
                vec!["claim-4 No effect larger than 2 points d \u{2212}4.0 [\u{2212}5.0, \u{2212}3.0]".to_owned()],
                nothing.clone()
            )
        );
        assert_eq!(
            told(1, 0),
            (
                vec!["claim-1 Supported a \u{2212}4.0 [\u{2212}5.0, \u{2212}3.0]".to_owned()],
                vec!["claim-2 b".to_owned(), "claim-3 c".to_owned()],
            )
        );
        assert_eq!(told(1, 1), (nothing.clone(), nothing), "C2 asks nothing of adversarial training");
    }
}
