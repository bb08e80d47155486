//! SQL over manifests. Each manifest is a table. An error names its place in the query.

mod csv;
mod exact;
mod exists;
mod names;
mod parts;
mod place;
mod rewrite;
mod runs;
mod scan;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::TimeUnit;
use polars::prelude::{self as pl, AnyValue, DataFrame, IntoLazy, LazyFrame, PolarsError, ScanArgsAnonymous};
use polars::sql::SQLContext;
use serde_json::Value;
use twinset_manifest::type_name;

use crate::cell::{bytes, float32, float64};
use crate::frame::sql_schema;
use crate::time::{date, duration, time_of_day, timestamp};
pub use csv::{CsvError, csv};
use exact::Functions;
pub use names::{Named, Source, names, names_of};
use parts::plan;
use place::{explain, shifted};
use rewrite::rewritten;
pub use runs::{RunsError, runs};
use scan::Scan;

/// The number of rows that are read at once.
const BATCH_ROWS: usize = 8192;
/// The column that tells a union's rows apart: the manifest's path.
const PATH_COLUMN: &str = "manifest";

/// A query that cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The text is no SQL.
    #[error("cannot parse the SQL, line {line}, column {column}: {message}\n  {excerpt}\n  {caret}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What was expected and what was found.
        message: String,
        /// That line.
        excerpt: String,
        /// A caret below the column.
        caret: String,
    },
    /// The statement is not a SELECT.
    #[error("cannot answer `{0}`, expected SELECT: an audit changes nothing")]
    NotSelect(String),
    /// Any other error of Polars: an unknown table, column or function, or types that do not fit together.
    #[error("cannot answer the query: {0}")]
    Query(String),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// Its rows.
    pub frame: DataFrame,
    /// The manifests' tables that were read.
    pub read: Vec<&'a Named>,
}

/// Answers a query. Only the tables and columns that it needs are read. If a condition selects few rows, no more than a
/// batch of rows is in memory at once.
///
/// # Errors
/// When the text is not valid SQL, with the place; or when Polars cannot find a name or compute the answer.
pub fn query<'a>(sql: &str, tables: &'a [Named]) -> Result<Answer<'a>, SqlError> {
    expect_question(sql)?;
    let mut context = SQLContext::new().with_function_registry(Arc::new(Functions::all()));
    let mut are_read = Vec::new();
    for table in tables {
        let is_read = Arc::new(AtomicBool::new(false));
        let scan = match &table.source {
            Source::Rows(_, rows) => {
                context.register(&table.name, rows.clone().lazy());
                continue;
            }
            Source::Manifest(path, manifest) => {
                Scan::of(&[(path.clone(), (**manifest).clone())], false, is_read.clone())
            }
            Source::Union(manifests) => Scan::of(manifests, true, is_read.clone()),
        };
        let lazy = LazyFrame::anonymous_scan(Arc::new(scan), ScanArgsAnonymous::default());
        context.register(&table.name, lazy.map_err(|error| explain(&error, sql))?);
        are_read.push((table, is_read));
    }
    let lazy = match rewritten(sql, tables) {
        Some(mut statement) => plan(&mut context, &mut statement),
        None => context.execute(sql),
    };
    let lazy = lazy.map_err(|error| explain(&error, sql))?;
    let frame = lazy.collect().map_err(|error| explain(&error, sql))?;
    let read = are_read.into_iter().filter(|(_, is_read)| is_read.load(Ordering::Relaxed)).map(|(table, _)| table);
    Ok(Answer { frame, read: read.collect() })
}

/// Refuses all statements except SELECT. Polars would answer a DELETE with the remaining rows, as if it had been
/// executed.
fn expect_question(sql: &str) -> Result<(), SqlError> {
    const CHANGES: [&str; 9] = ["alter", "copy", "create", "delete", "drop", "insert", "merge", "truncate", "update"];
    let first: String = sql.trim_start().chars().take_while(|letter| letter.is_alphabetic()).collect();
    let is_change = CHANGES.iter().any(|word| first.eq_ignore_ascii_case(word));
    if is_change { Err(SqlError::NotSelect(first.to_uppercase())) } else { Ok(()) }
}

/// The 128-bit columns of a query's tables, each with its table and type. Polars cannot group or join by them.
pub fn columns_of_128_bits<'a>(sql: &str, tables: &'a [Named]) -> Vec<(&'a str, &'a str, String)> {
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| sql.contains(&table.name)) {
        let manifests: Vec<_> = table.manifests().into_iter().map(|(_, manifest)| manifest).collect();
        let Some(first) = manifests.first() else { continue };
        let types = sql_schema(&manifests);
        for field in first.columns().fields().iter().filter(|field| sql.contains(field.name())) {
            if matches!(types.get(field.name()), Some(pl::DataType::Int128 | pl::DataType::Decimal(..))) {
                found.push((table.name.as_str(), field.name().as_str(), type_name(field.data_type())));
            }
        }
    }
    found
}

/// An SQL condition, checked against the columns that it may name.
///
/// # Errors
/// As [`query`].
pub fn condition(sql: &str, columns: &pl::Schema) -> Result<pl::Expr, SqlError> {
    let explain = |error: PolarsError| explain(&error, sql);
    let empty = DataFrame::empty_with_schema(columns);
    let context = &mut SQLContext::new();
    context.register("rows", empty.clone().lazy());
    // The condition starts on a line of its own, so that the column of an error is right.
    let checked = context.execute(&format!("SELECT * FROM rows WHERE\n{sql}"));
    drop(checked.map_err(|error| shifted(&error, sql))?);
    let expression = polars::sql::sql_expr(sql).map_err(explain)?;
    let tried = empty.lazy().select([expression.clone().alias("holds")]).collect().map_err(explain)?;
    match tried.dtypes()[..] {
        [pl::DataType::Boolean] => Ok(expression),
        _ => Err(SqlError::Query(format!("`{sql}` is no condition"))),
    }
}

/// The rows of a frame as they are shown.
pub fn rows(frame: &DataFrame) -> impl Iterator<Item = Vec<Value>> {
    (0..frame.height())
        .map(|row| frame.columns().iter().map(|column| shown(column.get(row).expect("a row of the frame"))).collect())
}

fn shown(value: AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => value.into(),
        AnyValue::UInt8(value) => value.into(),
        AnyValue::UInt16(value) => value.into(),
        AnyValue::UInt32(value) => value.into(),
        AnyValue::UInt64(value) => value.into(),
        AnyValue::Int8(value) => value.into(),
        AnyValue::Int16(value) => value.into(),
        AnyValue::Int32(value) => value.into(),
        AnyValue::Int64(value) => value.into(),
        AnyValue::Int128(value) => int128(value),
        AnyValue::Float32(value) => float32(value),
        AnyValue::Float64(value) => float64(value),
        AnyValue::Decimal(value, _, scale) => decimal(value, scale).into(),
        AnyValue::Date(n_days) => date(n_days.into()).into(),
        AnyValue::Time(n_nanoseconds) => time_of_day(n_nanoseconds, TimeUnit::Nanosecond).into(),
        AnyValue::Datetime(value, unit, zone) => timestamp(value, arrow_unit(unit), zone.is_some()).into(),
        AnyValue::DatetimeOwned(value, unit, zone) => timestamp(value, arrow_unit(unit), zone.is_some()).into(),
        AnyValue::Duration(value, unit) => duration(value, arrow_unit(unit)).into(),
        AnyValue::String(text) => text.into(),
        AnyValue::StringOwned(text) => text.as_str().into(),
        AnyValue::Binary(value) => bytes(value),
        AnyValue::BinaryOwned(value) => bytes(&value),
        AnyValue::List(values) => values.iter().map(shown).collect(),
        AnyValue::Array(values, _) => values.iter().map(shown).collect(),
        AnyValue::Struct(..) => shown(value.into_static()),
        AnyValue::StructOwned(fields) => {
            let (values, names) = *fields;
            let names = names.iter().map(|field| field.name().to_string());
            Value::Object(names.zip(values.into_iter().map(shown)).collect())
        }
        other => other.to_string().into(),
    }
}

/// A JSON number, or a text if the value is too large for one.
fn int128(value: i128) -> Value {
    let unsigned = || u64::try_from(value).map_or_else(|_| value.to_string().into(), Value::from);
    i64::try_from(value).map_or_else(|_| unsigned(), Value::from)
}

/// A decimal with all its digits.
fn decimal(value: i128, scale: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

fn arrow_unit(unit: pl::TimeUnit) -> TimeUnit {
    match unit {
        pl::TimeUnit::Milliseconds => TimeUnit::Millisecond,
        pl::TimeUnit::Microseconds => TimeUnit::Microsecond,
        pl::TimeUnit::Nanoseconds => TimeUnit::Nanosecond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_changes_something_is_refused() {
        for sql in ["DELETE FROM images", " insert into images values (1)", "Drop table images"] {
            let error = query(sql, &[]).unwrap_err().to_string();
            assert!(error.ends_with("expected SELECT: an audit changes nothing"), "{error}");
        }
    }

    #[test]
    fn the_place_of_a_parse_error_is_told() {
        let check = |sql: &str, expected: &str| {
            assert_eq!(query(sql, &[]).unwrap_err().to_string(), expected);
        };
        check(
            "SELECT a FROM",
            "cannot parse the SQL, line 1, column 14: expected: identifier, found the end\n  SELECT a FROM\n               ^",
        );
        check(
            "SELECT a,\n  b FRM t WHERE",
            "cannot parse the SQL, line 2, column 9: expected: end of statement, found: t\n    b FRM t WHERE\n          ^",
        );
    }
}
