//! A *stage run* is one execution of one stage program. Its *key* is the BLAKE3 of all that its outputs depend on.

use super::finished::Finished;
use crate::machine::digest::Digest;
use crate::stages::Stage;
use std::collections::BTreeMap;
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
    /// The resolved config.
    pub config: Table,
    /// Files of earlier stages.
    pub inputs: Vec<Input>,
    /// Further arguments, such as `--device cpu`.
    pub arguments: Vec<String>,
    /// A file of the run's folder that is written before the start: name and text.
    pub prepared: Option<(String, String)>,
    /// The digest of all that the outputs depend on.
    pub key: Digest,
}

/// All that a run's outputs depend on.
#[derive(Debug)]
pub struct Ingredients<'a> {
    /// The digest of the stage's program, so that changed code never reuses a stale output.
    pub program: &'a str,
    /// The resolved config.
    pub config: &'a Table,
    /// Inputs by name.
    pub inputs: Vec<(&'a str, &'a str)>,
    /// The kind of device, for stages that have one: a GPU rounds differently.
    pub device: Option<&'a str>,
}

/// The key of a run of `stage` from `ingredients`.
pub fn key(stage: Stage, ingredients: &Ingredients<'_>) -> Digest {
    let config = config_text(ingredients.config);
    let mut text = format!("twinset stage run 1\nstage {stage}\nprogram {}\n", ingredients.program);
    let _ = writeln!(text, "device {}", ingredients.device.unwrap_or("none"));
    for (name, digest) in &ingredients.inputs {
        let _ = writeln!(text, "input {} {name} {digest}", name.len());
    }
    let _ = writeln!(text, "config {}\n{config}", config.len());
    blake3::hash(text.as_bytes()).to_hex().to_string()
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
    fn every_ingredient_changes_the_key() {
        let (one, two) = (toml::toml! { seed = 1 }, toml::toml! { seed = 2 });
        let of = |stage, program, config, inputs, device| key(stage, &Ingredients { program, config, inputs, device });
        let keys = [
            of(Stage::Train, "p", &one, vec![("--images", "i")], Some("cpu")),
            of(Stage::Evaluate, "p", &one, vec![("--images", "i")], Some("cpu")),
            of(Stage::Train, "q", &one, vec![("--images", "i")], Some("cpu")),
            of(Stage::Train, "p", &two, vec![("--images", "i")], Some("cpu")),
            of(Stage::Train, "p", &one, vec![("--images", "j")], Some("cpu")),
            of(Stage::Train, "p", &one, vec![("--images", "i")], Some("cuda")),
            of(Stage::Train, "p", &one, vec![], Some("cpu")),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key), "{i}");
        }
        assert_eq!(keys[0], of(Stage::Train, "p", &one, vec![("--images", "i")], Some("cpu")));
    }
}
