//! `cargo xtask reproduce`: from nothing to a report.

use super::data_folder::{data_folder, remember_data};
use super::plan;
use super::prepare::{prepare, study};
use crate::cli;
use crate::machine::workspace::Workspace;
use crate::runner::session::{Session, Way};
use crate::store::ledger::Ledger;
use crate::study::registration;
use anyhow::Result;
use std::path;
use std::time::Instant;

/// Runs a pipeline; an error where some cell failed.
pub fn reproduce(workspace: &Workspace, options: &cli::Reproduce) -> Result<()> {
    if options.dry_run {
        return plan::plan(workspace, &cli::Plan::of_dry_run(options));
    }
    let started = Instant::now();
    let pipeline = study(workspace, &options.study)?;
    let data = options.study.data.as_deref().map(data_folder).transpose()?;
    let (mut planner, unreadable) = prepare(workspace, pipeline, data, &options.study, options.quiet)?;
    if let Some(error) = unreadable {
        return Err(error);
    }
    planner.programs = planner.programs.keep(&workspace.programs())?;
    if let Some(data) = &planner.data {
        remember_data(workspace, &planner.pipeline.name, data)?;
    }
    let way = Way {
        n_jobs: cli::n_jobs(options.jobs, planner.machine.n_gpus),
        fail_fast: options.fail_fast,
        quiet: options.quiet,
        tensorboard: options.tensorboard.as_deref().map(path::absolute).transpose()?,
    };
    // Before anything runs.
    let pipeline = &planner.pipeline;
    Ledger::of(&workspace.report(&pipeline.name)).register(&registration::declare(pipeline))?;
    Session::new(workspace, &planner, way).run(started)
}
