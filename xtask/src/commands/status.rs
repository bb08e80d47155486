//! `cargo xtask status`: the state of a pipeline, as found on disk. Nothing is built or run.

use super::prepare::{existing, study};
use crate::cli;
use crate::duration::duration;
use crate::machine::digest::Digest;
use crate::machine::workspace::Workspace;
use crate::runner::execute::{log_of, reason};
use crate::slurm::queue::{self, Queued};
use crate::stages::Stage;
use crate::store::Store;
use crate::store::ledger::{Entry, Ledger};
use crate::store::run::short;
use crate::study::cell::{self, Cell};
use crate::study::reports;
use crate::study::track::{Failure, Planner, Status, Track};
use anyhow::Result;
use indicatif::HumanBytes;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

/// The state of a pipeline.
#[derive(Debug, Serialize)]
struct State {
    pipeline: String,
    n_done: usize,
    n_failed: usize,
    n_missing: usize,
    /// The path of the report's page, if it exists.
    report: Option<PathBuf>,
    /// Why the state of the cells is unknown.
    unknown: Option<String>,
    cells: Vec<CellState>,
    costs: Vec<Cost>,
    /// Jobs of Slurm that wait or run.
    queue: Vec<Queued>,
    /// Why the queue is unknown.
    queue_unknown: Option<String>,
}

#[derive(Debug, Serialize)]
struct CellState {
    arm: String,
    rate: f64,
    seed: u64,
    status: Status,
    /// Whether a runner is working on it.
    is_running: bool,
    next_stage: Option<Stage>,
    /// The key of the cell's next run, if it is known.
    key: Option<Digest>,
    failed_stage: Option<Stage>,
    reason: Option<String>,
    log: Option<PathBuf>,
}

/// Time and memory of a stage, from the ledger.
#[derive(Debug, Serialize)]
struct Cost {
    stage: Stage,
    n_runs: usize,
    wall_s: f64,
    cpu_s: f64,
    peak_memory_bytes: u64,
}

/// Prints the state of a pipeline.
pub fn status(workspace: &Workspace, options: &cli::Status) -> Result<()> {
    let pipeline = study(workspace, &options.study)?;
    let name = pipeline.name.clone();
    let folder = reports::folder(workspace, &pipeline);
    let (seen, unknown) = match existing(workspace, &options.study, pipeline)? {
        Ok(planner) => (tracks(workspace, &planner), None),
        Err(reason) => (vec![], Some(reason)),
    };
    let count = |wanted: Status| seen.iter().filter(|seen| seen.track.status() == wanted).count();
    let page = folder.join("index.html");
    let (queue, queue_unknown) = match queue::of(&folder, &name) {
        Ok(queue) => (queue, None),
        Err(error) => (vec![], Some(format!("{error:#}"))),
    };
    let state = State {
        queue,
        queue_unknown,
        n_done: count(Status::Done),
        n_failed: count(Status::Failed),
        n_missing: count(Status::Missing),
        report: page.is_file().then(|| workspace.relative(&page).to_owned()),
        unknown,
        cells: seen.iter().filter_map(cell_state).collect(),
        costs: costs(&Ledger::of(&folder).read()),
        pipeline: name,
    };
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&state)?),
        false => print!("{}", state.text()),
    }
    Ok(())
}

/// A cell and how far it has come.
struct Seen {
    track: Track,
    /// The key of its next run.
    next: Option<Digest>,
    is_running: bool,
}

/// All cells and how far they have come.
fn tracks(workspace: &Workspace, planner: &Planner) -> Vec<Seen> {
    let pipeline = &planner.pipeline;
    let store = Store::new(workspace.root(), &workspace.stages());
    let mut shared = Track::shared(pipeline);
    let (shared_next, is_shared_running) = look(workspace, planner, &store, &mut shared);
    let of_cell = |cell: Cell| {
        let mut track = Track::of_cell(cell, &shared.done);
        track.failure.clone_from(&shared.failure);
        let (next, is_running) = look(workspace, planner, &store, &mut track);
        Seen { track, next: next.or_else(|| shared_next.clone()), is_running: is_running || is_shared_running }
    };
    cell::expand(pipeline, &pipeline.seeds).into_iter().map(of_cell).collect()
}

/// Takes a track past its finished runs. Returns the key of its next run, and whether a runner is working on that run.
fn look(workspace: &Workspace, planner: &Planner, store: &Store, track: &mut Track) -> (Option<Digest>, bool) {
    let Some(next) = planner.skip_finished(store, track, &mut BTreeSet::new()) else { return (None, false) };
    if store.is_under_way(&next.key) {
        return (Some(next.key), true);
    }
    if let Some(folder) = store.failed(next.stage, &next.key) {
        let log = log_of(&folder);
        let reason = reason(&workspace.root().join(&log)).unwrap_or_else(|| "see its log".to_owned());
        track.failure = Some(Failure { stage: next.stage, reason, log });
    }
    (Some(next.key), false)
}

fn cell_state(seen: &Seen) -> Option<CellState> {
    let Seen { track, next, is_running } = seen;
    let cell = track.cell.as_ref()?;
    let failure = track.failure.as_ref();
    Some(CellState {
        arm: cell.arm_name.clone(),
        rate: cell.rate,
        seed: cell.seed,
        status: track.status(),
        is_running: *is_running,
        next_stage: track.next_stage(),
        key: next.clone(),
        failed_stage: failure.map(|failure| failure.stage),
        reason: failure.map(|failure| failure.reason.clone()),
        log: failure.map(|failure| failure.log.clone()),
    })
}

fn costs(entries: &[Entry]) -> Vec<Cost> {
    let of_stage = |stage: Stage| {
        let entries = entries.iter().filter(|entry| entry.stage == stage.name());
        let zero = Cost { stage, n_runs: 0, wall_s: 0.0, cpu_s: 0.0, peak_memory_bytes: 0 };
        entries.fold(zero, |sum, entry| Cost {
            stage,
            n_runs: sum.n_runs + 1,
            wall_s: sum.wall_s + entry.wall_s,
            cpu_s: sum.cpu_s + entry.cpu_s,
            peak_memory_bytes: sum.peak_memory_bytes.max(entry.peak_memory_bytes),
        })
    };
    Stage::ALL.into_iter().map(of_stage).filter(|cost| cost.n_runs > 0).collect()
}

impl State {
    fn text(&self) -> String {
        let mut text = String::new();
        let _ = match &self.unknown {
            Some(reason) => writeln!(text, "pipeline {}: nothing can be said of its cells: {reason}", self.pipeline),
            None => writeln!(
                text,
                "pipeline {}: {} cells, {} done, {} failed, {} missing",
                self.pipeline,
                self.cells.len(),
                self.n_done,
                self.n_failed,
                self.n_missing
            ),
        };
        for row in self.cells.chunk_by(|left, right| (&left.arm, left.rate) == (&right.arm, right.rate)) {
            let _ = write!(text, "  {:<32} rate {:<6}", row[0].arm, row[0].rate);
            for cell in row {
                let _ = write!(text, " {}: {:<8}", cell.seed, cell.word());
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        for cell in self.cells.iter().filter(|cell| cell.is_running && cell.status != Status::Done) {
            if let (Some(stage), Some(key)) = (cell.next_stage, &cell.key) {
                let _ = writeln!(
                    text,
                    "runs:   {stage} {} for {} rate {} seed {}",
                    short(key),
                    cell.arm,
                    cell.rate,
                    cell.seed
                );
            }
        }
        let failed = self.cells.iter().filter_map(|cell| Some((cell, cell.log.as_ref()?)));
        for (cell, log) in failed {
            let run =
                format!("{} {}", cell.failed_stage.map_or("", Stage::name), cell.key.as_deref().map_or("", short));
            let reason = cell.reason.as_deref().unwrap_or("");
            let _ = writeln!(text, "failed: {run} for {} rate {} seed {}: {reason}", cell.arm, cell.rate, cell.seed);
            let _ = writeln!(text, "        log: {}", log.display());
        }
        for Queued { role, id, state, elapsed, place } in &self.queue {
            let _ = writeln!(text, "queue: {role:<6} {id:<10} {:<10} {elapsed:>8}  {place}", state.to_lowercase());
        }
        if let Some(reason) = &self.queue_unknown {
            let _ = writeln!(text, "queue: unknown: {reason}");
        }
        for cost in &self.costs {
            let Cost { stage, n_runs, wall_s, cpu_s, peak_memory_bytes } = cost;
            let (wall, cpu, peak) = (duration(*wall_s), duration(*cpu_s), HumanBytes(*peak_memory_bytes));
            let _ = writeln!(text, "ledger: {stage:<8} {n_runs:>4} runs, {wall} wall, {cpu} CPU, at most {peak}");
        }
        if let Some(report) = &self.report {
            let _ = writeln!(text, "report: {}", report.display());
        }
        text
    }
}

impl CellState {
    fn word(&self) -> &'static str {
        match (self.status, self.is_running) {
            (Status::Done, _) => "done",
            (_, true) => "running",
            (Status::Failed, _) => "failed",
            (Status::Missing, _) => "missing",
        }
    }
}
