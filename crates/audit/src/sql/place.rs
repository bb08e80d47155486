//! Error messages for a query, with the place of the error.

use polars::prelude::PolarsError;

use super::SqlError;

/// The message for an EXISTS that is not supported.
const EXISTS: &str = "EXISTS is answered where its query is a SELECT of tables that compares one of their columns with the outer query, by \
                      `=`, or none: write a JOIN with a query in FROM that has SELECT DISTINCT";

/// The message for a subquery where Polars does not support one.
const SELECTED: &str = "EXISTS, and IN with a query, are answered in WHERE alone: write a JOIN with a query in FROM";

/// The message for a subquery that computes and also names columns of the outer query.
const WITHIN: &str = "arithmetic, SUM and AVG are not answered in a query within a condition that names columns of the outer query: write \
                      it as a query in FROM, and JOIN it";

/// Converts an error of Polars to ours, with its place in the query.
pub(super) fn explain(error: &PolarsError, sql: &str) -> SqlError {
    explain_at(error, sql, 0)
}

/// The same for a query that has one line before the user's text.
pub(super) fn shifted(error: &PolarsError, sql: &str) -> SqlError {
    explain_at(error, sql, 1)
}

fn explain_at(error: &PolarsError, sql: &str, n_lines_before: usize) -> SqlError {
    let message = error.to_string();
    if message.contains("expression Exists {") {
        return SqlError::Query(EXISTS.to_owned());
    }
    if message.contains("_POLARS_TMP_") {
        return SqlError::Query(SELECTED.to_owned());
    }
    if message.contains("unsupported function 'exact_") {
        return SqlError::Query(WITHIN.to_owned());
    }
    let Some((what, line, column)) = place(&message) else {
        return SqlError::Query(one_line(&message));
    };
    let lines: Vec<&str> = sql.lines().collect();
    // For an error at the end of the text, the parser reports line 0, column 0.
    let at_end = line == 0;
    let line =
        if at_end { lines.len().max(1) } else { line.saturating_sub(n_lines_before).clamp(1, lines.len().max(1)) };
    let excerpt = lines.get(line - 1).copied().unwrap_or_default().to_owned();
    let column = if at_end { excerpt.chars().count() + 1 } else { column.max(1) };
    SqlError::Syntax { line, column, message: what, excerpt, caret: format!("{}^", " ".repeat(column - 1)) }
}

/// The message without its place, and the place, from `… at Line: 1, Column: 8`. A message without a place is about the
/// text's end.
fn place(message: &str) -> Option<(String, usize, usize)> {
    let what = message.split_once("sql parser error: ")?.1;
    let Some((what, place)) = what.rsplit_once(" at Line: ") else { return Some((sentence(what), 0, 0)) };
    let (line, column) = place.split_once(", Column: ")?;
    Some((sentence(what), line.trim().parse().ok()?, column.trim().parse().ok()?))
}

fn sentence(what: &str) -> String {
    let what = one_line(what).replace("found: EOF", "found the end");
    let mut letters = what.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A message without the plan that Polars shows after it.
fn one_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().to_owned()
}
