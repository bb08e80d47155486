//! What differs between two manifests, row by row, or between two runs or trees, manifest by manifest.

mod pairing;
mod provenance;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field};
use serde::Serialize;
use serde_json::{Map, Value};
use twinset_manifest::{ManifestError, SchemaDoc, Untyped, catalog};

use crate::cell::{Flat, text};
use crate::tree::Entry;

pub use pairing::{TreeDiff, compare_trees};
pub use provenance::provenance;

const BATCH_ROWS: usize = 8192;

/// What differs between two manifests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// The two schemas, where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<[String; 2]>,
    /// Columns that only one side has, or whose types differ, as `name: left, right`.
    pub columns: Vec<String>,
    /// The columns that rows are matched by; without any, by all their values.
    pub key: Vec<String>,
    /// Whether both sides have the columns that rows are matched by; otherwise none is counted.
    pub are_rows_compared: bool,
    /// Rows of both sides that are equal.
    pub n_same: u64,
    /// Rows of the right side alone.
    pub n_added: u64,
    /// Rows of the left side alone.
    pub n_removed: u64,
    /// Rows with the same key and other values.
    pub n_changed: u64,
    /// The columns that would have been matched by, where it was asked to match by others: they are not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub renumbered: Vec<String>,
    /// Matched rows that differ in these columns.
    #[serde(skip_serializing_if = "is_zero")]
    pub n_renumbered: u64,
    /// Of images most of which differ, the rows that are the same but for their id, where matching by `source` finds more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_same_by_source: Option<u64>,
    /// How many rows differ in a column.
    pub changed_columns: BTreeMap<String, u64>,
    /// Some of the rows that differ.
    pub examples: Vec<Example>,
    /// What differs in the two provenances: a key such as `config.rate`, and its two values.
    pub provenance: Vec<(String, Value, Value)>,
}

/// How rows are matched, and what is told of them.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// The columns that they are matched by; without any, and in a manifest that lacks one of them, those of the schema's key.
    pub by: Vec<String>,
    /// Rows of each kind that are told.
    pub n_examples: usize,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// `added`, `removed` or `changed`.
    pub kind: &'static str,
    /// The values of its key.
    pub key: Map<String, Value>,
    /// By column, what is on the left and what on the right, where they differ.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, (Value, Value)>,
}

impl Diff {
    /// Whether the rows are the same, whatever the order, in the same columns.
    pub fn has_same_rows(&self) -> bool {
        self.schemas.is_none()
            && self.columns.is_empty()
            && self.n_added + self.n_removed + self.n_changed + self.n_renumbered == 0
    }

    /// Whether the provenances are the same, too.
    pub fn is_empty(&self) -> bool {
        self.has_same_rows() && self.provenance.is_empty()
    }
}

/// A row of the left side: a digest of each column.
struct Row {
    digests: Vec<u64>,
    is_met: bool,
}

/// Compares two manifests. Memory holds digests of the left side's values.
///
/// # Errors
/// When one of them cannot be read.
pub fn compare(left: &Untyped, right: &Untyped, matching: &Matching) -> Result<Diff, ManifestError> {
    let mut diff = Diff { columns: columns(left, right), ..Diff::default() };
    let schemas = [left, right].map(|side| side.schema().unwrap_or("foreign").to_owned());
    let known = catalog().into_iter().find(|known| Some(known.schema) == left.schema());
    let key = known.as_ref().and_then(SchemaDoc::key).unwrap_or_default();
    diff.key = key.iter().map(|name| (*name).to_owned()).collect();
    diff.schemas = (schemas[0] != schemas[1]).then_some(schemas);
    if let (Ok(left), Ok(right)) = (left.provenance(), right.provenance()) {
        diff.provenance = provenance(&left, &right);
    }
    // A column that is a struct on one side and a value on the other has nothing to compare.
    let has = |field: &&Arc<Field>| {
        let other = right.columns().field_with_name(field.name());
        other.is_ok_and(|other| parts(other.data_type()) == parts(field.data_type()))
    };
    let shared: Vec<&str> = left.columns().fields().iter().filter(has).map(|field| field.name().as_str()).collect();
    let is_shared = |name: &String| shared.contains(&name.as_str());
    if !matching.by.is_empty() && matching.by.iter().all(is_shared) {
        let is_left_out = |name: &String| is_shared(name) && !matching.by.contains(name);
        diff.renumbered = std::mem::take(&mut diff.key).into_iter().filter(is_left_out).collect();
        diff.key = matching.by.clone();
    }
    if !diff.key.iter().all(is_shared) || shared.is_empty() {
        return Ok(diff);
    }
    diff.are_rows_compared = true;
    let rows = Rows { left, right, shared, n_examples: matching.n_examples };
    rows.compare(&mut diff)?;
    diff.n_same_by_source = rows.same_by_source(&diff)?;
    Ok(diff)
}

struct Rows<'a> {
    left: &'a Untyped,
    right: &'a Untyped,
    shared: Vec<&'a str>,
    n_examples: usize,
}

impl Rows<'_> {
    /// Of images most of which differ by their ids, how many are the same by their source, where these are more.
    fn same_by_source(&self, diff: &Diff) -> Result<Option<u64>, ManifestError> {
        let n_differing = diff.n_added + diff.n_removed + diff.n_changed;
        if diff.key != ["image_id"] || !self.shared.contains(&"source") || n_differing <= diff.n_same {
            return Ok(None);
        }
        let mut by_source = Diff { key: vec!["source".to_owned()], renumbered: diff.key.clone(), ..Diff::default() };
        Rows { shared: self.shared.clone(), n_examples: 0, ..*self }.compare(&mut by_source)?;
        Ok(Some(by_source.n_same).filter(|&n| n > diff.n_same))
    }

    fn compare(&self, diff: &mut Diff) -> Result<(), ManifestError> {
        let key = diff.key.clone();
        let mut rows: HashMap<(u128, u32), Row> = HashMap::new();
        // Rows of one key, where there are several, are matched in their order.
        let mut n_of: HashMap<u128, u32> = HashMap::new();
        self.for_each(self.left, |flat, row| {
            let digest = key_digest(flat, &key, row);
            let n = n_of.entry(digest).or_default();
            rows.insert(
                (digest, *n),
                Row { digests: flat.iter().map(|column| digest_of(&column.cell(row))).collect(), is_met: false },
            );
            *n += 1;
        })?;
        n_of.clear();
        let mut wanted: HashMap<(u128, u32), Map<String, Value>> = HashMap::new();
        let mut added = Vec::new();
        self.for_each(self.right, |flat, row| {
            let digest = key_digest(flat, &key, row);
            let n = n_of.entry(digest).or_default();
            let place = (digest, *n);
            *n += 1;
            let Some(found) = rows.get_mut(&place) else {
                diff.n_added += 1;
                if added.len() < self.n_examples {
                    added.push(Example { kind: "added", key: shown(flat, &key, row), values: BTreeMap::new() });
                }
                return;
            };
            found.is_met = true;
            let differing = (0..flat.len()).filter(|&i| found.digests[i] != digest_of(&flat[i].cell(row)));
            let (ids, changed): (Vec<usize>, Vec<usize>) =
                differing.partition(|&i| diff.renumbered.contains(&flat[i].name));
            diff.n_renumbered += u64::from(!ids.is_empty());
            match changed.is_empty() {
                true => diff.n_same += 1,
                false => {
                    diff.n_changed += 1;
                    for &i in &changed {
                        *diff.changed_columns.entry(flat[i].name.clone()).or_default() += 1;
                    }
                    if wanted.len() < self.n_examples {
                        wanted.insert(
                            place,
                            changed.iter().map(|&i| (flat[i].name.clone(), flat[i].cell(row))).collect(),
                        );
                    }
                }
            }
        })?;
        let removed: HashSet<(u128, u32)> =
            rows.iter().filter(|(_, row)| !row.is_met).map(|(place, _)| *place).collect();
        diff.n_removed = removed.len() as u64;
        drop(rows);
        n_of.clear();
        let (mut examples, mut n_removed) = (Vec::new(), 0);
        if !removed.is_empty() || !wanted.is_empty() {
            self.for_each(self.left, |flat, row| {
                let digest = key_digest(flat, &key, row);
                let n = n_of.entry(digest).or_default();
                let place = (digest, *n);
                *n += 1;
                if removed.contains(&place) && n_removed < self.n_examples {
                    n_removed += 1;
                    examples.push(Example { kind: "removed", key: shown(flat, &key, row), values: BTreeMap::new() });
                } else if let Some(right) = wanted.get(&place) {
                    let here = flat.iter().filter(|column| right.contains_key(&column.name));
                    let values =
                        here.map(|column| (column.name.clone(), (column.cell(row), right[&column.name].clone())));
                    examples.push(Example { kind: "changed", key: shown(flat, &key, row), values: values.collect() });
                }
            })?;
        }
        examples.extend(added);
        examples.sort_by_key(|example| ["changed", "removed", "added"].iter().position(|kind| *kind == example.kind));
        diff.examples = examples;
        Ok(())
    }

    /// Calls `look` with the columns that both sides have, in one order, and each row.
    fn for_each(&self, side: &Untyped, mut look: impl FnMut(&[Flat], usize)) -> Result<(), ManifestError> {
        for batch in side.batches(Some(&self.shared), BATCH_ROWS)? {
            let batch: RecordBatch = batch?;
            let mut flat = Flat::of_batch(&batch);
            flat.sort_by(|left, right| left.name.cmp(&right.name));
            (0..batch.num_rows()).for_each(|row| look(&flat, row));
        }
        Ok(())
    }
}

/// The names of the values that a column has in a row: one, or a struct's.
fn parts(data_type: &DataType) -> BTreeSet<String> {
    let DataType::Struct(fields) = data_type else { return BTreeSet::from([String::new()]) };
    let of_field = |field: &Arc<Field>| -> Vec<String> {
        parts(field.data_type()).into_iter().map(|part| format!("{}.{part}", field.name())).collect()
    };
    fields.iter().flat_map(of_field).collect()
}

fn key_digest(flat: &[Flat], key: &[String], row: usize) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for column in flat.iter().filter(|column| key.is_empty() || key.contains(&column.name)) {
        hasher.update(&digest_of(&column.cell(row)).to_le_bytes());
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    u128::from_le_bytes(digest)
}

fn digest_of(value: &Value) -> u64 {
    let mut digest = [0; 8];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::from(value.is_null())]).update(text(value).as_bytes());
    hasher.finalize_xof().fill(&mut digest);
    u64::from_le_bytes(digest)
}

fn shown(flat: &[Flat], key: &[String], row: usize) -> Map<String, Value> {
    let of_key = flat.iter().filter(|column| key.is_empty() || key.contains(&column.name));
    of_key.map(|column| (column.name.clone(), column.cell(row))).collect()
}

/// Columns that only one side has, or whose types differ.
fn columns(left: &Untyped, right: &Untyped) -> Vec<String> {
    let type_of = |side: &Untyped, name: &str| {
        let field = side.columns().field_with_name(name).ok();
        field.map_or_else(|| "none".to_owned(), |field| twinset_manifest::type_name(field.data_type()))
    };
    let mut names: Vec<&String> = left.columns().fields().iter().map(|field| field.name()).collect();
    names.extend(
        right
            .columns()
            .fields()
            .iter()
            .map(|field| field.name())
            .filter(|name| left.columns().field_with_name(name).is_err()),
    );
    let both = names.into_iter().map(|name| (name, type_of(left, name), type_of(right, name)));
    both.filter(|(_, left, right)| left != right)
        .map(|(name, left, right)| format!("{name}: {left}, {right}"))
        .collect()
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Compares two files; the same bytes are not read as rows.
pub(crate) fn compare_entries(left: &Entry, right: &Entry, matching: &Matching) -> Result<Diff, ManifestError> {
    match (left.parquet(), right.parquet()) {
        _ if left.digest().is_ok() && left.digest() == right.digest() => Ok(Diff::default()),
        (Some(left), Some(right)) => compare(left, right, matching),
        _ => {
            let provenance = match (left.provenance(), right.provenance()) {
                (Some(left), Some(right)) => provenance(&left, &right),
                _ => Vec::new(),
            };
            let digest = |entry: &Entry| entry.digest().map_or_else(|error| error, |digest| digest.to_string());
            let columns = vec![format!("bytes: BLAKE3 {}, BLAKE3 {}", digest(left), digest(right))];
            Ok(Diff { columns, provenance, ..Diff::default() })
        }
    }
}
