//! `cargo xtask reproduce`: from nothing to a report.

use crate::ask::{Asker, Work};
use crate::cell::{self, Cell};
use crate::check::{self, in_parallel};
use crate::cli;
use crate::device::{self, Device};
use crate::digest::{Digest, SourceDigests};
use crate::display::{Display, duration};
use crate::execute::Executor;
use crate::forecast;
use crate::hint::hinted;
use crate::interrupt;
use crate::ledger::Ledger;
use crate::pipeline;
use crate::programs::{self, Programs};
use crate::schedule::{Scheduler, Tally, Works, skip_finished, work_key};
use crate::setup;
use crate::stage::Stage;
use crate::store::{Finished, Store};
use crate::study::{self, Status, status};
use crate::track::{Failure, Planner, Track};
use crate::workspace::Workspace;
use crate::write;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

/// Runs a pipeline; an error where some cell failed.
pub fn reproduce(workspace: &Workspace, options: &cli::Reproduce) -> Result<()> {
    let started = Instant::now();
    let pipeline = pipeline::load(workspace, &options.pipeline)?;
    let data = options.data.as_deref().map(data_folder).transpose()?;
    if programs::ready_folder().is_none() {
        setup::ensure(workspace, options.quiet)?;
    }
    let mut digests = source_digests(workspace);
    let programs = programs::build(workspace, &mut digests, options.quiet)?;
    let seeds = options.seeds.as_ref().map_or(&pipeline.seeds, |seeds| &seeds.0);
    let asker = Asker { root: workspace.root(), programs: &programs, file: &pipeline.file };
    check::all(&asker, &pipeline, seeds[0], &workspace.stages().join(".checked.json"))?;
    let sources = sources(&asker, data.as_deref(), &mut digests);
    digests.save()?;
    let sources = if options.dry_run { sources.unwrap_or_default() } else { sources? };
    let device = device::resolve(options.device, &workspace.libtorch());
    let planner = Planner { pipeline: &pipeline, programs: &programs, device, data, sources };
    let n_jobs = options.jobs.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    let session = Session { workspace, options, asker, planner, seeds, n_jobs, started };
    if options.dry_run {
        return session.forecast();
    }
    remember_data(workspace, &session.planner)?;
    session.run()
}

/// The remembered digests of programs and sources.
pub fn source_digests(workspace: &Workspace) -> SourceDigests {
    SourceDigests::open(workspace.stages().join(".source-digests.json"))
}

/// The files that ingest reads: their names below the folder of datasets, and their digests.
pub fn sources(asker: &Asker<'_>, data: Option<&Path>, digests: &mut SourceDigests) -> Result<Vec<(String, Digest)>> {
    let named = |path: PathBuf| {
        let name = data.and_then(|data| path.strip_prefix(data).ok()).unwrap_or(&path).to_string_lossy().into_owned();
        Ok((name, digests.of(&path)?))
    };
    asker.list_inputs(data)?.into_iter().map(named).collect()
}

/// How much each arm and rate trains; what cannot be estimated is left out.
pub fn works(asker: &Asker<'_>, data: Option<&Path>, cells: &[&Cell]) -> Result<Works> {
    let n_originals = asker.count(data)?.train;
    let mut questions: Vec<&Cell> = cells.to_vec();
    questions.sort_by_key(|cell| work_key(cell));
    questions.dedup_by_key(|cell| work_key(cell));
    let answers = in_parallel(&questions, |cell| -> Result<Work> {
        let inject = check::inject_table(cell.arm, cell.rate, cell.seed);
        let n_train = asker.trainset_size(&inject, n_originals)?;
        asker.work(&check::train_table(cell.arm, cell.seed), n_train)
    });
    questions.into_iter().zip(answers).map(|(cell, work)| Ok((work_key(cell), work?))).collect()
}

/// The folder of datasets that a pipeline was last run on.
pub fn remembered_data(workspace: &Workspace, pipeline: &str) -> Option<PathBuf> {
    read_data_folders(workspace).remove(pipeline)
}

/// A folder of datasets, as stages find it from the workspace's root.
pub fn data_folder(folder: &Path) -> Result<PathBuf> {
    let found = folder
        .canonicalize()
        .with_context(|| format!("failed to open the folder of datasets `{}`", folder.display()))?;
    if !found.is_dir() {
        bail!("failed to open the folder of datasets `{}`: not a folder", folder.display());
    }
    Ok(found)
}

fn remember_data(workspace: &Workspace, planner: &Planner<'_>) -> Result<()> {
    let mut folders = read_data_folders(workspace);
    let Some(data) = &planner.data else { return Ok(()) };
    if folders.insert(planner.pipeline.name.clone(), data.clone()).as_ref() == Some(data) {
        return Ok(());
    }
    write::atomically(&workspace.stages().join(".data-folders.json"), &serde_json::to_vec_pretty(&folders)?)
}

fn read_data_folders(workspace: &Workspace) -> BTreeMap<String, PathBuf> {
    let bytes = fs::read(workspace.stages().join(".data-folders.json")).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// One call, all questions answered.
struct Session<'a> {
    workspace: &'a Workspace,
    options: &'a cli::Reproduce,
    asker: Asker<'a>,
    planner: Planner<'a>,
    seeds: &'a [u64],
    n_jobs: usize,
    started: Instant,
}

impl Session<'_> {
    fn forecast(&self) -> Result<()> {
        let store = Store::new(self.workspace.root(), &self.workspace.stages());
        let cells = cell::expand(self.planner.pipeline, self.seeds);
        let works = works(&self.asker, self.planner.data.as_deref(), &cells.iter().collect::<Vec<_>>())?;
        let ledger = Ledger::of(&self.workspace.report(&self.planner.pipeline.name)).read();
        let forecast = forecast::of(&self.planner, &store, cells, &works);
        print!("{}", forecast.table(self.planner.pipeline, self.seeds, &ledger, self.n_jobs));
        Ok(())
    }

    fn run(&self) -> Result<()> {
        let store = Store::new(self.workspace.root(), &self.workspace.stages());
        let programs: &Programs = self.planner.programs;
        let root = self.workspace.root();
        let executor = Executor { root, store: &store, programs, is_stopped: AtomicBool::new(false) };
        let report = self.workspace.report(&self.planner.pipeline.name);
        let ledger = Ledger::of(&report);
        let mut tally = Tally::default();
        let mut display = Display::new(self.options.quiet);
        if self.planner.device == Device::Cuda {
            display.say("training on the GPU");
        }
        match store.sweep() {
            0 => {}
            n => display.say(&format!("removed what {n} interrupted runs left")),
        }
        let go = |tracks: &mut [Track], works: &Works, tally: &mut Tally, display: &mut Display| {
            let fail_fast = self.options.fail_fast;
            let (planner, executor, ledger, n_jobs) = (&self.planner, &executor, &ledger, self.n_jobs);
            let scheduler = Scheduler { planner, executor, ledger, n_jobs, fail_fast, works };
            let result = scheduler.run(tracks, tally, display);
            if interrupt::requested() { bail!("interrupted") } else { result }
        };

        let mut shared = [Track::shared()];
        go(&mut shared, &Works::new(), &mut tally, &mut display)?;
        let [shared] = shared;
        if let Some(failure) = &shared.failure {
            display.close();
            return Err(failed_run(failure));
        }
        let mut cells: Vec<Track> = cell::expand(self.planner.pipeline, self.seeds)
            .into_iter()
            .map(|cell| Track::of_cell(cell, &shared.done))
            .collect();
        let works = self.works_of_unfinished(&store, &mut cells, &mut tally, &display);
        let ran = go(&mut cells, &works, &mut tally, &mut display);
        if let Err(error) = ran {
            display.close();
            let n_done = cells.iter().filter(|track| status(track) == Status::Done).count();
            say_failures(&tally);
            let context = format!("{n_done} of {} cells are done; the same command goes on from here", cells.len());
            return Err(error.context(context));
        }

        let study = study::describe(self.planner.pipeline, self.seeds, &shared, &cells);
        let mut last = [Track::report(study)];
        go(&mut last, &Works::new(), &mut tally, &mut display)?;
        display.close();
        let [last] = last;
        if let Some(finished) = last.done.get(&Stage::Report) {
            publish(self.workspace, finished, &report)?;
        }
        self.conclude(&cells, &last, &tally)
    }

    fn works_of_unfinished(&self, store: &Store, cells: &mut [Track], tally: &mut Tally, display: &Display) -> Works {
        for track in cells.iter_mut() {
            skip_finished(&self.planner, store, track, &mut tally.cached);
        }
        let unfinished: Vec<&Cell> =
            cells.iter().filter(|track| track.next_stage().is_some()).filter_map(|track| track.cell.as_ref()).collect();
        if unfinished.is_empty() {
            return Works::new();
        }
        works(&self.asker, self.planner.data.as_deref(), &unfinished).unwrap_or_else(|error| {
            display.say(&format!("no time left can be said: {error:#}"));
            Works::new()
        })
    }

    fn conclude(&self, cells: &[Track], last: &Track, tally: &Tally) -> Result<()> {
        say_failures(tally);
        let report = self.workspace.report(&self.planner.pipeline.name).join("index.html");
        let report = self.workspace.relative(&report).to_owned();
        let n_done = cells.iter().filter(|track| status(track) == Status::Done).count();
        println!(
            "{n_done} of {} cells done in {}; stage runs: {} executed, {} cached, {} failed",
            cells.len(),
            duration(self.started.elapsed().as_secs_f64()),
            tally.executed.len(),
            tally.cached.len(),
            tally.failures.len(),
        );
        if let Some(failure) = &last.failure {
            return Err(failed_run(failure));
        }
        println!("report: {}", report.display());
        match cells.len() - n_done {
            0 => Ok(()),
            n_failed => Err(hinted(
                format!("{n_failed} of {} cells failed", cells.len()),
                "the logs are named above; the same command tries the failed runs again",
            )),
        }
    }
}

fn say_failures(tally: &Tally) {
    for (labels, failure) in &tally.failures {
        let others = match labels.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} other cells that need the same run)", n - 1),
        };
        let label = labels.first().map_or("", String::as_str);
        eprintln!("failed: {} for {label}{others}: {}", failure.stage, failure.reason);
        eprintln!("        log: {}", failure.log.display());
    }
}

fn failed_run(failure: &Failure) -> anyhow::Error {
    hinted(
        format!("failed to run {}: {}", failure.stage, failure.reason),
        format!("its log is `{}`", failure.log.display()),
    )
}

/// Copies what report wrote to where it is looked for.
fn publish(workspace: &Workspace, finished: &Finished, folder: &Path) -> Result<()> {
    for (name, output) in &finished.outputs {
        let target = folder.join(name);
        if crate::digest::of_file(&target).is_ok_and(|digest| digest == output.blake3) {
            continue;
        }
        let source = workspace.root().join(&finished.folder).join(name);
        let bytes = fs::read(&source).with_context(|| format!("failed to read `{}`", source.display()))?;
        write::atomically(&target, &bytes)?;
    }
    Ok(())
}
