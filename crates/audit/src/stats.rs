//! Statistics of columns, and the classes and duplicates of images.

mod column;
mod images;

use arrow::array::RecordBatch;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;
use twinset_manifest::{ManifestError, Untyped, type_name};

use crate::cell::Flat;
use column::Column;
pub use images::{ClassCount, ImageStats, images};

const BATCH_ROWS: usize = 1 << 14;

/// The statistics of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnStats {
    /// Its name.
    pub column: String,
    /// The number of nulls.
    pub n_nulls: u64,
    /// The number of different values.
    pub n_distinct: u64,
    /// The smallest value; null if there is none, and for bytes. NaN counts as the largest number.
    pub min: Value,
    /// The largest value.
    pub max: Value,
    /// The mean of numbers; null for other types, and if a number is not finite.
    pub mean: Value,
    /// The most frequent values, and how often each is there; none where there are more than a thousand values, or all are
    /// there once.
    pub top: Vec<(String, u64)>,
}

/// The statistics of each column. As many columns as there are processors are computed at the same time. For each of
/// them, memory holds the numbers, or the digests of the values.
///
/// # Errors
/// When the manifest cannot be read.
pub fn columns(manifest: &Untyped) -> Result<Vec<ColumnStats>, ManifestError> {
    let empty = Flat::of_batch(&RecordBatch::new_empty(manifest.columns().clone()));
    empty.par_iter().map(|column| of_column(manifest, &column.name)).collect()
}

fn of_column(manifest: &Untyped, name: &str) -> Result<ColumnStats, ManifestError> {
    let mut column = Column::default();
    // No batch holds more than a row group: of images these are few rows.
    for group in manifest.row_groups() {
        for batch in group.batches(Some(&[name]), BATCH_ROWS, None)? {
            for Flat { array, nulls, .. } in Flat::of_batch(&batch?).iter().take(1) {
                column.add(array, nulls.as_ref()).map_err(|error| ManifestError::Unsupported {
                    path: manifest.path().to_owned(),
                    column: name.to_owned(),
                    found: format!("{}, whose values cannot be compared: {error}", type_name(array.data_type())),
                })?;
            }
        }
    }
    Ok(column.finish(name))
}
