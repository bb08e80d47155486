//! What a shell and `man` know of a program: written by the program itself, from its own options.

use std::env;
use std::io;
use std::path::Path;

use clap::Parser;
use clap::ValueEnum;
use clap_complete::Shell;

/// A program's arguments. A wrong one ends the program with exit code 2, as `--help` does with 0; `--generate` as
/// [`generate_for_packages`] says.
pub fn arguments<A: Parser>() -> A {
    generate_for_packages(A::command);
    A::parse()
}

/// Where the program was called with `--generate DIR` and nothing else: writes man pages and completions for bash, fish and zsh to the
/// folder, which has to be there, and ends the program. That is how packages get them.
pub fn generate_for_packages(command: impl FnOnce() -> clap::Command) {
    let words: Vec<_> = env::args_os().skip(1).collect();
    let [option, folder] = words.as_slice() else { return };
    if option == "--generate" {
        let mut command = command();
        match generate(command.clone(), Path::new(folder)) {
            Ok(()) => std::process::exit(0),
            Err(error) => command.error(clap::error::ErrorKind::Io, error).exit(),
        }
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
