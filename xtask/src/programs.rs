//! The stage programs: built, found and digested.

use crate::digest::{Digest, SourceDigests};
use crate::hint::hinted;
use crate::process;
use crate::stage::Stage;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Names a folder of ready stage programs; nothing is set up or built then.
pub const FOLDER_VARIABLE: &str = "TWINSET_STAGE_BIN_DIR";

/// Where each stage's program is, and its digest.
#[derive(Debug, Clone)]
pub struct Programs(BTreeMap<Stage, Program>);

/// A stage's program.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Of the executable's bytes.
    pub digest: Digest,
}

impl Programs {
    /// The program of a stage.
    pub fn get(&self, stage: Stage) -> &Program {
        &self.0[&stage]
    }
}

/// The folder of ready programs that the user names.
pub fn ready_folder() -> Option<PathBuf> {
    env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The ready programs of these stages, or those that cargo builds now.
pub fn build(workspace: &Workspace, stages: &[Stage], digests: &mut SourceDigests, quiet: bool) -> Result<Programs> {
    let paths = match ready_folder() {
        Some(folder) => in_folder(&folder, stages)?,
        None => by_cargo(workspace, stages, quiet).context("failed to build the stage programs")?,
    };
    with_digests(paths, digests)
}

/// The programs of these stages as they were built last; `None` where one is missing.
pub fn existing(workspace: &Workspace, stages: &[Stage], digests: &mut SourceDigests) -> Result<Option<Programs>> {
    let folder = match ready_folder() {
        Some(folder) => folder,
        None => target_folder(workspace)?.join("release"),
    };
    match in_folder(&folder, stages) {
        Ok(paths) => with_digests(paths, digests).map(Some),
        Err(_) => Ok(None),
    }
}

fn in_folder(folder: &Path, stages: &[Stage]) -> Result<BTreeMap<Stage, PathBuf>> {
    let folder = std::path::absolute(folder)?;
    let mut paths = BTreeMap::new();
    for &stage in stages {
        let path = folder.join(stage.program());
        if !path.is_file() {
            let message = format!("failed to find stage program `{}`", path.display());
            let hint = format!(
                "{FOLDER_VARIABLE} names a folder that holds the programs of all stages; without it they are built"
            );
            return Err(hinted(message, hint));
        }
        paths.insert(stage, path);
    }
    Ok(paths)
}

fn with_digests(paths: BTreeMap<Stage, PathBuf>, digests: &mut SourceDigests) -> Result<Programs> {
    let program = |(stage, path): (Stage, PathBuf)| Ok((stage, Program { digest: digests.of(&path)?, path }));
    paths.into_iter().map(program).collect::<Result<_>>().map(Programs)
}

/// A line of cargo's messages, as far as it is of use here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn by_cargo(workspace: &Workspace, stages: &[Stage], quiet: bool) -> Result<BTreeMap<Stage, PathBuf>> {
    let mut command = workspace.cargo();
    // The whole workspace, so that dependencies have the features that they have in `cargo xtask test`: compiled once.
    command.args(["build", "--release", "--workspace", "--bins", "--message-format=json-render-diagnostics"]);
    if quiet {
        command.arg("--quiet");
    }
    let mut running = process::spawn(command.stdout(Stdio::piped())).context("failed to start cargo")?;
    let mut paths = BTreeMap::new();
    for line in BufReader::new(running.stdout().expect("standard output is piped")).lines() {
        let Ok(message) = serde_json::from_str::<Message>(&line?) else { continue };
        if let ("compiler-artifact", Some(path), Some(target)) =
            (message.reason.as_str(), message.executable, message.target)
            && let Some(stage) = stages.iter().find(|stage| stage.program() == target.name)
        {
            paths.insert(*stage, path);
        }
    }
    let (status, _) = running.wait()?;
    if !status.success() {
        bail!("cargo build ended with {}", process::describe(status));
    }
    match stages.iter().find(|stage| !paths.contains_key(stage)) {
        Some(missing) => bail!("cargo built no program `{}`", missing.program()),
        None => Ok(paths),
    }
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
