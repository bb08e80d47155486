//! The values of a truth's rows.

use std::str::FromStr;

use super::TruthError;
use super::listing::{Column, Row};

/// A row's value in the column of this name.
///
/// # Errors
/// Names the line, the column, what was found, and what was `expected`.
pub(super) fn value<T: FromStr>(row: &Row, column: Column, name: &str, expected: &str) -> Result<T, TruthError> {
    let text = row.field(column);
    let wrong =
        |_| TruthError::Row { line: row.line, detail: format!("found `{text}` in `{name}`, expected {expected}") };
    text.parse().map_err(wrong)
}

/// Whether the pair of a row is a pair of duplicates; `otherwise` where the file does not say.
pub(super) fn is_duplicate(row: &Row, column: Option<Column>, otherwise: bool) -> Result<bool, TruthError> {
    match column {
        // As pandas writes them too.
        Some(column) if row.field(column) == "True" => Ok(true),
        Some(column) if row.field(column) == "False" => Ok(false),
        Some(column) => value(row, column, super::IS_DUPLICATE, "`true` or `false`"),
        None => Ok(otherwise),
    }
}
