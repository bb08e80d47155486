//! `cargo xtask`: see [`xtask`] and `cargo xtask --help`.

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;
use xtask::chores::{bench, dist, docs, readers, test, tidy};
use xtask::cli::{Cli, Command};
use xtask::commands::{gc, plan, reproduce, status, submit, why};
use xtask::machine::workspace::Workspace;
use xtask::{setup, shell};

fn main() -> ExitCode {
    shell::end(run(&Cli::parse()))
}

fn run(cli: &Cli) -> Result<()> {
    shell::begin()?;
    let workspace = Workspace::locate(cli.root.clone())?;
    match &cli.command {
        Command::Setup(options) => setup::setup(&workspace, options.check, options.quiet),
        Command::Reproduce(options) => reproduce::reproduce(&workspace, options),
        Command::Work(options) => reproduce::work(&workspace, options),
        Command::Submit(options) => submit::submit(&workspace, options),
        Command::Status(options) => status::status(&workspace, options),
        Command::Plan(options) => plan::plan(&workspace, options),
        Command::Why(options) => why::why(&workspace, options),
        Command::Gc(options) => gc::gc(&workspace, options),
        Command::Test(options) => test::test(&workspace, options),
        Command::Bench(options) => bench::bench(&workspace, options),
        Command::Readers => readers::readers(&workspace),
        Command::Tidy => tidy::tidy(&workspace),
        Command::Docs => docs::docs(&workspace),
        Command::Dist => dist::dist(&workspace),
    }
}
