//! A *track* is a sequence of stages, each of which needs what the ones before it made.
//!
//! The key of a later stage is known when its inputs exist, so a track says one run at a time.

use super::cell::Cell;
use super::pipeline::Pipeline;
use crate::machine::digest::{Digest, SourceDigests};
use crate::stages::Stage;
use crate::stages::ask::Asker;
use crate::stages::device::Machine;
use crate::stages::programs::Programs;
use crate::store::run::{self, Ingredients, Input, StageRun};
use crate::store::{Finished, Store};
use anyhow::Result;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The stages of one cell, or those that a study runs once.
#[derive(Debug, Clone)]
pub struct Track {
    /// What it is for, in words.
    pub label: String,
    /// The cell, where it is one's.
    pub cell: Option<Cell>,
    /// What is to be done, in order.
    pub stages: &'static [Stage],
    /// What is done, of this track and of those before it.
    pub done: BTreeMap<Stage, Finished>,
    /// Why it ended early.
    pub failure: Option<Failure>,
    /// What report is told, where the track ends with it.
    pub study: Option<Study>,
}

/// A run that went wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Whose.
    pub stage: Stage,
    /// The last error line of the log.
    pub reason: String,
    /// What it printed, from the workspace's root.
    pub log: PathBuf,
}

/// A study's state, as report reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The text of `study.json`.
    pub text: String,
    /// The same without what trainings cost, by which a report is found again: the same results have one report.
    pub identity: String,
    /// Every file that it names, with its digest.
    pub files: BTreeMap<String, Digest>,
}

/// How far a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All its stages are done.
    Done,
    /// A stage went wrong at its last start.
    Failed,
    /// Some stage has not run.
    Missing,
}

impl Track {
    /// The stages before all cells.
    pub fn shared(pipeline: &Pipeline) -> Self {
        Self::new("shared".to_owned(), pipeline.shared_stages(), BTreeMap::new())
    }

    /// The stages of a cell, after the shared ones.
    pub fn of_cell(cell: Cell, shared: &BTreeMap<Stage, Finished>) -> Self {
        Self { cell: Some(cell.clone()), ..Self::new(cell.to_string(), &Stage::OF_CELL, shared.clone()) }
    }

    /// The report, after all cells.
    pub fn report(study: Study) -> Self {
        Self { study: Some(study), ..Self::new("study".to_owned(), &[Stage::Report], BTreeMap::new()) }
    }

    fn new(label: String, stages: &'static [Stage], done: BTreeMap<Stage, Finished>) -> Self {
        Self { label, cell: None, stages, done, failure: None, study: None }
    }

    /// The stage that comes next; `None` at the end and after a failure.
    pub fn next_stage(&self) -> Option<Stage> {
        if self.failure.is_some() {
            return None;
        }
        self.stages.iter().copied().find(|stage| !self.done.contains_key(stage))
    }

    /// How far the track is.
    pub fn status(&self) -> Status {
        match (&self.failure, self.next_stage()) {
            (Some(_), _) => Status::Failed,
            (None, Some(_)) => Status::Missing,
            (None, None) => Status::Done,
        }
    }
}

/// Says what the next run of a track is.
#[derive(Debug)]
pub struct Planner {
    /// The study.
    pub pipeline: Pipeline,
    /// The stage programs.
    pub programs: Programs,
    /// What train and evaluate compute on and with.
    pub machine: Machine,
    /// Whether runs of another kind of processor are others.
    pub same_processor: bool,
    /// The folder of datasets.
    pub data: Option<PathBuf>,
    /// The files that ingest reads: name and digest.
    pub sources: Vec<(String, Digest)>,
}

impl Planner {
    /// Asks the stage programs about the study.
    pub fn asker<'a>(&'a self, root: &'a Path) -> Asker<'a> {
        let Self { pipeline, programs, machine, data, .. } = self;
        Asker { root, programs, file: &pipeline.file, device: machine.device, data: data.as_deref() }
    }

    /// Asks ingest which files it reads, and digests them. They are named from the folder of datasets.
    pub fn find_sources(&mut self, root: &Path, digests: &mut SourceDigests) -> Result<()> {
        let named = |path: PathBuf| {
            let name = self.data.as_ref().and_then(|data| path.strip_prefix(data).ok()).unwrap_or(&path);
            Ok((name.to_string_lossy().into_owned(), digests.of(&path)?))
        };
        self.sources = self.asker(root).list_inputs()?.into_iter().map(named).collect::<Result<_>>()?;
        Ok(())
    }

    /// Takes a track past all that is finished; returns the first run that is not.
    pub fn skip_finished(&self, store: &Store, track: &mut Track, cached: &mut BTreeSet<Digest>) -> Option<StageRun> {
        loop {
            let run = self.next(store, track)?;
            match store.lookup(run.stage, &run.key) {
                Some(finished) => {
                    track.done.insert(run.stage, finished);
                    cached.insert(run.key);
                }
                None => return Some(run),
            }
        }
    }

    /// The track's next run; `None` where there is none, or where it waits for another cell's network.
    fn next(&self, store: &Store, track: &Track) -> Option<StageRun> {
        let stage = track.next_stage()?;
        let config = self.config(stage, track.cell.as_ref());
        let mut inputs = run::inputs(stage, &track.done)?;
        if let (Stage::Evaluate, Some(cell)) = (stage, &track.cell) {
            for other in self.transfer_from(cell) {
                let other = self.network(store, other, &track.done)?;
                // Arms have the same cell at rate 0.
                if inputs.iter().all(|input| input.digest != other.digest) {
                    inputs.push(other);
                }
            }
        }
        let mut named: Vec<(&str, &str)> = inputs.iter().map(|input| (input.flag, input.digest.as_str())).collect();
        let mut arguments = Vec::new();
        let mut prepared = None;
        // Where images lie that a manifest names and does not hold. It is in no key: a manifest says its images' digests.
        if let Some(data) = &self.data {
            let flag = match stage {
                Stage::Ingest | Stage::Report => Some("--data"),
                Stage::Gaussian => None,
                _ => Some("--folder"),
            };
            arguments.extend(flag.into_iter().flat_map(|flag| [flag.to_owned(), data.to_string_lossy().into_owned()]));
        }
        match stage {
            Stage::Ingest => {
                named.extend(self.sources.iter().map(|(name, digest)| (name.as_str(), digest.as_str())));
            }
            Stage::Report => {
                let study = track.study.as_ref()?;
                named.push(("--study", &study.identity));
                named.extend(study.files.iter().map(|(path, digest)| (path.as_str(), digest.as_str())));
                prepared = Some(("study.json".to_owned(), study.text.clone()));
            }
            _ => {}
        }
        let machine = stage.has_device().then_some(&self.machine);
        let device = machine.map(|machine| machine.device.name().to_owned());
        if let Some(device) = &device {
            arguments.extend(["--device".to_owned(), device.clone()]);
        }
        let processor = machine.map(|machine| machine.processor.clone());
        let ingredients = Ingredients {
            stage,
            program: self.programs.get(stage).digest.clone(),
            libtorch: machine.map(|machine| machine.libtorch.clone()),
            device,
            same_processor: processor.clone().filter(|_| self.same_processor),
            inputs: named.into_iter().map(|(name, digest)| (name.to_owned(), digest.to_owned())).collect(),
            config,
        };
        let (label, key) = (track.label.clone(), ingredients.key());
        Some(StageRun { stage, label, ingredients, processor, inputs, arguments, prepared, key })
    }

    /// The cells whose networks the evaluation of `cell` is tried against.
    pub fn transfer_from(&self, cell: &Cell) -> Vec<Cell> {
        let arms = &self.pipeline.arms;
        let others = arms[cell.arm].transfer_from.iter().map(|place| {
            let arm = &arms[*place];
            Cell { arm: *place, arm_name: arm.name.clone(), rate: arm.rates[0], seed: cell.seed }
        });
        others.filter(|other| other != cell).collect()
    }

    /// The network of another cell; `None` where it is not trained yet. `done` holds what is done before all cells.
    fn network(&self, store: &Store, cell: Cell, done: &BTreeMap<Stage, Finished>) -> Option<Input> {
        let shared = done.iter().filter(|(stage, _)| !stage.is_of_cell()).map(|(stage, run)| (*stage, run.clone()));
        let mut other = Track { stages: &[Stage::Inject, Stage::Train], ..Track::of_cell(cell, &shared.collect()) };
        self.skip_finished(store, &mut other, &mut BTreeSet::new());
        let (path, digest) = other.done.get(&Stage::Train)?.find("model.safetensors")?;
        Some(Input { flag: "--transfer-from", path, digest })
    }

    /// A stage's resolved config.
    pub fn config(&self, stage: Stage, cell: Option<&Cell>) -> Table {
        let Some(cell) = cell else {
            return match stage {
                Stage::Ingest => self.pipeline.ingest.clone(),
                Stage::Neardup => self.pipeline.neardup.clone().unwrap_or_default(),
                Stage::Gaussian => self.pipeline.gaussian.clone().unwrap_or_default(),
                _ => self.pipeline.report.clone().unwrap_or_default(),
            };
        };
        let mut config = self.pipeline.arms[cell.arm].table(stage).clone();
        let seed = i64::try_from(cell.seed).expect("a seed that TOML can write");
        config.insert("seed".to_owned(), Value::Integer(seed));
        if stage == Stage::Inject {
            config.insert("rate".to_owned(), Value::Float(cell.rate));
        }
        config
    }
}
