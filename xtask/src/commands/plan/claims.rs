//! What the seeds that claims need would take.

use crate::forecast::Forecast;
use crate::stages::ask::{AtLevel, Condition, Need, Needs};
use crate::study::cell::Cell;
use serde::Serialize;

/// What the claims of a pipeline need.
#[derive(Debug, Serialize)]
pub(super) struct ClaimsPlan {
    /// The probability with which a claim's smallest effect should be found.
    pub(super) power: f64,
    /// More seeds than this were not looked at.
    pub(super) max_seeds: usize,
    pub(super) claims: Vec<ClaimPlan>,
    /// The seeds that suffice for every claim at its own level; none where no number can be told of any.
    pub(super) alone: Option<WholeStudy>,
    /// Those that suffice in the family.
    pub(super) in_family: Option<WholeStudy>,
}

#[derive(Debug, Serialize)]
pub(super) struct ClaimPlan {
    pub(super) need: Need,
    /// What the claim's conditions take until they have the seeds that it needs alone.
    pub(super) seconds_alone: Option<f64>,
    /// The same in the family.
    pub(super) seconds_in_family: Option<f64>,
}

/// All arms with a number of seeds.
#[derive(Debug, Serialize)]
pub(super) struct WholeStudy {
    pub(super) n_seeds: usize,
    /// Claims of which no number can be told.
    pub(super) n_claims_left_out: usize,
    pub(super) n_runs_to_do: usize,
    pub(super) seconds: Option<f64>,
    /// What runs it.
    pub(super) command: String,
}

/// The seeds that are there or asked for, and then as many as the claim that needs most.
pub(super) fn all_seeds(seeds: &[u64], needs: &Needs) -> Vec<u64> {
    let numbers = needs.claims.iter().flat_map(|need| [&need.alone, &need.in_family].map(|level| wanted(need, level)));
    let n = numbers.flatten().max().unwrap_or(0).max(seeds.len());
    let new = (0..).filter(|seed| !seeds.contains(seed));
    seeds.iter().copied().chain(new).take(n).collect()
}

/// Seeds that a claim should have; without a variance, two that tell it.
fn wanted(need: &Need, level: &AtLevel) -> Option<usize> {
    if need.n_seeds < 2 { Some(2) } else { level.seeds_needed }
}

impl ClaimsPlan {
    /// `seeds` are [`all_seeds`], whose cells the forecast knows.
    pub(super) fn of(needs: Needs, seeds: &[u64], forecast: &Forecast<'_>, command: &dyn Fn(&[u64]) -> String) -> Self {
        let whole = |level_of: fn(&Need) -> &AtLevel| {
            let numbers: Vec<_> = needs.claims.iter().map(|need| wanted(need, level_of(need))).collect();
            let n_seeds = numbers.iter().copied().flatten().max()?;
            let seeds = &seeds[..n_seeds];
            let load = forecast.load(|cell| cell.is_some_and(|cell| seeds.contains(&cell.seed)));
            Some(WholeStudy {
                n_seeds,
                n_claims_left_out: numbers.iter().filter(|number| number.is_none()).count(),
                n_runs_to_do: load.n_runs_to_do,
                seconds: load.seconds,
                command: command(seeds),
            })
        };
        let seconds = |need: &Need, level: &AtLevel| {
            let n_seeds = wanted(need, level)?;
            if n_seeds <= need.n_seeds {
                return Some(0.0);
            }
            let is_in = |cell: &Cell| {
                let is_it = |side: &Condition| (&side.arm, side.rate) == (&cell.arm_name, cell.rate);
                seeds[..n_seeds].contains(&cell.seed) && need.conditions.iter().any(is_it)
            };
            forecast.load(|cell| cell.is_some_and(is_in)).seconds
        };
        let claims = needs.claims.iter().map(|need| ClaimPlan {
            seconds_alone: seconds(need, &need.alone),
            seconds_in_family: seconds(need, &need.in_family),
            need: need.clone(),
        });
        Self {
            power: needs.power,
            max_seeds: needs.max_seeds,
            claims: claims.collect(),
            alone: whole(|need| &need.alone),
            in_family: whole(|need| &need.in_family),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(n_seeds: usize, alone: Option<usize>, in_family: Option<usize>) -> Need {
        let side = Condition { arm: "a".to_owned(), rate: 0.5 };
        let level =
            |seeds_needed| AtLevel { level: 0.05, detectable_difference: None, seeds_needed, seeds_missing: None };
        Need {
            name: "c".to_owned(),
            conditions: vec![side],
            smallest_effect: 0.02,
            n_seeds,
            difference: None,
            standard_deviation: None,
            standard_deviation_low: None,
            standard_deviation_high: None,
            verdict: "undecided".to_owned(),
            unknown: None,
            alone: level(alone),
            in_family: level(in_family),
        }
    }

    #[test]
    fn seeds_that_are_there_come_first_and_the_neediest_claim_counts() {
        let check = |seeds: &[u64], claims: Vec<Need>, expected: &[u64]| {
            assert_eq!(all_seeds(seeds, &Needs { power: 0.8, max_seeds: 1000, claims }), expected);
        };
        check(&[0, 1], vec![need(2, Some(3), Some(4)), need(2, Some(3), Some(3))], &[0, 1, 2, 3]);
        check(&[3, 1], vec![need(2, Some(3), Some(4))], &[3, 1, 0, 2]);
        check(&[0, 1, 2], vec![need(3, Some(2), Some(2))], &[0, 1, 2]);
        check(&[5], vec![need(1, None, None)], &[5, 0]);
        check(&[0, 1], vec![need(2, None, None)], &[0, 1]);
    }
}
