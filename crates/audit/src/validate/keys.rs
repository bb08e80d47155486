//! What rows say of one another: no two alike, numbers without gaps, groups as large as is said.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, UInt32Type, UInt64Type};
use twinset_manifest::rows::Rule;
use twinset_manifest::{ManifestError, Untyped};

use super::Findings;
use super::findings::At;
use crate::cell::{cell, text};

const BATCH_ROWS: usize = 8192;

/// Checks that no two rows have the same values in these columns. Holds 16 bytes a row: of two rows that differ, the digests
/// differ but once in 2⁶⁴.
pub(super) fn check_unique(manifest: &Untyped, columns: &[&str], findings: &mut Findings) -> Result<(), ManifestError> {
    let mut seen = HashSet::new();
    for_each(manifest, columns, |batch, first, row| {
        if !seen.insert(row_digest(batch, columns, row)) {
            let values: Vec<_> =
                columns.iter().map(|column| format!("{column} {}", value(batch, column, row))).collect();
            let blamed = if columns.len() == 1 { columns[0].to_owned() } else { columns.join(", ") };
            findings.of_row(Rule::Unique, &blamed, At::of(batch, first, row), || {
                (format!("{} again", values.join(", ")), "no two rows alike")
            });
        }
    })
}

/// Checks that a column counts the rows from a number on.
pub(super) fn check_counted(
    manifest: &Untyped,
    column: &str,
    from: u64,
    findings: &mut Findings,
) -> Result<(), ManifestError> {
    // After a gap it is counted on from there: one gap is one violation.
    let mut expected = from;
    for_each(manifest, &[column], |batch, first, row| {
        let Some(found) = number(batch, column, row) else { return };
        if found != expected {
            findings.of_row(Rule::Count, column, At::of(batch, first, row), || (found, expected));
        }
        expected = found.saturating_add(1);
    })
}

/// Checks that a column says how many rows have the value that this one has in another column.
pub(super) fn check_count_of(
    manifest: &Untyped,
    column: &str,
    by: &str,
    findings: &mut Findings,
) -> Result<(), ManifestError> {
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for_each(manifest, &[by], |batch, _, row| {
        *counts.entry(number(batch, by, row).unwrap_or_default()).or_default() += 1;
    })?;
    for_each(manifest, &[column, by], |batch, first, row| {
        let (found, group) = (number(batch, column, row), number(batch, by, row).unwrap_or_default());
        let expected = counts[&group];
        if let Some(found) = found.filter(|&found| found != expected) {
            findings.of_row(Rule::Count, column, At::of(batch, first, row), || {
                (found, format!("{expected}, the rows of {by} {group}"))
            });
        }
    })
}

/// Calls `check` with each row of these columns and, where there is one, `image_id`.
pub(super) fn for_each(
    manifest: &Untyped,
    columns: &[&str],
    mut check: impl FnMut(&RecordBatch, u64, usize),
) -> Result<(), ManifestError> {
    let mut read = columns.to_vec();
    read.push("image_id");
    let mut first = 0;
    for batch in manifest.batches(Some(&read), BATCH_ROWS)? {
        let batch = batch?;
        (0..batch.num_rows()).for_each(|row| check(&batch, first, row));
        first += batch.num_rows() as u64;
    }
    Ok(())
}

/// A whole number of a row; none of a null, and none below 0.
pub(super) fn number(batch: &RecordBatch, column: &str, row: usize) -> Option<u64> {
    let array = batch.column_by_name(column).filter(|array| array.is_valid(row))?;
    match array.data_type() {
        DataType::UInt64 => Some(array.as_primitive::<UInt64Type>().value(row)),
        DataType::UInt32 => Some(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::Int64 => u64::try_from(array.as_primitive::<Int64Type>().value(row)).ok(),
        _ => None,
    }
}

/// A value of a row as text.
pub(super) fn value(batch: &RecordBatch, column: &str, row: usize) -> String {
    batch.column_by_name(column).map_or_else(String::new, |array| text(&cell(array.as_ref(), row)))
}

/// Tells rows apart by their values in these columns.
pub(crate) fn row_digest(batch: &RecordBatch, columns: &[&str], row: usize) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for column in columns {
        let array = batch.column_by_name(column).filter(|array| array.is_valid(row));
        let value = array.map(|array| text(&cell(array.as_ref(), row)));
        hasher.update(&[u8::from(value.is_some())]);
        let value = value.unwrap_or_default();
        hasher.update(&(value.len() as u64).to_le_bytes());
        hasher.update(value.as_bytes());
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    u128::from_le_bytes(digest)
}
