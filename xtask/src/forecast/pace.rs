//! The *pace* of a stage: seconds for a unit of its work, as runs on this machine took.
//!
//! A unit is one pass in train and a whole run in any other stage. Networks, regimes and precisions differ tenfold, so a pace is that
//! of runs with the same configs, in the pipeline's own ledger or else in those of other pipelines. What no ledger tells of is
//! [measured](super::calibrate), or unknown. Configs are compared key by key: what a key means is the stage's own affair.

use crate::machine::workspace::Workspace;
use crate::stages::Stage;
use crate::stages::device::Device;
use crate::store::ledger::{Entry, Ledger};
use crate::study::pipeline::Pipeline;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What is set in the configs that a run's pace depends on: `train.model = "x"`, and so on.
pub type Settings = BTreeSet<String>;

/// Runs that ended well, with what they took.
#[derive(Debug, Clone, Default)]
pub struct Measurements(Vec<Measurement>);

#[derive(Debug, Clone)]
struct Measurement {
    stage: Stage,
    device: Option<String>,
    /// None where the run's folder is gone.
    settings: Option<Settings>,
    ledger: PathBuf,
    seconds: f64,
    n_units: f64,
}

/// Seconds for a unit of work, and how that is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pace {
    /// Seconds a pass in train, a run in other stages.
    pub seconds: f64,
    /// What was measured.
    pub basis: Basis,
    /// Of how many runs it is the mean.
    pub n_runs: usize,
    /// Where these stand.
    pub ledgers: Vec<PathBuf>,
    /// Height and width of the images, where a training was measured for it.
    pub image_size: Option<u32>,
}

impl Pace {
    /// A pace that no ledger tells of.
    pub fn measured(basis: Basis, seconds: f64, image_size: Option<u32>) -> Self {
        Self { seconds, basis, n_runs: 0, ledgers: vec![], image_size }
    }
}

/// What a pace was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Runs with the same configs.
    Same,
    /// Some batches of such a training, without a run.
    Batches,
    /// The training of the network that is evaluated.
    OfTraining,
}

/// The paces of a pipeline's stages, by stage and arm; no arm for the stages that run once.
#[derive(Debug, Clone, Default)]
pub struct Paces(BTreeMap<(Stage, Option<usize>), Option<Pace>>);

impl Paces {
    /// The paces of all stages of a pipeline.
    pub fn of(pipeline: &Pipeline, device: Device, own_ledger: &Path, measurements: &Measurements) -> Self {
        let pace =
            |stage, configs: &[(Stage, &Table)]| measurements.pace(stage, &settings(configs), device, own_ledger);
        let mut paces = BTreeMap::new();
        let none = Table::new();
        for (stage, config) in [
            (Stage::Ingest, Some(&pipeline.ingest)),
            (Stage::Neardup, pipeline.neardup.as_ref()),
            (Stage::Report, pipeline.report.as_ref()),
        ] {
            paces.insert((stage, None), pace(stage, &[(stage, config.unwrap_or(&none))]));
        }
        for (place, arm) in pipeline.arms.iter().enumerate() {
            for stage in Stage::OF_CELL {
                let own = (stage, arm.table(stage));
                // How long an attack takes is up to the network that train makes.
                let configs = if stage == Stage::Evaluate { vec![own, (Stage::Train, &arm.train)] } else { vec![own] };
                paces.insert((stage, Some(place)), pace(stage, &configs));
            }
        }
        Self(paces)
    }

    /// The pace of a stage; of an arm's, where it is a cell's.
    pub fn get(&self, stage: Stage, arm: Option<usize>) -> Option<&Pace> {
        self.0.get(&(stage, arm))?.as_ref()
    }

    /// Sets the pace of an arm's stage.
    pub fn set(&mut self, stage: Stage, arm: usize, pace: Pace) {
        self.0.insert((stage, Some(arm)), Some(pace));
    }
}

impl Measurements {
    /// All that the ledgers in the workspace's reports say.
    pub fn read(workspace: &Workspace) -> Self {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(workspace.reports()).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        folders.sort();
        let of_ledger = |folder: PathBuf| {
            let ledger = Ledger::of(&folder);
            measured(workspace, workspace.relative(ledger.path()), &ledger.read())
        };
        Self(folders.into_iter().flat_map(of_ledger).collect())
    }

    fn pace(&self, stage: Stage, settings: &Settings, device: Device, own_ledger: &Path) -> Option<Pace> {
        let is_on_device =
            |measured: &Measurement| !stage.has_device() || measured.device.as_deref() == Some(device.name());
        let is_same = |measured: &&Measurement| {
            measured.stage == stage && is_on_device(measured) && measured.settings.as_ref() == Some(settings)
        };
        let mut chosen: Vec<&Measurement> = self.0.iter().filter(is_same).collect();
        if chosen.is_empty() {
            return None;
        }
        if chosen.iter().any(|measured| measured.ledger == own_ledger) {
            chosen.retain(|measured| measured.ledger == own_ledger);
        }
        let mut ledgers: Vec<PathBuf> = chosen.iter().map(|measured| measured.ledger.clone()).collect();
        ledgers.dedup();
        let sum = |value: fn(&Measurement) -> f64| chosen.iter().map(|measured| value(measured)).sum::<f64>();
        let seconds = sum(|measured| measured.seconds) / sum(|measured| measured.n_units);
        Some(Pace { seconds, basis: Basis::Same, n_runs: chosen.len(), ledgers, image_size: None })
    }
}

/// The runs of a ledger that ended well, each with the time of all its starts.
fn measured(workspace: &Workspace, ledger: &Path, entries: &[Entry]) -> Vec<Measurement> {
    let mut spent: BTreeMap<&str, f64> = BTreeMap::new();
    let mut measurements = Vec::new();
    for entry in entries {
        *spent.entry(&entry.key).or_default() += entry.wall_s;
        let Some(stage) = Stage::ALL.into_iter().find(|stage| stage.name() == entry.stage) else { continue };
        if !entry.is_success() {
            continue;
        }
        let seconds = spent.remove(entry.key.as_str()).unwrap_or(entry.wall_s);
        let n_units = if stage == Stage::Train { entry.n_forward_backward_passes.unwrap_or(0) as f64 } else { 1.0 };
        if n_units > 0.0 {
            let device = entry.argument("--device").map(str::to_owned);
            let settings = settings_of(workspace, stage, entry);
            measurements.push(Measurement { stage, device, settings, ledger: ledger.to_owned(), seconds, n_units });
        }
    }
    measurements
}

/// What was set for a run, as the configs beside its outputs say.
fn settings_of(workspace: &Workspace, stage: Stage, entry: &Entry) -> Option<Settings> {
    let config = |folder: &Path| fs::read_to_string(folder.join("config.toml")).ok()?.parse::<Table>().ok();
    let own = config(&workspace.stages().join(stage.name()).join(&entry.key))?;
    let Some(weights) = entry.argument("--weights") else { return Some(settings(&[(stage, &own)])) };
    let train = config(workspace.root().join(weights).parent()?)?;
    Some(settings(&[(stage, &own), (Stage::Train, &train)]))
}

/// What of these configs a pace depends on.
pub fn settings(configs: &[(Stage, &Table)]) -> Settings {
    let mut settings = Settings::new();
    for (stage, config) in configs {
        // What the runner sets for each cell, and how long a training is: its pace is that of a pass.
        for (key, value) in config.iter().filter(|(key, _)| !["seed", "rate", "budget"].contains(&key.as_str())) {
            collect(&format!("{stage}.{key}"), value, &mut settings);
        }
    }
    settings
}

fn collect(path: &str, value: &Value, settings: &mut Settings) {
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| collect(&format!("{path}.{key}"), value, settings)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| collect(&format!("{path}.{i}"), value, settings));
        }
        value => drop(settings.insert(format!("{path} = {value}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(config: Option<&Table>, ledger: &str, seconds: f64, n_units: f64) -> Measurement {
        let settings = config.map(|config| settings(&[(Stage::Train, config)]));
        let (stage, device, ledger) = (Stage::Train, Some("cpu".to_owned()), PathBuf::from(ledger));
        Measurement { stage, device, settings, ledger, seconds, n_units }
    }

    #[test]
    fn a_pace_is_of_the_same_training_here_then_elsewhere_and_of_no_other() {
        let standard = toml::toml! { model = "a" regime.kind = "standard" batch-size = 64 seed = 1 };
        let robust = toml::toml! { model = "b" regime.kind = "pgd" regime.n-steps = 7 batch-size = 64 };
        let longer =
            toml::toml! { model = "b" regime.kind = "pgd" regime.n-steps = 7 batch-size = 64 budget.epochs = 9 };
        let stronger = toml::toml! { model = "b" regime.kind = "pgd" regime.n-steps = 9 batch-size = 64 };
        let brain = toml::toml! { model = "a" regime.kind = "standard" batch-size = 64 precision = "bfloat16" };
        let (own, other) = ("reports/own/ledger.jsonl", "reports/other/ledger.jsonl");
        let all = Measurements(vec![
            measurement(Some(&standard), own, 1.0, 100.0),
            measurement(Some(&standard), own, 5.0, 100.0),
            measurement(Some(&standard), other, 50.0, 100.0),
            measurement(Some(&robust), other, 20.0, 100.0),
            measurement(None, other, 24.0, 100.0),
        ]);
        let check = |measurements: &Measurements, config: &Table, expected: Option<(f64, Basis, usize, &str)>| {
            let settings = settings(&[(Stage::Train, config)]);
            let found = measurements.pace(Stage::Train, &settings, Device::Cpu, Path::new(own));
            let found = found.map(|pace| (pace.seconds, pace.basis, pace.n_runs, pace.ledgers));
            assert_eq!(found, expected.map(|(seconds, basis, n, ledger)| (seconds, basis, n, vec![ledger.into()])));
        };
        check(&all, &standard, Some((0.03, Basis::Same, 2, own)));
        check(&all, &robust, Some((0.2, Basis::Same, 1, other)));
        check(&all, &longer, Some((0.2, Basis::Same, 1, other)));
        check(&all, &stronger, None);
        check(&all, &brain, None);
        check(&Measurements::default(), &standard, None);
        let settings = settings(&[(Stage::Train, &standard)]);
        assert_eq!(all.pace(Stage::Train, &settings, Device::Cuda, Path::new(own)), None, "of another device");
    }
}
