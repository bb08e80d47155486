//! The values of a truth's rows.

use std::str::FromStr;

use twinset_delimited::{Column, Row};

use super::TruthError;

/// A row's value in the column of this name.
///
/// # Errors
/// Names the line, the column, what was found, and what was `expected`.
pub(super) fn value<T: FromStr>(row: &Row, column: Column, name: &str, expected: &str) -> Result<T, TruthError> {
    let text = row.field(column);
    let wrong =
        |_| TruthError::Row { line: row.line(), detail: format!("found `{text}` in `{name}`, expected {expected}") };
    text.parse().map_err(wrong)
}
