//! `twinset`: one door to all programs. It starts stage programs as `git` does, and has commands of its own that run several.

mod catalog;
mod commands;
mod libtorch;
mod programs;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{dispatch, new_study, scan};

/// Find duplicated images, and what they do to image classifiers.
#[derive(Parser)]
#[command(name = "twinset", bin_name = "twinset", disable_help_subcommand = true)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    /// Print version, commit, and the libtorch that the programs want.
    #[arg(long, short = 'V')]
    version: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Scan(scan::ScanArgs),
    NewStudy(new_study::NewStudyArgs),
    /// Any other command is a program of its own.
    #[command(external_subcommand)]
    Program(Vec<OsString>),
}

fn main() -> ExitCode {
    twinset_stage::generate_for_packages(|| catalog::whole(Args::command()));
    let matches = Args::command().override_help(catalog::help()).get_matches();
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let print = |text: String| {
        twinset_stage::run(|| {
            print!("{text}");
            Ok(())
        })
    };
    match args.command {
        _ if args.version => print(version::text()),
        None => print(catalog::help()),
        Some(Command::Scan(args)) => scan::run(&args),
        Some(Command::NewStudy(args)) => twinset_stage::run(|| new_study::run(&args)),
        Some(Command::Program(words)) => dispatch::start(words),
    }
}
