//! Running a stage: its errors on stderr, its exit code.

use std::any::Any;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use twinset_manifest::ManifestError;

use crate::ConfigError;
use crate::lineage::Lineage;
use crate::printable;

/// The word as a shell takes it: in single quotes where the shell would take it for more than that.
pub fn shell_word(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs a stage and turns its error into one line on stderr and exit code 1; hints follow on lines of their own.
///
/// An output that cannot be written, as where the disk under stdout is full, is such an error. Where the environment names a
/// lineage service, it hears what the run reads and writes and how it ends.
pub fn run(stage: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    end_with_the_reader();
    let lineage = Lineage::begin();
    match printing(stage) {
        Ok(()) => {
            if let Some(lineage) = lineage {
                lineage.complete();
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let message = chain(&error);
            tell(&format!("error: {}", printable(&message)));
            if let Some(hint) = error.chain().find_map(hint) {
                tell(&format!("hint: {}", printable(&hint)));
            }
            if let Some(lineage) = lineage {
                lineage.fail(&message);
            }
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to stderr. Where that cannot be written, there is nobody to tell.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What begins the panic of `println!` and `eprintln!` where they cannot write.
const NOT_PRINTED: &str = "failed printing to ";

/// Runs a stage. Where it cannot print, `println!` panics; here that becomes an error.
fn printing(stage: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if not_printed(info.payload()).is_none() {
            before(info);
        }
    }));
    match panic::catch_unwind(AssertUnwindSafe(stage)) {
        Ok(result) => result.and_then(|()| io::stdout().flush().context("cannot write to stdout")),
        Err(payload) => match not_printed(payload.as_ref()) {
            Some(what) => Err(anyhow!("cannot write to {what}")),
            None => panic::resume_unwind(payload),
        },
    }
}

/// Where a panic could not print, and why; none of any other panic.
fn not_printed(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<String>()?.strip_prefix(NOT_PRINTED)
}

/// A closed pipe ends the program as it does any other (`twinset-ingest … | head`), instead of a panic in `println!`.
#[cfg_attr(unix, expect(unsafe_code, reason = "a signal's disposition is set through libc"))]
fn end_with_the_reader() {
    // SAFETY: restores a default disposition; no handler of ours is involved.
    #[cfg(unix)]
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// What a user can do about an error.
fn hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    let hinted = cause.downcast_ref().map(|Hinted { hint, .. }| hint.clone());
    let of_config = || cause.downcast_ref::<ConfigError>()?.hint();
    hinted.or_else(of_config).or_else(|| cause.downcast_ref::<ManifestError>()?.hint())
}

/// The error, with a hint on a line of its own.
pub fn with_hint(error: anyhow::Error, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { message: chain(&error), hint: hint.into() })
}

#[derive(Debug)]
struct Hinted {
    message: String,
    hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}

/// All causes on one line; a cause that its wrapper quotes already is not said again.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_not_printed_twice() {
        let error = anyhow!("no such file").context("cannot read `a`: no such file").context("failed to load");
        assert_eq!(chain(&error), "failed to load: cannot read `a`: no such file");
    }

    #[test]
    fn a_hint_keeps_the_message() {
        let error = Err::<(), _>(anyhow!("no such file")).context("failed to load").unwrap_err();
        assert_eq!(with_hint(error, "look again").to_string(), "failed to load: no such file");
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let check = |word: &str, expected: &str| assert_eq!(shell_word(word), expected);
        check("my-photos/2024", "my-photos/2024");
        check("Фото", "Фото");
        check("my photos", "'my photos'");
        check("it's", r"'it'\''s'");
        check("~/a", "'~/a'");
        check("", "''");
    }
}
