//! `cargo xtask reproduce --dry-run`: what would run, what is there, and how much there is to train.

use crate::ask::Work;
use crate::cell::Cell;
use crate::digest::{self, Digest};
use crate::display::duration;
use crate::ledger::{Entry, seconds_a_pass, seconds_a_run};
use crate::pipeline::Pipeline;
use crate::run;
use crate::schedule::{Works, skip_finished, work_key};
use crate::stage::Stage;
use crate::store::Store;
use crate::track::{Planner, Track};
use indicatif::HumanCount;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What a reproduction would do.
#[derive(Debug, Default)]
pub struct Forecast {
    /// By the arms' order.
    arms: Vec<Load>,
    /// All, each shared run once.
    total: Load,
}

#[derive(Debug, Default)]
struct Load {
    n_cells: usize,
    cached: BTreeSet<Digest>,
    /// What is to be run; a stand-in for the key, where that is not known yet.
    pending: BTreeMap<Digest, (Stage, Work)>,
}

/// Walks all tracks without running anything.
pub fn of(planner: &Planner<'_>, store: &Store, cells: Vec<Cell>, works: &Works) -> Forecast {
    let mut forecast =
        Forecast { arms: planner.pipeline.arms.iter().map(|_| Load::default()).collect(), ..Forecast::default() };
    let mut shared = Track::shared();
    forecast.total.walk(planner, store, &mut shared, Work::default());
    for cell in cells {
        let (arm, work) = (cell.arm, works.get(&work_key(&cell)).copied().unwrap_or_default());
        let track = Track::of_cell(cell, &shared.done);
        for load in [&mut forecast.arms[arm], &mut forecast.total] {
            load.n_cells += 1;
            load.walk(planner, store, &mut track.clone(), work);
        }
    }
    forecast.total.pending.insert("report".to_owned(), (Stage::Report, Work::default()));
    forecast
}

impl Load {
    fn walk(&mut self, planner: &Planner<'_>, store: &Store, track: &mut Track, work: Work) {
        let next = skip_finished(planner, store, track, &mut self.cached);
        // The first key is known, or none where the shared stages have not run; after it a stand-in follows from what is before.
        let mut before = "shared".to_owned();
        let mut known = next.map(|run| run.key);
        for stage in track.stages.iter().filter(|stage| !track.done.contains_key(stage)) {
            let config = run::config_text(&planner.config(*stage, track.cell.as_ref()));
            let id = known.take().unwrap_or_else(|| digest::of_bytes(format!("{before} {stage} {config}").as_bytes()));
            let work = if *stage == Stage::Train { work } else { Work::default() };
            before.clone_from(&id);
            self.pending.insert(id, (*stage, work));
        }
    }

    fn n_passes(&self) -> u64 {
        self.pending.values().map(|(_, work)| work.n_forward_backward_passes).sum()
    }

    fn n_samples(&self) -> u64 {
        self.pending.values().map(|(_, work)| work.n_samples).sum()
    }

    fn row(&self) -> [String; 5] {
        let count = |n: u64| HumanCount(n).to_string();
        [
            self.n_cells.to_string(),
            self.cached.len().to_string(),
            self.pending.len().to_string(),
            count(self.n_samples()),
            count(self.n_passes()),
        ]
    }
}

impl Forecast {
    /// The forecast as text.
    pub fn table(&self, pipeline: &Pipeline, seeds: &[u64], ledger: &[Entry], n_jobs: usize) -> String {
        let heads = ["cells", "runs cached", "runs to do", "samples to train", "passes to train"];
        let widths = heads.map(|head| head.len().max(16));
        let names = pipeline.arms.iter().map(|arm| arm.name.len());
        let width = names.max().unwrap_or(0).max("total".len());
        let row = |name: &str, values: [String; 5]| {
            let values: String = values.iter().zip(widths).map(|(value, width)| format!(" {value:>width$}")).collect();
            format!("{name:<width$}{values}\n")
        };
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let mut text = format!("pipeline {}: seeds {}\n\n", pipeline.name, seeds.join(", "));
        text += &row("arm", heads.map(str::to_owned));
        for (arm, load) in pipeline.arms.iter().zip(&self.arms) {
            text += &row(&arm.name, load.row());
        }
        text += &row("total", self.total.row());
        let _ = writeln!(
            text,
            "\na pass is one sample forward and backward; `total` counts what arms share once, and ingest, neardup"
        );
        let _ = writeln!(
            text,
            "and report; trainings that turn out to have equal inputs (as at rate 0) run once: these are upper bounds"
        );
        text += &match self.seconds(ledger) {
            Some(seconds) => {
                let all = duration(seconds / n_jobs as f64);
                format!("time: about {all} with {n_jobs} runs at once, as measured in this pipeline's ledger\n")
            }
            None => "time: no measurement yet\n".to_owned(),
        };
        text
    }

    fn seconds(&self, ledger: &[Entry]) -> Option<f64> {
        let n_evaluations = self.total.pending.values().filter(|(stage, _)| *stage == Stage::Evaluate).count();
        let evaluate_s = seconds_a_run(ledger, Stage::Evaluate).unwrap_or(0.0) * n_evaluations as f64;
        Some(seconds_a_pass(ledger)? * self.total.n_passes() as f64 + evaluate_s)
    }
}
