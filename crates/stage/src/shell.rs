//! Running a stage: its errors on stderr, its exit code.

use std::fmt;
use std::process::ExitCode;

use twinset_manifest::ManifestError;

use crate::ConfigError;
use crate::lineage::Lineage;
use crate::printable;

/// Runs a stage and turns its error into one line on stderr and exit code 1; hints follow on lines of their own.
///
/// Where the environment names a lineage service, it hears what the run reads and writes and how it ends.
pub fn run(stage: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    end_with_the_reader();
    let lineage = Lineage::begin();
    match stage() {
        Ok(()) => {
            if let Some(lineage) = lineage {
                lineage.complete();
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let message = chain(&error);
            eprintln!("error: {}", printable(&message));
            if let Some(hint) = error.chain().find_map(hint) {
                eprintln!("hint: {}", printable(&hint));
            }
            if let Some(lineage) = lineage {
                lineage.fail(&message);
            }
            ExitCode::FAILURE
        }
    }
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
    use anyhow::{Context, anyhow};

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
}
