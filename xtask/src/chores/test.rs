//! `cargo xtask test`: everything that has to hold.

use super::narrow;
use super::readers;
use super::step::step;
use super::tidy;
use crate::cli;
use crate::machine::workspace::Workspace;
use crate::setup;
use anyhow::Result;

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
