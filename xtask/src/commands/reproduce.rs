//! `cargo xtask reproduce`: from nothing to a report; `cargo xtask work`: the same without the report.

use super::data_folder::{data_folder, remember_data};
use super::plan;
use super::prepare::{prepare, study};
use crate::cli::{self, StudyArgs};
use crate::machine::workspace::Workspace;
use crate::machine::{interrupt, process};
use crate::runner::session::{Session, Way};
use crate::stages::device;
use crate::store::ledger::Ledger;
use crate::study::registration;
use crate::study::reports;
use crate::study::track::Planner;
use anyhow::Result;
use std::path;
use std::time::Instant;

/// Runs a pipeline and makes its report. It is an error if a cell failed.
pub fn reproduce(workspace: &Workspace, options: &cli::Reproduce) -> Result<()> {
    if options.dry_run {
        return plan::plan(workspace, &cli::Plan::of_dry_run(options));
    }
    let started = Instant::now();
    let planner = planner(workspace, &options.study, options.quiet)?;
    let report_folder = reports::claim(workspace, &planner.pipeline)?;
    let way = Way {
        n_jobs: cli::n_jobs(options.jobs, planner.machine.n_gpus),
        fail_fast: options.fail_fast,
        quiet: options.quiet,
        tensorboard: options.tensorboard.as_deref().map(path::absolute).transpose()?,
        ledger: Ledger::of(&report_folder),
        report_folder,
    };
    // Before anything runs.
    way.ledger.register(&registration::declare(&planner.pipeline))?;
    Session::new(workspace, &planner, way).run(started)
}

/// Works on a pipeline until nothing is left or the time is up, and makes no report.
pub fn work(workspace: &Workspace, options: &cli::Work) -> Result<()> {
    let started = Instant::now();
    if let Some(limit) = options.time_limit {
        interrupt::after(limit, process::signal_all);
    }
    let planner = planner(workspace, &options.study, options.quiet)?;
    let report_folder = reports::claim(workspace, &planner.pipeline)?;
    let way = Way {
        n_jobs: cli::n_jobs(options.jobs, planner.machine.n_gpus),
        fail_fast: false,
        quiet: options.quiet,
        tensorboard: None,
        ledger: Ledger::of_worker(&report_folder),
        report_folder,
    };
    way.ledger.register(&registration::declare(&planner.pipeline))?;
    Session::new(workspace, &planner, way).work(started)
}

/// Prepares a study. Its programs are copies in the store, which no build changes.
fn planner(workspace: &Workspace, args: &StudyArgs, quiet: bool) -> Result<Planner> {
    let pipeline = study(workspace, args)?;
    let data = args.data.as_deref().map(data_folder).transpose()?;
    let (mut planner, unreadable) = prepare(workspace, pipeline, data, args, device::resolve, quiet)?;
    if let Some(error) = unreadable {
        return Err(error);
    }
    planner.programs = planner.programs.keep(&workspace.programs())?;
    if let Some(data) = &planner.data {
        remember_data(workspace, &planner.pipeline.name, data)?;
    }
    Ok(planner)
}
