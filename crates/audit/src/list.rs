//! Lists a tree's manifests, one per line.

mod cells;

use serde_json::Value;

use crate::cell::SHORT_DIGEST;
use crate::tree::{Entry, Kind, Tree, is_key};
use cells::Stores;

/// The columns of a listing.
pub const HEADER: [&str; 10] = ["path", "schema", "rows", "files", "bytes", "made_by", "blake3", "arm", "rate", "seed"];
/// The columns that only runs in a store have.
const OF_RUNS: [usize; 3] = [7, 8, 9];
const PATH: usize = 0;
const BLAKE3: usize = 6;

/// A tree's manifests, weights and other Parquet files, by path. A sharded manifest is one row. In the column of the
/// schema, a Parquet file that is no manifest has `foreign`, and a file that cannot be read has `damaged`.
///
/// A run in a store has the arm, rate and seed of its cell. If several cells share the run, these are arrays.
pub fn list(tree: &Tree) -> impl Iterator<Item = Vec<Value>> {
    let mut stores = Stores::default();
    tree.selected().map(move |entry| {
        let [arm, rate, seed] = stores.cells(entry);
        vec![
            entry.relative.as_str().into(),
            schema(entry).into(),
            entry.parquet().map(|file| file.n_rows()).into(),
            entry.n_files.into(),
            entry.n_bytes.into(),
            entry.made_by().into(),
            entry.digest().map_or(Value::Null, |digest| digest.to_string().into()),
            arm,
            rate,
            seed,
        ]
    })
}

/// Shortens a listing for people: keys and digests are cut, arrays become texts, and the columns of runs are left out
/// if there are none.
///
/// A short key ends with `*`, so that a shell expands it to the whole path.
pub fn shorten(rows: Vec<Vec<Value>>) -> (Vec<&'static str>, Vec<Vec<Value>>) {
    let has_runs = rows.iter().any(|row| OF_RUNS.iter().any(|&column| !row[column].is_null()));
    let is_shown = |column: usize| has_runs || !OF_RUNS.contains(&column);
    let header = HEADER.into_iter().enumerate().filter(|(column, _)| is_shown(*column)).map(|(_, name)| name).collect();
    let shorten = |(column, value): (usize, Value)| match (column, &value) {
        (PATH, Value::String(path)) => short_keys(path).into(),
        (BLAKE3, Value::String(digest)) => digest[..SHORT_DIGEST].into(),
        (_, Value::Array(several)) => some(several).into(),
        _ => value,
    };
    let rows = rows.into_iter().map(|row| {
        let shown = row.into_iter().enumerate().filter(|(column, _)| is_shown(*column));
        shown.map(shorten).collect()
    });
    (header, rows.collect())
}

fn short_keys(path: &str) -> String {
    let short = |part: &str| if is_key(part) { format!("{}*", &part[..SHORT_DIGEST]) } else { part.to_owned() };
    path.split('/').map(short).collect::<Vec<_>>().join("/")
}

/// The first of several values, and how many more there are.
fn some(values: &[Value]) -> String {
    const MAX_NAMED: usize = 2;
    let n_more = values.len().saturating_sub(MAX_NAMED);
    let named: Vec<String> = values.iter().take(MAX_NAMED).map(crate::cell::text).collect();
    let more = if n_more > 0 { format!(" and {n_more} more") } else { String::new() };
    named.join(", ") + &more
}

/// A file's schema, or `foreign`, `damaged` or `none` if it has none.
pub(crate) fn schema(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Foreign(_) => "foreign".to_owned(),
        Kind::Damaged(_) => "damaged".to_owned(),
        _ => entry.schema().unwrap_or("none").to_owned(),
    }
}
