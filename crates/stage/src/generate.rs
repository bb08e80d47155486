//! What a shell and `man` know of a program: written by the program itself, from its own options.

use std::env;
use std::io;
use std::path::Path;

use clap::Parser;
use clap::ValueEnum;
use clap_complete::Shell;

/// A program's arguments. A wrong one ends the program with exit code 2, as `--help` does with 0.
///
/// With `--generate DIR` and nothing else, man pages and completions for bash, fish and zsh are written to the folder, which has to be
/// there, and the program ends: that is how packages get them.
pub fn arguments<A: Parser>() -> A {
    let words: Vec<_> = env::args_os().skip(1).collect();
    match words.as_slice() {
        [option, folder] if option == "--generate" => match generate(A::command(), Path::new(folder)) {
            Ok(()) => std::process::exit(0),
            Err(error) => A::command().error(clap::error::ErrorKind::Io, error).exit(),
        },
        _ => A::parse(),
    }
}

fn generate(mut command: clap::Command, folder: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for shell in Shell::value_variants() {
        if matches!(shell, Shell::Bash | Shell::Fish | Shell::Zsh) {
            clap_complete::generate_to(*shell, &mut command, &name, folder)?;
        }
    }
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder)
}
