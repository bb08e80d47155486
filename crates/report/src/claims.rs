//! *Claims*: what a pipeline declares before anything runs, and the verdict that its seeds come to.
//!
//! A claim is a contrast of two conditions (an arm at a rate), paired by seed. Its verdict is computed, never written:
//!
//! 1. *no effect* as large as the smallest that matters, δ, where two one-sided t tests say that the mean difference lies
//!    within ±δ; of a claim that there is no rise (`not-higher`): *supported*, where one says that it lies below δ;
//! 2. else *supported* or *contradicted*, by the direction of the mean difference, where a paired t test says that it is not 0;
//! 3. else *undecided*, with the number of seeds that would find δ.
//!
//! Both tests are at the claim's level, the second after Holm's adjustment for the number of the study's claims. Equal
//! differences in all seeds, or one seed alone, tell nothing of chance: undecided.

mod metric;
mod need;
mod networks;
mod verdict;

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::{ClaimRow, Direction, Split};
use twinset_stage::InvalidField;

use crate::ReportError;
use crate::comparable::Mismatch;
use crate::results::{Measure, Results};
use crate::statistics::{bca, holm, mean, paired_t_p};
pub use metric::Metric;
pub use need::{AtLevel, Need, Needs, needs};
pub use verdict::{Hypothesis, Judgement, judge};

/// A claim, as `[[report.claim]]` declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Claim {
    /// A short name, each once.
    pub name: String,
    /// The claim in words, as a reader should see it.
    pub text: String,
    /// The condition that is said to be lower, or higher.
    pub left: Condition,
    /// The condition that it is compared with.
    pub right: Condition,
    /// What is compared; the accuracy of the trained networks.
    #[serde(default)]
    pub metric: Metric,
    /// The split that accuracy is measured on; `test`.
    #[serde(default = "test_split")]
    pub split: Split,
    /// The attack's name; `clean` for none; `worst-case` for robust accuracy, under all attacks together.
    #[serde(default = "clean")]
    pub attack: String,
    /// Which way left minus right is claimed to go.
    pub direction: Direction,
    /// The smallest difference that matters, 0 to 1, such as 0.02 for two points of accuracy.
    pub smallest_effect: f64,
    /// The level of the tests; 0.05.
    #[serde(default = "usual_level")]
    pub level: f64,
}

/// An arm at a rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    /// The arm's name.
    pub arm: String,
    /// Duplicates ÷ originals.
    pub rate: f64,
}

fn test_split() -> Split {
    Split::Test
}

fn clean() -> String {
    "clean".to_owned()
}

fn usual_level() -> f64 {
    0.05
}

impl Claim {
    /// Checks what a type cannot; `place` is the claim's among all.
    pub(crate) fn validate(&self, place: usize) -> Result<(), InvalidField> {
        let field = |name: &str| format!("claim[{place}].{name}");
        let is_share = |value: f64| value > 0.0 && value < 1.0;
        let expected = "a difference of accuracy between 0 and 1, such as 0.02 for two points";
        InvalidField::unless(
            is_share(self.smallest_effect),
            &field("smallest-effect"),
            self.smallest_effect,
            expected,
        )?;
        InvalidField::unless(
            is_share(self.level),
            &field("level"),
            self.level,
            "a level between 0 and 1, such as 0.05",
        )?;
        if self.metric.is_of_training() {
            let expected = "`clean`, as the metric is of clean accuracy on held-out images";
            InvalidField::unless(self.attack == clean(), &field("attack"), format!("`{}`", self.attack), expected)?;
        }
        if let Metric::SamplesToAccuracy(accuracy) = self.metric {
            let expected = "an accuracy between 0 and 1, such as 0.6";
            InvalidField::unless(is_share(accuracy), &field("metric.samples-to-accuracy"), accuracy, expected)?;
        }
        InvalidField::unless(!self.name.is_empty(), &field("name"), "nothing", "a short name")
    }
}

/// A claim, and what came of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What came of it.
    pub row: ClaimRow,
    /// Left minus right, of each seed that has both.
    pub differences: Vec<(u64, f64)>,
    /// Why seeds that have both are left out; none where none are.
    pub mismatch: Option<Mismatch>,
}

/// How often a bootstrap interval draws.
const N_RESAMPLES: usize = 10_000;

/// The verdicts on all claims, in their order; `chance` is the accuracy of a guess.
///
/// # Errors
/// Names the claim's field whose arm, rate, split or attack the study does not have.
pub fn verdicts(claims: &[Claim], results: &Results<'_>, chance: f64) -> Result<Vec<Judged>, ReportError> {
    let by_seed = claims.iter().enumerate().map(|(place, claim)| differences(claim, place, results, chance));
    let by_seed = by_seed.collect::<Result<Vec<Differences>, _>>()?;
    let values = |(by_seed, _): &Differences| by_seed.iter().map(|(_, difference)| *difference).collect::<Vec<_>>();
    let differences: Vec<Vec<f64>> = by_seed.iter().map(values).collect();
    // Claims that cannot be tested are no tests.
    let p_values: Vec<Option<f64>> = differences.iter().map(|differences| paired_t_p(differences)).collect();
    let mut adjusted = holm(&p_values.iter().copied().flatten().collect::<Vec<_>>()).into_iter();
    let rows = claims.iter().zip(&differences).zip(p_values).map(|((claim, differences), p_value)| {
        let p_adjusted = p_value.and_then(|_| adjusted.next());
        let &Claim { direction, smallest_effect, level, .. } = claim;
        let n_mcnemar = networks::n_different(claim, results);
        let judgement = judge(differences, &Hypothesis { direction, smallest_effect, level }, p_adjusted);
        let mean = mean(differences, 1.0 - level);
        let interval = mean.and_then(|mean| mean.interval);
        let bootstrap = bca(differences, 1.0 - level, N_RESAMPLES, 0);
        ClaimRow {
            name: claim.name.clone(),
            text: claim.text.clone(),
            left_arm: claim.left.arm.clone(),
            left_rate: claim.left.rate,
            right_arm: claim.right.arm.clone(),
            right_rate: claim.right.rate,
            metric: claim.metric.to_string(),
            split: claim.split,
            attack: claim.attack.clone(),
            direction,
            smallest_effect,
            level,
            n_seeds: differences.len() as u32,
            difference: mean.map(|mean| mean.mean),
            interval_low: interval.map(|interval| interval.low),
            interval_high: interval.map(|interval| interval.high),
            bootstrap_low: bootstrap.map(|interval| interval.low),
            bootstrap_high: bootstrap.map(|interval| interval.high),
            n_mcnemar,
            effect_size: judgement.effect_size,
            p_value,
            p_adjusted,
            p_equivalence: judgement.p_equivalence,
            detectable_difference: judgement.detectable_difference,
            seeds_needed: judgement.seeds_needed.map(|n| n as u32),
            verdict: judgement.verdict,
        }
    });
    let judged = rows.zip(by_seed.iter().cloned());
    Ok(judged.map(|(row, (differences, mismatch))| Judged { row, differences, mismatch }).collect())
}

/// Left minus right, of each seed that has both and may be compared; and why others may not.
type Differences = (Vec<(u64, f64)>, Option<Mismatch>);

fn differences(claim: &Claim, place: usize, results: &Results<'_>, chance: f64) -> Result<Differences, ReportError> {
    let wrong = |field: &str, found: String, expected: String| ReportError::Claim {
        field: format!("report.claim[{place}].{field}"),
        found,
        expected,
    };
    let measure = Measure::new(claim.split, claim.attack.clone());
    // Where nothing was measured at all, no attack is wrong.
    if !results.measures.is_empty() && !results.measures.contains(&measure) {
        let known = results.measures.iter().map(|measure| format!("`{}` on {}", measure.attack, measure.split));
        let found = format!("`{}` on {}", claim.attack, claim.split);
        return Err(wrong("attack", found, one_of(known)));
    }
    let rate_of = |side: &str, condition: &Condition| {
        let arm = results.arms.iter().find(|arm| arm.arm.name == condition.arm).ok_or_else(|| {
            let known = results.arms.iter().map(|arm| format!("`{}`", arm.arm.name));
            wrong(&format!("{side}.arm"), format!("`{}`", condition.arm), one_of(known))
        })?;
        arm.rates.iter().find(|rate| rate.rate == condition.rate).ok_or_else(|| {
            let known = arm.rates.iter().map(|rate| rate.rate.to_string());
            wrong(&format!("{side}.rate"), condition.rate.to_string(), one_of(known))
        })
    };
    let (left, right) = (rate_of("left", &claim.left)?, rate_of("right", &claim.right)?);
    let mismatches = if claim.metric.is_of_training() { Vec::new() } else { left.mismatches(right, &measure) };
    let (left, right) = claim.metric.values(&measure, left, right, chance);
    let may_be_compared = |seed: u64| mismatches.iter().all(|(other, _)| *other != seed);
    let difference = |(seed, value): &(u64, f64)| {
        let (_, other) = right.iter().find(|(other, _)| other == seed)?;
        may_be_compared(*seed).then_some((*seed, value - other))
    };
    Ok((left.iter().filter_map(difference).collect(), mismatches.first().map(|(_, mismatch)| *mismatch)))
}

fn one_of(known: impl Iterator<Item = String>) -> String {
    format!("one of {}", known.collect::<Vec<_>>().join(", "))
}
