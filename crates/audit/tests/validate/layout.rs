//! Files of another layout: columns, schemas and provenances that are not what they should be.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field};
use twinset_manifest::rows::Rule;

use crate::study::{Runs, as_it_was, rewrite};
use crate::{check, nothing};

/// Breaks a file that nothing was made from, and writes down its new digest.
fn rewrite_recorded(
    runs: &Runs,
    (stage, name): (&str, &str),
    change: impl Fn(Vec<(Field, ArrayRef)>) -> Vec<(Field, ArrayRef)>,
    entry: impl Fn(&str, &str) -> Option<String>,
) {
    rewrite(&runs.of(stage).join(name), change, entry);
    runs.record();
}

#[test]
fn files_of_another_layout() {
    let rejects = ("ingest", "rejects.parquet");
    check(
        nothing,
        |runs| {
            let without =
                |columns: Vec<(Field, ArrayRef)>| columns.into_iter().filter(|(f, _)| f.name() != "detail").collect();
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), without, as_it_was);
        },
        Rule::Columns,
        1,
        "rejects.parquet detail: no such column, not text",
    );
    check(
        nothing,
        |runs| {
            let number = |columns: Vec<(Field, ArrayRef)>| {
                let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                    "reason" => {
                        (field.with_data_type(DataType::UInt32), Arc::new(UInt32Array::from(vec![7])) as ArrayRef)
                    }
                    _ => (field, array),
                };
                columns.into_iter().map(change).collect()
            };
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), number, as_it_was);
        },
        Rule::Columns,
        1,
        "rejects.parquet reason: uint32, not text",
    );
    check(
        nothing,
        |runs| {
            let null = |columns: Vec<(Field, ArrayRef)>| {
                let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                    "reason" => {
                        (field.with_nullable(true), arrow::array::new_null_array(array.data_type(), array.len()))
                    }
                    _ => (field, array),
                };
                columns.into_iter().map(change).collect()
            };
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), null, as_it_was);
        },
        Rule::Null,
        1,
        "rejects.parquet row 0 reason: null, not a value",
    );
    check(
        nothing,
        |runs| {
            let typo = |columns: Vec<(Field, ArrayRef)>| {
                let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                    "interval_method" => (field, Arc::new(StringArray::from(vec!["wilsom"])) as ArrayRef),
                    _ => (field, array),
                };
                columns.into_iter().map(change).collect()
            };
            rewrite_recorded(runs, ("report", "cells.parquet"), typo, as_it_was);
        },
        Rule::Value,
        1,
        "cells.parquet row 0 interval_method: `wilsom`, not one of `wilson`, `t`",
    );
    check(
        nothing,
        |runs| {
            let older =
                |key: &str, value: &str| Some(if key == "twinset.schema" { "rejects/0".into() } else { value.into() });
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), |columns| columns, older);
        },
        Rule::Schema,
        1,
        "rejects.parquet twinset.schema: rejects/0, not rejects/1",
    );
    check(
        nothing,
        |runs| {
            let without = |key: &str, value: &str| (key != "twinset.provenance").then(|| value.to_owned());
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), |columns| columns, without);
        },
        Rule::Provenance,
        1,
        "rejects.parquet twinset.provenance: it is missing, not a stage, its config and inputs",
    );
    assert_eq!(rejects.0, "ingest");
}
