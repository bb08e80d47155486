//! What holds of each row by itself: nulls, texts, digests, and the checks that are SQL.

use std::str::FromStr;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use polars::prelude::{Expr, IntoLazy, Schema as SqlSchema};
use polars::sql::sql_expr;
use twinset_manifest::rows::Rule;
use twinset_manifest::{Constraint, Digest, ManifestError, SchemaDoc, Untyped};

use super::Findings;
use super::findings::At;
use crate::cell::{cell, text};
use crate::frame::frame;

const BATCH_ROWS: usize = 8192;

/// A check as it is evaluated.
struct Check {
    rule: Rule,
    column: &'static str,
    holds: &'static str,
    expression: Expr,
}

/// Checks all rows, batch by batch; bytes are not read.
pub(super) fn check(manifest: &Untyped, schema: &SchemaDoc, findings: &mut Findings) -> Result<(), ManifestError> {
    let checks: Vec<Check> = schema.constraints.iter().filter_map(compiled).collect();
    let columns: Vec<&str> = schema.columns.iter().filter(|c| is_plain(&c.data_type)).map(|c| c.name).collect();
    let mut first = 0;
    for batch in manifest.batches(Some(&columns), BATCH_ROWS)? {
        let batch = batch?;
        check_nulls(&batch, first, schema, findings);
        for constraint in schema.constraints {
            match *constraint {
                Constraint::OneOf { column, values } => {
                    let values = values();
                    let expected = || format!("one of `{}`", values.join("`, `"));
                    check_text(&batch, first, column, |text| values.contains(&text), expected, findings);
                }
                Constraint::Digest(column) => {
                    let expected = || "64 hexadecimal digits".to_owned();
                    check_text(&batch, first, column, |text| Digest::from_str(text).is_ok(), expected, findings);
                }
                _ => {}
            }
        }
        check_sql(&batch, first, &checks, findings);
        first += batch.num_rows() as u64;
    }
    Ok(())
}

fn is_plain(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::Struct(_) | DataType::Binary)
}

fn compiled(constraint: &Constraint) -> Option<Check> {
    let Constraint::Check { rule, column, holds } = *constraint else { return None };
    let expression = sql_expr(holds).expect("a constraint is SQL, which a test makes sure of");
    Some(Check { rule, column, holds, expression })
}

fn check_nulls(batch: &RecordBatch, first: u64, schema: &SchemaDoc, findings: &mut Findings) {
    for column in schema.columns.iter().filter(|column| !column.is_nullable) {
        let Some(array) = batch.column_by_name(column.name).filter(|array| array.null_count() > 0) else { continue };
        for row in (0..array.len()).filter(|&row| array.is_null(row)) {
            findings.of_row(Rule::Null, column.name, At::of(batch, first, row), || ("null", "a value"));
        }
    }
}

fn check_text(
    batch: &RecordBatch,
    first: u64,
    column: &str,
    is_valid: impl Fn(&str) -> bool,
    expected: impl Fn() -> String,
    findings: &mut Findings,
) {
    let Some(texts) = batch.column_by_name(column).and_then(|array| array.as_string_opt::<i32>()) else { return };
    for (row, text) in texts.iter().enumerate() {
        if let Some(text) = text.filter(|text| !is_valid(text)) {
            findings.of_row(Rule::Value, column, At::of(batch, first, row), || (format!("`{text}`"), expected()));
        }
    }
}

/// Evaluates all checks at once; a row breaks one where it is false.
fn check_sql(batch: &RecordBatch, first: u64, checks: &[Check], findings: &mut Findings) {
    if checks.is_empty() || batch.num_rows() == 0 {
        return;
    }
    let named = checks.iter().enumerate().map(|(i, check)| check.expression.clone().alias(i.to_string()));
    let held =
        frame(batch, &SqlSchema::default()).and_then(|rows| rows.lazy().select(named.collect::<Vec<_>>()).collect());
    let held = held.expect("the columns are the schema's, and so a test makes sure that the checks can be evaluated");
    for (i, check) in checks.iter().enumerate() {
        let column = held.column(&i.to_string()).and_then(|column| column.bool().cloned());
        let column = column.expect("a check is true or false");
        for (row, holds) in column.iter().enumerate() {
            if holds == Some(false) {
                let value = batch.column_by_name(check.column).map(|array| text(&cell(array.as_ref(), row)));
                let value = value.filter(|text| !text.is_empty()).unwrap_or_else(|| "null".to_owned());
                findings.of_row(check.rule, check.column, At::of(batch, first, row), || (value, check.holds));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, new_null_array};
    use arrow::datatypes::{Field, Schema};
    use twinset_manifest::catalog;

    use super::*;

    /// What the `expect`s above rely on.
    #[test]
    fn every_check_is_sql_over_its_schemas_columns() {
        let mut n_checks = 0;
        for schema in catalog() {
            let plain = schema.columns.iter().filter(|column| is_plain(&column.data_type));
            let fields: Vec<_> = plain.map(|column| Field::new(column.name, column.data_type.clone(), true)).collect();
            let arrays = fields.iter().map(|field| new_null_array(field.data_type(), 2)).collect();
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
            for check in schema.constraints.iter().filter_map(compiled) {
                let held = frame(&batch, &SqlSchema::default())
                    .unwrap()
                    .lazy()
                    .select([check.expression.alias("holds")])
                    .collect();
                let held = held.unwrap_or_else(|error| panic!("{}: `{}`: {error}", schema.schema, check.holds));
                assert!(held.column("holds").unwrap().bool().is_ok(), "{}: `{}`", schema.schema, check.holds);
                n_checks += 1;
            }
        }
        assert!(n_checks > 40, "{n_checks}");
    }
}
