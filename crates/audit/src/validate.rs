//! Checks whether manifests keep their rules: types and values of each row, consistency between rows, and consistency
//! with the files that they were made from.
//!
//! The rules of a schema are declared beside the row types, in `rows/constraints.rs` of `manifest`. This module checks
//! them. If the columns of a manifest are wrong, its rows are not checked, so that one defect is one violation.

mod absent;
mod classes;
mod clusters;
mod columns;
mod config;
mod files;
mod findings;
mod keys;
mod pixels;
mod references;
mod rows;
mod runs;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use twinset_manifest::rows::{Rule, Violation};
use twinset_manifest::{Constraint, Digest, Input, SchemaDoc, Untyped, catalog, schema_name};

use crate::tree::{Entry, Kind, Tree};
pub use absent::Absent;
use findings::Findings;
pub(crate) use references::Images;

/// What is expected of a JSON file that the runner writes.
const RUNNERS_JSON: &str = "JSON as the runner writes it";

/// What is checked, and how many violations are listed.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Whether each image is decoded and its pixels' digest compared.
    pub pixels: bool,
    /// The folder that the paths of images are relative to; without one, images that are referenced are not decoded.
    pub folder: Option<&'a Path>,
    /// The most violations that are listed for each rule and column of a manifest; the others are only counted.
    pub max_per_rule: usize,
    /// Whether a missing input is a violation.
    pub strict: bool,
}

/// What a validation found.
#[derive(Clone, Debug, Default)]
pub struct Validation {
    /// The violations, by path.
    pub violations: Vec<Violation>,
    /// How many violations are not listed.
    pub n_more: u64,
    /// Manifests that were checked.
    pub n_manifests: u64,
    /// Rows that were checked.
    pub n_rows: u64,
    /// Images that were decoded.
    pub n_images: u64,
    /// Files whose digests were taken from their runs' `digests.json`.
    pub n_believed: u64,
    /// The missing inputs of manifests.
    pub absent: Vec<Absent>,
    /// What could not be checked, and is no violation.
    pub notes: Vec<String>,
}

impl Validation {
    /// The number of violations, listed or not.
    pub fn n_violations(&self) -> u64 {
        self.violations.len() as u64 + self.n_more
    }

    fn of_run(&mut self, tree: &Tree, path: &Path, rule: Rule, found: &str, expected: &str) {
        self.violations.push(of_run(tree, path, rule, found, expected));
    }

    fn add(&mut self, findings: Findings) {
        self.n_rows += findings.n_rows;
        self.n_images += findings.n_images;
        self.n_more += findings.n_more();
        self.notes.extend(findings.notes);
        self.violations.extend(findings.violations);
    }
}

/// A violation in a file that the runner wrote.
fn of_run(tree: &Tree, path: &Path, rule: Rule, found: &str, expected: &str) -> Violation {
    let (found, expected) = (found.to_owned(), expected.to_owned());
    let path = tree.relative(path);
    Violation { path, schema: None, made_by: None, rule, row: None, image_id: None, column: None, found, expected }
}

/// Checks all selected manifests and their runs. `done` is called after each manifest.
pub fn validate(tree: &Tree, options: &Options, done: impl Fn() + Sync) -> Validation {
    let schemas = catalog();
    let files: Vec<&Entry> = tree.selected().collect();
    // The digests of all files are needed, so they are computed first, in parallel. Most are taken from `digests.json`.
    tree.files().par_iter().for_each(|entry| drop(entry.digest()));
    let mut validation = Validation::default();
    let changed = files::check_records(tree, &mut validation);
    let images = Images::new(tree);
    let checked: Vec<Findings> = files
        .par_iter()
        .map(|entry| {
            let mut findings = Findings::of(entry, options.max_per_rule);
            check_file(entry, &schemas, &images, options, &mut findings);
            clusters::check(tree, entry, &mut findings);
            done();
            findings
        })
        .collect();
    files::check_inputs(tree, &changed, &mut validation);
    runs::check(tree, &mut validation);
    absent::check_keys(tree, &mut validation);
    absent::tell(options.strict, &mut validation);
    validation.notes.extend(unchecked(tree, &files, &checked));
    for (entry, findings) in files.iter().zip(checked) {
        validation.n_manifests += u64::from(matches!(entry.kind, Kind::Manifest(_) | Kind::Damaged(_)));
        validation.add(findings);
    }
    validation.violations.sort_by(|left, right| left.path.cmp(&right.path));
    validation.notes.sort();
    validation.notes.dedup();
    validation
}

/// Notes about references that were not checked, one for each missing manifest of images.
fn unchecked(tree: &Tree, files: &[&Entry], checked: &[Findings]) -> Vec<String> {
    let mut users: BTreeMap<(&str, Digest), (&Input, Vec<&str>)> = BTreeMap::new();
    for (entry, findings) in files.iter().zip(checked) {
        for input in &findings.absent {
            let (_, users) = users.entry((&input.name, input.blake3)).or_insert_with(|| (input, Vec::new()));
            users.push(&entry.relative);
        }
    }
    let note = |(input, users): (&Input, Vec<&str>)| {
        let refer = if users.len() == 1 { "refers" } else { "refer" };
        let there = if tree.others(input).next().is_some() { " with these bytes" } else { "" };
        let Input { name, blake3, .. } = input;
        let users = words::named(&users);
        format!(
            "{users} {refer} to images of `{name}` with BLAKE3 {blake3}, which is not in the tree{there}: not checked"
        )
    };
    users.into_values().map(note).collect()
}

fn has_columns(file: &Untyped, known: &SchemaDoc) -> bool {
    let names: BTreeSet<&str> = file.columns().fields().iter().map(|field| field.name().as_str()).collect();
    names == known.columns.iter().map(|column| column.name).collect()
}

fn check_file(entry: &Entry, schemas: &[SchemaDoc], images: &Images, options: &Options, findings: &mut Findings) {
    match &entry.kind {
        Kind::Damaged(detail) => findings.of_file(Rule::Unreadable, None, detail, expected_of(entry)),
        Kind::Foreign(file) => match schemas.iter().find(|known| has_columns(file, known)) {
            // No other file has all these columns by chance, so another program must have rewritten the manifest.
            Some(known) => {
                let found = format!("the columns of `{}` without a schema", known.schema);
                findings.of_file(Rule::Schema, Some("twinset.schema"), &found, "the footer that its stage wrote");
            }
            None => findings.note(format!("`{}` is a Parquet file of no stage: not checked", entry.relative)),
        },
        Kind::Weights(_) | Kind::Other => {}
        Kind::Manifest(manifest) => {
            if let Err(error) = manifest.provenance() {
                let detail = error.to_string();
                let detail = detail.rsplit_once("`twinset.provenance`: ").map_or(detail.as_str(), |(_, detail)| detail);
                findings.of_file(
                    Rule::Provenance,
                    Some("twinset.provenance"),
                    detail,
                    "a stage, its config and inputs",
                );
            }
            let schema = manifest.schema().unwrap_or_default();
            match schemas.iter().find(|known| known.schema == schema) {
                Some(known) => check_manifest(entry, manifest, known, images, options, findings),
                None => {
                    let same_name = schemas.iter().find(|known| schema_name(known.schema) == schema_name(schema));
                    let expected = same_name.map_or("a schema of SCHEMAS.md", |known| known.schema);
                    findings.of_file(Rule::Schema, Some("twinset.schema"), schema, expected);
                }
            }
        }
    }
}

fn expected_of(damaged: &Entry) -> &'static str {
    if damaged.path.is_dir() { "all shards of one manifest" } else { "a whole Parquet file" }
}

fn check_manifest(
    entry: &Entry,
    manifest: &Untyped,
    schema: &SchemaDoc,
    images: &Images,
    options: &Options,
    findings: &mut Findings,
) {
    if !columns::check(manifest, schema, findings) {
        return;
    }
    findings.n_rows = manifest.n_rows();
    let read = rows::check(manifest, schema, findings);
    if let Err(error) = read {
        findings.of_file(Rule::Unreadable, None, &error.to_string(), "a whole Parquet file");
        return;
    }
    for constraint in schema.constraints {
        let read = match *constraint {
            Constraint::Unique(columns) => keys::check_unique(manifest, columns, findings),
            Constraint::Counted { column, from } => keys::check_counted(manifest, column, from, findings),
            Constraint::CountOf { column, by } => keys::check_count_of(manifest, column, by, findings),
            Constraint::Class { label, name } => classes::check(entry, manifest, images, (label, name), findings),
            Constraint::Refers { column, agree } => {
                references::check(entry, manifest, images, (column, agree), findings)
            }
            Constraint::Check { .. } | Constraint::OneOf { .. } | Constraint::Digest(_) => Ok(()),
        };
        if let Err(error) = read {
            findings.of_file(Rule::Unreadable, None, &error.to_string(), "a whole Parquet file");
            return;
        }
    }
    if options.pixels && schema_name(schema.schema) == "images" {
        pixels::check(manifest, options.folder, findings);
    }
}
