//! In what two JSON values differ.

use serde_json::{Map, Value};

/// Says of each value that differs where it is, what it was there and what it is here. Names of fields within a field
/// `provenance` stand alone.
pub fn differences(there: &Value, here: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    describe("", there, here, &mut differences);
    differences
}

fn describe(path: &str, there: &Value, here: &Value, differences: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (there, here) {
        (Value::Object(there), Value::Object(here)) => {
            let mut keys: Vec<_> = there.keys().chain(here.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let or_nothing = |object: &Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                describe(&below(key), &or_nothing(there), &or_nothing(here), differences);
            }
        }
        (Value::Array(there), Value::Array(here)) if there.len() == here.len() => {
            for (index, (there, here)) in there.iter().zip(here).enumerate() {
                describe(&below(&index.to_string()), there, here, differences);
            }
        }
        _ if there != here => {
            let path = path.strip_prefix("provenance.").unwrap_or(path);
            differences.push(format!("`{path}` was {there} there and is {here} here"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_value_that_differs_is_named_with_both() {
        let there = json!({ "device": "cpu", "provenance": { "config": { "a": [1, 2], "b": 1 }, "seed": 0 } });
        let here = json!({ "device": "cpu", "provenance": { "config": { "a": [1, 3], "c": 1 }, "seed": 0 } });
        let expected = [
            "`config.a.1` was 2 there and is 3 here",
            "`config.b` was 1 there and is null here",
            "`config.c` was null there and is 1 here",
        ];
        assert_eq!(differences(&there, &here), expected);
        assert_eq!(differences(&there, &there), Vec::<String>::new());
    }
}
