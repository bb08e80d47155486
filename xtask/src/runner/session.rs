//! A *session* takes a study from its shared stages over its cells to its report.

use crate::cli;
use crate::forecast::works::{Works, works};
use crate::hint::hinted;
use crate::machine::digest;
use crate::machine::interrupt::{self, Interrupted};
use crate::machine::tree;
use crate::machine::workspace::Workspace;
use crate::machine::write;
use crate::runner::display::{Display, duration};
use crate::runner::execute::Executor;
use crate::runner::lineage;
use crate::runner::schedule::{Scheduler, Tally, skip_finished};
use crate::stages::Stage;
use crate::stages::ask::Asker;
use crate::stages::device::Device;
use crate::store::ledger::Ledger;
use crate::store::{Finished, Store};
use crate::study::cell::{self, Cell};
use crate::study::describe::{self, Status, status};
use crate::study::track::{Failure, Planner, Track};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{self, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// One call of `reproduce`, all questions answered.
#[derive(Debug)]
pub struct Session<'a> {
    /// The checkout.
    pub workspace: &'a Workspace,
    /// Answers for the stages.
    pub asker: Asker<'a>,
    /// Says which run is next.
    pub planner: Planner<'a>,
    /// The pipeline's, or the user's.
    pub seeds: &'a [u64],
    /// Stage runs at once.
    pub n_jobs: usize,
    /// What else the user said.
    pub options: &'a cli::Reproduce,
    /// When the call began.
    pub started: Instant,
}

/// Runs what is not done; an error where some cell failed.
pub fn run(session: &Session<'_>) -> Result<()> {
    let (workspace, planner) = (session.workspace, &session.planner);
    let store = Store::new(workspace.root(), &workspace.stages());
    let is_stopped = AtomicBool::new(false);
    let tensorboard = session.options.tensorboard.as_deref().map(path::absolute).transpose()?;
    let parent_id = lineage::parent_id(&planner.pipeline.name);
    let (root, programs) = (workspace.root(), planner.programs);
    let executor = Executor { root, store: &store, programs, tensorboard, parent_id, is_stopped };
    let report_folder = workspace.report(&planner.pipeline.name);
    let ledger = Ledger::of(&report_folder);
    let (tally, display) = (Tally::default(), Display::new(session.options.quiet));
    let mut runner = Runner { session, executor: &executor, ledger: &ledger, report_folder, tally, display };
    let result = runner.run();
    runner.display.close();
    let (cells, last) = match result {
        Ok(ended) => ended,
        Err(error) => {
            runner.say_failures();
            return Err(error);
        }
    };
    runner.conclude(&cells, &last)
}

/// A session under way.
struct Runner<'a> {
    session: &'a Session<'a>,
    executor: &'a Executor<'a>,
    ledger: &'a Ledger,
    report_folder: PathBuf,
    tally: Tally,
    display: Display,
}

impl Runner<'_> {
    /// All cells as far as they came, and the report's track.
    fn run(&mut self) -> Result<(Vec<Track>, Track)> {
        if self.session.planner.device == Device::Cuda {
            self.display.say("training on the GPU");
        }
        match self.executor.store.sweep() {
            0 => {}
            n => self.display.say(&format!("removed what interrupted runs left ({n})")),
        }
        let cells = cell::expand(self.session.planner.pipeline, self.session.seeds);
        self.tally.n_cells = cells.len();
        let shared = self.shared()?;
        let cells = self.cells(cells, &shared)?;
        let study =
            describe::describe(self.session.planner.pipeline, self.session.seeds, &shared, &cells, &self.ledger.read());
        let mut last = [Track::report(study)];
        self.go(&mut last, &Works::new())?;
        let [last] = last;
        if let Some(finished) = last.done.get(&Stage::Report) {
            self.publish(finished)?;
        }
        Ok((cells, last))
    }

    fn shared(&mut self) -> Result<Track> {
        let mut shared = [Track::shared(self.session.planner.pipeline)];
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
        let Session { planner, options, n_jobs, .. } = self.session;
        let (executor, ledger, fail_fast) = (self.executor, self.ledger, options.fail_fast);
        let scheduler = Scheduler { planner, executor, ledger, n_jobs: *n_jobs, fail_fast, works };
        let result = scheduler.run(tracks, &mut self.tally, &mut self.display);
        if interrupt::requested() {
            bail!("interrupted");
        }
        result
    }

    /// For the time left, which nothing depends on.
    fn works_of_unfinished(&mut self, cells: &mut [Track]) -> Works {
        let Session { planner, asker, .. } = self.session;
        for track in cells.iter_mut() {
            skip_finished(planner, self.executor.store, track, &mut self.tally.cached);
        }
        let unfinished = cells.iter().filter(|track| track.next_stage().is_some());
        let unfinished: Vec<&Cell> = unfinished.filter_map(|track| track.cell.as_ref()).collect();
        if unfinished.is_empty() {
            return Works::new();
        }
        works(asker, planner.pipeline, planner.data.as_deref(), &unfinished).unwrap_or_else(|error| {
            self.display.say(&format!("the time left cannot be said: {error:#}"));
            Works::new()
        })
    }

    /// Copies what report wrote to where it is looked for; figures and tables of an earlier report go.
    fn publish(&self, finished: &Finished) -> Result<()> {
        for (name, output) in &finished.outputs {
            let target = self.report_folder.join(name);
            if digest::of_file(&target).is_ok_and(|digest| digest == output.blake3) {
                continue;
            }
            let source = self.session.workspace.root().join(&finished.folder).join(name);
            let bytes = fs::read(&source).with_context(|| format!("failed to read `{}`", source.display()))?;
            write::atomically(&target, &bytes)?;
        }
        for folder in ["figures", "tables"] {
            let folder = self.report_folder.join(folder);
            for stale in tree::files(&folder, "").unwrap_or_default() {
                let path = folder.join(stale);
                let name = path.strip_prefix(&self.report_folder).unwrap_or(&path).to_string_lossy().into_owned();
                if !finished.outputs.contains_key(&name) {
                    fs::remove_file(&path).with_context(|| format!("failed to remove `{}`", path.display()))?;
                }
            }
        }
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

    fn conclude(&self, cells: &[Track], last: &Track) -> Result<()> {
        self.say_failures();
        if let Some(failure) = &last.failure {
            return Err(failed_run(failure));
        }
        let (n_done, n_cells) = (n_done(cells), cells.len());
        let wall = duration(self.session.started.elapsed().as_secs_f64());
        let Tally { executed, cached, failures, .. } = &self.tally;
        let (n_executed, n_cached, n_failed) = (executed.len(), cached.len(), failures.len());
        println!(
            "{n_done} of {n_cells} cells done in {wall}; stage runs: {n_executed} executed, {n_cached} cached, {n_failed} failed"
        );
        let page = self.report_folder.join("index.html");
        println!("report: {}", self.session.workspace.relative(&page).display());
        match n_cells - n_done {
            0 => Ok(()),
            n => Err(hinted(
                format!("{n} of {n_cells} cells failed"),
                "the logs are named above; the same command tries the failed runs again",
            )),
        }
    }
}

fn n_done(cells: &[Track]) -> usize {
    cells.iter().filter(|track| status(track) == Status::Done).count()
}

fn failed_run(failure: &Failure) -> anyhow::Error {
    let advice = format!("its log is `{}`", failure.log.display());
    hinted(format!("failed to run {}: {}", failure.stage, failure.reason), advice)
}
