//! `twinset reproduce`, `twinset plan` and `twinset status`: studies without a checkout, see `twinset-study --help`.

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;
use xtask::cli::{InstalledCli, InstalledCommand};
use xtask::commands::{gc, plan, reproduce, status, submit, why};
use xtask::machine::workspace::Workspace;
use xtask::shell;

fn main() -> ExitCode {
    match shell::generate::<InstalledCli>() {
        Ok(false) => shell::end(run(&InstalledCli::parse())),
        generated => shell::end(generated.map(drop)),
    }
}

fn run(cli: &InstalledCli) -> Result<()> {
    shell::begin()?;
    let workspace = Workspace::of_installation()?;
    match &cli.command {
        InstalledCommand::Reproduce(options) => reproduce::reproduce(&workspace, options),
        InstalledCommand::Work(options) => reproduce::work(&workspace, options),
        InstalledCommand::Submit(options) => submit::submit(&workspace, options),
        InstalledCommand::Status(options) => status::status(&workspace, options),
        InstalledCommand::Plan(options) => plan::plan(&workspace, options),
        InstalledCommand::Why(options) => why::why(&workspace, options),
        InstalledCommand::Gc(options) => gc::gc(&workspace, options),
    }
}
