//! Shows a manifest's rows, all or some of them, and describes its columns.

use std::io::{self, Write};
use std::ops::ControlFlow;

use arrow::array::RecordBatch;
use serde_json::{Value, json};
use twinset_manifest::{ManifestError, Untyped, catalog, one_line, type_name};

use crate::cell::Flat;
use crate::filter::Filter;
use crate::frame::sql_schema;
use crate::pick::{Condition, pick};
use crate::rules::rule;
use crate::sql::{SqlError, condition};
use crate::table::{Format, Table};

const BATCH_ROWS: usize = 1024;

/// Which rows and columns are shown.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// An SQL condition; without one all rows.
    pub condition: Option<String>,
    /// The columns by name, or fields of them such as `image.path`, in this order; without any, all.
    pub columns: Vec<String>,
    /// The most rows that are shown.
    pub limit: Option<u64>,
}

/// Why rows cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The condition is not valid SQL.
    #[error(transparent)]
    Condition(#[from] SqlError),
    /// The manifest has no such column.
    #[error("`{path}` has no column `{column}`, only {}", .columns.join(", "))]
    Column {
        /// The manifest.
        path: String,
        /// The column.
        column: String,
        /// The columns that are there.
        columns: Vec<String>,
    },
    /// The rows cannot be written.
    #[error("cannot write the rows: {0}")]
    Write(#[from] io::Error),
}

/// Writes rows while they are read, and returns their number. Memory holds only one batch, or for a table the rows that
/// it shows.
///
/// # Errors
/// Names the column that is not there, or the place where the condition is no SQL.
pub fn show(manifest: &Untyped, choice: &Choice, format: Format, to: impl Write) -> Result<u64, ShowError> {
    let schema = manifest.columns();
    let empty = Flat::of_batch(&RecordBatch::new_empty(schema.clone()));
    let is_of =
        |name: &str, asked: &str| name == asked || name.strip_prefix(asked).is_some_and(|rest| rest.starts_with('.'));
    for asked in &choice.columns {
        if !empty.iter().any(|column| is_of(&column.name, asked)) {
            return Err(ShowError::Column {
                path: manifest.path().display().to_string(),
                column: asked.clone(),
                columns: empty.into_iter().map(|column| column.name).collect(),
            });
        }
    }
    let header: Vec<String> = match choice.columns.is_empty() {
        true => empty.iter().map(|column| column.name.clone()).collect(),
        false => {
            let of_asked = |asked: &String| {
                empty.iter().filter(|c| is_of(&c.name, asked)).map(|c| c.name.clone()).collect::<Vec<_>>()
            };
            choice.columns.iter().flat_map(of_asked).collect()
        }
    };
    let sql_schema = sql_schema(&[manifest]);
    let condition = choice.condition.as_deref().map(|sql| condition(sql, &sql_schema)).transpose()?;
    let read: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut left = choice.limit.unwrap_or(u64::MAX);
    let mut table = Table::begin(to, format, header.clone())?;
    if left == 0 {
        return Ok(table.end()?);
    }
    // No row group is read after the last row that is shown.
    let batch_rows = usize::try_from(left).map_or(BATCH_ROWS, |left| left.min(BATCH_ROWS));
    let mut take = |batch: RecordBatch| -> Result<ControlFlow<()>, ShowError> {
        let columns = Flat::of_batch(&batch);
        let shown: Vec<&Flat> =
            header.iter().filter_map(|name| columns.iter().find(|column| column.name == *name)).collect();
        for row in 0..batch.num_rows() {
            table.push(shown.iter().map(|column| column.cell(row)).collect())?;
            left -= 1;
            if left == 0 {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    if let Some(condition) = condition {
        let filter = Filter::of(condition, &sql_schema);
        let holds =
            |batch: &RecordBatch| Ok(filter.holds(batch).map_err(|error| SqlError::Query(error.to_string()))?);
        let condition = Condition { need: filter.need(), columns: &filter.columns(), holds: &holds };
        pick(manifest, Some(&read), &condition, batch_rows, take)?;
    } else {
        for batch in manifest.batches(Some(&read), batch_rows)? {
            if take(batch?)?.is_break() {
                break;
            }
        }
    }
    Ok(table.end()?)
}

/// Describes a manifest without its rows: its columns with their meaning, their constraints, and its footer.
pub fn schema(manifest: &Untyped) -> Value {
    let known = catalog().into_iter().find(|known| Some(known.schema) == manifest.schema());
    let known_column =
        |name: &str| known.as_ref().and_then(|known| known.columns.iter().find(|column| column.name == name));
    let columns: Vec<Value> = manifest
        .columns()
        .fields()
        .iter()
        .map(|field| {
            let column = known_column(field.name());
            json!({
                "name": field.name(), "type": type_name(field.data_type()),
                // In the file every column may be null, so the row type decides.
                "is_nullable": column.map_or(field.is_nullable(), |column| column.is_nullable),
                "meaning": column.map(|column| one_line(column.doc)),
            })
        })
        .collect();
    let provenance = manifest.provenance().ok();
    json!({
        "schema": manifest.schema(),
        "meaning": known.as_ref().map(|known| known.doc.clone()),
        "rows": manifest.n_rows(),
        "row_groups": manifest.n_row_groups(),
        "key": known.as_ref().and_then(|known| known.key()),
        "columns": columns,
        "rules": known.as_ref().map(|known| known.constraints.iter().map(rule).collect::<Vec<_>>()),
        "footer": manifest.entries().map(|(key, value)| json!({ "key": key, "n_bytes": value.len() })).collect::<Vec<_>>(),
        "provenance": provenance,
    })
}
