//! What is here: a tree's manifests, one a line.

use serde_json::Value;

use crate::cell::SHORT_DIGEST;
use crate::tree::{Entry, Kind, Tree};

/// The columns of a listing.
pub const HEADER: [&str; 7] = ["path", "schema", "rows", "files", "bytes", "made_by", "blake3"];

/// A tree's manifests, weights and other Parquet files, by path; a folder of shards is one manifest of several files. A file that
/// is no manifest says in place of its schema what it is: `foreign` Parquet, or `damaged`.
pub fn list(tree: &Tree) -> impl Iterator<Item = Vec<Value>> {
    tree.selected().map(|entry| {
        let digest = entry.digest().map_or(Value::Null, |digest| digest.to_string()[..SHORT_DIGEST].into());
        vec![
            entry.relative.as_str().into(),
            schema(entry).into(),
            entry.parquet().map(|file| file.n_rows()).into(),
            entry.n_files.into(),
            entry.n_bytes.into(),
            entry.made_by().into(),
            digest,
        ]
    })
}

/// A file's schema, or what it is without one.
pub(crate) fn schema(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Foreign(_) => "foreign".to_owned(),
        Kind::Damaged(_) => "damaged".to_owned(),
        _ => entry.schema().unwrap_or("none").to_owned(),
    }
}
