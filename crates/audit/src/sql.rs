//! SQL over manifests: their names as tables, and what is wrong with a query, with its place.

mod place;
mod scan;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use polars::prelude::{
    self as pl, AnyValue, DataFrame, IntoLazy, LazyFrame, PolarsError, PolarsResult, ScanArgsAnonymous,
};
use polars::sql::SQLContext;
use serde_json::{Value, json};
use twinset_manifest::Untyped;

use crate::cell::{bytes, float32, float64};
use crate::frame::frame;
use crate::tree::{Entry, Tree, name_of};
use place::{explain, shifted};
use scan::Scan;

/// Rows that are read at once.
const BATCH_ROWS: usize = 8192;
/// The column that tells a union's rows apart: the manifest's path.
const PATH_COLUMN: &str = "manifest";

/// A table that a query can name: a manifest, or several of one name as one.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The manifests, with their paths.
    pub manifests: Vec<(String, Untyped)>,
    /// Whether it is several as one, with a column `manifest` that holds each row's path.
    pub is_union: bool,
}

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
    /// Anything else that Polars has to say: a table, a column or a function that is not there, types that do not go together.
    #[error("cannot answer the query: {0}")]
    Query(String),
}

/// The names of a tree's manifests.
///
/// A manifest is called by its file's name without `.parquet`, other characters than letters, digits and `_` made `_`. Of
/// several of one name each has the first digits of its run's key after it, or its folder's name; the bare name is all of
/// them as one, where their columns are the same.
pub fn names(tree: &Tree) -> Vec<Named> {
    let mut by_stem: BTreeMap<String, Vec<(&Entry, &Untyped)>> = BTreeMap::new();
    for entry in tree.selected() {
        if let Some(file) = entry.parquet() {
            let stem = name_of(&entry.path);
            by_stem.entry(identifier(stem.trim_end_matches(".parquet"))).or_default().push((entry, file));
        }
    }
    let mut named = Vec::new();
    for (stem, files) in by_stem {
        let single = |name: String, (entry, file): (&Entry, &Untyped)| Named {
            name,
            manifests: vec![(entry.relative.clone(), file.clone())],
            is_union: false,
        };
        if let [only] = files[..] {
            named.push(single(stem, only));
            continue;
        }
        if files.iter().all(|(_, file)| file.columns().fields() == files[0].1.columns().fields()) {
            let manifests = files.iter().map(|(entry, file)| (entry.relative.clone(), (*file).clone())).collect();
            named.push(Named { name: stem.clone(), manifests, is_union: true });
        }
        for (file, suffix) in files.iter().zip(suffixes(&files)) {
            named.push(single(format!("{stem}_{suffix}"), *file));
        }
    }
    named
}

/// What tells files of one name apart: the shortest of their folder's name, or more of their path, that does.
fn suffixes(files: &[(&Entry, &Untyped)]) -> Vec<String> {
    let is_key = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let suffix = |entry: &Entry, n_parts: usize| {
        let parts: Vec<&str> = entry.relative.split('/').collect();
        let parts = &parts[..parts.len() - 1];
        let parts = &parts[parts.len().saturating_sub(n_parts)..];
        let short: Vec<_> = parts.iter().map(|part| if is_key(part) { &part[..8] } else { *part }).collect();
        if short.is_empty() { "here".to_owned() } else { identifier(&short.join("_")) }
    };
    let mut found = Vec::new();
    for n_parts in 1..16 {
        found = files.iter().map(|(entry, _)| suffix(entry, n_parts)).collect::<Vec<_>>();
        let mut distinct = found.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == files.len() {
            return found;
        }
    }
    found.iter().enumerate().map(|(n, suffix)| format!("{suffix}_{}", n + 1)).collect()
}

fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

/// Answers a query. Only what it names is read: of a manifest the columns that matter, and of these no more rows at once
/// than a batch where a condition picks few.
///
/// # Errors
/// Says where the text is no SQL, or what Polars cannot find or do.
pub fn query(sql: &str, tables: &[Named]) -> Result<DataFrame, SqlError> {
    let mut context = SQLContext::new();
    for table in tables {
        let scan = Scan::of(table);
        let lazy = LazyFrame::anonymous_scan(Arc::new(scan), ScanArgsAnonymous::default());
        context.register(&table.name, lazy.map_err(|error| explain(&error, sql))?);
    }
    let lazy = context.execute(sql).map_err(|error| explain(&error, sql))?;
    lazy.collect().map_err(|error| explain(&error, sql))
}

/// An SQL condition, checked against the columns that it may name.
///
/// # Errors
/// As [`query`].
pub fn condition(sql: &str, columns: &arrow::datatypes::Schema) -> Result<pl::Expr, SqlError> {
    let explain = |error: PolarsError| explain(&error, sql);
    let empty = arrow::array::RecordBatch::new_empty(Arc::new(columns.clone()));
    let empty = frame(&empty).map_err(explain)?;
    let context = &mut SQLContext::new();
    context.register("rows", empty.clone().lazy());
    // A line of its own, so that the place of an error is its place in the condition.
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
    (0..frame.height()).map(|row| frame.columns().iter().map(|column| shown(column.get(row))).collect())
}

fn shown(value: PolarsResult<AnyValue<'_>>) -> Value {
    let Ok(value) = value else { return Value::Null };
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => value.into(),
        AnyValue::UInt32(value) => value.into(),
        AnyValue::UInt64(value) => value.into(),
        AnyValue::Int32(value) => value.into(),
        AnyValue::Int64(value) => value.into(),
        AnyValue::Float32(value) => float32(value),
        AnyValue::Float64(value) => float64(value),
        AnyValue::String(text) => text.into(),
        AnyValue::StringOwned(text) => text.as_str().into(),
        AnyValue::Binary(value) => bytes(value),
        AnyValue::BinaryOwned(value) => bytes(&value),
        AnyValue::List(values) => values.iter().map(|value| shown(Ok(value))).collect(),
        AnyValue::Struct(..) | AnyValue::StructOwned(_) => {
            let AnyValue::StructOwned(fields) = value.into_static() else { return Value::Null };
            let (values, names) = *fields;
            let fields: HashMap<_, _> =
                names.iter().zip(values).map(|(field, value)| (field.name().as_str(), shown(Ok(value)))).collect();
            json!(fields)
        }
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
