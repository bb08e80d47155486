//! `cargo xtask test`: everything that has to hold.

use crate::cli;
use crate::narrow;
use crate::process;
use crate::readers;
use crate::setup;
use crate::tidy;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::process::Command;

const SHARED_DATA: &str = "TWINSET_SHARED_DATA";

/// Checks format, lints and invariants, then runs all tests.
pub fn test(workspace: &Workspace, options: &cli::Test) -> Result<()> {
    setup::ensure(workspace, false)?;
    if !options.only_tests {
        step(workspace, &["fmt", "--all", "--check"])?;
        tidy::tidy(workspace)?;
        step(workspace, &["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    }
    let mut words = vec!["test", "--release", "--workspace", "--no-fail-fast"];
    if !options.arguments.is_empty() {
        words.push("--");
    }
    words.extend(options.arguments.iter().map(String::as_str));
    step(workspace, &words)?;
    if !options.arguments.is_empty() {
        return Ok(());
    }
    narrow::test(workspace)?;
    readers::readers(workspace)
}

pub(crate) fn step(workspace: &Workspace, words: &[&str]) -> Result<()> {
    eprintln!("$ cargo {}", words.join(" "));
    let mut command = workspace.cargo();
    command.args(words);
    with_shared_data(workspace, &mut command);
    let (status, _) = process::spawn(&mut command).and_then(process::Running::wait).context("failed to start cargo")?;
    if !status.success() {
        bail!("`cargo {}` ended with {}", words.join(" "), process::describe(status));
    }
    Ok(())
}

/// Real data for tests lies beside the checkout where it is there at all.
pub(crate) fn with_shared_data(workspace: &Workspace, command: &mut Command) {
    let beside = workspace.root().parent().map(|parent| parent.join("shared/data"));
    if let (None, Some(folder)) = (env::var_os(SHARED_DATA), beside.filter(|folder| folder.is_dir())) {
        command.env(SHARED_DATA, folder);
    }
}
