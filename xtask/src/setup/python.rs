//! What the set-up asks of the user's Python: its pip, an installed PyTorch, and unpacking wheels.

use super::VERSION;
use crate::hint::hinted;
use crate::machine::process;
use anyhow::{Context, Result, anyhow};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Says folder and version of the installed PyTorch without loading it.
const FIND_PYTORCH: &str = "
import importlib.metadata, importlib.util
spec = importlib.util.find_spec('torch')
if spec is None: raise SystemExit('no PyTorch is installed')
print(list(spec.submodule_search_locations)[0])
print(importlib.metadata.version('torch'))
";

/// Unpacks what is needed of wheels: see the file.
const EXTRACT: &str = include_str!("extract.py");

/// `python3` as the user has it.
pub(super) fn command() -> Command {
    Command::new("python3")
}

/// Runs `python3` to its end; that there is none is an error of its own.
pub(super) fn run(command: &mut Command) -> Result<Output> {
    process::output(command).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => hinted(
            "failed to start `python3`: it is not installed or not on PATH",
            "install Python 3 with pip, or set LIBTORCH to a libtorch of your own",
        ),
        _ => anyhow!(error).context("failed to start `python3`"),
    })
}

/// Pip's version, as (major, minor).
pub(super) fn pip_version() -> Result<(u32, u32)> {
    let output = run(command().args(["-m", "pip", "--version"]))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let last = stderr.trim().lines().last().unwrap_or("without a word").to_owned();
        return Err(hinted(
            format!("failed to run `python3 -m pip`: {last}"),
            "install pip for this Python (`python3 -m ensurepip --user`, or the package python3-pip), or set LIBTORCH",
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.strip_prefix("pip ").unwrap_or("").split(['.', ' ']).map(|part| part.parse().unwrap_or(0));
    Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
}

/// The folder of an installed PyTorch of the right version.
pub(super) fn installed_pytorch() -> Result<PathBuf> {
    let output = run(command().args(["-c", FIND_PYTORCH]))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let advice = format!("install torch {VERSION} for `python3`, or unset LIBTORCH_USE_PYTORCH");
    let mut lines = text.lines();
    match (output.status.success(), lines.next(), lines.next()) {
        (true, Some(folder), Some(_)) => Ok(PathBuf::from(folder)),
        _ => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let last = stderr.trim().lines().last().unwrap_or("python3 said nothing").to_owned();
            Err(hinted(last, advice))
        }
    }
}

/// Unpacks headers and libraries of `wheels` into `folder`, and syncs.
pub(super) fn extract(wheels: &[PathBuf], folder: &Path) -> Result<()> {
    let output =
        run(command().args(["-c", EXTRACT]).arg(folder).args(wheels)).context("failed to unpack the wheels")?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(anyhow!("failed to unpack the wheels: {}", stderr.trim().lines().last().unwrap_or("python3 said nothing")))
}
