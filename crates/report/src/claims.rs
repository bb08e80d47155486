//! *Claims*: what a pipeline declares before anything runs, and the verdict that its seeds come to.
//!
//! A claim is a contrast of two conditions (an arm at a rate), paired by seed, or of two such contrasts (`than`). Its verdict is
//! computed, never written: it is read off the one interval that is printed, that of the mean difference, with δ the smallest difference
//! that matters:
//!
//! 1. *contradicted*, where the interval lies beside 0 on the other side than claimed, however close;
//! 2. *no effect* larger than δ, where it lies within ±δ; a claim that there is no rise (`not-higher`) is *supported* where it lies below δ;
//! 3. *supported*, where it lies beside 0 on the side that is claimed;
//! 4. else *undecided*, with the number of seeds that would decide.
//!
//! The interval is over new seeds and, where predictions are there image by image, over new test images too. Its confidence
//! is that of the claim's family, 1 − level ÷ number of its claims. Equal differences in all seeds, or one seed alone, tell
//! nothing of chance: undecided.

mod contrast;
mod declared;
pub(crate) mod family;
mod metric;
mod need;
mod networks;
mod verdict;

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::{ClaimRow, Crossed, Direction, Split, Verdict};
use twinset_stage::InvalidField;

use crate::ReportError;
use crate::comparable::Mismatch;
use crate::results::{ArmResults, Measure, RateResults, Results};
use crate::statistics::{Estimate, effect_size, holm, mean};
use contrast::{Contrast, Weighted};
pub use declared::{Arms, unknown_conditions};
pub use metric::Metric;
pub use need::{AtLevel, Need, Needs, needs};
pub use verdict::verdict;

/// A claim, as `[[report.claim]]` declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Claim {
    /// A short name, each once.
    pub name: String,
    /// The claims that it shares a level with; none for what stands before the first colon of its name, or else for `study`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The claim in words, as a reader should see it.
    pub text: String,
    /// The condition that is said to be lower, or higher.
    pub left: Condition,
    /// The condition that it is compared with.
    pub right: Condition,
    /// A second contrast, where the claim is that left minus right is lower or higher *than* this one's left minus right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub than: Option<Than>,
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
    /// The smallest difference that matters, 0 to 1, such as 0.02 for two points of accuracy; 0.01.
    #[serde(default = "a_point")]
    pub smallest_effect: f64,
    /// How often, at most, any verdict of its family may be wrong; 0.05.
    #[serde(default = "usual_level")]
    pub level: f64,
    /// The difference that a paper published, to be shown beside; none where it says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_difference: Option<f64>,
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

/// The contrast that a claim's own is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Than {
    /// Its left condition.
    pub left: Condition,
    /// Its right condition.
    pub right: Condition,
}

impl Condition {
    /// Whether this is its rate; 0.3 is, where an arm's is 0.30000000000000004.
    pub(crate) fn is_at(&self, rate: f64) -> bool {
        (self.rate - rate).abs() <= 1e-9
    }

    fn is_same(&self, other: &Self) -> bool {
        self.arm == other.arm && self.is_at(other.rate)
    }
}

fn test_split() -> Split {
    Split::Test
}

fn clean() -> String {
    "clean".to_owned()
}

fn a_point() -> f64 {
    0.01
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
        differ(&self.left, &self.right, &field("right"))?;
        if let Some(than) = &self.than {
            differ(&than.left, &than.right, &field("than.right"))?;
            let is_same = self.left.is_same(&than.left) && self.right.is_same(&than.right);
            InvalidField::unless(!is_same, &field("than"), "`left` and `right` again", "another contrast")?;
        }
        if let Some(difference) = self.published_difference {
            let is_difference = difference.abs() <= 1.0;
            let expected = "a difference of accuracies from -1 to 1, such as -0.05 for five points less";
            InvalidField::unless(is_difference, &field("published-difference"), difference, expected)?;
        }
        if self.family.as_deref() == Some("") {
            return Err(InvalidField::new(field("family"), "nothing", "a short name, or no `family` at all"));
        }
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

fn differ(left: &Condition, right: &Condition, field: &str) -> Result<(), InvalidField> {
    let same = format!("`{}` at rate {}, which is `left` too", right.arm, right.rate);
    InvalidField::unless(!left.is_same(right), field, same, "another arm or another rate")
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
    /// The mean difference and what chance leaves of it.
    pub estimate: Option<Estimate>,
}

/// The probability with which a study should find what it looks for.
const POWER: f64 = 0.8;

/// The verdicts on all claims, in their order; `chance` is the accuracy of a guess, `exploratory` names the claims that were declared or
/// changed after the first cell ran.
///
/// # Errors
/// Names the claim's field whose arm, rate, split or attack the study does not have.
pub fn verdicts(
    claims: &[Claim],
    results: &Results<'_>,
    chance: f64,
    exploratory: &[String],
) -> Result<Vec<Judged>, ReportError> {
    let found = claims.iter().enumerate().map(|(place, claim)| find(claim, place, results));
    let found = found.collect::<Result<Vec<Found<'_>>, _>>()?;
    let contrasts: Vec<Contrast> = claims
        .iter()
        .zip(&found)
        .map(|(claim, found)| Contrast::of(&found.groups(), claim.metric, &claim.measure(), chance))
        .collect();
    let p_values: Vec<Option<f64>> =
        contrasts.iter().map(|contrast| contrast.estimate.map(|estimate| estimate.p_value())).collect();
    let judge = |(place, contrast): (usize, Contrast)| {
        let (claim, found) = (&claims[place], &found[place]);
        let members = family::members(claims, exploratory, place);
        // What could not be tested is no discovery: it counts as if it were pure chance.
        let of_family: Vec<f64> = members.iter().map(|member| p_values[*member].unwrap_or(1.0)).collect();
        let own = members.iter().position(|member| *member == place);
        let p_adjusted = p_values[place].and_then(|_| Some(holm(&of_family)[own?]));
        let rates = measured(found.arm, &claim.measure(), claim.metric, chance);
        let has_slope = rates.len() > 2 && claim.than.is_none();
        let slope = has_slope.then(|| Contrast::slope(&rates, claim.metric, &claim.measure(), chance));
        let row = ClaimRow {
            n_mcnemar: networks::n_different(claim, results),
            is_exploratory: exploratory.contains(&claim.name),
            p_value: p_values[place],
            p_adjusted,
            left_n_samples: found.left.n_samples(),
            right_n_samples: found.right.n_samples(),
            slope_n_rates: slope.as_ref().map(|_| rates.len() as u32),
            ..row(claim, &contrast, members.len(), slope.and_then(|slope| slope.estimate))
        };
        Judged { row, differences: contrast.by_seed, mismatch: contrast.mismatch, estimate: contrast.estimate }
    };
    Ok(contrasts.into_iter().enumerate().map(judge).collect())
}

/// What follows from a claim's differences alone.
fn row(claim: &Claim, contrast: &Contrast, n_in_family: usize, slope: Option<Estimate>) -> ClaimRow {
    let &Claim { direction, smallest_effect, level, .. } = claim;
    let family_level = level / n_in_family as f64;
    let confidence = 1.0 - family_level;
    let differences = contrast.values();
    let estimate = contrast.estimate;
    let interval = estimate.map(|estimate| estimate.interval(confidence));
    let slope_interval = slope.map(|slope| slope.interval(confidence));
    let is_of_two = claim.than.is_none();
    let printed = interval.map(|interval| if is_of_two { interval.of_difference() } else { interval });
    let images = estimate.and_then(|estimate| estimate.images);
    ClaimRow {
        name: claim.name.clone(),
        text: claim.text.clone(),
        family: claim.family().to_owned(),
        n_in_family: n_in_family as u32,
        is_exploratory: false,
        left_arm: claim.left.arm.clone(),
        left_rate: claim.left.rate,
        right_arm: claim.right.arm.clone(),
        right_rate: claim.right.rate,
        than_left_arm: claim.than.as_ref().map(|than| than.left.arm.clone()),
        than_left_rate: claim.than.as_ref().map(|than| than.left.rate),
        than_right_arm: claim.than.as_ref().map(|than| than.right.arm.clone()),
        than_right_rate: claim.than.as_ref().map(|than| than.right.rate),
        metric: claim.metric.to_string(),
        split: claim.split,
        attack: claim.attack.clone(),
        direction,
        smallest_effect,
        level,
        published_difference: claim.published_difference,
        left_n_samples: None,
        right_n_samples: None,
        n_seeds: differences.len() as u32,
        n_images: images.map(|images| images.n as u32),
        difference: mean(&differences, confidence).map(|mean| mean.mean),
        interval_over: estimate.map(|_| if images.is_some() { Crossed::SeedsAndImages } else { Crossed::Seeds }),
        interval_confidence: confidence,
        interval_low: printed.map(|interval| interval.low),
        interval_high: printed.map(|interval| interval.high),
        standard_error_seeds: estimate.map(|estimate| estimate.seeds_variance.sqrt()),
        standard_error_images: images.map(|images| images.variance.sqrt()),
        n_mcnemar: None,
        effect_size: effect_size(&differences),
        p_value: None,
        p_adjusted: None,
        slope: slope.map(|slope| slope.mean),
        slope_low: slope_interval.map(|interval| interval.low),
        slope_high: slope_interval.map(|interval| interval.high),
        slope_n_rates: None,
        detectable_difference: estimate.map(|estimate| estimate.detectable_difference(family_level, POWER)),
        seeds_needed: estimate.and_then(|e| e.seeds_to_decide(smallest_effect, confidence)).map(|n| n as u32),
        verdict: interval.map_or(Verdict::Undecided, |interval| verdict(interval, direction, smallest_effect)),
    }
}

impl Claim {
    /// All that it compares, each with its key.
    pub(crate) fn conditions(&self) -> Vec<(&'static str, &Condition)> {
        let than = self.than.iter().flat_map(|than| [("than.left", &than.left), ("than.right", &than.right)]);
        [("left", &self.left), ("right", &self.right)].into_iter().chain(than).collect()
    }

    fn measure(&self) -> Measure {
        Measure::new(self.split, self.attack.clone())
    }
}

/// What a claim speaks of.
struct Found<'a> {
    /// The left condition's arm.
    arm: &'a ArmResults<'a>,
    left: &'a RateResults<'a>,
    right: &'a RateResults<'a>,
    /// Left and right of the contrast that it is compared with.
    than: Option<(&'a RateResults<'a>, &'a RateResults<'a>)>,
}

impl<'a> Found<'a> {
    /// The conditions and their weights, a group for each contrast.
    fn groups(&self) -> Vec<Vec<Weighted<'a>>> {
        let than = self.than.map(|(left, right)| vec![(-1.0, left), (1.0, right)]);
        [vec![(1.0, self.left), (-1.0, self.right)]].into_iter().chain(than).collect()
    }
}

fn find<'a>(claim: &Claim, place: usize, results: &'a Results<'a>) -> Result<Found<'a>, ReportError> {
    let wrong = |field: &str, found: String, expected: String| ReportError::Claim {
        field: format!("report.claim[{place}].{field}"),
        found,
        expected,
    };
    // Where nothing was measured at all, no attack is wrong.
    if !results.measures.is_empty() && !results.measures.contains(&claim.measure()) {
        let known = results.measures.iter().map(|measure| format!("`{}` on {}", measure.attack, measure.split));
        let found = format!("`{}` on {}", claim.attack, claim.split);
        return Err(wrong("attack", found, one_of(known)));
    }
    let find = |side: &str, condition: &Condition| {
        let arm = results.arms.iter().find(|arm| arm.arm.name == condition.arm).ok_or_else(|| {
            let known = results.arms.iter().map(|arm| format!("`{}`", arm.arm.name));
            wrong(&format!("{side}.arm"), format!("`{}`", condition.arm), one_of(known))
        })?;
        let rate = arm.rates.iter().find(|rate| condition.is_at(rate.rate)).ok_or_else(|| {
            let known = arm.rates.iter().map(|rate| rate.rate.to_string());
            wrong(&format!("{side}.rate"), condition.rate.to_string(), one_of(known))
        })?;
        Ok::<_, ReportError>((arm, rate))
    };
    let ((arm, left), (_, right)) = (find("left", &claim.left)?, find("right", &claim.right)?);
    let than = claim.than.as_ref().map(|than| {
        let ((_, left), (_, right)) = (find("than.left", &than.left)?, find("than.right", &than.right)?);
        Ok::<_, ReportError>((left, right))
    });
    Ok(Found { arm, left, right, than: than.transpose()? })
}

/// The rates of an arm of which any seed was measured.
fn measured<'a>(arm: &'a ArmResults<'a>, measure: &Measure, metric: Metric, chance: f64) -> Vec<&'a RateResults<'a>> {
    let is_measured =
        |rate: &&RateResults<'_>| metric.values(measure, &[rate], chance).iter().any(|values| !values.is_empty());
    arm.rates.iter().filter(is_measured).collect()
}

fn one_of(known: impl Iterator<Item = String>) -> String {
    format!("one of {}", known.collect::<Vec<_>>().join(", "))
}
