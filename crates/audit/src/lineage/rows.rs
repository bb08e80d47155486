//! Finds rows of manifests by ids or by a text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, UInt64Type};
use serde_json::Value;
use twinset_manifest::{ManifestError, Untyped};

use crate::cell::{Flat, cell, text};
use crate::pick::{Condition, Key, Need, pick};

const BATCH_ROWS: usize = 8192;
/// The most ids that are compared one by one with the statistics of row groups. For more ids, only their range is
/// compared.
const MAX_ASKED: usize = 256;

/// A row's values by column.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(BTreeMap<String, Value>);

/// Which rows are wanted.
pub(super) enum Wanted<'a> {
    /// Those that have one of these ids in one of these columns.
    Any(&'a [&'a str], &'a BTreeSet<u64>),
    /// Those that have one of these ids in each of these columns.
    All(&'a [&'a str], &'a BTreeSet<u64>),
    /// Those that have this text in the column.
    Text(&'a str, &'a str),
}

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

/// The rows that have the id in one of these columns.
pub(super) fn find(manifest: &Untyped, by: &[&str], id: u64) -> Result<Vec<Found>, ManifestError> {
    find_all(manifest, &Wanted::Any(by, &[id].into()))
}

/// The wanted rows, with all columns except the bytes of images.
pub(super) fn find_all(manifest: &Untyped, wanted: &Wanted) -> Result<Vec<Found>, ManifestError> {
    let names = manifest.columns().fields().iter().map(|field| field.name().as_str());
    let columns: Vec<&str> = names.map(|name| if name == "image" { "image.path" } else { name }).collect();
    let mut rows = Vec::new();
    each(manifest, wanted, &columns, |batch| {
        let flat = Flat::of_batch(&batch);
        let row = |row| Found(flat.iter().map(|column| (column.name.clone(), column.cell(row))).collect());
        rows.extend((0..batch.num_rows()).map(row));
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// Passes these columns of the wanted rows to `take`, until it breaks.
pub(super) fn each(
    manifest: &Untyped,
    wanted: &Wanted,
    columns: &[&str],
    mut take: impl FnMut(RecordBatch) -> ControlFlow<()>,
) -> Result<(), ManifestError> {
    let has = |name: &&str| manifest.columns().field_with_name(name).is_ok();
    let by: Vec<&str> = wanted.columns().iter().copied().filter(has).collect();
    let is_whole = by.len() == wanted.columns().len();
    if by.is_empty() || !is_whole && !matches!(wanted, Wanted::Any(..)) {
        return Ok(());
    }
    let holds = |batch: &RecordBatch| -> Result<BooleanArray, ManifestError> { Ok(wanted.rows_of(batch)) };
    let condition = Condition { need: wanted.need(&by), columns: &by, holds: &holds };
    pick(manifest, Some(columns), &condition, BATCH_ROWS, |batch| Ok(take(batch)))
}

impl Wanted<'_> {
    fn columns(&self) -> &[&str] {
        match self {
            Self::Any(columns, _) | Self::All(columns, _) => columns,
            Self::Text(column, _) => std::slice::from_ref(column),
        }
    }

    /// What must be true of a wanted row, to compare with row groups' statistics.
    fn need(&self, by: &[&str]) -> Need {
        let of_ids = |ids: &BTreeSet<u64>| by.iter().map(|column| of_ids(column, ids)).collect();
        match self {
            Self::Any(_, ids) => Need::Any(of_ids(ids)),
            Self::All(_, ids) => Need::All(of_ids(ids)),
            Self::Text(column, text) => Need::exactly(column, Key::Text((*text).to_owned())),
        }
    }

    /// A mask of the wanted rows in a batch of these columns.
    fn rows_of(&self, batch: &RecordBatch) -> BooleanArray {
        let masks = batch.columns().iter().map(|array| match self {
            Self::Any(_, ids) | Self::All(_, ids) => of_these(array, ids),
            Self::Text(_, text) => of_text(array, text),
        });
        let joined = match self {
            Self::All(..) => masks.reduce(|left, right| &left & &right),
            Self::Any(..) | Self::Text(..) => masks.reduce(|left, right| &left | &right),
        };
        BooleanArray::new(joined.unwrap_or_else(|| BooleanBuffer::new_unset(batch.num_rows())), None)
    }
}

fn of_ids(column: &str, ids: &BTreeSet<u64>) -> Need {
    let key = |id: &u64| Key::Integer((*id).into());
    if ids.len() <= MAX_ASKED {
        return Need::Any(ids.iter().map(|id| Need::exactly(column, key(id))).collect());
    }
    Need::Within { column: column.to_owned(), low: ids.first().map(key), high: ids.last().map(key) }
}

/// A mask of the values that are one of these ids. A value that is not a whole number is not.
fn of_these(array: &ArrayRef, ids: &BTreeSet<u64>) -> BooleanBuffer {
    let is_integer = match array.data_type() {
        DataType::Dictionary(_, values) => values.is_integer(),
        other => other.is_integer(),
    };
    // A negative number becomes null.
    let numbers =
        is_integer.then(|| cast_with_options(array, &DataType::UInt64, &CastOptions::default()).ok()).flatten();
    let Some(numbers) = numbers else { return BooleanBuffer::new_unset(array.len()) };
    let numbers = numbers.as_primitive::<UInt64Type>();
    let values = numbers.values();
    let mut ids_in_order = ids.iter().copied();
    let found = match (ids_in_order.next(), ids_in_order.next()) {
        (Some(only), None) => BooleanBuffer::collect_bool(values.len(), |row| values[row] == only),
        _ => BooleanBuffer::collect_bool(values.len(), |row| ids.contains(&values[row])),
    };
    numbers.nulls().map_or(found.clone(), |nulls| &found & nulls.inner())
}

/// A mask of the values that equal this text.
fn of_text(array: &ArrayRef, wanted: &str) -> BooleanBuffer {
    match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            BooleanBuffer::collect_bool(array.len(), |row| texts.is_valid(row) && texts.value(row) == wanted)
        }
        _ => BooleanBuffer::collect_bool(array.len(), |row| array.is_valid(row) && text(&cell(array, row)) == wanted),
    }
}
