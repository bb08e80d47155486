//! `cargo xtask bench`: measures what is claimed of speed.

use super::step;
use crate::cli;
use crate::machine::process;
use crate::machine::workspace::Workspace;
use crate::setup;
use anyhow::Result;

/// Runs a crate's bench, which prints its tables.
pub fn bench(workspace: &Workspace, options: &cli::Bench) -> Result<()> {
    setup::ensure(workspace, false)?;
    // A bench also runs the programs that stand beside it.
    step::step(workspace, &["build", "--release", "--workspace", "--bins"])?;
    let mut command = workspace.cargo();
    // The whole workspace, so that dependencies have the features that they have in `cargo xtask test`: compiled once.
    command.args(["bench", "--workspace", "--bench", options.what.name(), "--"]);
    command.args(&options.arguments);
    if options.quick {
        command.arg("--quick");
    }
    step::with_shared_data(workspace, &mut command);
    process::run(&mut command, "cargo bench")
}
