//! Whether the evaluations are sound, as far as they checked it themselves.

use serde_json::Value;
use twinset_manifest::{Check, CheckOutcome};

use super::Context;
use crate::numerals::{count, counted, listed, without_numbers};

/// What the checks of all evaluations come to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Checks {
    /// What a reader has to beware of.
    pub(super) alarms: Vec<String>,
    /// What was in order, and what was not looked at.
    pub(super) notes: Vec<String>,
}

/// The checks of one evaluation, and the cells that it stands for.
struct Evaluated<'a> {
    checks: &'a [Check],
    cells: Vec<String>,
}

/// What some cells say alike.
struct Told<'a> {
    check: &'a Check,
    first_cell: &'a str,
    n_cells: u64,
}

impl Checks {
    pub(super) fn of(context: &Context<'_>) -> Self {
        let evaluations = context.evidence.sources.iter().filter_map(|source| {
            source.input.schema.as_ref().filter(|schema| schema.starts_with("predictions/"))?;
            let provenance = source.provenance.as_ref()?;
            let attacks = provenance.config.get("attacks").and_then(Value::as_array);
            let checks = &provenance.checks;
            // Checks are of attacks.
            if checks.is_empty() && attacks.is_none_or(Vec::is_empty) {
                return None;
            }
            Some(Evaluated { checks, cells: super::provenance::cells_of(context, source) })
        });
        let has_attacks = context.results.measures.iter().any(|measure| !measure.is_clean());
        Self::of_evaluations(&evaluations.collect::<Vec<_>>(), has_attacks)
    }

    fn of_evaluations(evaluations: &[Evaluated<'_>], has_attacks: bool) -> Self {
        let n_cells = |is_it: fn(&Evaluated<'_>) -> bool| -> u64 {
            evaluations.iter().filter(|evaluated| is_it(evaluated)).map(|evaluated| evaluated.cells.len() as u64).sum()
        };
        let (n_checked, n_unchecked) = (n_cells(|one| !one.checks.is_empty()), n_cells(|one| one.checks.is_empty()));
        let failed = told(evaluations, CheckOutcome::Failed, |one, other| one.name == other.name);
        let skipped = told(evaluations, CheckOutcome::Skipped, |one, other| {
            one.name == other.name && without_numbers(&one.detail) == without_numbers(&other.detail)
        });
        let passed = told(evaluations, CheckOutcome::Passed, |one, other| one.name == other.name);
        let passed: Vec<String> = passed
            .iter()
            .filter(|told| failed.iter().all(|failed| failed.check.name != told.check.name))
            .map(|told| words(told.check))
            .collect();

        let of_checked = |n: u64| format!("{} of {}", count(n), counted(n_checked, "cell", "cells"));
        let mut alarms: Vec<String> = failed
            .iter()
            .map(|Told { check, first_cell, n_cells }| {
                let (name, n) = (words(check), of_checked(*n_cells));
                format!("The check \u{201c}{name}\u{201d} failed in {n}. In {first_cell}: {}", sentence(&check.detail))
            })
            .collect();
        if n_unchecked > 0 && (n_checked > 0 || has_attacks) {
            let n = counted(n_unchecked, "cell was", "cells were");
            alarms.push(format!("{n} not checked: the evaluation is older than the checks."));
        }
        let mut notes = Vec::new();
        if !passed.is_empty() {
            let cells = counted(n_checked, "cell", "cells");
            let all =
                if failed.is_empty() && skipped.is_empty() { "all checks" } else { "these checks where they ran" };
            notes.push(format!("The evaluations of {cells} passed {all}: {}.", listed(&passed)));
        }
        notes.extend(together(&skipped).into_iter().map(|(names, told)| {
            let (n, why) = (of_checked(told.n_cells), sentence(&told.check.detail));
            let checks = if names.len() == 1 { "check was" } else { "checks were" };
            format!("{} {checks} skipped in {n} ({}): {why}", names.len(), listed(&names))
        }));
        Self { alarms, notes }
    }
}

/// The checks of an outcome; those that are alike are one.
fn told<'a>(
    evaluations: &'a [Evaluated<'a>],
    outcome: CheckOutcome,
    are_alike: impl Fn(&Check, &Check) -> bool,
) -> Vec<Told<'a>> {
    let mut told: Vec<Told<'a>> = Vec::new();
    for Evaluated { checks, cells } in evaluations {
        let n_cells = cells.len() as u64;
        for check in checks.iter().filter(|check| check.outcome == outcome) {
            match told.iter_mut().find(|told| are_alike(told.check, check)) {
                Some(told) => told.n_cells += n_cells,
                None => told.push(Told { check, first_cell: cells.first().map_or("", String::as_str), n_cells }),
            }
        }
    }
    told
}

/// Checks that were skipped for one reason and in as many cells.
fn together<'a, 'b>(skipped: &'b [Told<'a>]) -> Vec<(Vec<String>, &'b Told<'a>)> {
    let mut groups: Vec<(Vec<String>, &Told<'a>)> = Vec::new();
    for told in skipped {
        let is_like = |other: &Told<'_>| {
            other.n_cells == told.n_cells && without_numbers(&other.check.detail) == without_numbers(&told.check.detail)
        };
        match groups.iter_mut().find(|(_, other)| is_like(other)) {
            Some((names, _)) => names.push(words(told.check)),
            None => groups.push((vec![words(told.check)], told)),
        }
    }
    groups
}

/// With its full stop.
fn sentence(detail: &str) -> String {
    if detail.ends_with('.') { detail.to_owned() } else { format!("{detail}.") }
}

/// A check's name in words.
fn words(check: &Check) -> String {
    check.name.replace('-', " ")
}

#[cfg(test)]
mod tests {
    use CheckOutcome::{Failed, Passed, Skipped};

    use super::*;

    fn check(name: &str, outcome: CheckOutcome, detail: &str) -> Check {
        Check { name: name.to_owned(), outcome, detail: detail.to_owned() }
    }

    fn evaluated<'a>(checks: &'a [Check], cells: &[&str]) -> Evaluated<'a> {
        Evaluated { checks, cells: cells.iter().map(|cell| (*cell).to_owned()).collect() }
    }

    #[test]
    fn where_all_passed_one_line_says_so() {
        let checks = [check("noise-not-stronger", Passed, "x"), check("deterministic", Passed, "y")];
        let found = Checks::of_evaluations(
            &[evaluated(&checks, &["a \u{b7} 0 \u{b7} 1", "b"]), evaluated(&checks, &["c"])],
            true,
        );
        let expected = "The evaluations of 3 cells passed all checks: noise not stronger and deterministic.";
        assert_eq!(found, Checks { alarms: vec![], notes: vec![expected.to_owned()] });
    }

    #[test]
    fn what_failed_or_was_skipped_or_not_checked_is_counted_in_cells() {
        let one = [
            check("noise-not-stronger", Failed, "Noise 40.0 %, pgd-10 52.0 %."),
            check("curve", Skipped, "1 of 9 images."),
        ];
        let two = [check("noise-not-stronger", Failed, "Other numbers."), check("curve", Skipped, "2 of 9 images.")];
        let three = [check("noise-not-stronger", Passed, "x"), check("curve", Passed, "y")];
        let evaluations =
            [evaluated(&one, &["a", "b"]), evaluated(&two, &["c"]), evaluated(&three, &["d"]), evaluated(&[], &["e"])];
        let Checks { alarms, notes } = Checks::of_evaluations(&evaluations, true);
        let expected = [
            "The check \u{201c}noise not stronger\u{201d} failed in 3 of 4 cells. In a: Noise 40.0 %, pgd-10 52.0 %.",
            "1 cell was not checked: the evaluation is older than the checks.",
        ];
        assert_eq!(alarms, expected);
        let expected = [
            "The evaluations of 4 cells passed these checks where they ran: curve.",
            "1 check was skipped in 3 of 4 cells (curve): 1 of 9 images.",
        ];
        assert_eq!(notes, expected);
    }

    #[test]
    fn what_was_skipped_for_one_reason_is_one_line() {
        let checks = ["a-b", "c"].map(|name| check(name, Skipped, "switched off by `checks = false`"));
        let Checks { alarms, notes } = Checks::of_evaluations(&[evaluated(&checks, &["x", "y"])], true);
        assert_eq!(alarms, [""; 0]);
        assert_eq!(notes, ["2 checks were skipped in 2 of 2 cells (a b and c): switched off by `checks = false`."]);
    }

    #[test]
    fn where_nothing_was_attacked_there_was_nothing_to_check() {
        assert_eq!(Checks::of_evaluations(&[evaluated(&[], &["a"])], false), Checks::default());
    }
}
