//! `twinset <command> …` becomes `twinset-<command> …`: the same process, so that exit code and signals are the program's own.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::anyhow;
use twinset_stage::{printable_line, with_hint};

use super::scan::Record;
use crate::catalog::{self, Entry};
use crate::{libtorch, programs};

/// The exit code of wrong usage.
const USAGE: u8 = 2;

/// Becomes the program of a command; returns only where it cannot.
pub(crate) fn start(words: Vec<OsString>) -> ExitCode {
    let mut words = words.into_iter();
    let name = words.next().unwrap_or_default().to_string_lossy().into_owned();
    // The shell is for the error alone: the program that this process becomes has one of its own.
    let Err(error) = match (name.as_str(), catalog::find(&name)) {
        ("help", _) => help(words.next()),
        (_, Some(entry)) => become_program(entry, words.collect()),
        (_, None) => match programs::find(&format!("twinset-{name}")).filter(|_| !name.contains('/')) {
            Some(path) => exec(Command::new(&path).args(words), &path),
            None => {
                let code = twinset_stage::run(|| Err(unknown(&name)));
                return if code == ExitCode::FAILURE { ExitCode::from(USAGE) } else { code };
            }
        },
    };
    twinset_stage::run(|| Err(error))
}

fn become_program(entry: &Entry, words: Vec<OsString>) -> anyhow::Result<Infallible> {
    let path = programs::find(entry.program).ok_or_else(|| programs::missing(entry.program))?;
    let mut command = Command::new(&path);
    command.args(entry.args).args(of_scan(entry.name, words)?);
    if let Some(program) = entry.with_libtorch.and_then(programs::find) {
        libtorch::prepare(&program, &mut command)?;
    }
    exec(&mut command, &path)
}

/// `twinset help scan` is `twinset scan --help`.
fn help(command: Option<OsString>) -> anyhow::Result<Infallible> {
    let own = std::env::current_exe()?;
    exec(Command::new(&own).args(command).arg("--help"), &own)
}

fn exec(command: &mut Command, program: &Path) -> anyhow::Result<Infallible> {
    Err(anyhow!("cannot start `{}`: {}", program.display(), command.exec()))
}

fn unknown(name: &str) -> anyhow::Error {
    let is_folder = Path::new(name).is_dir();
    let hint = match catalog::nearest(name) {
        _ if is_folder => format!("to find the duplicates in a folder: twinset scan {}", crate::shell::quoted(name)),
        Some(nearest) => format!("did you mean `twinset {nearest}`? `twinset --help` lists the commands"),
        None => "`twinset --help` lists the commands".to_owned(),
    };
    with_hint(anyhow!("there is no command `{}`", printable_line(name)), hint)
}

/// The arguments, where the first is the folder of a scan with what that folder holds: `twinset clean my-photos-duplicates`.
fn of_scan(name: &str, words: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let Some(out) = words.first().map(Path::new).filter(|out| Record::is_in(out)) else { return Ok(words) };
    let mut args = Record::read(out)?.stage_args(name, out)?;
    if !args.is_empty() {
        args.extend(words.into_iter().skip(1));
        return Ok(args);
    }
    Ok(words)
}
