//! `cargo xtask tidy`: the invariants of the architecture, each a function from texts to findings.

mod circles;
mod features;
mod manifests;
mod pages;
mod sources;
mod tracked;

use crate::machine::workspace::Workspace;
use crate::machine::{process, tree};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A file of the checkout: its path from the root, and its text.
#[derive(Debug, Clone)]
pub struct Text {
    /// With `/` between folders.
    pub path: String,
    /// Of the whole file.
    pub text: String,
}

/// What is wrong, with the file and, where it has one, the line.
pub type Finding = String;

/// Checks all invariants and prints what was found.
pub fn tidy(workspace: &Workspace) -> Result<()> {
    let files = tracked(workspace)?;
    let mut findings = find(&files);
    findings.extend(features::agree(workspace)?);
    findings.extend(pages::links(&files, &|path| workspace.root().join(path).exists()));
    for warning in sources::long(&files) {
        eprintln!("warning: {warning}");
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings against the invariants in ARCHITECTURE.md", findings.len());
    }
    deny(workspace)?;
    println!("tidy: {} files, no findings", files.len());
    Ok(())
}

/// All findings in `files`.
pub fn find(files: &[Text]) -> Vec<Finding> {
    let checks = [
        manifests::stages_stand_alone,
        manifests::only_four_know_tch,
        manifests::xtask_is_light,
        manifests::lints_are_shared,
        manifests::versions_stand_once,
        manifests::defaults_need_no_libtorch,
        circles::no_circles,
        sources::libraries_are_silent,
        sources::files_are_written_by_manifest,
        pages::readme_is_short,
        pages::book_is_listed,
        tracked::no_machine_and_no_registry,
    ];
    checks.iter().flat_map(|check| check(files)).collect()
}

/// Every text file that git tracks or would track.
fn tracked(workspace: &Workspace) -> Result<Vec<Text>> {
    let mut command = Command::new("git");
    command.current_dir(workspace.root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = process::output(&mut command).ok().filter(|output| output.status.success());
    let paths: Vec<PathBuf> = match listed {
        Some(output) => {
            let list = String::from_utf8_lossy(&output.stdout).into_owned();
            list.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect()
        }
        // There is no git here.
        None => tree::files(workspace.root(), |name| {
            name == "target" || name == "data" || name.to_string_lossy().starts_with(".git")
        })
        .context("failed to list the checkout's files")?,
    };
    let mut texts: Vec<Text> = paths
        .into_iter()
        .filter_map(|path| {
            let text = fs::read_to_string(workspace.root().join(&path)).ok()?;
            Some(Text { path: path.to_string_lossy().into_owned(), text })
        })
        .collect();
    texts.sort_by(|left, right| left.path.cmp(&right.path));
    texts.dedup_by(|left, right| left.path == right.path);
    Ok(texts)
}

/// Advisories and licences, where cargo-deny is installed.
fn deny(workspace: &Workspace) -> Result<()> {
    let is_there = |mut command: Command| process::output(&mut command).is_ok_and(|output| output.status.success());
    let mut version = workspace.cargo();
    version.args(["deny", "--version"]);
    if !is_there(version) {
        eprintln!("note: cargo-deny is not installed; advisories and licences were not checked");
        return Ok(());
    }
    let mut command = workspace.cargo();
    command.args(["deny", "--workspace", "check"]);
    process::run(&mut command, "cargo deny")
}

#[cfg(test)]
fn text(path: &str, text: &str) -> Text {
    Text { path: path.to_owned(), text: text.to_owned() }
}
