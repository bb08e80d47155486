//! Building stage programs with cargo: only those that are needed, and how long it may take is said before.

use super::Stage;
use crate::duration::duration;
use crate::machine::process;
use crate::machine::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

/// Processor seconds that a crate takes on average: the programs of `quick`, on a Xeon of 2023 (Sapphire Rapids).
const SECONDS_A_CRATE: f64 = 3.3;
/// More cores than this wait for one another.
const MOST_CORES: usize = 8;

/// Builds the programs of these stages. Returns where they are.
pub fn programs(workspace: &Workspace, stages: &[Stage], quiet: bool) -> Result<BTreeMap<Stage, PathBuf>> {
    let names: Vec<String> = stages.iter().map(|stage| stage.program()).collect();
    if !quiet {
        announce(workspace, &names)?;
    }
    let started = Instant::now();
    let mut command = workspace.cargo();
    command.args(["build", "--release", "--bins", "--message-format=json-render-diagnostics"]);
    command.args(names.iter().flat_map(|name| ["--package", name]));
    if quiet {
        command.arg("--quiet");
    }
    let mut running = process::spawn(command.stdout(Stdio::piped())).context("failed to start cargo")?;
    let (mut paths, mut n_compiled) = (BTreeMap::new(), 0);
    for line in BufReader::new(running.stdout().expect("standard output is piped")).lines() {
        let Ok(message) = serde_json::from_str::<Message>(&line?) else { continue };
        let ("compiler-artifact", Some(target)) = (message.reason.as_str(), message.target) else { continue };
        n_compiled += usize::from(!message.fresh);
        if let (Some(path), Some(stage)) =
            (message.executable, stages.iter().find(|stage| stage.program() == target.name))
        {
            paths.insert(*stage, path);
        }
    }
    let (status, _) = running.wait()?;
    if !status.success() {
        bail!("cargo build ended with {}", process::describe(status));
    }
    if !quiet && n_compiled > 0 {
        eprintln!("built the stage programs in {}", duration(started.elapsed().as_secs_f64()));
    }
    match stages.iter().find(|stage| !paths.contains_key(stage)) {
        Some(missing) => bail!("cargo built no program `{}`", missing.program()),
        None => Ok(paths),
    }
}

/// A line of cargo's messages, as far as it is of use here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    fresh: bool,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Says how much there is to compile that never was, and how long that may take.
fn announce(workspace: &Workspace, programs: &[String]) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["tree", "--prefix", "none", "--format", "{p}", "--edges", "normal,build"]);
    command.args(programs.iter().flat_map(|name| ["--package", name]));
    // Cargo downloads the crates' sources now, and shows that itself.
    let mut running = process::spawn(command.stdout(Stdio::piped())).context("failed to start cargo")?;
    let tree = BufReader::new(running.stdout().expect("standard output is piped")).lines();
    let crates: BTreeSet<String> = tree.map_while(Result::ok).filter_map(|line| crate_of(&line)).collect();
    let (status, _) = running.wait()?;
    if !status.success() {
        bail!("cargo tree ended with {}", process::describe(status));
    }
    let compiled = compiled(&target_folder(workspace)?.join("release/.fingerprint"));
    let n_new = crates.iter().filter(|name| !compiled.contains(name_of(name))).count();
    let n_cores = thread::available_parallelism().map_or(1, usize::from);
    if let Some(text) = announcement(programs.len(), crates.len(), n_new, n_cores) {
        eprintln!("{text}");
    }
    Ok(())
}

/// Name and version in a line of `cargo tree`.
fn crate_of(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    Some(format!("{} {}", words.next().filter(|name| !name.is_empty())?, words.next()?))
}

fn name_of(name_and_version: &str) -> &str {
    name_and_version.split(' ').next().unwrap_or_default()
}

fn announcement(n_programs: usize, n_crates: usize, n_new: usize, n_cores: usize) -> Option<String> {
    let minutes = (n_new as f64 * SECONDS_A_CRATE / n_cores.min(MOST_CORES) as f64 / 60.0).ceil();
    let cores = if n_cores == 1 { "one core".to_owned() } else { format!("{n_cores} cores") };
    let time = if minutes > 1.0 { format!("about {minutes} minutes") } else { "about a minute".to_owned() };
    (n_new > 0).then(|| {
        format!(
            "building {n_programs} programs; of their {n_crates} crates {n_new} are compiled for the first time: {time} on {cores}"
        )
    })
}

/// The names of the crates that were compiled to an end, as cargo's fingerprints tell.
fn compiled(fingerprints: &Path) -> BTreeSet<String> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_whole = |folder: &Path| {
        entries(folder).any(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            name.starts_with("lib-") || name.starts_with("bin-")
        })
    };
    let folders = entries(fingerprints).filter(|folder| is_whole(&folder.path()));
    folders.filter_map(|folder| Some(folder.file_name().to_str()?.rsplit_once('-')?.0.to_owned())).collect()
}

/// Where cargo builds.
pub fn target_folder(workspace: &Workspace) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    let mut command = workspace.cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let output = process::output(&mut command).context("failed to start cargo")?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("failed to read cargo's metadata")?;
    Ok(metadata.target_directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_takes_is_said_where_something_is_new() {
        for (n_new, n_cores, expected) in [
            (0, 2, None),
            (1, 2, Some("1 are compiled for the first time: about a minute on 2 cores")),
            (257, 2, Some("257 are compiled for the first time: about 8 minutes on 2 cores")),
            (257, 1, Some("257 are compiled for the first time: about 15 minutes on one core")),
            (257, 64, Some("257 are compiled for the first time: about 2 minutes on 64 cores")),
        ] {
            let text = announcement(6, 257, n_new, n_cores);
            let expected = expected.map(|end| format!("building 6 programs; of their 257 crates {end}"));
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_crate_is_compiled_where_its_fingerprint_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        for (crate_, file) in [
            ("serde-0123456789abcdef", "lib-serde"),
            ("twinset-ingest-00aa", "bin-twinset-ingest"),
            // Interrupted, and so far only its build script.
            ("clap-0011", "invoked.timestamp"),
            ("libc-0022", "build-script-build-script-build"),
        ] {
            fs::create_dir(folder.path().join(crate_)).unwrap();
            fs::write(folder.path().join(crate_).join(file), "").unwrap();
        }
        let names: Vec<String> = compiled(folder.path()).into_iter().collect();
        assert_eq!(names, ["serde", "twinset-ingest"]);
        assert!(compiled(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn crates_are_read_from_the_tree() {
        for (line, expected) in [
            ("serde v1.0.229", Some("serde v1.0.229")),
            ("serde v1.0.229 (*)", Some("serde v1.0.229")),
            ("twinset-ingest v0.1.0 (/a b/crates/ingest)", Some("twinset-ingest v0.1.0")),
            ("", None),
        ] {
            assert_eq!(crate_of(line).as_deref(), expected);
        }
    }
}
