//! The head of the page: what was run on which data, and what to beware of.

use twinset_chart::short;
use twinset_manifest::rows::{Origin, Split};

use super::Context;
use super::checks::Checks;
use crate::evaluation::Partial;
use crate::evidence::CellEvidence;
use crate::names::split_name;
use crate::numerals::{count, counted, level, listed, range, without_numbers};
use crate::results::{ArmResults, Measure, SeedResults};
use crate::study::Status;

/// The head of the page.
pub(super) struct Summary {
    /// What the study is for, as its author says.
    pub(super) description: String,
    /// What was run on which data.
    pub(super) sentence: String,
    /// What the sentence leaves out.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What the stages warn of.
    pub(super) warnings: Vec<String>,
    /// What the numbers cannot tell.
    pub(super) cautions: Vec<String>,
    /// What the evaluations say of themselves.
    pub(super) checks: Checks,
    /// Cells without a result.
    pub(super) n_lost: u64,
}

impl Summary {
    pub(super) fn of(context: &Context<'_>) -> Self {
        let dataset = &context.evidence.dataset;
        let images: Vec<_> = dataset.splits().map(|split| images_of(context, split)).collect();
        let n_classes = counted(dataset.classes.len() as u64, "class", "classes");
        let n_arms = counted(context.study.arms.len() as u64, "arm", "arms");
        let n_seeds = counted(context.study.seeds.len() as u64, "seed", "seeds");
        let sentence = format!(
            "{n_arms} at {} with {n_seeds} each, on {} ({} images; {n_classes}{}): {}.",
            rates(context),
            dataset.name,
            listed(&images),
            drawn(context),
            cells(context),
        );
        let arms: Vec<_> = context.study.arms.iter().map(|arm| arm.name.clone()).collect();
        let is_attack = |measure: &&Measure| !measure.is_clean() && !measure.is_worst_case();
        let attacked = context.results.measures.iter().filter(is_attack);
        let mut attacks: Vec<_> = attacked.map(|measure| context.names().attack(measure)).collect();
        attacks.dedup();
        if attacks.is_empty() {
            attacks.push("none".to_owned());
        }
        let seeds: Vec<_> = context.study.seeds.iter().map(u64::to_string).collect();
        let mut facts = vec![("Arms", arms.join(", ")), ("Attacks", attacks.join("; ")), ("Seeds", seeds.join(", "))];
        facts.extend(dataset.sizes.map(|[first, last]| ("Image size", size(first, last))));
        facts.push(("Intervals", level(context.results.confidence)));
        Self {
            description: context.study.description.clone(),
            sentence,
            facts,
            warnings: alike(context.evidence.warnings()),
            cautions: cautions(context),
            checks: Checks::of(context),
            n_lost: n_cells(context) - n_cells_of(context, Status::Done),
        }
    }

    /// Whether there is anything to beware of.
    pub(super) fn warns(&self) -> bool {
        !self.warnings.is_empty() || !self.cautions.is_empty() || !self.checks.alarms.is_empty() || self.n_lost > 0
    }
}

/// Of warnings that differ in their numbers alone, the first.
fn alike(warnings: Vec<String>) -> Vec<String> {
    let mut kinds: Vec<(String, String, u64)> = Vec::new();
    for warning in warnings {
        let kind = without_numbers(&warning);
        match kinds.iter_mut().find(|(other, ..)| *other == kind) {
            Some((.., n_more)) => *n_more += 1,
            None => kinds.push((kind, warning, 0)),
        }
    }
    let told = |(_, warning, n_more)| match n_more {
        0 => warning,
        1 => format!("{warning} (and once more, with other numbers)"),
        n => format!("{warning} (and {} times more, with other numbers)", count(n)),
    };
    kinds.into_iter().map(told).collect()
}

fn images_of(context: &Context<'_>, split: Split) -> String {
    format!("{} {}", count(context.evidence.dataset.n_in(split)), split_name(split))
}

fn size(first: (u32, u32), last: (u32, u32)) -> String {
    if first == last {
        format!("{} \u{d7} {} pixels", first.0, first.1)
    } else {
        format!("{} \u{d7} {} to {} \u{d7} {} pixels", first.0, first.1, last.0, last.1)
    }
}

/// How many images each network trains on, where not on all of them; else nothing.
fn drawn(context: &Context<'_>) -> String {
    let originals = |cell: &&CellEvidence| {
        let of_origin = cell.trainset.iter().filter(|count| count.origin == Origin::Original);
        Some(of_origin.map(|count| count.n).sum::<u64>()).filter(|n| *n > 0)
    };
    let drawn = range(context.evidence.cells.iter().filter_map(|cell| originals(&cell)));
    let all = count(context.evidence.dataset.n_in(Split::Train));
    if drawn.is_empty() || drawn == all {
        String::new()
    } else {
        format!("; each network has {drawn} of the training images")
    }
}

/// `rates 0, 0.5 and 1`, or how many where there are many or arms differ.
fn rates(context: &Context<'_>) -> String {
    let of_arms: Vec<Vec<f64>> =
        context.results.arms.iter().map(|arm| arm.rates.iter().map(|rate| rate.rate).collect()).collect();
    let first = of_arms.first().map_or(&[][..], Vec::as_slice);
    if of_arms.iter().all(|rates| rates == first) && first.len() <= 6 {
        let rates: Vec<_> = first.iter().map(|rate| short(*rate)).collect();
        return format!("rate{} {}", if rates.len() == 1 { "" } else { "s" }, listed(&rates));
    }
    let mut all: Vec<f64> = of_arms.concat();
    all.sort_by(f64::total_cmp);
    all.dedup();
    let ends = (all.first().copied().unwrap_or_default(), all.last().copied().unwrap_or_default());
    format!("{} rates from {} to {}", all.len(), short(ends.0), short(ends.1))
}

/// `all 36 cells done`, or how many are not.
fn cells(context: &Context<'_>) -> String {
    let (n, done) = (n_cells(context), n_cells_of(context, Status::Done));
    if n == done {
        return format!("all {} done", counted(n, "cell", "cells"));
    }
    let mut text = format!("{} of {} done", count(done), counted(n, "cell", "cells"));
    for (status, word) in [(Status::Failed, "failed"), (Status::Missing, "missing")] {
        match n_cells_of(context, status) {
            0 => {}
            n => text.push_str(&format!(", {} {word}", count(n))),
        }
    }
    text
}

fn seeds<'a>(context: &'a Context<'_>) -> impl Iterator<Item = &'a SeedResults<'a>> {
    context.results.arms.iter().flat_map(|arm| &arm.rates).flat_map(|rate| &rate.seeds)
}

fn n_cells(context: &Context<'_>) -> u64 {
    seeds(context).count() as u64
}

/// A cell that the runner does not list is missing.
fn n_cells_of(context: &Context<'_>, status: Status) -> u64 {
    seeds(context).filter(|seed| seed.cell.map_or(Status::Missing, |cell| cell.status) == status).count() as u64
}

fn cautions(context: &Context<'_>) -> Vec<String> {
    let mut cautions = Vec::new();
    if context.study.seeds.len() == 1 {
        cautions.push(
            "One seed: no interval over seeds can be given, and a difference between two rates may be chance alone."
                .to_owned(),
        );
    }
    let is_claimed = |arm: &str| {
        let rows = context.claims.iter().map(|judged| &judged.row);
        rows.flat_map(|row| [&row.left_arm, &row.right_arm]).any(|other| other == arm)
    };
    let is_alone = |arm: &&ArmResults<'_>| {
        arm.rates.iter().all(|rate| rate.rate != 0.0) && arm.arm.baseline.is_none() && !is_claimed(&arm.arm.name)
    };
    let alone: Vec<_> = context.results.arms.iter().filter(is_alone).map(|arm| arm.arm.name.clone()).collect();
    if !alone.is_empty() {
        let have = if alone.len() == 1 { "has" } else { "have" };
        cautions.push(format!(
            "{} {have} no rate 0: nothing that these accuracies could be compared with.",
            listed(&alone)
        ));
    }
    cautions.extend(crate::cautions::of_processors(&context.study.processors));
    cautions.extend(crate::cautions::cautions(context.results));
    cautions.extend(partial(context));
    cautions
}

/// Robust accuracy that is not over all images.
fn partial(context: &Context<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for Partial { split, n_seen_by_all, n_images } in
        context.evidence.cells.iter().flat_map(|cell| cell.evaluation.partial.iter().copied())
    {
        let sentence = format!(
            "Not every attack saw every {} image: robust accuracy is over the {} of {} that all attacks saw.",
            split_name(split),
            count(n_seen_by_all),
            count(n_images),
        );
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_that_differ_in_their_numbers_are_told_once() {
        let warnings = ["3 of 9 images", "odd", "4 of 9 images", "5 of 9 images", "odd 1", "odd 2"];
        let expected = [
            "3 of 9 images (and 2 times more, with other numbers)",
            "odd",
            "odd 1 (and once more, with other numbers)",
        ];
        assert_eq!(alike(warnings.map(str::to_owned).to_vec()), expected);
    }
}
