//! `cargo xtask`: see [`xtask`] and `cargo xtask --help`.

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;
use xtask::chores::{bench, docs, readers, test, tidy};
use xtask::cli::{Cli, Command};
use xtask::commands::{plan, reproduce, status};
use xtask::machine::workspace::Workspace;
use xtask::machine::{interrupt, process};
use xtask::{hint, setup};

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if interrupt::requested() => {
            eprintln!("interrupted: {}", state_of(&error));
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(error) => {
            eprintln!("{}", hint::render(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    interrupt::install(process::end_all)?;
    let workspace = Workspace::locate(cli.root.clone())?;
    match &cli.command {
        Command::Setup(options) => setup::setup(&workspace, options.check, options.quiet),
        Command::Reproduce(options) => reproduce::reproduce(&workspace, options),
        Command::Status(options) => status::status(&workspace, options),
        Command::Plan(options) => plan::plan(&workspace, options),
        Command::Test(options) => test::test(&workspace, options),
        Command::Bench(options) => bench::bench(&workspace, options),
        Command::Readers => readers::readers(&workspace),
        Command::Tidy => tidy::tidy(&workspace),
        Command::Docs => docs::docs(&workspace),
    }
}

/// What an interrupted call says of where it was: errors of children that were ended are no news.
fn state_of(error: &anyhow::Error) -> String {
    match error.downcast_ref::<interrupt::Interrupted>() {
        Some(interrupted) => interrupted.to_string(),
        None => "the same command goes on from here".to_owned(),
    }
}
