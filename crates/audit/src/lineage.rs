//! The *lineage* of a file or an image: what it was made from, step by step, back to the source.

mod image;
mod images;
mod removal;
mod rows;
mod source;
mod twins;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};
use twinset_manifest::{Input, ManifestError, Provenance, Untyped, schema_name};

use crate::cell::SHORT_DIGEST;
use crate::tree::{Entry, Kind, Tree};

pub use image::{Subject, of_image};
pub use source::{image_of_source, of_source};

/// The most ids or rows that are listed; further ones are only counted.
const MAX_LISTED: usize = 50;

/// A step of a lineage: a file, image or run, and the steps that it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// A description for people.
    pub text: String,
    /// The same as JSON values.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// What it comes from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Step>,
}

/// Why there is no lineage.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// A manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest has no such image or position.
    #[error("`{path}` has no {what}")]
    NoRow {
        /// The manifest.
        path: String,
        /// What was asked for.
        what: String,
    },
    /// Rows are looked up by a column that the manifest does not have.
    #[error("`{path}` holds `{schema}`, which has no column `{column}`")]
    NoColumn {
        /// The manifest.
        path: String,
        /// Its schema.
        schema: String,
        /// The column.
        column: &'static str,
    },
    /// The file cannot be read.
    #[error("`{path}` is damaged: {detail}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The file does not say where it comes from.
    #[error("`{0}` does not say where it comes from")]
    NoProvenance(String),
}

impl Step {
    fn new(text: impl Into<String>, details: Value) -> Self {
        let details = if let Value::Object(details) = details { details } else { Map::new() };
        Self { text: text.into(), details, from: Vec::new() }
    }

    fn with(mut self, from: impl IntoIterator<Item = Step>) -> Self {
        self.from.extend(from);
        self
    }

    /// The missing files that stages made, each once, by name, schema and digest.
    pub fn absent(&self) -> Vec<String> {
        let mut absent = Vec::new();
        self.collect_absent(&mut absent);
        absent
    }

    fn collect_absent(&self, to: &mut Vec<String>) {
        let text = |key: &str| self.details.get(key).and_then(Value::as_str);
        // A source is not counted as missing: the stage's config names it, and it may be a folder.
        let is_of_stage = text("schema").is_some() || text("name").is_some_and(|name| name.ends_with(".safetensors"));
        if is_of_stage && self.details.get("is_absent") == Some(&Value::Bool(true)) {
            let schema = text("schema").map_or_else(String::new, |schema| format!("{schema}, "));
            let blake3 = text("blake3").unwrap_or_default();
            let blake3 = &blake3[..SHORT_DIGEST.min(blake3.len())];
            let file = format!("`{}` ({schema}BLAKE3 {blake3})", text("name").unwrap_or_default());
            if !to.contains(&file) {
                to.push(file);
            }
        }
        self.from.iter().for_each(|step| step.collect_absent(to));
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, before: &str) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for (i, step) in self.from.iter().enumerate() {
            let is_last = i + 1 == self.from.len();
            write!(f, "{before}{}", if is_last { "└─ " } else { "├─ " })?;
            step.write(f, &format!("{before}{}", if is_last { "   " } else { "│  " }))?;
        }
        Ok(())
    }
}

/// A tree of text, one step a line.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "")
    }
}

/// A file, what made it, and the files that it was made from, each followed back to files that no stage made.
///
/// # Errors
/// When the file does not say where it comes from.
pub fn of_file(tree: &Tree, entry: &Entry) -> Result<Step, LineageError> {
    if let Kind::Damaged(detail) = &entry.kind {
        return Err(LineageError::Damaged { path: entry.relative.clone(), detail: detail.clone() });
    }
    if entry.provenance().is_none() {
        return Err(LineageError::NoProvenance(entry.relative.clone()));
    }
    Ok(file(tree, entry, &mut HashSet::new()))
}

/// The lineages of the selected files in a folder, as by [`of_file`]. A file that no stage wrote is only named.
///
/// # Errors
/// When there are none.
pub fn of_folder(tree: &Tree, folder: &Path) -> Result<Step, LineageError> {
    let mut told = HashSet::new();
    let steps: Vec<Step> = tree
        .selected()
        .map(|entry| match &entry.kind {
            Kind::Damaged(detail) => {
                let text = format!("`{}` is damaged: {detail}", entry.relative);
                Step::new(text, json!({ "path": entry.relative, "detail": detail }))
            }
            _ if entry.provenance().is_none() => {
                let mut step = named(tree, entry);
                step.text += ": it does not say where it comes from";
                step
            }
            _ => file(tree, entry, &mut told),
        })
        .collect();
    let path = folder.display().to_string();
    if steps.is_empty() {
        return Err(LineageError::NoRow { path, what: "manifest".to_owned() });
    }
    let files = if steps.len() == 1 { "file" } else { "files" };
    let details = json!({ "path": path, "n_files": steps.len() });
    Ok(Step::new(format!("`{path}`: {} {files}", steps.len()), details).with(steps))
}

/// The manifest of a tree that says most about an image: a training set, else images, else predictions, else the first
/// manifest with image ids.
pub fn manifest_of_images(tree: &Tree) -> Option<&Entry> {
    let of = |schema: &str| tree.manifests().find(|(entry, _)| entry.schema().map(schema_name) == Some(schema));
    let found = ["trainset", "images", "predictions"].into_iter().find_map(of);
    let has_ids = |manifest: &Untyped| manifest.columns().column_with_name("image_id").is_some();
    found.or_else(|| tree.manifests().find(|(_, manifest)| has_ids(manifest))).map(|(entry, _)| entry)
}

/// The lineage of a file. A file whose lineage was already given is only named.
fn file<'a>(tree: &'a Tree, entry: &'a Entry, told: &mut HashSet<&'a str>) -> Step {
    let mut step = named(tree, entry);
    if !told.insert(&entry.relative) {
        step.text += " (as above)";
        return step;
    }
    let Some(provenance) = entry.provenance() else { return step };
    step.details.insert("provenance".to_owned(), json!(provenance));
    let run = Step::new(run_text(&provenance), Value::Null);
    let inputs: Vec<&Input> = provenance.inputs.iter().collect();
    step.with([run.with(origins(tree, entry, &inputs, told))])
}

/// The lineages of a file's inputs. If several shards name the same source, it is given once.
fn origins<'a>(tree: &'a Tree, entry: &Entry, inputs: &[&Input], told: &mut HashSet<&'a str>) -> Vec<Step> {
    let is_sharded = entry.manifest().is_some_and(Untyped::is_sharded);
    let is_outside = |input: &Input| is_source(input) && tree.find(&input.name, input.blake3).is_none();
    let mut outside: HashSet<&str> = HashSet::new();
    let mut steps = Vec::new();
    for input in inputs {
        if let Some(found) = tree.find(&input.name, input.blake3) {
            steps.push(file(tree, found, told));
        } else if !is_sharded || !is_source(input) {
            steps.push(absent(tree, input));
        } else if outside.insert(&input.name) {
            let n = inputs.iter().filter(|other| other.name == input.name && is_outside(other)).count();
            let mut step = absent(tree, input);
            if n > 1 {
                step.text += &format!("; with {n} digests, of what each shard was made from");
            }
            steps.push(step);
        }
    }
    steps
}

/// Whether no stage made this input. A source is named by the stage's config, and may be a folder.
fn is_source(input: &Input) -> bool {
    input.schema.is_none() && !input.name.ends_with(".safetensors")
}

/// A step with a file's path, schema and digest, and whether the file is unchanged since its run.
fn named(tree: &Tree, entry: &Entry) -> Step {
    let digest = entry.digest().map(|digest| digest.to_string()).unwrap_or_default();
    let schema = entry.schema().map_or_else(String::new, |schema| format!("{schema}, "));
    let short = &digest[..SHORT_DIGEST.min(digest.len())];
    let mut text = format!("`{}` ({schema}BLAKE3 {short})", entry.relative);
    if matches!(entry.kind, Kind::Other) {
        text += ": a source, made by no stage";
    }
    let recorded = tree.record(entry.folder()).and_then(|record| record.digest(&entry.path));
    let is_changed = recorded.is_some_and(|recorded| Ok(recorded) != entry.digest());
    if is_changed {
        text += ": changed since its run wrote it";
    }
    let details =
        json!({ "path": entry.relative, "schema": entry.schema(), "blake3": digest, "is_changed": is_changed });
    Step::new(text, details)
}

/// A step for an input that is not in the tree with the recorded bytes.
fn absent(tree: &Tree, input: &Input) -> Step {
    let Input { name, schema, blake3 } = input;
    let known = schema.as_ref().map_or_else(String::new, |schema| format!("{schema}, "));
    let other = tree.others(input).next().map(|other| other.relative.clone());
    let other = other.or_else(|| Some(tree.others_beside(input).next()?.path.display().to_string()));
    let why = match other {
        Some(other) => format!("not in the tree with these bytes, but `{other}` with others"),
        None if is_source(input) => "a source, outside of what was searched".to_owned(),
        None => "not in the tree".to_owned(),
    };
    let text = format!("`{name}` ({known}BLAKE3 {}): {why}", &blake3.to_string()[..SHORT_DIGEST]);
    Step::new(text, json!({ "name": name, "schema": schema, "blake3": blake3, "is_absent": true }))
}

/// `made by inject 0.1.0: rate 0.5, selection.kind "uniform", seed 3`
fn run_text(provenance: &Provenance) -> String {
    let mut settings = Vec::new();
    flatten("", &provenance.config, &mut settings);
    let mut settings: Vec<String> = settings.into_iter().map(|(key, value)| format!("{key} {value}")).collect();
    const MAX_SETTINGS: usize = 24;
    if settings.len() > MAX_SETTINGS {
        let n_more = settings.len() - MAX_SETTINGS;
        settings.truncate(MAX_SETTINGS);
        settings.push(format!("and {n_more} more settings"));
    }
    if let Some(seed) = provenance.seed.filter(|_| provenance.config.get("seed").is_none()) {
        settings.push(format!("seed {seed}"));
    }
    let colon = if settings.is_empty() { "" } else { ": " };
    format!("made by {} {}{colon}{}", provenance.stage, provenance.version, settings.join(", "))
}

/// A config's keys, with dots, and their values.
pub(crate) fn flatten(prefix: &str, value: &Value, to: &mut Vec<(String, Value)>) {
    let under = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| flatten(&under(key), value, to));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, value)| flatten(&under(&i.to_string()), value, to));
        }
        Value::Object(_) if prefix.is_empty() => {}
        _ => to.push((prefix.to_owned(), value.clone())),
    }
}
