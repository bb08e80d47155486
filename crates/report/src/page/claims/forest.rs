//! The first thing on the page: all claims on one axis, by family, with a plain sentence each.

use askama::Template;
use std::collections::BTreeMap;

use twinset_chart::{round_ticks, short};
use twinset_manifest::rows::{ClaimRow, Direction, Verdict};

use super::overview::Overview;
use super::{by_family, words};
use crate::claims::Judged;
use crate::numerals::{count, counted, level, listed, points, points_interval};
use crate::statistics::Interval;
use crate::study::Study;

#[derive(Template)]
#[template(path = "forest.html")]
pub(super) struct Forest {
    /// How many claims came to which verdict.
    tally: String,
    /// The verdicts at a glance; none where there are few.
    overview: Option<Overview>,
    /// When a claim is supported.
    rule: String,
    /// How sure the intervals are.
    levels: String,
    /// What does not matter.
    small: String,
    families: Vec<Family>,
    ticks: Vec<Tick>,
    has_published: bool,
    /// Where 0 is.
    zero: f64,
}

struct Family {
    title: String,
    /// What it is about; empty where the pipeline does not say it.
    text: String,
    rows: Vec<Row>,
}

/// A claim. Places are in percent of the axis.
struct Row {
    id: String,
    name: String,
    class: &'static str,
    verdict: String,
    /// What is claimed.
    text: String,
    /// The mean difference and its interval, in points.
    number: String,
    published: String,
    sentence: String,
    /// How long the two sides trained, where that differs.
    training: String,
    alt: String,
    /// Differences that do not matter.
    small: (f64, f64),
    mean: Option<f64>,
    interval: Option<(f64, f64)>,
    /// Whether the interval goes on beyond the axis.
    is_cut: (bool, bool),
    published_at: Option<f64>,
}

struct Tick {
    place: f64,
    text: String,
}

/// The ends of the axis, as fractions.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Wide enough for all differences, ours and published, and for what does not matter; 0 is in the middle. Intervals may be cut.
    fn of(claims: &[Judged]) -> Self {
        let points = claims.iter().flat_map(|judged| {
            let row = &judged.row;
            [Some(row.smallest_effect), Some(-row.smallest_effect), row.difference, row.published_difference]
        });
        let furthest = 1.2 * points.flatten().fold(0.0, |furthest: f64, x| furthest.max(x.abs()));
        Self { low: -furthest, high: furthest }
    }

    /// In percent, within the axis.
    fn place(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        (1000.0 * share.clamp(0.0, 1.0)).round() / 10.0
    }

    fn ticks(&self) -> Vec<Tick> {
        let ticks = round_ticks(self.low * 100.0, self.high * 100.0, 6);
        ticks.into_iter().map(|tick| Tick { place: self.place(tick / 100.0), text: signed(tick) }).collect()
    }
}

/// A whole number of points with its sign.
fn signed(points: f64) -> String {
    let text = short(points.abs());
    match points {
        0.0 => "0".to_owned(),
        points if points < 0.0 => format!("\u{2212}{text}"),
        _ => format!("+{text}"),
    }
}

impl Forest {
    pub(super) fn of(claims: &[Judged], study: &Study, families: &BTreeMap<String, String>) -> Self {
        let axis = Axis::of(claims);
        let groups = by_family(claims, |place, judged| row(place, judged, &axis));
        let text = |title: &str| families.get(title).cloned().unwrap_or_default();
        Self {
            tally: [tally(claims), unfinished(study)].concat(),
            overview: Overview::of(claims, study, families),
            rule: rule(claims),
            levels: levels(claims),
            small: small(claims),
            has_published: claims.iter().any(|judged| judged.row.published_difference.is_some()),
            families: groups.into_iter().map(|(title, rows)| Family { text: text(&title), title, rows }).collect(),
            ticks: axis.ticks(),
            zero: axis.place(0.0),
        }
    }
}

fn row(place: usize, judged: &Judged, axis: &Axis) -> Row {
    let claim = &judged.row;
    let interval = words::interval(claim);
    let number = claim.difference.map_or_else(String::new, points);
    let number = match interval {
        Some(interval) => format!("{number} {}", points_interval(interval)),
        None => number,
    };
    let delta = claim.smallest_effect;
    let is_beyond = |Interval { low, high }: Interval| (low < axis.low, high > axis.high);
    Row {
        id: super::anchor(place),
        name: claim.name.clone(),
        class: claim.verdict.as_str(),
        verdict: words::verdict(claim),
        published: claim.published_difference.map_or_else(String::new, points),
        text: claim.text.clone(),
        sentence: [words::mismatch(judged.mismatch), &words::finding(claim)].concat(),
        training: words::longer_training(claim),
        alt: format!("{}: {number} points", claim.name),
        number,
        small: (axis.place(-delta), axis.place(delta) - axis.place(-delta)),
        mean: claim.difference.map(|difference| axis.place(difference)),
        interval: interval.map(|interval| (axis.place(interval.low), axis.place(interval.high))),
        is_cut: interval.map_or((false, false), is_beyond),
        published_at: claim.published_difference.map(|difference| axis.place(difference)),
    }
}

/// That seeds which were declared are missing; else nothing.
fn unfinished(study: &Study) -> String {
    let declared = study.registration.as_ref().map_or(&[][..], |registration| &registration.seeds);
    let missing = declared.iter().filter(|seed| !study.seeds.contains(seed)).count() as u64;
    match missing {
        0 => String::new(),
        n => format!(
            " The study is not finished: {} of the {} that were declared {} still to be run.",
            counted(n, "seed", "seeds"),
            count(declared.len() as u64),
            if n == 1 { "is" } else { "are" },
        ),
    }
}

/// `Of 15 claims 4 are supported, 3 are contradicted and 8 are undecided.`; of claims that are all undecided what was seen.
fn tally(claims: &[Judged]) -> String {
    let seeds = range_of_seeds(claims.iter().map(|judged| &judged.row));
    if let Some(seen) = all_undecided(claims) {
        return format!("Nothing is decided yet: {seeds} {seen}.");
    }
    let n = |verdict: Verdict| claims.iter().filter(|judged| judged.row.verdict == verdict).count() as u64;
    let said = |verdict: Verdict, one: &str, many: &str| match n(verdict) {
        0 => None,
        n => Some(counted(n, one, many)),
    };
    let parts: Vec<String> = [
        said(Verdict::Supported, "is supported", "are supported"),
        said(Verdict::Contradicted, "is contradicted", "are contradicted"),
        said(Verdict::NoEffect, "shows no effect that matters", "show no effect that matters"),
        said(Verdict::Undecided, "is undecided", "are undecided"),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("Of {}, {}, {seeds}.", counted(claims.len() as u64, "claim", "claims"), listed(&parts))
}

/// Which differences were seen, where all claims are undecided though each has an interval.
fn all_undecided(claims: &[Judged]) -> Option<String> {
    let is_undecided = |judged: &&Judged| judged.row.verdict == Verdict::Undecided && judged.mismatch.is_none();
    let undecided: Vec<&Judged> = claims.iter().filter(is_undecided).collect();
    let seen: Option<Vec<f64>> =
        undecided.iter().map(|judged| words::interval(&judged.row).and(judged.row.difference)).collect();
    let seen = seen.filter(|seen| seen.len() == claims.len())?;
    Some(match seen.as_slice() {
        [] => return None,
        [one] => format!("the difference is {} points, and could be chance", points(*one)),
        many => {
            let (low, high) = many.iter().fold((many[0], many[0]), |(low, high), &x| (low.min(x), high.max(x)));
            let n = many.len();
            format!(
                "the {n} differences lie between {} and {} points, and each could be chance",
                points(low),
                points(high)
            )
        }
    })
}

/// How verdicts are read off the intervals.
fn rule(claims: &[Judged]) -> String {
    let is_any = |wanted: &[Direction]| claims.iter().any(|judged| wanted.contains(&judged.row.direction));
    let mut rule = "Differences are in points: the first condition minus the second, in the same seeds. ".to_owned();
    if is_any(&[Direction::Lower, Direction::Higher, Direction::Differs]) {
        rule.push_str(
            "A claim is supported if the whole interval lies on the claimed side of 0, even if the difference may be too small to matter. It is \
             contradicted if the interval lies on the other side. There is no effect if the interval lies in the grey band. ",
        );
    }
    if is_any(&[Direction::NotHigher]) {
        rule.push_str("A claim that there is no rise is supported if the interval ends left of the band's right edge, and contradicted if it lies right of 0. ");
    }
    rule + "All other claims are undecided."
}

/// `too small to matter: less than 1 point`.
fn small(claims: &[Judged]) -> String {
    let mut deltas: Vec<f64> = claims.iter().map(|judged| judged.row.smallest_effect * 100.0).collect();
    deltas.sort_by(f64::total_cmp);
    let points = |delta: f64| format!("{} point{}", short(delta), if delta == 1.0 { "" } else { "s" });
    match (deltas.first(), deltas.last()) {
        (Some(low), Some(high)) if low == high => format!("too small to matter: less than {}", points(*low)),
        (Some(low), Some(high)) => format!("too small to matter: less than {} to {}", short(*low), points(*high)),
        _ => String::new(),
    }
}

/// `intervals at 95 %`, or how sure those of a family are together.
fn levels(claims: &[Judged]) -> String {
    let mut single: Vec<f64> = claims.iter().map(|judged| judged.row.interval_confidence).collect();
    single.sort_by(f64::total_cmp);
    let mut together: Vec<String> = claims.iter().map(|judged| level(1.0 - judged.row.level)).collect();
    together.sort_unstable();
    together.dedup();
    let single = match (single.first(), single.last()) {
        (Some(low), Some(high)) if level(*low) == level(*high) => level(*low),
        (Some(low), Some(high)) => format!("{} to {}", level(*low), level(*high)),
        _ => return String::new(),
    };
    if claims.iter().all(|judged| judged.row.n_in_family == 1) {
        return format!("intervals at {single}");
    }
    format!("intervals at {single}, so that with {} none in a group misses", listed(&together))
}

fn range_of_seeds<'a>(claims: impl Iterator<Item = &'a ClaimRow>) -> String {
    let seeds = crate::numerals::range(claims.map(|row| u64::from(row.n_seeds)));
    format!("over {seeds} {}", if seeds == "1" { "seed" } else { "seeds" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, difference: f64, half: f64, verdict: Verdict) -> Judged {
        let row =
            ClaimRow { name: name.to_owned(), ..words::tests::claim(verdict, difference - half, difference + half) };
        Judged { row, differences: Vec::new(), mismatch: None, estimate: None }
    }

    fn study(seeds: &[u64], declared: &[u64]) -> Study {
        let registration = serde_json::json!({ "digest": "", "digest_now": "", "exploratory": [], "added_seeds": [], "seeds": declared });
        let study = serde_json::json!({
            "pipeline": "p", "description": "", "pipeline_file": "pipelines/p.toml", "seeds": seeds, "images": "", "rejects": "",
            "hashes": "", "pairs": "", "clusters": "", "truth": null, "arms": [], "cells": [], "registration": registration,
        });
        serde_json::from_value(study).unwrap()
    }

    #[test]
    fn seeds_that_were_declared_and_not_run_yet_are_told() {
        assert_eq!(unfinished(&study(&[0, 1], &[1, 0])), "");
        assert_eq!(
            unfinished(&study(&[0], &[0, 1])),
            " The study is not finished: 1 seed of the 2 that were declared is still to be run."
        );
        let claims = [judged("C2: a", -0.04, 0.01, Verdict::Supported)];
        assert_eq!(
            Forest::of(&claims, &study(&[0, 1, 2], &[0, 1, 2, 3, 4]), &BTreeMap::new()).tally,
            "Of 1 claim, 1 is supported, over 5 seeds. The study is not finished: 2 seeds of the 5 that were declared are still to be run."
        );
    }

    #[test]
    fn all_claims_share_one_axis_on_which_far_intervals_are_cut() {
        let claims = [
            judged("C2: a", -0.04, 0.01, Verdict::Supported),
            judged("C2: b", 0.06, 0.1, Verdict::Undecided),
            judged("C2: c", 0.0, 0.01, Verdict::NoEffect),
        ];
        let axis = Axis::of(&claims);
        assert!((axis.low + 0.072).abs() < 1e-12 && (axis.high - 0.072).abs() < 1e-12);
        let families = BTreeMap::from([("C2".to_owned(), "Duplicates lower accuracy.".to_owned())]);
        let forest = Forest::of(&claims, &study(&[0, 1], &[]), &families);
        assert_eq!(
            forest.tally,
            "Of 3 claims, 1 is supported, 1 shows no effect that matters and 1 is undecided, over 5 seeds."
        );
        let undecided =
            [judged("C1: a", -0.03, 0.1, Verdict::Undecided), judged("C2: b", 0.06, 0.1, Verdict::Undecided)];
        assert_eq!(
            tally(&undecided),
            "Nothing is decided yet: over 5 seeds the 2 differences lie between \u{2212}3.0 and +6.0 points, and each could be chance."
        );
        let rows: Vec<_> = forest.families.iter().flat_map(|family| &family.rows).collect();
        assert_eq!(
            rows.iter().map(|row| row.is_cut).collect::<Vec<_>>(),
            [(false, false), (false, true), (false, false)]
        );
        assert_eq!((forest.zero, rows[2].mean), (50.0, Some(50.0)));
        assert_eq!(rows[0].number, "\u{2212}4.0 [\u{2212}5.0, \u{2212}3.0]");
        assert_eq!(rows[1].interval, Some((22.2, 100.0)));
        assert_eq!(forest.families[0].text, "", "one family needs no title");
        assert_eq!(
            forest.rule,
            "Differences are in points: the first condition minus the second, in the same seeds. A claim is supported if the whole interval \
             lies on the claimed side of 0, even if the difference may be too small to matter. It is contradicted if the interval lies on \
             the other side. There is no effect if the interval lies in the grey band. All other claims are undecided."
        );
        assert_eq!(forest.small, "too small to matter: less than 2 points");
        assert_eq!(forest.levels, "intervals at 98.75 %, so that with 95 % none in a group misses");
        assert!(
            forest.ticks.iter().any(|tick| tick.text == "0")
                && forest.ticks.iter().any(|tick| tick.text.starts_with('+'))
        );
    }
}
