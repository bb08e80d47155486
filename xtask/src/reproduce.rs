//! `cargo xtask reproduce`: from nothing to a report.

use crate::ask::{Asker, Work};
use crate::cell::{self, Cell};
use crate::check::{self, in_parallel};
use crate::cli;
use crate::device;
use crate::digest::{Digest, SourceDigests};
use crate::forecast;
use crate::ledger::Ledger;
use crate::pipeline;
use crate::programs;
use crate::schedule::{Works, work_key};
use crate::session::{self, Session};
use crate::setup;
use crate::store::Store;
use crate::track::Planner;
use crate::workspace::Workspace;
use crate::write;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
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
    if options.dry_run {
        let (cells, store) = (cell::expand(&pipeline, seeds), Store::new(workspace.root(), &workspace.stages()));
        let works = works(&asker, planner.data.as_deref(), &cells.iter().collect::<Vec<_>>())?;
        let ledger = Ledger::of(&workspace.report(&pipeline.name)).read();
        print!("{}", forecast::of(&planner, &store, cells, &works).table(&pipeline, seeds, &ledger, n_jobs));
        return Ok(());
    }
    remember_data(workspace, &planner)?;
    session::run(&Session { workspace, asker, planner, seeds, n_jobs, options, started })
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
