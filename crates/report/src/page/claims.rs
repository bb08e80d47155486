//! The verdicts: what the study claimed, and what came of it.

use askama::Template;
use twinset_chart::short;
use twinset_manifest::rows::{ClaimRow, Direction, Verdict};

use super::{Context, Section};
use crate::numerals::{level, points, points_interval};
use crate::results::Measure;
use crate::statistics::Interval;

#[derive(Template)]
#[template(path = "claims.html")]
struct Claims {
    claims: Vec<ClaimItem>,
    n_claims: usize,
}

struct ClaimItem {
    name: String,
    text: String,
    /// The class that colours it.
    class: &'static str,
    verdict: String,
    contrast: String,
    difference: String,
    interval: String,
    /// What else a sceptic would ask for.
    details: String,
}

pub(super) fn section(context: &Context<'_>) -> askama::Result<Option<Section>> {
    if context.claims.is_empty() {
        return Ok(None);
    }
    let claims: Vec<_> = context.claims.iter().map(|claim| item(context, claim)).collect();
    Section::new("verdicts", "Verdicts", &Claims { n_claims: claims.len(), claims }).map(Some)
}

fn item(context: &Context<'_>, claim: &ClaimRow) -> ClaimItem {
    let condition = |arm: &str, rate: f64| format!("{arm} at rate {}", short(rate));
    let measure = context.names().measure(&Measure { split: claim.split, attack: claim.attack.clone() });
    let than = match claim.direction {
        Direction::Lower => "lower than",
        Direction::Higher => "higher than",
        Direction::Differs => "different from",
    };
    let interval = claim.interval_low.zip(claim.interval_high).map(|(low, high)| Interval { low, high });
    ClaimItem {
        name: claim.name.clone(),
        text: claim.text.clone(),
        class: claim.verdict.as_str(),
        verdict: verdict(claim),
        contrast: format!(
            "{measure} on {} images: {} said to be {than} {}",
            claim.split,
            condition(&claim.left_arm, claim.left_rate),
            condition(&claim.right_arm, claim.right_rate),
        ),
        difference: claim.difference.map_or_else(String::new, points),
        interval: interval.map_or_else(String::new, points_interval),
        details: details(claim),
    }
}

fn verdict(claim: &ClaimRow) -> String {
    let delta = points_of(claim.smallest_effect);
    match (claim.verdict, claim.seeds_needed) {
        (Verdict::Supported, _) => "Supported".to_owned(),
        (Verdict::Contradicted, _) => "Contradicted".to_owned(),
        (Verdict::NoEffect, _) => format!("No effect larger than {delta}"),
        (Verdict::Undecided, Some(n)) if n > claim.n_seeds => {
            format!("Undecided: {n} seeds would find {delta}")
        }
        (Verdict::Undecided, _) => "Undecided".to_owned(),
    }
}

fn details(claim: &ClaimRow) -> String {
    let n = claim.n_seeds;
    let (Some(p), Some(adjusted), Some(equivalence)) = (claim.p_value, claim.p_adjusted, claim.p_equivalence) else {
        return match n {
            0 => "No seed has both conditions.".to_owned(),
            1 => "One seed: nothing is known of chance.".to_owned(),
            _ => format!("All {n} seeds differ by the same: nothing is known of chance."),
        };
    };
    let mut details = format!(
        "{n} seeds, [{}] t interval; paired t test p {}, with Holm's adjustment {}; two one-sided tests within {} p {}",
        level(1.0 - claim.level),
        p_value(p),
        p_value(adjusted),
        points_of(claim.smallest_effect),
        p_value(equivalence),
    );
    if let Some(effect) = claim.effect_size {
        details.push_str(&format!("; effect size {effect:.1} standard deviations"));
    }
    if let Some(detectable) = claim.detectable_difference {
        details.push_str(&format!("; {n} seeds find {} with probability 0.8", points_of(detectable)));
    }
    details + "."
}

/// `2 points`, of a difference of accuracy.
fn points_of(difference: f64) -> String {
    let points = format!("{:.1}", 100.0 * difference);
    let points = points.strip_suffix(".0").unwrap_or(&points);
    format!("{points} point{}", if points == "1" { "" } else { "s" })
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}
