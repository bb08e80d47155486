//! Finds the cells of a run in a store: its arm, rate and seed, from its `key.json`, those of its inputs, and the
//! `study.json` of the store's reports.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use twinset_record::{DIGESTS, Ingredients, KEY, KeyFile, Outputs};

use crate::tree::{Entry, is_key, name_of, read_json, store_of_run};

/// The stores that files lie in, each read once.
#[derive(Default)]
pub(super) struct Stores {
    read: HashMap<PathBuf, Store>,
}

/// A run's stage and key.
type Name = (String, String);

/// The contents of a store's JSON files about its runs.
#[derive(Default)]
struct Store {
    keys: HashMap<Name, Ingredients>,
    outputs: HashMap<Name, Outputs>,
    cells: HashMap<Name, Vec<Cell>>,
}

/// A cell of a study, from `study.json`. All other fields are the paths of its files.
#[derive(Clone, Deserialize)]
struct Cell {
    arm: String,
    rate: f64,
    seed: u64,
    #[serde(flatten)]
    files: HashMap<String, Value>,
}

#[derive(Deserialize)]
struct Study {
    cells: Vec<Cell>,
}

impl Stores {
    /// The arm, rate and seed of the run that a file belongs to. Each is null if it is unknown, and an array if several
    /// cells share the run.
    pub(super) fn cells(&mut self, entry: &Entry) -> [Value; 3] {
        let Some(folder) = store_of_run(entry.folder()) else { return [const { Value::Null }; 3] };
        let run = fs::canonicalize(entry.folder()).unwrap_or_else(|_| entry.folder().to_owned());
        let name = (run.parent().map(name_of).unwrap_or_default(), name_of(&run));
        let store = self.read.entry(folder).or_insert_with_key(|folder| Store::read(folder));
        let cells = store.cells.get(&name).map_or(&[][..], Vec::as_slice);
        let given = |key: &str| match store.keys.get(&name) {
            Some(ingredients) => ingredients.config.get(key).map(to_json),
            // In an old store without key.json, the manifest's provenance has it.
            None => entry.provenance()?.config.get(key).cloned(),
        };
        let of_cells = |value: fn(&Cell) -> Value| distinct(cells.iter().map(value));
        let rates = || match cells {
            [] => distinct(store.injections(&name).into_iter().filter_map(|it| it.config.get("rate").map(to_json))),
            _ => of_cells(|cell| cell.rate.into()),
        };
        [
            of_cells(|cell| cell.arm.as_str().into()),
            given("rate").unwrap_or_else(rates),
            given("seed").unwrap_or_else(|| of_cells(|cell| cell.seed.into())),
        ]
    }
}

impl Store {
    fn read(folder: &Path) -> Self {
        let mut store = Self::default();
        let mut studies: Vec<Study> = Vec::new();
        for stage in folders(folder) {
            for run in folders(&stage).filter(|run| is_key(&name_of(run))) {
                let name = (name_of(&stage), name_of(&run));
                if let Ok(KeyFile::<String> { ingredients, .. }) = read_json(&run.join(KEY)) {
                    store.keys.insert(name.clone(), ingredients);
                }
                if let Ok(outputs) = read_json(&run.join(DIGESTS)) {
                    store.outputs.insert(name, outputs);
                }
                studies.extend(read_json::<Study>(&run.join("study.json")));
            }
        }
        for cell in studies.into_iter().flat_map(|study| study.cells) {
            let paths = cell.files.values().filter_map(Value::as_str);
            let mut names: Vec<Name> = paths.filter_map(run_of).collect();
            names.sort();
            names.dedup();
            for name in names {
                store.cells.entry(name).or_default().push(cell.clone());
            }
        }
        store
    }

    /// The injections that a training's set, or an evaluation's network and leaked images, may come from.
    fn injections(&self, (stage, key): &Name) -> Vec<&Ingredients> {
        let Some(own) = self.keys.get(&(stage.clone(), key.clone())) else { return Vec::new() };
        let made = |name: &Name, digest: &str| {
            self.outputs.get(name).is_some_and(|outputs| outputs.values().any(|output| output.blake3 == digest))
        };
        let of_stage = |wanted: &'static str| self.keys.iter().filter(move |((stage, _), _)| stage == wanted);
        let with = |trainset: Option<&str>, other: Option<&str>| {
            let Some(trainset) = trainset else { return Vec::new() };
            let is_meant = |name: &Name| made(name, trainset) && other.is_none_or(|other| made(name, other));
            of_stage("inject").filter(|(name, _)| is_meant(name)).map(|(_, ingredients)| ingredients).collect()
        };
        match stage.as_str() {
            "train" => with(input(own, "--trainset"), input(own, "--injected-images")),
            "evaluate" => {
                let weights = input(own, "--weights");
                let network = of_stage("train").find(|(name, _)| weights.is_some_and(|weights| made(name, weights)));
                let trainset = network.and_then(|(_, ingredients)| input(ingredients, "--trainset"));
                with(trainset, input(own, "--leaked-images"))
            }
            _ => Vec::new(),
        }
    }
}

fn input<'a>(ingredients: &'a Ingredients, flag: &str) -> Option<&'a str> {
    ingredients.inputs.iter().find(|(name, _)| name == flag).map(|(_, digest)| digest.as_str())
}

/// Stage and key of a path such as `data/stages/train/KEY/epochs.parquet`.
fn run_of(path: &str) -> Option<Name> {
    let parts: Vec<&str> = path.split('/').collect();
    let at = parts.iter().rposition(|part| is_key(part)).filter(|at| *at > 0)?;
    Some((parts[at - 1].to_owned(), parts[at].to_owned()))
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path()).collect();
    found.sort();
    found.into_iter().filter(|path| path.is_dir() && !name_of(path).starts_with('.'))
}

fn to_json(value: &toml::Value) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Null, one value, or an array of several.
fn distinct(values: impl Iterator<Item = Value>) -> Value {
    let mut found: Vec<Value> = Vec::new();
    for value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    match found.len() {
        0 => Value::Null,
        1 => found.swap_remove(0),
        _ => {
            // Numbers are sorted as numbers, not as text.
            found.sort_by(|left, right| match (left.as_f64(), right.as_f64()) {
                (Some(left), Some(right)) => left.total_cmp(&right),
                _ => left.as_str().cmp(&right.as_str()),
            });
            found.into()
        }
    }
}
