//! Finding rows of manifests by the numbers in them.

use std::collections::BTreeMap;

use serde_json::Value;
use twinset_manifest::{ManifestError, Untyped};

use crate::cell::Flat;

const BATCH_ROWS: usize = 8192;

/// A row's values by column.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(BTreeMap<String, Value>);

impl Found {
    pub(super) fn number(&self, column: &str) -> Option<u64> {
        self.0.get(column)?.as_u64()
    }

    pub(super) fn text(&self, column: &str) -> String {
        self.0.get(column).map(crate::cell::text).unwrap_or_default()
    }

    pub(super) fn json(&self) -> Value {
        Value::Object(self.0.clone().into_iter().collect())
    }
}

/// The rows that are wanted by the numbers in `by`, with all columns but images' bytes.
pub(super) fn find(
    manifest: &Untyped,
    by: &[&str],
    is_wanted: impl Fn(&[Option<u64>]) -> bool,
) -> Result<Vec<Found>, ManifestError> {
    let columns: Vec<&str> = manifest
        .columns()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .map(|name| if name == "image" { "image.path" } else { name })
        .collect();
    let mut rows = Vec::new();
    for batch in manifest.batches(Some(&columns), BATCH_ROWS)? {
        let batch = batch?;
        let flat = Flat::of_batch(&batch);
        let keys: Vec<Option<&Flat>> = by.iter().map(|name| flat.iter().find(|column| column.name == *name)).collect();
        for row in 0..batch.num_rows() {
            let numbers: Vec<Option<u64>> = keys.iter().map(|key| key.and_then(|key| key.cell(row).as_u64())).collect();
            if is_wanted(&numbers) {
                rows.push(Found(flat.iter().map(|column| (column.name.clone(), column.cell(row))).collect()));
            }
        }
    }
    Ok(rows)
}
