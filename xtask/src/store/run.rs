//! A *stage run* is one execution of one stage program. Its *key* is the BLAKE3 of everything that its outputs depend
//! on.

use super::finished::Finished;
use crate::machine::digest::Digest;
use crate::stages::Stage;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use toml::Table;
pub use twinset_record::config_text;

/// An input that is given to a stage by a flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Such as `--images`.
    pub flag: &'static str,
    /// Its path, relative to the workspace's root.
    pub path: PathBuf,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// A stage run, ready to be executed.
#[derive(Debug, Clone, PartialEq)]
pub struct StageRun {
    /// The stage.
    pub stage: Stage,
    /// A text that says what the run is for.
    pub label: String,
    /// What its key is computed from.
    pub ingredients: Ingredients,
    /// The class of the processor that it would run on; none for stages that do not use libtorch.
    pub processor: Option<String>,
    /// Files of earlier stages.
    pub inputs: Vec<Input>,
    /// Further arguments, such as `--device cpu`.
    pub arguments: Vec<String>,
    /// Name and text of a file that is written to the run's folder before the start.
    pub prepared: Option<(String, String)>,
    /// The digest of everything that the outputs depend on.
    pub key: Digest,
}

impl StageRun {
    /// What `key.json` of its folder holds.
    pub fn key_file(&self) -> KeyFile {
        let (key, ingredients, processor) = (self.key.clone(), self.ingredients.clone(), self.processor.clone());
        KeyFile { key, ingredients, processor }
    }
}

/// Everything that a run's outputs depend on.
pub type Ingredients = twinset_record::Ingredients<Stage>;

/// What `key.json` in a run's folder holds.
pub type KeyFile = twinset_record::KeyFile<Stage>;

/// One difference between two runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// What differs, such as ``config `optimizer.kind` ``.
    pub what: String,
    /// The other run's value.
    pub there: String,
    /// This run's value.
    pub here: String,
}

/// The differences between what this run's key and another run's key are computed from.
pub fn differences(here: &Ingredients, there: &Ingredients) -> Vec<Difference> {
    let (here, there) = (named(here), named(there));
    let names: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name| of.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    let differs = names.into_iter().filter(|name| here.get(*name) != there.get(*name));
    differs
        .map(|name| Difference { what: name.clone(), there: value(&there, name), here: value(&here, name) })
        .collect()
}

/// Each ingredient by a name that a user understands.
fn named(ingredients: &Ingredients) -> BTreeMap<String, String> {
    let Ingredients { stage: _, program, libtorch, device, same_processor, inputs, config } = ingredients;
    let mut named = BTreeMap::from([("program".to_owned(), short(program).to_owned())]);
    let optional = [
        ("libtorch", libtorch.as_deref().map(short)),
        ("device", device.as_deref()),
        ("processor", same_processor.as_deref()),
    ];
    named.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
    named.extend(inputs.iter().map(|(name, digest)| (format!("input `{name}`"), short(digest).to_owned())));
    flatten(config, "", &mut named);
    named
}

/// The keys of a config with their values, as `optimizer.kind`.
fn flatten(table: &Table, before: &str, named: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = format!("{before}{key}");
        match value {
            toml::Value::Table(table) => flatten(table, &format!("{path}."), named),
            value => drop(named.insert(format!("config `{path}`"), value.to_string())),
        }
    }
}

/// The first characters of a digest, enough for a person to compare.
pub fn short(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

/// The inputs that `stage` takes from finished runs; none if one of these is missing.
pub fn inputs(stage: Stage, done: &BTreeMap<Stage, Finished>) -> Option<Vec<Input>> {
    let input = |(flag, from, file): &(&'static str, Stage, &str)| {
        let (path, digest) = done.get(from)?.find(file)?;
        Some(Input { flag, path, digest })
    };
    stage.inputs().iter().map(input).collect()
}
