//! What differs in where two manifests come from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use twinset_manifest::Provenance;

use crate::lineage::flatten;

/// What differs in two provenances, key by key.
pub fn provenance(left: &Provenance, right: &Provenance) -> Vec<(String, Value, Value)> {
    let values = |provenance: &Provenance| {
        let mut config = Vec::new();
        flatten("config", &provenance.config, &mut config);
        let mut values: BTreeMap<String, Value> = config.into_iter().collect();
        values.insert("stage".to_owned(), provenance.stage.clone().into());
        values.insert("version".to_owned(), provenance.version.clone().into());
        values.insert("seed".to_owned(), provenance.seed.into());
        values.insert("warnings".to_owned(), provenance.warnings.clone().into());
        let mut inputs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for input in &provenance.inputs {
            inputs.entry(&input.name).or_default().push(input.blake3.to_string());
        }
        for (name, mut digests) in inputs {
            digests.sort_unstable();
            let value = if digests.len() == 1 { digests.remove(0).into() } else { Value::from(digests) };
            values.insert(format!("inputs.{name}"), value);
        }
        values
    };
    let (left, right) = (values(left), values(right));
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let value = |side: &BTreeMap<String, Value>, key: &String| side.get(key).cloned().unwrap_or(Value::Null);
    let both = keys.into_iter().map(|key| (key.clone(), value(&left, key), value(&right, key)));
    both.filter(|(_, left, right)| left != right).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use twinset_manifest::{Digest, Input};

    use super::*;

    #[test]
    fn provenances_differ_key_by_key_and_inputs_of_one_name_together() {
        let input = |name: &str, byte: u8| Input { name: name.to_owned(), schema: None, blake3: Digest([byte; 32]) };
        let of = |rate: f64, inputs: [Input; 3]| {
            let config = json!({ "rate": rate, "selection": { "kind": "uniform" } });
            Provenance::of_stage("inject", "0.1.0").with_config(&config).with_inputs(inputs)
        };
        let left = of(0.5, [input("a", 1), input("a", 2), input("b", 3)]);
        assert_eq!(provenance(&left, &of(0.5, [input("a", 2), input("a", 1), input("b", 3)])), []);
        let right = of(0.25, [input("a", 1), input("a", 4), input("b", 3)]);
        let digest = |byte: u8| Digest([byte; 32]).to_string();
        assert_eq!(
            provenance(&left, &right),
            [
                ("config.rate".to_owned(), json!(0.5), json!(0.25)),
                ("inputs.a".to_owned(), json!([digest(1), digest(2)]), json!([digest(1), digest(4)])),
            ]
        );
    }
}
