//! Calls of cargo that a chore consists of.

use crate::machine::process;
use crate::machine::workspace::Workspace;
use anyhow::Result;
use std::env;
use std::process::Command;

const SHARED_DATA: &str = "TWINSET_SHARED_DATA";

/// Runs cargo; an error where it fails.
pub fn step(workspace: &Workspace, words: &[&str]) -> Result<()> {
    let shown = format!("cargo {}", words.join(" "));
    eprintln!("$ {shown}");
    let mut command = workspace.cargo();
    command.args(words);
    with_shared_data(workspace, &mut command);
    process::run(&mut command, &shown)
}

/// Real data for tests lies beside the checkout where it is there at all.
pub fn with_shared_data(workspace: &Workspace, command: &mut Command) {
    let beside = workspace.root().parent().map(|parent| parent.join("shared/data"));
    if let (None, Some(folder)) = (env::var_os(SHARED_DATA), beside.filter(|folder| folder.is_dir())) {
        command.env(SHARED_DATA, folder);
    }
}
