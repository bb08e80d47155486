//! A *session* takes a study from its shared stages over its cells to its report.

use super::display::Display;
use super::execute::Executor;
use super::lineage;
use super::schedule::{Scheduler, Tally};
use crate::duration::duration;
use crate::forecast::works::{Works, works};
use crate::hint::hinted;
use crate::machine::digest::{self, SourceDigests};
use crate::machine::interrupt::{self, Interrupted};
use crate::machine::tree;
use crate::machine::workspace::Workspace;
use crate::machine::write;
use crate::stages::Stage;
use crate::stages::device::Device;
use crate::store::ledger::Ledger;
use crate::store::{Finished, Store};
use crate::study::cell::{self, Cell};
use crate::study::describe::describe;
use crate::study::reports;
use crate::study::track::{Failure, Planner, Status, Track};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// How a study is run.
#[derive(Debug)]
pub struct Way {
    /// Stage runs at once.
    pub n_jobs: usize,
    /// Whether the first failure ends all.
    pub fail_fast: bool,
    /// Whether no progress is shown.
    pub quiet: bool,
    /// Where trainings draw their curves, if anywhere.
    pub tensorboard: Option<PathBuf>,
    /// Where costs go.
    pub ledger: Ledger,
    /// The folder of the pipeline's report.
    pub report_folder: PathBuf,
}

/// A study under way.
#[derive(Debug)]
pub struct Session<'a> {
    workspace: &'a Workspace,
    planner: &'a Planner,
    n_jobs: usize,
    fail_fast: bool,
    executor: Executor<'a>,
    ledger: Ledger,
    report_folder: PathBuf,
    tally: Tally,
    display: Display,
}

impl<'a> Session<'a> {
    /// A session that has run nothing yet.
    pub fn new(workspace: &'a Workspace, planner: &'a Planner, way: Way) -> Self {
        let Way { n_jobs, fail_fast, quiet, tensorboard, ledger, report_folder } = way;
        let root = workspace.root();
        let executor = Executor {
            root,
            store: Store::new(root, &workspace.stages()),
            programs: &planner.programs,
            // Pipelines have cells of one name.
            tensorboard: tensorboard.map(|folder| folder.join(report_folder.file_name().unwrap_or_default())),
            parent_id: lineage::parent_id(&planner.pipeline.name),
            inputs: Mutex::new(SourceDigests::in_memory()),
            is_stopped: AtomicBool::new(false),
        };
        let (tally, display) = (Tally::default(), Display::new(quiet));
        Self { workspace, planner, n_jobs, fail_fast, executor, ledger, report_folder, tally, display }
    }

    /// Runs what is not done; an error where some cell failed. `started` is when the call began.
    pub fn run(mut self, started: Instant) -> Result<()> {
        let result = self.run_all();
        self.display.close();
        self.say_failures();
        let (cells, last) = result?;
        self.conclude(&cells, &last, started)
    }

    /// Runs what is not done, alone or beside others, and makes no report; an error where some cell failed.
    pub fn work(mut self, started: Instant) -> Result<()> {
        let result = self.all_cells();
        self.display.close();
        self.say_failures();
        let (_, cells) = result?;
        let (wall, Tally { executed, .. }) = (duration(started.elapsed().as_secs_f64()), &self.tally);
        println!("{} of {} cells are done; {} stage runs here, in {wall}", n_done(&cells), cells.len(), executed.len());
        failed_cells(&cells)
    }

    /// All cells as far as they came, and the report's track.
    fn run_all(&mut self) -> Result<(Vec<Track>, Track)> {
        let (shared, cells) = self.all_cells()?;
        let study = describe(&self.planner.pipeline, &shared, &cells, &self.executor.store, &self.ledger);
        let mut last = [Track::report(study)];
        self.go(&mut last, &Works::new())?;
        let [last] = last;
        if let Some(finished) = last.done.get(&Stage::Report) {
            self.publish(finished)?;
        }
        Ok((cells, last))
    }

    /// The track of what all cells share, and all cells, as far as they came.
    fn all_cells(&mut self) -> Result<(Track, Vec<Track>)> {
        if self.planner.machine.device == Device::Cuda {
            self.display.say("training on the GPU");
        }
        match self.executor.store.sweep() {
            0 => {}
            n => self.display.say(&format!("removed what interrupted runs left ({n})")),
        }
        let pipeline = &self.planner.pipeline;
        let cells = cell::expand(pipeline, &pipeline.seeds);
        self.tally.n_cells = cells.len();
        let shared = self.shared()?;
        let cells = self.cells(cells, &shared)?;
        Ok((shared, cells))
    }

    fn shared(&mut self) -> Result<Track> {
        let mut shared = [Track::shared(&self.planner.pipeline)];
        self.go(&mut shared, &Works::new())?;
        let [shared] = shared;
        match &shared.failure {
            Some(failure) => {
                self.tally.failures.clear();
                Err(failed_run(failure))
            }
            None => Ok(shared),
        }
    }

    fn cells(&mut self, cells: Vec<Cell>, shared: &Track) -> Result<Vec<Track>> {
        let mut cells: Vec<Track> = cells.into_iter().map(|cell| Track::of_cell(cell, &shared.done)).collect();
        let works = self.works_of_unfinished(&mut cells);
        let ended = self.go(&mut cells, &works);
        let (n_done, n_cells) = (n_done(&cells), cells.len());
        match ended {
            Ok(()) => Ok(cells),
            Err(_) if interrupt::requested() => Err(Interrupted { n_done, n_cells }.into()),
            Err(error) => Err(error.context(format!("{n_done} of {n_cells} cells are done"))),
        }
    }

    fn go(&mut self, tracks: &mut [Track], works: &Works) -> Result<()> {
        let Self { planner, executor, ledger, n_jobs, fail_fast, .. } = self;
        let scheduler = Scheduler { planner, executor, ledger, n_jobs: *n_jobs, fail_fast: *fail_fast, works };
        let result = scheduler.run(tracks, &mut self.tally, &mut self.display);
        if interrupt::requested() {
            bail!("interrupted");
        }
        result
    }

    /// For the time left, which nothing depends on.
    fn works_of_unfinished(&mut self, cells: &mut [Track]) -> Works {
        let planner = self.planner;
        for track in cells.iter_mut() {
            planner.skip_finished(&self.executor.store, track, &mut self.tally.cached);
        }
        let unfinished = cells.iter().filter(|track| track.next_stage().is_some());
        let unfinished: Vec<&Cell> = unfinished.filter_map(|track| track.cell.as_ref()).collect();
        if unfinished.is_empty() {
            return Works::new();
        }
        works(&planner.asker(self.workspace.root()), &planner.pipeline, &unfinished).unwrap_or_else(|error| {
            self.display.say(&format!("the time left cannot be said: {error:#}"));
            Works::new()
        })
    }

    /// Copies what report wrote to where it is looked for; figures and tables of an earlier report go.
    fn publish(&mut self, finished: &Finished) -> Result<()> {
        let pipeline = &self.planner.pipeline;
        let report_folder = reports::target(&self.report_folder, pipeline);
        for (name, output) in &finished.outputs {
            let target = report_folder.join(name);
            if digest::of_file(&target).is_ok_and(|digest| digest == output.blake3) {
                continue;
            }
            let source = self.workspace.root().join(&finished.folder).join(name);
            let bytes = fs::read(&source).with_context(|| format!("failed to read `{}`", source.display()))?;
            write::atomically(&target, &bytes)?;
        }
        for folder in ["figures", "tables"] {
            let folder = report_folder.join(folder);
            for stale in tree::files(&folder, |_| false).unwrap_or_default() {
                let path = folder.join(stale);
                let name = path.strip_prefix(&report_folder).unwrap_or(&path).to_string_lossy().into_owned();
                if !finished.outputs.contains_key(&name) {
                    fs::remove_file(&path).with_context(|| format!("failed to remove `{}`", path.display()))?;
                }
            }
        }
        if report_folder == self.report_folder {
            reports::note(&report_folder, pipeline)?;
        } else {
            self.display.say("a report over more seeds is there and stays; this one is below it");
        }
        self.report_folder = report_folder;
        Ok(())
    }

    fn say_failures(&self) {
        // Report's own failure ends the call and is said then.
        for (labels, failure) in self.tally.failures.iter().filter(|(_, failure)| failure.stage != Stage::Report) {
            let others = match labels.len() {
                0 | 1 => String::new(),
                2 => " (and 1 other cell that needs the same run)".to_owned(),
                n => format!(" (and {} other cells that need the same run)", n - 1),
            };
            let label = labels.first().map_or("", String::as_str);
            eprintln!("failed: {} for {label}{others}: {}", failure.stage, failure.reason);
            eprintln!("        log: {}", failure.log.display());
        }
    }

    fn conclude(&self, cells: &[Track], last: &Track, started: Instant) -> Result<()> {
        if let Some(failure) = &last.failure {
            return Err(failed_run(failure));
        }
        let (n_done, n_cells) = (n_done(cells), cells.len());
        let wall = duration(started.elapsed().as_secs_f64());
        let Tally { executed, cached, failures, .. } = &self.tally;
        let (n_executed, n_cached, n_failed) = (executed.len(), cached.len(), failures.len());
        println!(
            "{n_done} of {n_cells} cells done in {wall}; stage runs: {n_executed} executed, {n_cached} cached, {n_failed} failed"
        );
        let page = self.report_folder.join("index.html");
        println!("report: {}", self.workspace.relative(&page).display());
        failed_cells(cells)
    }
}

fn n_done(cells: &[Track]) -> usize {
    cells.iter().filter(|track| track.status() == Status::Done).count()
}

/// An error where cells are not done at the end.
fn failed_cells(cells: &[Track]) -> Result<()> {
    match cells.len() - n_done(cells) {
        0 => Ok(()),
        n => Err(hinted(
            format!("{n} of {} cells failed", cells.len()),
            "the logs are named above; the same command tries the failed runs again",
        )),
    }
}

fn failed_run(failure: &Failure) -> anyhow::Error {
    let advice = format!("its log is `{}`", failure.log.display());
    hinted(format!("failed to run {}: {}", failure.stage, failure.reason), advice)
}
