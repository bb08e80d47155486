//! The *findings* of one manifest: its violations, told up to a number for each rule and column, and what was not checked.

use std::collections::BTreeMap;
use std::fmt::Display;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use twinset_manifest::Input;
use twinset_manifest::rows::{Rule, Violation};

use crate::tree::Entry;

/// What is found of one file.
#[derive(Debug)]
pub(crate) struct Findings {
    path: String,
    schema: Option<String>,
    made_by: Option<String>,
    max_per_rule: usize,
    counts: BTreeMap<(Rule, Option<String>), u64>,
    pub(super) violations: Vec<Violation>,
    pub(super) notes: Vec<String>,
    /// Images that it refers to and that are not there.
    pub(super) absent: Vec<Input>,
    pub(super) n_rows: u64,
    pub(super) n_images: u64,
}

/// A row that is to blame.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) row: u64,
    pub(super) image_id: Option<u64>,
}

impl At {
    /// A row of a batch whose first is the manifest's `first`.
    pub(super) fn of(batch: &RecordBatch, first: u64, row: usize) -> Self {
        let ids = batch.column_by_name("image_id").and_then(|ids| ids.as_primitive_opt::<UInt64Type>());
        let image_id = ids.filter(|ids| ids.is_valid(row)).map(|ids| ids.value(row));
        Self { row: first + row as u64, image_id }
    }
}

impl Findings {
    pub(super) fn of(entry: &Entry, max_per_rule: usize) -> Self {
        Self {
            path: entry.relative.clone(),
            schema: entry.schema().map(str::to_owned),
            made_by: entry.made_by(),
            max_per_rule,
            counts: BTreeMap::new(),
            violations: Vec::new(),
            notes: Vec::new(),
            absent: Vec::new(),
            n_rows: 0,
            n_images: 0,
        }
    }

    /// The file, from the folder that is audited.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A rule that the file as a whole breaks.
    pub(super) fn of_file(&mut self, rule: Rule, column: Option<&str>, found: &str, expected: &str) {
        self.add(rule, column, None, || (found.to_owned(), expected.to_owned()));
    }

    /// A rule that a row breaks; `what` says what was found and what was expected.
    pub(super) fn of_row<F: Display, E: Display>(
        &mut self,
        rule: Rule,
        column: &str,
        at: At,
        what: impl FnOnce() -> (F, E),
    ) {
        self.add(rule, Some(column), Some(at), || {
            let (found, expected) = what();
            (found.to_string(), expected.to_string())
        });
    }

    fn add(&mut self, rule: Rule, column: Option<&str>, at: Option<At>, what: impl FnOnce() -> (String, String)) {
        let count = self.counts.entry((rule, column.map(str::to_owned))).or_default();
        *count += 1;
        if *count > self.max_per_rule as u64 {
            return;
        }
        let (found, expected) = what();
        self.violations.push(Violation {
            path: self.path.clone(),
            schema: self.schema.clone(),
            made_by: self.made_by.clone(),
            rule,
            row: at.map(|at| at.row),
            image_id: at.and_then(|at| at.image_id),
            column: column.map(str::to_owned),
            found,
            expected,
        });
    }

    /// What was not checked, and is no violation.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Its references to these images were not checked.
    pub(super) fn unchecked(&mut self, images: Input) {
        if !self.absent.contains(&images) {
            self.absent.push(images);
        }
    }

    /// How many violations are counted and not told.
    pub(super) fn n_more(&self) -> u64 {
        self.counts.values().sum::<u64>() - self.violations.len() as u64
    }
}
