//! `cargo xtask reproduce`: from nothing to a report.

use crate::ask::{Asker, Work};
use crate::cell::Cell;
use crate::check::{self, in_parallel};
use crate::cli;
use crate::digest::{Digest, SourceDigests};
use crate::pipeline::{self, Pipeline};
use crate::plan;
use crate::prepare::prepare;
use crate::schedule::{Works, work_key};
use crate::session::{self, Session};
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
    if options.dry_run {
        return plan::plan(workspace, &cli::Plan::of_dry_run(options));
    }
    let started = Instant::now();
    let pipeline = pipeline::load(workspace, &options.study)?;
    let data = options.study.data.as_deref().map(data_folder).transpose()?;
    let mut prepared = prepare(workspace, pipeline, data, &options.study, options.quiet)?;
    if let Some(error) = prepared.unreadable.take() {
        return Err(error);
    }
    let (asker, planner) = (prepared.asker(workspace), prepared.planner());
    remember_data(workspace, &planner)?;
    let n_jobs = n_jobs(options.jobs);
    session::run(&Session { workspace, asker, planner, seeds: &prepared.seeds, n_jobs, options, started })
}

/// Stage runs at once: what the user says, or as many as there are cores.
pub fn n_jobs(jobs: Option<u16>) -> usize {
    jobs.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from)
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
pub fn works(asker: &Asker<'_>, pipeline: &Pipeline, data: Option<&Path>, cells: &[&Cell]) -> Result<Works> {
    let n_originals = asker.count(data)?.train;
    let mut questions: Vec<&Cell> = cells.to_vec();
    questions.sort_by_key(|cell| work_key(cell));
    questions.dedup_by_key(|cell| work_key(cell));
    let answers = in_parallel(&questions, |cell| -> Result<Work> {
        let inject = check::inject_table(cell.arm, cell.rate, cell.seed);
        let n_train = asker.trainset_size(&inject, n_originals)?;
        asker.work(&check::train_table(pipeline, cell.arm, cell.seed), n_train)
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
