//! The start and the end of the programs of this package: signals, and the exit code.

use crate::hint;
use crate::machine::{interrupt, process};
use anyhow::Result;
use clap::{Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use std::env;
use std::path::Path;
use std::process::ExitCode;

/// From now on signals also end or stop the child processes.
pub fn begin() -> Result<()> {
    interrupt::pass_on_stops(process::signal_all)?;
    interrupt::install(process::signal_all)
}

/// Handles `--generate DIR`, with which packagers write the program's man pages and completions. Returns whether it was
/// given.
pub fn generate<C: CommandFactory>() -> Result<bool> {
    let words: Vec<_> = env::args_os().skip(1).collect();
    let [option, folder] = words.as_slice() else { return Ok(false) };
    if option != "--generate" {
        return Ok(false);
    }
    let (mut command, folder): (Command, _) = (C::command(), Path::new(folder));
    let name = command.get_name().to_owned();
    let is_wanted = |shell: &&Shell| matches!(shell, Shell::Bash | Shell::Fish | Shell::Zsh);
    for shell in Shell::value_variants().iter().filter(is_wanted) {
        clap_complete::generate_to(*shell, &mut command, &name, folder)?;
    }
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder)?;
    Ok(true)
}

/// Prints a call's error on stderr, and returns the exit code.
pub fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if interrupt::is_time_up() => {
            println!("the time is up: {}", state_of(&error));
            ExitCode::SUCCESS
        }
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

/// What an interrupted call prints about how far it came. The errors of its ended children are left out.
fn state_of(error: &anyhow::Error) -> String {
    match error.downcast_ref::<interrupt::Interrupted>() {
        Some(interrupted) => interrupted.to_string(),
        None => "the same command goes on from here".to_owned(),
    }
}
