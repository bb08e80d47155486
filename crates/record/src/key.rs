//! `key.json`: the ingredients from which a run's key is computed.

use std::fmt::{Display, Write};

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::{Digest, digest};

/// Everything that a run's outputs depend on. `S` is the type of the stage: a text, or the runner's own enum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ingredients<S = String> {
    /// The stage.
    pub stage: S,
    /// The digest of the stage's program, so that a run of changed code has another key.
    pub program: Digest,
    /// The digest of libtorch's library, for stages that compute with it.
    pub libtorch: Option<Digest>,
    /// The kind of device, for stages that have one: a GPU rounds differently.
    pub device: Option<String>,
    /// The processor's class or the GPU's model, if runs on another one must not be reused (`--same-processor`).
    pub same_processor: Option<String>,
    /// The inputs' names and digests. A name is the flag that takes an earlier stage's output, or the path of another
    /// file.
    pub inputs: Vec<(String, Digest)>,
    /// The resolved config.
    pub config: Table,
}

impl<S: Display> Ingredients<S> {
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
        digest(text.as_bytes())
    }
}

/// What `key.json` in a run's folder holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyFile<S = String> {
    /// The run's key.
    pub key: Digest,
    /// What the key is computed from.
    #[serde(flatten)]
    pub ingredients: Ingredients<S>,
    /// The processor's class, or the GPU's model, that the run was executed on. Null for stages that do not use
    /// libtorch.
    pub processor: Option<String>,
}

/// The text of a config in `config.toml`, with its keys sorted.
pub fn config_text(config: &Table) -> String {
    toml::to_string(config).expect("a table that was read from TOML can be written as TOML")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ingredient_changes_the_key_and_a_file_of_them_gives_it_again() {
        let text = |text: &str| Some(text.to_owned());
        let one = Ingredients {
            stage: "train".to_owned(),
            program: "p".to_owned(),
            libtorch: text("t"),
            device: text("cpu"),
            same_processor: None,
            inputs: vec![("--images".to_owned(), "i".to_owned())],
            config: toml::toml! { seed = 1
            rate = 1.0 },
        };
        let others = [
            Ingredients { stage: "evaluate".to_owned(), ..one.clone() },
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

    /// If this text changes, the keys of all runs change, and all stores are computed again.
    #[test]
    fn a_key_is_the_digest_of_this_text() {
        let ingredients = Ingredients {
            stage: "inject",
            program: "p".to_owned(),
            libtorch: None,
            device: None,
            same_processor: None,
            inputs: vec![("--images".to_owned(), "i".to_owned())],
            config: toml::toml! { seed = 2
            rate = 1.0 },
        };
        let text = "twinset stage run 2\nstage inject\nprogram p\nlibtorch none\ndevice none\nprocessor none\n\
                    input 8 --images i\nconfig 20\nrate = 1.0\nseed = 2\n\n";
        assert_eq!(ingredients.key(), digest(text.as_bytes()));
    }
}
