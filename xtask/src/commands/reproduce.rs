//! `cargo xtask reproduce`: from nothing to a report.

use crate::cli;
use crate::commands::data_folder::{data_folder, remember_data};
use crate::commands::plan;
use crate::commands::prepare::prepare;
use crate::machine::workspace::Workspace;
use crate::runner::schedule::n_jobs;
use crate::runner::session::{self, Session};
use crate::study::pipeline;
use anyhow::Result;
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
