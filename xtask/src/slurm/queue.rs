//! Submits jobs to Slurm, and finds which of them are still in the queue.

use crate::machine::write;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str = "jobs.json";

/// The ids of a study's jobs. They are saved in a file beside the scripts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submitted {
    /// The id of the array of workers.
    pub workers: String,
    /// The id of the report's job, after it was submitted.
    pub report: Option<String>,
}

impl Submitted {
    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write::atomically(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }
}

/// A job in the queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Queued {
    /// `worker` or `report`.
    pub role: &'static str,
    /// The job's id; a worker's id ends with its number in the array.
    pub id: String,
    /// Slurm's name of the state: `RUNNING`, `PENDING` and so on.
    pub state: String,
    /// How long it has run, as Slurm writes it.
    pub elapsed: String,
    /// The node that it runs on, or in parentheses why it does not run.
    pub place: String,
}

/// The folder of a study's submissions. In it each submission has a folder with a number as its name.
pub fn folder(report_folder: &Path) -> PathBuf {
    report_folder.join("slurm")
}

/// Makes the folder of the next submission.
///
/// # Errors
/// When the folder cannot be made.
pub fn next(report_folder: &Path) -> Result<PathBuf> {
    let all = folder(report_folder);
    fs::create_dir_all(&all).with_context(|| format!("failed to make folder `{}`", all.display()))?;
    loop {
        let next = all.join(next_name(report_folder));
        match fs::create_dir(&next) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                return made
                    .map(|()| next.clone())
                    .with_context(|| format!("failed to make folder `{}`", next.display()));
            }
        }
    }
}

/// The name of the next submission's folder.
pub fn next_name(report_folder: &Path) -> String {
    let entries = fs::read_dir(folder(report_folder)).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    (numbers.max().unwrap_or(0) + 1).to_string()
}

/// The study's jobs that wait or run. Slurm is asked only if the study submitted jobs.
///
/// # Errors
/// When `squeue` cannot be asked, or its answer is not understood.
pub fn of(report_folder: &Path, name: &str) -> Result<Vec<Queued>> {
    let entries = fs::read_dir(folder(report_folder)).into_iter().flatten().flatten();
    let submitted: Vec<Submitted> =
        entries.filter_map(|entry| serde_json::from_slice(&fs::read(entry.path().join(FILE)).ok()?).ok()).collect();
    if submitted.is_empty() {
        return Ok(vec![]);
    }
    let mut command = Command::new("squeue");
    command.args(["--noheader", "--array", "--format=%i|%T|%M|%R"]).arg(format!("--name=twinset-{name}"));
    parse(&output(&mut command)?, &submitted)
}

fn parse(text: &str, submitted: &[Submitted]) -> Result<Vec<Queued>> {
    let mut queued = Vec::new();
    for line in text.lines() {
        let [id, state, elapsed, place] = line.splitn(4, '|').collect::<Vec<_>>()[..] else {
            bail!("failed to understand a line of `squeue`: found `{line}`, expected `id|state|time|place`");
        };
        let job = id.split('_').next().unwrap_or(id);
        let role = submitted.iter().find_map(|jobs| match jobs {
            Submitted { workers, .. } if workers == job => Some("worker"),
            Submitted { report: Some(report), .. } if report == job => Some("report"),
            _ => None,
        });
        if let Some(role) = role {
            let [id, state, elapsed, place] = [id, state, elapsed, place].map(str::to_owned);
            queued.push(Queued { role, id, state, elapsed, place });
        }
    }
    Ok(queued)
}

/// Submits a script with sbatch and returns the job's id.
///
/// # Errors
/// When sbatch cannot be started or refuses the script.
pub fn submit(script: &Path, options: &[String]) -> Result<String> {
    let mut command = Command::new("sbatch");
    let answer = output(command.arg("--parsable").args(options).arg(script))?;
    // If Slurm has several clusters, `;` and the cluster's name follow the id.
    Ok(answer.trim().split(';').next().unwrap_or_default().to_owned())
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("`{program}` is not on PATH: this machine submits nothing to Slurm")
        }
        output => output.with_context(|| format!("failed to start `{program}`"))?,
    };
    if !output.status.success() {
        bail!("`{program}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_the_study_are_told_from_others_of_the_same_name() {
        let submitted = [Submitted { workers: "12".to_owned(), report: Some("13".to_owned()) }];
        let text = "12_1|RUNNING|1:02|node7\n12_2|PENDING|0:00|(Resources)\n13|PENDING|0:00|(Dependency)\n99_1|RUNNING|9:00|node8\n";
        let queued = parse(text, &submitted).unwrap();
        let told: Vec<(&str, &str, &str, &str)> =
            queued.iter().map(|job| (job.role, &*job.id, &*job.state, &*job.place)).collect();
        assert_eq!(
            told,
            [
                ("worker", "12_1", "RUNNING", "node7"),
                ("worker", "12_2", "PENDING", "(Resources)"),
                ("report", "13", "PENDING", "(Dependency)")
            ]
        );
        assert!(parse("slurm says something\n", &submitted).is_err());
    }
}
