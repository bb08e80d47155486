//! Whether claims, and what a paper says, speak of arms and rates that the pipeline has: asked before anything runs.

use std::collections::BTreeMap;

use crate::Config;

/// The pipeline's arms, each with its rates.
pub type Arms = BTreeMap<String, Vec<f64>>;

/// Every arm and rate in the config that the pipeline does not have: key, what was found, what there is.
pub fn unknown_conditions(config: &Config, arms: &Arms) -> Vec<String> {
    let claims = config.claims.iter().enumerate().flat_map(|(place, claim)| {
        let conditions = claim.conditions().into_iter();
        conditions
            .map(move |(side, condition)| (format!("report.claim[{place}].{side}"), &condition.arm, condition.rate))
    });
    let published = config.published.iter().enumerate().flat_map(|(place, published)| {
        let values = published.values.iter().enumerate();
        values.map(move |(value, at)| (format!("report.published[{place}].values[{value}]"), &published.arm, at.rate))
    });
    claims.chain(published).filter_map(|(key, arm, rate)| unknown(&key, arm, rate, arms)).collect()
}

fn unknown(key: &str, arm: &str, rate: f64, arms: &Arms) -> Option<String> {
    let Some(rates) = arms.get(arm) else {
        let known: Vec<String> = arms.keys().map(|arm| format!("`{arm}`")).collect();
        return Some(format!("`{key}` names the arm `{arm}`, expected one of {}", known.join(", ")));
    };
    // 0.3 is meant where an arm's rate is 0.30000000000000004.
    let is_there = rates.iter().any(|known| (known - rate).abs() <= 1e-9);
    let known: Vec<String> = rates.iter().map(f64::to_string).collect();
    (!is_there).then(|| format!("`{key}` is of `{arm}` at rate {rate}, expected one of {}", known.join(", ")))
}
