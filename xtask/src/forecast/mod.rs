//! A *forecast*: what cells would run, what is there of it, how much there is to train and how long that takes.

pub mod calibrate;
pub mod pace;
pub mod works;

use self::pace::Paces;
use self::works::{Works, work_key};
use crate::machine::digest::{self, Digest};
use crate::stages::Stage;
use crate::stages::ask::Work;
use crate::store::run;
use crate::study::cell::Cell;
use crate::study::track::{Planner, Track};
use serde::Serialize;
use std::collections::BTreeSet;

/// Every run that the cells of a study need.
#[derive(Debug)]
pub struct Forecast<'a> {
    planner: &'a Planner,
    paces: &'a Paces,
    works: &'a Works,
    n_jobs: usize,
    chains: Vec<Chain>,
    done: BTreeSet<Digest>,
}

/// The runs of one track, one after the other.
#[derive(Debug)]
struct Chain {
    cell: Option<Cell>,
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    /// A stand-in for the key, which is not known before the inputs exist.
    id: Digest,
    stage: Stage,
    work: Work,
    /// None where no training was measured.
    seconds: Option<f64>,
}

/// What there is of some cells and what is to be done; runs that they share count once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Load {
    /// Cells.
    pub n_cells: usize,
    /// Stage runs that are there.
    pub n_runs_cached: usize,
    /// Stage runs that are not.
    pub n_runs_to_do: usize,
    /// Samples that these see in training.
    pub n_samples: u64,
    /// Forward and backward passes of one sample each that they make in training.
    pub n_forward_backward_passes: u64,
    /// Seconds that they take; none where trainings are to be run of which nothing is known.
    pub seconds: Option<f64>,
}

impl<'a> Forecast<'a> {
    /// A forecast of no track yet, with `n_jobs` runs at once.
    pub fn new(planner: &'a Planner, paces: &'a Paces, works: &'a Works, n_jobs: usize) -> Self {
        Self { planner, paces, works, n_jobs, chains: vec![], done: BTreeSet::new() }
    }

    /// Adds a track that was taken as far as it is.
    pub fn add(&mut self, track: &Track) {
        let cell = track.cell.as_ref();
        let mut before = "shared".to_owned();
        let mut runs = Vec::new();
        for &stage in track.stages {
            let config = run::config_text(&self.planner.config(stage, cell));
            let id = digest::of_bytes(format!("{before} {stage} {config}").as_bytes());
            if track.done.contains_key(&stage) {
                self.done.insert(id.clone());
            }
            let work = cell.filter(|_| stage == Stage::Train).and_then(|cell| self.works.get(&work_key(cell)).copied());
            let work = work.unwrap_or_default();
            let pace = self.paces.get(stage, cell.map(|cell| cell.arm)).map(|pace| pace.seconds);
            let seconds = match stage {
                Stage::Train => pace.map(|pace| pace * work.n_forward_backward_passes as f64),
                // Next to trainings these are short.
                _ => Some(pace.unwrap_or(0.0)),
            };
            // However nothing is injected, the training set is the same.
            let is_original = stage == Stage::Inject && cell.is_some_and(|cell| cell.rate == 0.0);
            before = if is_original { "originals".to_owned() } else { id.clone() };
            runs.push(Run { id, stage, work, seconds });
        }
        self.chains.push(Chain { cell: track.cell.clone(), runs });
    }

    /// The cells that are wanted, together; `None` asks for the stages that run once.
    pub fn load(&self, is_wanted: impl Fn(Option<&Cell>) -> bool) -> Load {
        let mut load = Load::default();
        let mut counted = BTreeSet::new();
        // Stages that run once have the machine for themselves.
        let (mut alone_s, mut beside_s, mut longest_s) = (0.0, 0.0, 0.0_f64);
        let mut is_known = true;
        for Chain { cell, runs } in self.chains.iter().filter(|chain| is_wanted(chain.cell.as_ref())) {
            load.n_cells += usize::from(cell.is_some());
            let mut chain_s = 0.0;
            for run in runs {
                let is_done = self.done.contains(&run.id);
                let seconds = if is_done { 0.0 } else { run.seconds.unwrap_or(0.0) };
                chain_s += seconds;
                if !counted.insert(&run.id) {
                    continue;
                }
                if is_done {
                    load.n_runs_cached += 1;
                    continue;
                }
                load.n_runs_to_do += 1;
                load.n_samples += run.work.n_samples;
                load.n_forward_backward_passes += run.work.n_forward_backward_passes;
                is_known &= run.seconds.is_some();
                *(if run.stage.is_of_cell() { &mut beside_s } else { &mut alone_s }) += seconds;
            }
            if cell.is_some() {
                longest_s = longest_s.max(chain_s);
            }
        }
        load.seconds = is_known.then(|| alone_s + longest_s.max(beside_s / self.n_jobs as f64));
        load
    }
}
