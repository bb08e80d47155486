//! The audit as a page: what is here, what is wrong with it, how it came about, and what its columns hold.

mod graph;

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;
use twinset_manifest::rows::Violation;
use twinset_manifest::{ManifestError, SchemaDoc, catalog, one_line, type_name};

use crate::cell::text;
use crate::list::{list, shorten};
use crate::rules::rule;
use crate::stats::{ColumnStats, ImageStats, columns, images};
use crate::tree::{Entry, Tree};
use crate::validate::Validation;
use graph::Graph;

/// Violations that the page tells of.
const MAX_VIOLATIONS: usize = 500;
/// Manifests whose columns are counted.
const MAX_COUNTED: usize = 40;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    version: &'static str,
    style: &'static str,
    title: &'a str,
    validation: &'a Validation,
    n_violations: u64,
    checked: [String; 3],
    violations: &'a [Violation],
    manifests: Vec<Vec<String>>,
    n_bytes: String,
    graph: Graph,
    runs: Vec<Run>,
    schemas: Vec<Schema>,
    counted: Vec<Counted>,
    n_uncounted: usize,
}

/// The files that one run made.
struct Run {
    folder: String,
    made_by: String,
    seed: String,
    config: String,
    inputs: Vec<String>,
    warnings: Vec<String>,
}

struct Schema {
    doc: SchemaDoc,
    n_manifests: usize,
    columns: Vec<[String; 4]>,
    rules: Vec<String>,
}

struct Counted {
    path: String,
    n_rows: u64,
    columns: Vec<ColumnStats>,
    images: Option<ImageStats>,
}

/// The page of a tree that was validated. It asks for nothing over a network, and forbids the browser to.
///
/// # Errors
/// When a manifest cannot be read.
pub fn html(tree: &Tree, validation: &Validation, title: &str) -> Result<String, ManifestError> {
    let broken = |entry: &Entry| {
        // What cannot be read is told of as a violation, and not counted.
        validation.violations.iter().any(|found| found.path == entry.relative && found.rule.as_str() == "unreadable")
    };
    let readable: Vec<&Entry> = tree.manifests().map(|(entry, _)| entry).filter(|entry| !broken(entry)).collect();
    let mut counted = Vec::new();
    for entry in readable.iter().take(MAX_COUNTED) {
        let Some(manifest) = entry.manifest() else { continue };
        counted.push(Counted {
            path: entry.relative.clone(),
            n_rows: manifest.n_rows(),
            columns: columns(manifest)?,
            images: images(manifest)?,
        });
    }
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        style: include_str!("../templates/page.css"),
        title,
        validation,
        n_violations: validation.n_violations(),
        checked: [validation.n_manifests, validation.n_rows, validation.n_images].map(grouped),
        violations: &validation.violations[..validation.violations.len().min(MAX_VIOLATIONS)],
        manifests: shorten(list(tree).collect()).1.iter().map(|row| row.iter().map(text).collect()).collect(),
        n_bytes: size(tree.selected().map(|entry| entry.n_bytes).sum()),
        graph: Graph::of(tree),
        runs: runs(tree),
        schemas: schemas(tree),
        n_uncounted: readable.len() - counted.len(),
        counted,
    };
    Ok(page.render().expect("writing to a string does not fail"))
}

/// The runs, by folder: files of one folder, stage and config.
fn runs(tree: &Tree) -> Vec<Run> {
    let mut runs: BTreeMap<(String, String, String), Run> = BTreeMap::new();
    for entry in tree.selected() {
        let Some(provenance) = entry.provenance() else { continue };
        let folder = tree.relative(entry.folder());
        let inputs = provenance.inputs.iter().map(|input| match tree.find(&input.name, input.blake3) {
            Some(found) => found.relative.clone(),
            None => format!("{} (not here)", input.name),
        });
        let key = (folder.clone(), provenance.stage.clone(), provenance.config.to_string());
        runs.entry(key).or_insert_with(|| Run {
            folder,
            made_by: format!("{} {}", provenance.stage, provenance.version),
            seed: provenance.seed.map_or_else(String::new, |seed| seed.to_string()),
            config: serde_json::to_string_pretty(&provenance.config).unwrap_or_default(),
            inputs: inputs.collect(),
            warnings: provenance.warnings.clone(),
        });
    }
    runs.into_values().collect()
}

/// The schemas that are there, with what must hold of them.
fn schemas(tree: &Tree) -> Vec<Schema> {
    let mut schemas = Vec::new();
    for doc in catalog() {
        let n_manifests = tree.manifests().filter(|(_, manifest)| manifest.schema() == Some(doc.schema)).count();
        if n_manifests == 0 {
            continue;
        }
        let columns = doc.columns.iter().map(|column| {
            let null = if column.is_nullable { "yes" } else { "" };
            [column.name.to_owned(), type_name(&column.data_type), null.to_owned(), one_line(column.doc)]
        });
        let (columns, rules) = (columns.collect(), doc.constraints.iter().map(rule).collect());
        schemas.push(Schema { doc, n_manifests, columns, rules });
    }
    schemas
}

/// `4,593,132`
fn grouped(n: u64) -> String {
    indicatif::HumanCount(n).to_string()
}

/// `1.2 MB`
fn size(n_bytes: u64) -> String {
    match n_bytes {
        0..1_000 => format!("{n_bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", n_bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n_bytes as f64 / 1e6),
        _ => format!("{:.1} GB", n_bytes as f64 / 1e9),
    }
}

impl Counted {
    /// A value as the page shows it: short.
    fn shown(&self, value: &Value) -> String {
        const WIDTH: usize = 28;
        let text = match value.as_f64() {
            Some(number) if number.fract() != 0.0 => format!("{number:.6}"),
            _ => text(value),
        };
        if text.chars().count() <= WIDTH { text } else { text.chars().take(WIDTH - 1).chain(['…']).collect() }
    }

    fn top(&self, column: &ColumnStats) -> String {
        let top = column.top.iter().map(|(value, n)| format!("{} ({n})", self.shown(&Value::from(value.as_str()))));
        top.collect::<Vec<_>>().join(", ")
    }

    fn splits(&self, images: &ImageStats) -> Vec<&'static str> {
        let is_there = |split: &&str| images.classes.iter().any(|class| class.n_images.contains_key(*split));
        ["train", "val", "test"].into_iter().filter(is_there).collect()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1000, 4_593_132].map(super::grouped), ["0", "999", "1,000", "4,593,132"]);
    }

    #[test]
    fn a_size_has_its_unit() {
        let check = |n_bytes: u64, expected: &str| assert_eq!(super::size(n_bytes), expected);
        check(999, "999 bytes");
        check(1_500, "1.5 kB");
        check(2_300_000, "2.3 MB");
        check(4_000_000_000, "4.0 GB");
    }
}
