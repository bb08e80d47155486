//! A plan as it is printed.

use super::claims::{ClaimPlan, ClaimsPlan, WholeStudy};
use super::{KnownPace, Plan};
use crate::duration::duration;
use crate::forecast::Load;
use crate::forecast::pace::Basis;
use crate::stages::Stage;
use crate::stages::ask::{AtLevel, Need};
use indicatif::HumanCount;
use std::fmt::Write;

const ARM_HEADS: [&str; 6] = ["cells", "runs cached", "runs to do", "samples to train", "passes to train", "time"];
const CLAIM_HEADS: [&str; 9] =
    ["seeds", "difference", "deviation [95 %]", "smallest", "level", "found now", "needed", "missing", "time"];

impl Plan {
    pub(super) fn text(&self) -> String {
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let mut text = format!("pipeline {}: seeds {}, device {}\n\n", self.pipeline, seeds.join(", "), self.device);
        let mut rows = vec![("arm".to_owned(), ARM_HEADS.map(str::to_owned).to_vec())];
        rows.extend(self.arms.iter().map(|arm| (arm.name.clone(), load_cells(&arm.load))));
        rows.push(("total".to_owned(), load_cells(&self.total)));
        text += &table(&rows);
        text += "\na pass is one sample forward and backward; `total` counts what arms share once, such as the trainings at rate 0,\n\
                 and what a study does once\n";
        if let Some(reason) = &self.unknown {
            let _ = writeln!(text, "what is there cannot be told, so all counts as to do: {reason}");
        }
        text += &self.time();
        match &self.claims {
            Some(claims) => text += &claims.text(),
            None => text += "\nthe pipeline declares no claims\n",
        }
        text
    }

    fn time(&self) -> String {
        let Some(seconds) = self.total.seconds else {
            return format!(
                "\ntime: unknown, as no such training on {} was measured on this machine{}; one seed measures it:\n  {}\n",
                self.device,
                self.unmeasurable.as_ref().map_or_else(String::new, |why| format!(" ({why})")),
                self.measuring
            );
        };
        let n_jobs = self.n_jobs;
        let mut text = match self.total.n_runs_to_do {
            0 => format!("\ntime: none, as all is there; with {n_jobs} runs at once more would take, as measured:\n"),
            _ => format!("\ntime: about {} with {n_jobs} runs at once, as measured:\n", duration(seconds)),
        };
        let cells = self.paces.iter().filter(|known| matches!(known.stage, Stage::Train | Stage::Evaluate));
        for known in cells {
            let _ = writeln!(text, "  {}", known.text());
        }
        if !self.unmeasured.is_empty() {
            let stages: Vec<&str> = self.unmeasured.iter().map(|stage| stage.name()).collect();
            let _ = writeln!(text, "  never measured, and left out: {}", stages.join(", "));
        }
        text
    }
}

impl KnownPace {
    fn text(&self) -> String {
        let Self { stage, arms, pace } = self;
        let unit = if *stage == Stage::Train { "pass" } else { "run" };
        let of = match (pace.basis, pace.image_size) {
            (Basis::Same, _) => {
                let runs = if pace.n_runs == 1 { "run" } else { "runs" };
                let ledgers: Vec<String> = pace.ledgers.iter().map(|ledger| ledger.display().to_string()).collect();
                format!("{} {runs} of {}", pace.n_runs, ledgers.join(", "))
            }
            (Basis::Batches, Some(size)) => format!("some batches, timed on images of {size}×{size} pixels"),
            (Basis::Batches, None) => "some batches, timed".to_owned(),
            (Basis::OfTraining, _) => "its passes at the pace of its training".to_owned(),
        };
        format!("{stage} of {}: {} a {unit} ({of})", few(arms), short(pace.seconds))
    }
}

/// All of a few names, or the first and how many more.
fn few(names: &[String]) -> String {
    const MOST: usize = 4;
    match names.split_at_checked(MOST) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more arms", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}

impl ClaimsPlan {
    /// Why no number can be told, each reason once, and of which claims.
    fn unknown(&self) -> Vec<(&str, Vec<&str>)> {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for need in self.claims.iter().map(|claim| &claim.need) {
            let Some(reason) = need.unknown.as_deref() else { continue };
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, names)) => names.push(&need.name),
                None => reasons.push((reason, vec![&need.name])),
            }
        }
        reasons
    }

    fn text(&self) -> String {
        let (power, n_claims) = (self.power, self.claims.len());
        let mut text = format!("\nseeds that find each claim's smallest difference with power {power}\n\n");
        let mut rows = vec![("claim".to_owned(), CLAIM_HEADS.map(str::to_owned).to_vec())];
        for claim in &self.claims {
            let (need, seconds) = (&claim.need, claim.seconds_alone);
            rows.push((need.name.clone(), claim_cells(claim, &need.alone, seconds, self.max_seeds)));
            let n_in_family = n_in_family(need);
            if n_in_family > 1 && need.unknown.is_none() {
                let mut cells = claim_cells(claim, &need.in_family, claim.seconds_in_family, self.max_seeds);
                cells[..4].iter_mut().for_each(String::clear);
                rows.push((format!("  among {n_in_family} claims"), cells));
            }
        }
        text += &table(&rows);
        text.push('\n');
        for (unknown, names) in self.unknown() {
            let whose =
                if names.len() == n_claims && n_claims > 1 { "every claim".to_owned() } else { names.join("; ") };
            let _ = writeln!(text, "{whose}: {unknown}");
        }
        if self.claims.iter().any(|claim| claim.need.unknown.is_none()) {
            text += "differences are fractions, and deviations those of differences paired by seed; few seeds tell a deviation roughly,\n\
                     as its interval says, and with it all that follows; `found now` is the smallest difference that the seeds so far\n\
                     find, `time` what the claim's two conditions take\n";
            if self.claims.iter().any(|claim| n_in_family(&claim.need) > 1) {
                text += "among the claims of its family, a claim is tested at its level divided by their number, as the verdicts are\n";
            }
        }
        text.push('\n');
        let of_all = if n_claims > 1 { "every claim" } else { "the claim" };
        match (&self.alone, &self.in_family) {
            (Some(alone), Some(in_family)) if alone.n_seeds != in_family.n_seeds => {
                text += &alone.text(&format!("{of_all}, each alone"));
                text += &in_family.text(&format!("{of_all}, in its family"));
            }
            (alone, in_family) => {
                text.extend(in_family.as_ref().or(alone.as_ref()).map(|whole| whole.text(of_all)));
            }
        }
        text
    }
}

/// How many claims share a claim's level.
fn n_in_family(need: &Need) -> u64 {
    (need.alone.level / need.in_family.level).round() as u64
}

impl WholeStudy {
    fn text(&self, of: &str) -> String {
        let left_out = match self.n_claims_left_out {
            0 => String::new(),
            n => format!(" (but for {n} of which no number can be told)"),
        };
        let Self { n_seeds, seconds, command, .. } = self;
        if self.n_runs_to_do == 0 {
            return format!("{of}{left_out}: {n_seeds} seeds, which are there\n");
        }
        let time = seconds.map_or("time unknown".to_owned(), |seconds| format!("about {}", duration(seconds)));
        format!("{of}{left_out}: {n_seeds} seeds in all arms, {time}: {command}\n")
    }
}

fn load_cells(load: &Load) -> Vec<String> {
    vec![
        load.n_cells.to_string(),
        load.n_runs_cached.to_string(),
        load.n_runs_to_do.to_string(),
        HumanCount(load.n_samples).to_string(),
        HumanCount(load.n_forward_backward_passes).to_string(),
        time(load.seconds),
    ]
}

fn claim_cells(claim: &ClaimPlan, level: &AtLevel, seconds: Option<f64>, max_seeds: usize) -> Vec<String> {
    let need = &claim.need;
    let number = |value: Option<f64>| value.map_or("?".to_owned(), |value| format!("{value:.4}"));
    let deviation = match (need.standard_deviation, need.standard_deviation_low, need.standard_deviation_high) {
        (Some(deviation), Some(low), Some(high)) => format!("{deviation:.4} [{low:.4}, {high:.4}]"),
        (deviation, _, _) => number(deviation),
    };
    let needed = match level.seeds_needed {
        None if need.unknown.is_none() => format!("> {max_seeds}"),
        n => count(n),
    };
    vec![
        need.n_seeds.to_string(),
        number(need.difference),
        deviation,
        need.smallest_effect.to_string(),
        ((level.level * 1e6).round() / 1e6).to_string(),
        number(level.detectable_difference),
        needed,
        count(level.seeds_missing),
        time(seconds),
    ]
}

fn count(n: Option<usize>) -> String {
    n.map_or("?".to_owned(), |n| n.to_string())
}

fn time(seconds: Option<f64>) -> String {
    seconds.map_or("?".to_owned(), duration)
}

/// Seconds below one in a unit that shows them.
fn short(seconds: f64) -> String {
    match seconds {
        0.0..1e-3 => format!("{:.1} µs", seconds * 1e6),
        1e-3..1.0 => format!("{:.1} ms", seconds * 1e3),
        _ => duration(seconds),
    }
}

/// Rows as lines: names to the left, values to the right.
fn table(rows: &[(String, Vec<String>)]) -> String {
    let width_of = |column: usize| rows.iter().map(|(_, cells)| cells[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].1.len()).map(width_of).collect();
    let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, cells) in rows {
        let cells: String = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:>width$}")).collect();
        let _ = writeln!(text, "{}", format!("{name:<names$}{cells}").trim_end());
    }
    text
}
