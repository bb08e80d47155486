//! A *stage run* is one execution of one stage program. Its *key* is the BLAKE3 of all that its outputs depend on.

use super::finished::Finished;
use crate::machine::digest::{self, Digest};
use crate::stages::Stage;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use toml::Table;

/// An input that is handed to a stage as a flag.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Such as `--images`.
    pub flag: &'static str,
    /// From the workspace's root.
    pub path: PathBuf,
    /// Of the file's bytes.
    pub digest: Digest,
}

/// A stage run, ready to be executed.
#[derive(Debug, Clone, PartialEq)]
pub struct StageRun {
    /// What runs.
    pub stage: Stage,
    /// What the run is for, in words.
    pub label: String,
    /// What its key is made of.
    pub ingredients: Ingredients,
    /// The class of the processor that it would be executed on, where that matters.
    pub processor: Option<String>,
    /// Files of earlier stages.
    pub inputs: Vec<Input>,
    /// Further arguments, such as `--device cpu`.
    pub arguments: Vec<String>,
    /// A file of the run's folder that is written before the start: name and text.
    pub prepared: Option<(String, String)>,
    /// The digest of all that the outputs depend on.
    pub key: Digest,
}

impl StageRun {
    /// What `key.json` of its folder holds.
    pub fn key_file(&self) -> KeyFile {
        let (key, ingredients, processor) = (self.key.clone(), self.ingredients.clone(), self.processor.clone());
        KeyFile { key, ingredients, processor }
    }
}

/// All that a run's outputs depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ingredients {
    /// The stage.
    pub stage: Stage,
    /// The digest of the stage's program, so that changed code never reuses a stale output.
    pub program: Digest,
    /// The digest of libtorch's library, for stages that compute with it.
    pub libtorch: Option<Digest>,
    /// The kind of device, for stages that have one: a GPU rounds differently.
    pub device: Option<String>,
    /// The processor's class or the GPU's model, where runs of another one are not to be reused.
    pub same_processor: Option<String>,
    /// Inputs by name.
    pub inputs: Vec<(String, Digest)>,
    /// The resolved config.
    pub config: Table,
}

impl Ingredients {
    /// The key of the run.
    pub fn key(&self) -> Digest {
        let Self { stage, program, libtorch, device, same_processor, inputs, config } = self;
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        let config = config_text(config);
        let mut text = format!("twinset stage run 2\nstage {stage}\nprogram {program}\n");
        let (libtorch, device, processor) = (or_none(libtorch), or_none(device), or_none(same_processor));
        let _ = writeln!(text, "libtorch {libtorch}\ndevice {device}\nprocessor {processor}");
        for (name, digest) in inputs {
            let _ = writeln!(text, "input {} {name} {digest}", name.len());
        }
        let _ = writeln!(text, "config {}\n{config}", config.len());
        digest::of_bytes(text.as_bytes())
    }
}

/// What two runs differ in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Such as ``config `optimizer.kind` ``.
    pub what: String,
    /// The other run's.
    pub there: String,
    /// This run's.
    pub here: String,
}

impl Ingredients {
    /// In what this run's key differs from that of another run of the stage.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let (here, there) = (self.named(), other.named());
        let names: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
        let value = |of: &BTreeMap<String, String>, name| of.get(name).cloned().unwrap_or_else(|| "none".to_owned());
        let differs = names.into_iter().filter(|name| here.get(*name) != there.get(*name));
        differs
            .map(|name| Difference { what: name.clone(), there: value(&there, name), here: value(&here, name) })
            .collect()
    }

    /// Each ingredient by a name that a user understands.
    fn named(&self) -> BTreeMap<String, String> {
        let Self { stage: _, program, libtorch, device, same_processor, inputs, config } = self;
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

/// As much of a digest as a person compares.
pub fn short(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

/// What `key.json` in a run's folder holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyFile {
    /// The run's key.
    pub key: Digest,
    /// What it is made of.
    #[serde(flatten)]
    pub ingredients: Ingredients,
    /// The processor's class, or the GPU's model, that it was executed on; null for stages that do not compute with libtorch.
    pub processor: Option<String>,
}

/// A config as it is written to `config.toml`: keys sorted.
pub fn config_text(config: &Table) -> String {
    toml::to_string(config).expect("a table that was read from TOML can be written as TOML")
}

/// The inputs that `stage` takes from finished runs; none, where one of these is missing.
pub fn inputs(stage: Stage, done: &BTreeMap<Stage, Finished>) -> Option<Vec<Input>> {
    let input = |(flag, from, file): &(&'static str, Stage, &str)| {
        let (path, digest) = done.get(from)?.find(file)?;
        Some(Input { flag, path, digest })
    };
    stage.inputs().iter().map(input).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ingredient_changes_the_key_and_a_file_of_them_gives_it_again() {
        let text = |text: &str| Some(text.to_owned());
        let one = Ingredients {
            stage: Stage::Train,
            program: "p".to_owned(),
            libtorch: text("t"),
            device: text("cpu"),
            same_processor: None,
            inputs: vec![("--images".to_owned(), "i".to_owned())],
            config: toml::toml! { seed = 1
            rate = 1.0 },
        };
        let others = [
            Ingredients { stage: Stage::Evaluate, ..one.clone() },
            Ingredients { program: "q".to_owned(), ..one.clone() },
            Ingredients { libtorch: text("u"), ..one.clone() },
            Ingredients { device: text("cuda"), ..one.clone() },
            Ingredients { same_processor: text("AVX2"), ..one.clone() },
            Ingredients { inputs: vec![("--images".to_owned(), "j".to_owned())], ..one.clone() },
            Ingredients { inputs: vec![], ..one.clone() },
            Ingredients {
                config: toml::toml! { seed = 2
                rate = 1.0 },
                ..one.clone()
            },
        ];
        let keys: BTreeSet<Digest> = others.iter().chain([&one]).map(Ingredients::key).collect();
        assert_eq!(keys.len(), 1 + others.len());

        let file = KeyFile { key: one.key(), ingredients: one, processor: text("AVX512") };
        let read: KeyFile = serde_json::from_str(&serde_json::to_string(&file).unwrap()).unwrap();
        assert_eq!((read.ingredients.key(), &read), (file.key.clone(), &file));
    }
}
