//! `twinset <command> …` becomes `twinset-<command> …`: the same process, so that exit code and signals are the program's own.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::anyhow;
use twinset_stage::{printable_line, shell_word, with_hint};

use super::scan::Record;
use crate::catalog::{self, Entry};
use crate::{libtorch, programs};

/// Commands that take the folder of a scan.
const GO_ON_FROM_SCAN: [&str; 4] = ["clean", "split", "gallery", "leaks"];
/// Their options that the folder may follow.
const WITHOUT_VALUE: [&str; 2] = ["--list", "--quiet"];

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
        _ if is_folder => format!("to find the duplicates in a folder: twinset scan {}", shell_word(name)),
        Some(nearest) => format!("did you mean `twinset {nearest}`? `twinset --help` lists the commands"),
        None => "`twinset --help` lists the commands".to_owned(),
    };
    with_hint(anyhow!("there is no command `{}`", printable_line(name)), hint)
}

/// The arguments, with what the folder of a scan holds in place of its name: `twinset clean my-photos-duplicates`.
fn of_scan(name: &str, mut words: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    if !GO_ON_FROM_SCAN.contains(&name) {
        return Ok(words);
    }
    let is_value = |at: usize| {
        let before = at.checked_sub(1).map(|before| words[before].to_string_lossy());
        before.is_some_and(|before| before.starts_with("--") && !WITHOUT_VALUE.contains(&&*before))
    };
    let place = (0..words.len()).find(|&at| Record::is_in(Path::new(&words[at])) && !is_value(at));
    let Some(place) = place else {
        return match words.first().filter(|word| !word.as_encoded_bytes().starts_with(b"-")) {
            Some(word) => Err(no_scan(name, Path::new(word))),
            None => Ok(words),
        };
    };
    let out = words.remove(place);
    let mut args = Record::read(Path::new(&out))?.stage_args(name, Path::new(&out))?;
    args.extend(words);
    Ok(args)
}

fn no_scan(name: &str, path: &Path) -> anyhow::Error {
    let shown = printable_line(&path.to_string_lossy()).into_owned();
    let found = match path.metadata() {
        Ok(metadata) if metadata.is_dir() => format!("`{shown}` is no folder that `twinset scan` wrote, expected"),
        Ok(_) => format!("`{shown}` is a file, expected a folder that `twinset scan` wrote:"),
        Err(_) => format!("there is no folder `{shown}`, expected one that `twinset scan` wrote:"),
    };
    let folder = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_owned()));
    let Some(folder) = folder.filter(|_| path.is_dir()) else {
        let hint = format!("`twinset {name} --help` says what else it takes");
        return with_hint(anyhow!("{found} one such as `my-photos-duplicates`"), hint);
    };
    let mut scanned = folder;
    scanned.push("-duplicates");
    let out = shell_word(&scanned);
    let hint = match Record::is_in(Path::new(&scanned)) {
        true => format!("did you mean `twinset {name} {out}`?"),
        false => format!("find its duplicates first: twinset scan {}", shell_word(path)),
    };
    with_hint(anyhow!("{found} one such as `{}`", printable_line(&scanned.to_string_lossy())), hint)
}
