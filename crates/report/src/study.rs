//! A *study* as the runner describes it: arms, cells, and which manifests hold what came of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json_path::path_at;

/// What `study.json` holds. Paths are relative to the current folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// The pipeline's name.
    pub pipeline: String,
    /// What it is for, in one line.
    pub description: String,
    /// The pipeline's file, for the command that repeats the study.
    pub pipeline_file: String,
    /// The seeds that every arm and rate is run with.
    pub seeds: Vec<u64>,
    /// What was declared before the first cell ran; null where nothing tells.
    #[serde(default)]
    pub registration: Option<Registration>,
    /// The number format of all trainings, where the user chose one; null where the arms' own count.
    #[serde(default)]
    pub precision: Option<String>,
    /// The kinds of processors that trained and evaluated, as far as is known.
    #[serde(default)]
    pub processors: Vec<String>,
    /// `images` manifest.
    pub images: PathBuf,
    /// `rejects` manifest.
    pub rejects: PathBuf,
    /// `hashes` manifest.
    pub hashes: PathBuf,
    /// `pairs` manifest.
    pub pairs: PathBuf,
    /// `clusters` manifest.
    pub clusters: PathBuf,
    /// CSV of the duplicates that were planted; null where none were.
    pub truth: Option<PathBuf>,
    /// `gaussian` manifest; null where the pipeline has no Gaussian toy.
    #[serde(default)]
    pub gaussian: Option<PathBuf>,
    /// `gaussian-boundaries` manifest; null as `gaussian`.
    #[serde(default)]
    pub gaussian_boundaries: Option<PathBuf>,
    /// `gaussian-points` manifest; null as `gaussian`.
    #[serde(default)]
    pub gaussian_points: Option<PathBuf>,
    /// The conditions.
    pub arms: Vec<Arm>,
    /// One for each arm, rate and seed.
    pub cells: Vec<StudyCell>,
}

/// What was declared before the first cell ran, as the pipeline's ledger tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// BLAKE3 of the pipeline's file as it was before the first cell ran.
    pub digest: String,
    /// The same of the file as it is now.
    pub digest_now: String,
    /// Claims that were declared, or changed in what they compare, after that.
    pub exploratory: Vec<String>,
    /// The seeds that were declared; none where nothing tells.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// Seeds that were added after that.
    pub added_seeds: Vec<u64>,
}

/// A condition of a study: how duplicates are injected, how the network is trained and judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// The arm's name.
    pub name: String,
    /// Duplicates ÷ originals.
    pub rates: Vec<f64>,
    /// The arm whose rate 0 this one is compared with; null for its own.
    #[serde(default)]
    pub baseline: Option<String>,
    /// The config of `inject`.
    pub inject: Value,
    /// The config of `train`.
    pub train: Value,
    /// The config of `evaluate`.
    pub evaluate: Value,
}

impl Arm {
    /// How its networks are trained: the regime's kind.
    pub fn regime(&self) -> Option<&str> {
        self.train.get("regime")?.get("kind")?.as_str()
    }
}

/// One (arm, rate, seed), and the manifests that it came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyCell {
    /// The arm's name.
    pub arm: String,
    /// Duplicates ÷ originals.
    pub rate: f64,
    /// The seed.
    pub seed: u64,
    /// Whether it came to predictions.
    pub status: Status,
    /// The stage that failed; null where none did.
    pub failed_stage: Option<String>,
    /// Why there are no predictions; null where there are.
    pub reason: Option<String>,
    /// `trainset` manifest.
    pub trainset: Option<PathBuf>,
    /// `injected-images` manifest (schema `images/3`).
    pub injected_images: Option<PathBuf>,
    /// `leaked-images` manifest (schema `images/3`).
    #[serde(default)]
    pub leaked_images: Option<PathBuf>,
    /// `epochs` manifest.
    pub epochs: Option<PathBuf>,
    /// `learning-curve` manifest; null where the training was evaluated after epochs alone.
    #[serde(default)]
    pub learning_curve: Option<PathBuf>,
    /// The trained weights.
    pub weights: Option<PathBuf>,
    /// `predictions` manifest.
    pub predictions: Option<PathBuf>,
    /// Processor seconds that the training took, where they were measured.
    #[serde(default)]
    pub train_cpu_seconds: Option<f64>,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All its stages ran.
    Done,
    /// A stage ended with an error.
    Failed,
    /// It was not run.
    Missing,
}

/// A `study.json` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The file cannot be read.
    #[error("cannot read study `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no JSON, or a field is unknown, missing or of another type.
    #[error("study `{path}`, line {line}{field}: {message}", field = quoted(.field))]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The field's path, empty at the top.
        field: String,
        /// What was found and what was expected.
        message: String,
    },
    /// A field whose value has the right type and yet cannot be used.
    #[error("study `{path}`, `{field}`: found {found}, expected {expected}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The field's path.
        field: String,
        /// Its value.
        found: String,
        /// What it should be.
        expected: String,
    },
}

impl Arm {
    /// The name of the arm whose rate 0 it is compared with.
    pub fn baseline(&self) -> &str {
        self.baseline.as_deref().unwrap_or(&self.name)
    }

    /// Whether it is its own baseline at this rate.
    pub fn is_baseline_at(&self, rate: f64) -> bool {
        rate == 0.0 && self.baseline() == self.name
    }
}

impl Study {
    /// Reads and checks a `study.json`.
    ///
    /// # Errors
    /// Names file and field, what was found and what was expected.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| StudyError::Read { path: path.to_owned(), source })?;
        let study: Self = serde_json::from_str(&text).map_err(|error| parse_error(path, &text, &error))?;
        study.check().map_err(|(field, found, expected)| StudyError::Value {
            path: path.to_owned(),
            field,
            found,
            expected: expected.to_owned(),
        })?;
        Ok(study)
    }

    /// The cell of an arm, rate and seed and its place in the list, where it is listed.
    pub fn cell(&self, arm: &str, rate: f64, seed: u64) -> Option<(usize, &StudyCell)> {
        let is_it = |cell: &StudyCell| cell.arm == arm && cell.rate == rate && cell.seed == seed;
        self.cells.iter().enumerate().find(|(_, cell)| is_it(cell))
    }

    /// The names of claims that were declared or changed after the first cell ran.
    pub fn exploratory(&self) -> &[String] {
        self.registration.as_ref().map_or(&[], |registration| &registration.exploratory)
    }

    fn check(&self) -> Result<(), (String, String, &'static str)> {
        let unless = |is_valid: bool, field: String, found: String, expected| {
            if is_valid { Ok(()) } else { Err((field, found, expected)) }
        };
        unless(!self.seeds.is_empty(), "seeds".to_owned(), "none".to_owned(), "at least one seed")?;
        unless(!self.arms.is_empty(), "arms".to_owned(), "none".to_owned(), "at least one arm")?;
        let mut seeds = BTreeSet::new();
        for (i, seed) in self.seeds.iter().enumerate() {
            unless(seeds.insert(seed), format!("seeds[{i}]"), seed.to_string(), "each seed once")?;
        }
        let mut names = BTreeSet::new();
        for (i, arm) in self.arms.iter().enumerate() {
            unless(names.insert(&arm.name), format!("arms[{i}].name"), format!("`{}`", arm.name), "each name once")?;
            let field = || format!("arms[{i}].rates");
            unless(!arm.rates.is_empty(), field(), "none".to_owned(), "at least one rate")?;
            for (j, rate) in arm.rates.iter().enumerate() {
                unless(rate.is_finite() && *rate >= 0.0, field(), rate.to_string(), "rates of at least 0")?;
                unless(!arm.rates[..j].contains(rate), field(), format!("{rate} twice"), "each rate once")?;
            }
        }
        for (i, arm) in self.arms.iter().enumerate() {
            let field = || format!("arms[{i}].baseline");
            unless(
                names.contains(&arm.baseline().to_owned()),
                field(),
                format!("`{}`", arm.baseline()),
                "the name of an arm",
            )?;
        }
        for (i, cell) in self.cells.iter().enumerate() {
            let field = |name: &str| format!("cells[{i}].{name}");
            let arm = self.arms.iter().find(|arm| arm.name == cell.arm);
            unless(arm.is_some(), field("arm"), format!("`{}`", cell.arm), "the name of an arm")?;
            let has_rate = arm.is_some_and(|arm| arm.rates.contains(&cell.rate));
            unless(has_rate, field("rate"), cell.rate.to_string(), "a rate of its arm")?;
            unless(seeds.contains(&cell.seed), field("seed"), cell.seed.to_string(), "a seed of the study")?;
            let is_first = self.cell(&cell.arm, cell.rate, cell.seed).is_some_and(|(first, _)| first == i);
            unless(is_first, format!("cells[{i}]"), "a second one of its arm, rate and seed".to_owned(), "one")?;
            let has_predictions = cell.status != Status::Done || cell.predictions.is_some();
            unless(has_predictions, field("predictions"), "null".to_owned(), "a path, since the cell is done")?;
        }
        Ok(())
    }
}

fn parse_error(path: &Path, text: &str, error: &serde_json::Error) -> StudyError {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    let mut field = path_at(text, error.line(), error.column());
    if message.starts_with("missing field") {
        // It is missed where its object ends, after the object's last field.
        field.pop();
    }
    StudyError::Parse { path: path.to_owned(), line: error.line(), field: field.concat(), message }
}

fn quoted(field: &str) -> String {
    let field = field.trim_start_matches('.');
    if field.is_empty() { String::new() } else { format!(", `{field}`") }
}
