//! What a claim *needs*: how many seeds find the smallest effect that matters, as far as the differences so far tell.
//!
//! Each number stands twice: for the claim alone, at its own level, and within its family, at level ÷ number of its claims. The
//! verdicts are given at the second.

use std::iter::repeat_n;

use serde::Serialize;
use twinset_manifest::rows::Verdict;

use super::family::members;
use super::{Claim, Condition, Judged};
use crate::statistics::{MAX_SEEDS, mean, standard_deviation, standard_deviation_interval};

/// The needs of all claims, in their order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Needs {
    /// The probability with which the smallest effect should be found.
    pub power: f64,
    /// The largest number of seeds that is looked at.
    pub max_seeds: usize,
    /// One for each claim.
    pub claims: Vec<Need>,
}

/// What one claim needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Need {
    /// The claim's name.
    pub name: String,
    /// The conditions that have to be run with more seeds.
    pub conditions: Vec<Condition>,
    /// The smallest difference that matters.
    pub smallest_effect: f64,
    /// Seeds that both conditions have.
    pub n_seeds: usize,
    /// The mean difference that they show.
    pub difference: Option<f64>,
    /// The standard deviation of the differences.
    pub standard_deviation: Option<f64>,
    /// The lower end of its 95 % interval.
    pub standard_deviation_low: Option<f64>,
    /// The upper end.
    pub standard_deviation_high: Option<f64>,
    /// The verdict so far.
    pub verdict: Verdict,
    /// Why nothing can be said of the seeds that are needed; none where it can.
    pub unknown: Option<&'static str>,
    /// At the claim's own level.
    pub alone: AtLevel,
    /// At the family's level.
    pub in_family: AtLevel,
}

/// What a claim needs when it is tested at a level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtLevel {
    /// The level.
    pub level: f64,
    /// The smallest mean difference that the seeds so far find.
    pub detectable_difference: Option<f64>,
    /// Seeds that find the smallest effect; none where that is unknown or more than `max_seeds`.
    pub seeds_needed: Option<usize>,
    /// Of these, those that are not there yet.
    pub seeds_missing: Option<usize>,
}

/// What the claims need to find their smallest effects with probability `power`; `judged` is what came of them so far, none before
/// anything ran; `exploratory` as [`verdicts`](super::verdicts) has it.
pub fn needs(claims: &[Claim], judged: Option<&[Judged]>, exploratory: &[String], power: f64) -> Needs {
    let judged = judged.into_iter().flatten().map(Some).chain(repeat_n(None, claims.len()));
    let need = |(place, judged)| need(&claims[place], judged, members(claims, exploratory, place).len(), power);
    Needs { power, max_seeds: MAX_SEEDS, claims: (0..claims.len()).zip(judged).map(need).collect() }
}

fn need(claim: &Claim, judged: Option<&Judged>, n_in_family: usize, power: f64) -> Need {
    let differences: Vec<f64> = judged.iter().flat_map(|judged| &judged.differences).map(|(_, value)| *value).collect();
    let n_seeds = differences.len();
    let deviation = standard_deviation(&differences);
    let known = deviation.filter(|deviation| *deviation > 0.0);
    let interval = known.and_then(|deviation| standard_deviation_interval(n_seeds, deviation, 0.95));
    let estimate = judged.and_then(|judged| judged.estimate);
    let at_level = |level: f64| {
        let needed = estimate.and_then(|estimate| estimate.seeds_needed(claim.smallest_effect, level, power));
        let found = estimate.map(|estimate| estimate.detectable_difference(level, power));
        AtLevel {
            level,
            // A power below the level is had without any difference.
            detectable_difference: found.map(|difference| difference.max(0.0)),
            seeds_needed: needed,
            seeds_missing: needed.map(|needed| needed.saturating_sub(n_seeds)),
        }
    };
    Need {
        name: claim.name.clone(),
        conditions: claim.conditions().into_iter().map(|(_, condition)| condition.clone()).collect(),
        smallest_effect: claim.smallest_effect,
        n_seeds,
        difference: mean(&differences, 0.95).map(|mean| mean.mean),
        standard_deviation: deviation,
        standard_deviation_low: interval.map(|interval| interval.low),
        standard_deviation_high: interval.map(|interval| interval.high),
        verdict: judged.map_or(Verdict::Undecided, |judged| judged.row.verdict),
        unknown: match (deviation, known) {
            (None, _) => Some("the variance is unknown: 2 seeds are needed first"),
            (Some(_), None) => Some("all seeds differ by the same, which tells nothing of chance"),
            (Some(_), Some(_)) => None,
        },
        alone: at_level(claim.level),
        in_family: at_level(claim.level / n_in_family as f64),
    }
}
