//! `cargo xtask submit`: submits workers and the report to Slurm.

use super::data_folder::{given_or_remembered, remember_data};
use super::prepare::{prepare, study};
use crate::cli;
use crate::machine::workspace::Workspace;
use crate::machine::write;
use crate::slurm::queue::{self, Submitted};
use crate::slurm::script::Jobs;
use crate::slurm::site::{self, Site};
use crate::stages::device;
use crate::study::pipeline::Pipeline;
use crate::study::reports;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use toml::Value;

/// Submits workers and a report, or with `--dry-run` prints their scripts.
pub fn submit(workspace: &Workspace, options: &cli::Submit) -> Result<()> {
    let site = site(workspace, options)?;
    let pipeline = study(workspace, &options.study)?;
    let data = given_or_remembered(workspace, &options.study, &pipeline.name)?;
    let name = pipeline.name.clone();
    let report_folder = reports::folder(workspace, &pipeline);
    let arguments = arguments(workspace, &pipeline, data.as_deref(), options)?;
    let own = env::current_exe().and_then(fs::canonicalize).context("failed to find this program's own file")?;
    let folder = match options.dry_run {
        true => queue::folder(&report_folder).join(queue::next_name(&report_folder)),
        false => {
            let (planner, unreadable) =
                prepare(workspace, pipeline, data, &options.study, device::elsewhere, options.quiet)?;
            if let Some(error) = unreadable {
                return Err(error);
            }
            if let Some(data) = &planner.data {
                remember_data(workspace, &name, data)?;
            }
            reports::claim(workspace, &planner.pipeline)?;
            let folder = queue::next(&report_folder)?;
            // The jobs get copies of the programs, so that a build does not change jobs that wait in the queue.
            planner.programs.keep(&workspace.programs())?.link(&folder.join("programs"))?;
            folder
        }
    };
    let programs = folder.join("programs");
    let runner = match workspace.installed_programs() {
        Some(_) => own.clone(),
        None => programs.join("xtask"),
    };
    let jobs = Jobs {
        name: &name,
        root: workspace.root(),
        folder: workspace.relative(&folder),
        runner: &runner,
        programs,
        arguments,
        site: &site,
    };
    let (workers, report) = (jobs.workers(options.workers)?, jobs.report()?);
    if options.dry_run {
        print!("# workers.sh\n{workers}\n# report.sh, with --dependency=afterany:<the workers' id>\n{report}");
        return Ok(());
    }
    if runner != own {
        let bytes = fs::read(&own).with_context(|| format!("failed to read `{}`", own.display()))?;
        write::executable(&runner, &bytes)?;
    }
    hand_over(workspace, &folder, &workers, &report, options)
}

fn hand_over(workspace: &Workspace, folder: &Path, workers: &str, report: &str, options: &cli::Submit) -> Result<()> {
    let scripts = ["workers.sh", "report.sh"].map(|name| folder.join(name));
    write::atomically(&scripts[0], workers.as_bytes())?;
    write::atomically(&scripts[1], report.as_bytes())?;
    let mut submitted = Submitted { workers: queue::submit(&scripts[0], &[])?, report: None };
    submitted.save(folder)?;
    let after = [format!("--dependency=afterany:{}", submitted.workers)];
    let id = queue::submit(&scripts[1], &after).with_context(|| {
        format!("the workers are submitted as job {}, and work; failed to submit the report", submitted.workers)
    })?;
    submitted.report = Some(id.clone());
    submitted.save(folder)?;
    let (n, workers, command) = (options.workers, &submitted.workers, workspace.command());
    println!("submitted workers as job {workers} (array of {n}), and the report, which waits for them, as job {id}");
    println!("`{command} status {}` shows them, `scancel {workers} {id}` ends them", options.study.pipeline);
    println!("scripts and logs: {}", workspace.relative(folder).display());
    Ok(())
}

/// The site's settings, with the user's options in place of those in the file.
fn site(workspace: &Workspace, options: &cli::Submit) -> Result<Site> {
    let usual = workspace.root().join(site::FILE);
    let mut site = match &options.site {
        Some(file) => Site::load(file)?,
        None if usual.is_file() => Site::load(&usual)?,
        None => Site::default(),
    };
    for (name, value) in [("partition", &options.partition), ("gres", &options.gres), ("time", &options.time)] {
        if let Some(value) = value {
            site.options.insert(name.to_owned(), Value::String(value.clone()));
        }
    }
    Ok(site)
}

/// The arguments for `work` and `reproduce`. Paths are absolute, because the jobs run in the root and not in the
/// current folder.
fn arguments(
    workspace: &Workspace,
    pipeline: &Pipeline,
    data: Option<&Path>,
    options: &cli::Submit,
) -> Result<Vec<String>> {
    let study = &options.study;
    let text =
        |path: PathBuf| path.to_str().map(str::to_owned).with_context(|| format!("`{}` is not UTF-8", path.display()));
    let is_file = Path::new(&study.pipeline).extension().is_some_and(|end| end == "toml");
    let mut arguments = vec![match is_file {
        true => text(workspace.root().join(&pipeline.file))?,
        false => study.pipeline.clone(),
    }];
    let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    if let Some(data) = data {
        add("--data", text(data.to_owned())?);
    }
    if let Some(cli::Seeds(seeds)) = &study.seeds {
        add("--seeds", crate::study::seeds::seeds_text(seeds));
    }
    if let Some(device) = study.device.to_possible_value() {
        add("--device", device.get_name().to_owned());
    }
    if let Some(precision) = study.precision {
        add("--precision", precision.name().to_owned());
    }
    if let Some(jobs) = options.jobs {
        add("--jobs", jobs.to_string());
    }
    if study.same_processor {
        arguments.push("--same-processor".to_owned());
    }
    Ok(arguments)
}
