//! Compares a manifest's config with the config that its run was given.

use serde_json::Value as Json;
use toml::{Table, Value};

/// A key whose values contradict each other.
#[derive(Debug, PartialEq)]
pub(super) struct Contradiction {
    /// Such as `selection.kind`.
    pub(super) name: String,
    /// What the manifest says.
    pub(super) found: String,
    /// What the run was given.
    pub(super) expected: String,
}

/// The keys of the given config that have another value in the manifest.
///
/// A stage fills in defaults, leaves out keys that cannot matter, and expands shorthands. So a key that only one config
/// has is no contradiction, and neither are two values of different types.
pub(super) fn contradictions(given: &Table, resolved: &Json) -> Vec<Contradiction> {
    let mut found = Vec::new();
    compare_tables(given, resolved, "", &mut found);
    found
}

fn compare_tables(given: &Table, resolved: &Json, before: &str, found: &mut Vec<Contradiction>) {
    for (key, value) in given {
        if let Some(other) = resolved.get(key) {
            compare(value, other, &format!("{before}{key}"), found);
        }
    }
}

fn compare(given: &Value, resolved: &Json, name: &str, found: &mut Vec<Contradiction>) {
    let is_same = match (given, resolved) {
        (Value::Table(given), _) => return compare_tables(given, resolved, &format!("{name}."), found),
        (Value::Array(given), Json::Array(resolved)) if given.len() == resolved.len() => {
            for (at, (given, resolved)) in given.iter().zip(resolved).enumerate() {
                compare(given, resolved, &format!("{name}[{at}]"), found);
            }
            return;
        }
        (Value::Boolean(given), Json::Bool(resolved)) => given == resolved,
        (Value::Integer(given), Json::Number(resolved)) if !resolved.is_f64() => resolved.as_i64() == Some(*given),
        // `auto` leaves the choice to the stage, and the manifest has what it chose.
        (Value::String(given), _) if given == "auto" => true,
        _ => match (number(given), number_of_json(resolved), given, resolved) {
            // Some stages store numbers as 32-bit floats.
            (Some(given), Some(resolved), ..) => (given - resolved).abs() <= 1e-6 * given.abs().max(resolved.abs()),
            (None, None, Value::String(given), Json::String(resolved)) => given == resolved,
            _ => true,
        },
    };
    if !is_same {
        let found_there = resolved.as_str().map_or_else(|| resolved.to_string(), str::to_owned);
        let expected = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
        found.push(Contradiction { name: name.to_owned(), found: found_there, expected });
    }
}

/// A number, or a fraction such as `8/255`.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::String(text) => fraction(text),
        _ => None,
    }
}

fn number_of_json(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| fraction(value.as_str()?))
}

fn fraction(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/')?;
    Some(above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_values_of_one_kind_contradict_each_other() {
        let check = |given: &str, resolved: Json, expected: &[&str]| {
            let given: Table = given.parse().unwrap();
            let found = contradictions(&given, &resolved).into_iter();
            let found: Vec<_> = found.map(|c| format!("{}: {}, not {}", c.name, c.found, c.expected)).collect();
            assert_eq!(found, expected, "{given}");
        };
        check("rate = 1", json!({ "rate": 1.0, "seed": 3 }), &[]);
        check("rate = 0.5\nseed = 3", json!({ "rate": 1.0 }), &["rate: 1.0, not 0.5"]);
        check("search = 'auto'", json!({ "search": "hash" }), &[]);
        check("selection = 'uniform'", json!({ "selection": { "kind": "uniform" } }), &[]);
        check(
            "selection.kind = 'uniform'",
            json!({ "selection": { "kind": "all" } }),
            &["selection.kind: all, not uniform"],
        );
        check("attacks = [{ epsilon = '8/255' }]", json!({ "attacks": [{ "epsilon": 8.0 / 255.0 }] }), &[]);
        check(
            "attacks = [{ epsilon = '8/255' }]",
            json!({ "attacks": [{ "epsilon": "4/255" }] }),
            &["attacks[0].epsilon: 4/255, not 8/255"],
        );
        check("n = 1000001", json!({ "n": 1_000_000 }), &["n: 1000000, not 1000001"]);
        check("attacks = []", json!({ "attacks": [1] }), &[]);
        check("verify = true\nwidth = 2", json!({ "verify": false, "width": null }), &["verify: false, not true"]);
    }
}
