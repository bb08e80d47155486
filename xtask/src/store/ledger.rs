//! The *ledger* of a pipeline, `reports/<pipeline>/ledger.jsonl`: one line for each execution, with its time and
//! memory. The first line says what the pipeline declares. If a later call declares something else, it adds such a line
//! before its executions.
//!
//! Workers write `ledger-<host>.jsonl` beside it, because machines that append to one shared file may overwrite each
//! other's lines. All these files are read as one ledger.
//!
//! Times are only in the ledger and never in a manifest, so that the same inputs give manifests with the same bytes.

use super::run::StageRun;
use crate::machine::digest::Digest;
use crate::machine::process::Cost;
use anyhow::{Context, Result};
use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A pipeline's ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The start of the execution, in UTC.
    pub started_at: String,
    /// The stage's name.
    pub stage: String,
    /// The run's key.
    pub key: String,
    /// The cells that need this run.
    pub cells: Vec<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// `exit status 0`, and so on.
    pub exit_status: String,
    /// From start to end.
    pub wall_s: f64,
    /// User and system time over all threads.
    pub cpu_s: f64,
    /// The largest resident set.
    pub peak_memory_bytes: u64,
    /// Forward and backward passes, each of one sample; only for `train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_forward_backward_passes: Option<u64>,
}

/// What a pipeline declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The digest of the pipeline's file.
    pub pipeline: Digest,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// For each claim, by its name, the digest of all that it compares.
    pub claims: BTreeMap<String, Digest>,
}

/// A line of a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// An execution.
    Entry(Entry),
    /// What the pipeline declared before the next executions.
    Registration(Registration),
}

impl Line {
    fn is_entry(&self) -> bool {
        matches!(self, Self::Entry(_))
    }
}

/// The time of a line. All times are in UTC and in one format, so they sort as text.
#[derive(Deserialize)]
struct Began {
    #[serde(alias = "registered_at")]
    started_at: String,
}

/// A registration with the time when it was written.
#[derive(Serialize)]
struct Registered<'a> {
    registered_at: String,
    #[serde(flatten)]
    registration: &'a Registration,
}

/// The command of an execution, its exit status and its cost.
#[derive(Debug)]
pub struct Spent {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Such as `exit status 1`.
    pub status: String,
    /// Time and memory.
    pub cost: Cost,
}

impl Entry {
    /// The entry of an execution that ended just now.
    pub fn now(run: &StageRun, cells: Vec<String>, spent: &Spent, n_passes: Option<u64>) -> Self {
        let started = Utc::now() - Duration::from_secs_f64(spent.cost.wall_s);
        Self {
            started_at: started.to_rfc3339_opts(SecondsFormat::Secs, true),
            stage: run.stage.to_string(),
            key: run.key.clone(),
            cells,
            command: spent.command.clone(),
            exit_status: spent.status.clone(),
            wall_s: round(spent.cost.wall_s),
            cpu_s: round(spent.cost.cpu_s),
            peak_memory_bytes: spent.cost.peak_memory_bytes,
            n_forward_backward_passes: n_passes,
        }
    }

    /// The argument after a flag on the command line.
    pub fn argument(&self, flag: &str) -> Option<&str> {
        let place = self.command.iter().position(|word| word == flag)?;
        self.command.get(place + 1).map(String::as_str)
    }

    /// Whether the execution succeeded.
    pub fn is_success(&self) -> bool {
        self.exit_status == "exit status 0"
    }
}

impl Ledger {
    /// The ledger in a report's folder.
    pub fn of(report: &Path) -> Self {
        Self { path: report.join("ledger.jsonl") }
    }

    /// The ledger of workers on this machine, in a report's folder.
    pub fn of_worker(report: &Path) -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        Self { path: report.join(format!("ledger-{host}.jsonl")) }
    }

    /// The file that this ledger appends to; it may not exist yet.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line in one write, so that the lines of several runners on one machine do not mix.
    pub fn append(&self, entry: &Entry) -> Result<()> {
        self.append_line(entry)
    }

    /// Appends what a pipeline declares, unless the last registration is the same.
    pub fn register(&self, registration: &Registration) -> Result<()> {
        let is_known = |line: &Line| matches!(line, Line::Registration(_));
        let last = self.lines().into_iter().rfind(is_known);
        if last == Some(Line::Registration(registration.clone())) {
            return Ok(());
        }
        let registered_at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        self.append_line(&Registered { registered_at, registration })
    }

    fn append_line(&self, line: &impl Serialize) -> Result<()> {
        let append = || -> Result<()> {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
            let line = serde_json::to_string(line)? + "\n";
            OpenOptions::new().create(true).append(true).open(&self.path)?.write_all(line.as_bytes())?;
            Ok(())
        };
        append().with_context(|| format!("failed to write `{}`", self.path.display()))
    }

    /// All lines of all ledgers in the folder, sorted by time. A truncated line is left out.
    pub fn lines(&self) -> Vec<Line> {
        let entries = fs::read_dir(self.path.parent().unwrap_or(Path::new("."))).into_iter().flatten().flatten();
        let is_ledger = |name: &str| name == "ledger.jsonl" || name.starts_with("ledger-") && name.ends_with(".jsonl");
        let mut files: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(is_ledger))
            .map(|entry| entry.path())
            .collect();
        files.sort();
        let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
        let dated = |line: &str| Some((serde_json::from_str::<Began>(line).ok()?, serde_json::from_str(line).ok()?));
        let mut lines: Vec<(Began, Line)> = texts.iter().flat_map(|text| text.lines()).filter_map(dated).collect();
        // Times have whole seconds. If a registration and an execution have the same time, the registration was first.
        lines.sort_by(|(left, one), (right, other)| {
            (&left.started_at, one.is_entry()).cmp(&(&right.started_at, other.is_entry()))
        });
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// All executions, sorted by time.
    pub fn read(&self) -> Vec<Entry> {
        entries(&self.lines())
    }
}

/// The executions among lines.
pub fn entries(lines: &[Line]) -> Vec<Entry> {
    let entry = |line: &Line| match line {
        Line::Entry(entry) => Some(entry.clone()),
        Line::Registration(_) => None,
    };
    lines.iter().filter_map(entry).collect()
}

/// The CPU seconds of all executions of the run with this key; `None` if its last execution failed or is not in the
/// ledger.
pub fn cpu_seconds(entries: &[Entry], key: &str) -> Option<f64> {
    let of_run = || entries.iter().filter(|entry| entry.key == key);
    of_run().next_back().filter(|entry| entry.is_success())?;
    Some(of_run().map(|entry| entry.cpu_s).sum())
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_read_and_a_cut_one_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::of(folder.path());
        let entry = |stage: &str, exit_status: &str, wall_s, passes| Entry {
            started_at: "1970-01-01T00:00:00Z".to_owned(),
            stage: stage.to_owned(),
            key: "k".to_owned(),
            cells: vec!["a".to_owned()],
            command: vec!["x".to_owned()],
            exit_status: exit_status.to_owned(),
            wall_s,
            cpu_s: 0.5,
            peak_memory_bytes: 7,
            n_forward_backward_passes: passes,
        };
        let entries = [
            entry("train", "exit status 0", 2.0, Some(100)),
            entry("train", "exit status 1", 9.0, Some(100)),
            entry("evaluate", "exit status 0", 3.0, None),
        ];
        for entry in &entries {
            ledger.append(entry).unwrap();
        }
        let text = fs::read_to_string(&ledger.path).unwrap() + "{\"started";
        fs::write(&ledger.path, text).unwrap();
        assert_eq!(ledger.read(), entries);
        assert_eq!((cpu_seconds(&entries, "k"), cpu_seconds(&entries, "l")), (Some(1.5), None));
    }

    #[test]
    fn what_is_declared_is_written_where_it_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::of(folder.path());
        let registration = |seeds: &[u64]| Registration {
            pipeline: "p".to_owned(),
            seeds: seeds.to_vec(),
            claims: [("C".to_owned(), "c".to_owned())].into(),
        };
        for seeds in [&[0][..], &[0], &[0, 1], &[0]] {
            ledger.register(&registration(seeds)).unwrap();
        }
        let expected = [&[0][..], &[0, 1], &[0]].map(|seeds| Line::Registration(registration(seeds)));
        assert_eq!((ledger.lines(), ledger.read()), (expected.to_vec(), vec![]));
    }
}
