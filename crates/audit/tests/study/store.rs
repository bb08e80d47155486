//! The store of a sound study, with what the runner writes down of each run's key.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use twinset_manifest::Untyped;
use twinset_record::{Ingredients, KeyFile, config_text};

use super::{STAGES, Study, record};

/// A sound study as a runner leaves it today: each run has a `key.json` and a `config.toml`, and is called as its key.
pub(crate) struct Store {
    pub(crate) root: TempDir,
    keys: BTreeMap<&'static str, String>,
}

impl Store {
    pub(crate) fn sound() -> Self {
        Self::of(&Study::sound(), "1")
    }

    /// Of other programs, where `build` is another.
    pub(crate) fn of(study: &Study, build: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let runs = study.write(root.path());
        let mut keys = BTreeMap::new();
        for (stage, _) in STAGES {
            let folder = runs.of(stage);
            let mut files: Vec<_> = fs::read_dir(&folder).unwrap().flatten().map(|file| file.path()).collect();
            files.sort();
            let provenance = files.iter().find_map(|file| Untyped::open(file).ok()?.provenance().ok()).unwrap();
            let inputs = provenance.inputs.iter().map(|input| {
                let name = match stage {
                    "ingest" | "report" => format!("from/{}", input.name),
                    _ => format!("--{}", input.name.split('.').next().unwrap().replace("model", "weights")),
                };
                (name, input.blake3.to_string())
            });
            let device = ["train", "evaluate"].contains(&stage).then(|| "cpu".to_owned());
            let ingredients = Ingredients {
                stage: stage.to_owned(),
                program: blake3::hash(format!("{stage} {build}").as_bytes()).to_string(),
                libtorch: device.as_ref().map(|_| "0".repeat(64)),
                device,
                same_processor: None,
                inputs: inputs.collect(),
                config: serde_json::from_value(provenance.config).unwrap(),
            };
            fs::write(folder.join("config.toml"), config_text(&ingredients.config)).unwrap();
            let key = write_key(&folder, ingredients);
            fs::rename(&folder, folder.with_file_name(&key)).unwrap();
            keys.insert(stage, key);
        }
        Self { root, keys }
    }

    /// The key of a stage's run.
    pub(crate) fn key(&self, stage: &str) -> &str {
        &self.keys[stage]
    }

    /// The folder of a stage's run.
    pub(crate) fn of_stage(&self, stage: &str) -> PathBuf {
        self.root.path().join("stages").join(stage).join(&self.keys[stage])
    }

    /// Adds a run with these inputs and this config, whose outputs are written by `write`; tells its folder.
    pub(crate) fn add_run(
        &self,
        stage: &str,
        inputs: &[(&str, String)],
        config: &str,
        write: impl FnOnce(&Path),
    ) -> PathBuf {
        let folder = self.root.path().join("stages").join(stage).join("new.partial");
        fs::create_dir(&folder).unwrap();
        write(&folder);
        let key = write_key(
            &folder,
            Ingredients {
                stage: stage.to_owned(),
                program: "3".repeat(64),
                libtorch: None,
                device: None,
                same_processor: None,
                inputs: inputs.iter().map(|(name, digest)| ((*name).to_owned(), digest.clone())).collect(),
                config: config.parse().unwrap(),
            },
        );
        record(&folder);
        let named = folder.with_file_name(key);
        fs::rename(folder, &named).unwrap();
        named
    }

    /// Puts the runs of another store beside those of this one.
    pub(crate) fn add(&self, other: &Self) {
        for (stage, _) in STAGES {
            let from = other.of_stage(stage);
            let to = self.root.path().join("stages").join(stage).join(other.key(stage));
            if !to.exists() {
                fs::rename(from, to).unwrap();
            }
        }
    }
}

/// Writes `key.json` of these ingredients and tells the key.
pub(crate) fn write_key(folder: &Path, ingredients: Ingredients) -> String {
    let file = KeyFile { key: ingredients.key(), ingredients, processor: None };
    fs::write(folder.join("key.json"), serde_json::to_vec_pretty(&file).unwrap()).unwrap();
    file.key
}
