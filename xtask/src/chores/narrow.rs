//! The tests of the crates that use torch, a second time with the instruction sets limited to AVX2.
//!
//! torch chooses its kernels by the processor. A fault of those for AVX2 shows on no machine with AVX-512 otherwise, and most
//! machines have AVX2 alone.

use super::step::with_shared_data;
use crate::machine::process;
use crate::machine::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What limits torch.
const LIMITS: [(&str, &str); 2] = [("ONEDNN_MAX_CPU_ISA", "AVX2"), ("ATEN_CPU_CAPABILITY", "avx2")];
/// The folders of the crates that use torch.
const CRATES: [&str; 4] = ["crates/model", "crates/attack", "crates/train", "crates/evaluate"];

/// Runs the test programs that `cargo test` of the workspace built; nothing is compiled anew.
pub fn test(workspace: &Workspace) -> Result<()> {
    let limits = LIMITS.map(|(name, value)| format!("{name}={value}")).join(" ");
    if let Some(reason) = why_not(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()) {
        eprintln!("skipped: the tests of the crates that use torch, with {limits}: {reason}");
        return Ok(());
    }
    eprintln!("the tests of the crates that use torch once more, as on a processor without AVX-512: {limits}");
    for program in programs(workspace)? {
        let folder = program.manifest.parent().unwrap_or(workspace.root());
        eprintln!("$ {limits} {}", workspace.relative(&program.path).display());
        let mut command = Command::new(&program.path);
        command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder).envs(LIMITS).arg("--quiet");
        with_shared_data(workspace, &mut command);
        let (status, _) = process::spawn(&mut command).and_then(process::Running::wait)?;
        if !status.success() {
            let path = program.path.display();
            bail!("the tests in `{path}`, with {limits}, ended with {}", process::describe(status));
        }
    }
    Ok(())
}

/// Why a run with AVX2 alone would tell nothing new.
fn why_not(cpuinfo: &str) -> Option<&'static str> {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |name: &str| flags.split_whitespace().any(|flag| flag == name);
    match (has("avx2"), has("avx512f") || has("avx_vnni")) {
        (_, true) => None,
        (true, false) => Some("this processor has no more, so they ran so already"),
        (false, false) => Some("this processor has no AVX2"),
    }
}

/// A test program of one of the crates.
#[derive(Debug, PartialEq)]
struct Program {
    path: PathBuf,
    manifest: PathBuf,
}

/// The same words as in the test of the workspace, so that all is built.
fn programs(workspace: &Workspace) -> Result<Vec<Program>> {
    let mut command = workspace.cargo();
    command.args([
        "test",
        "--release",
        "--workspace",
        "--no-run",
        "--quiet",
        "--message-format=json-render-diagnostics",
    ]);
    let mut running = process::spawn(command.stdout(Stdio::piped())).context("failed to start cargo")?;
    let messages = BufReader::new(running.stdout().expect("standard output is piped")).lines();
    let programs: Vec<Program> =
        messages.map_while(Result::ok).filter_map(|line| program(workspace.root(), &line)).collect();
    let (status, _) = running.wait()?;
    match status.success() {
        true => Ok(programs),
        false => bail!("`cargo test --no-run` ended with {}", process::describe(status)),
    }
}

/// The program in a line of cargo's messages, where it is a test of one of the crates.
fn program(root: &Path, line: &str) -> Option<Program> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
        manifest_path: PathBuf,
        profile: Profile,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let Message { executable, manifest_path: manifest, profile } = serde_json::from_str(line).ok()?;
    let is_ours = CRATES.iter().any(|folder| manifest == root.join(folder).join("Cargo.toml"));
    (profile.test && is_ours).then_some(())?;
    Some(Program { path: executable?, manifest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_for_processors_with_more_than_avx2() {
        for (flags, is_told) in [
            ("fpu sse2 avx avx2 avx512f avx512bw", true),
            ("fpu avx2 avx_vnni", true),
            ("fpu sse2 avx avx2", false),
            ("fpu sse2", false),
            ("", false),
        ] {
            assert_eq!(why_not(&format!("processor\t: 0\nflags\t\t: {flags}\n")).is_none(), is_told, "{flags}");
        }
    }

    #[test]
    fn test_programs_are_told_from_what_else_cargo_says() {
        let message = |manifest: &str, test: bool, executable: &str| {
            format!(
                "{{\"reason\": \"compiler-artifact\", \"manifest_path\": \"/c/{manifest}/Cargo.toml\", \"fresh\": true,
                   \"profile\": {{\"opt_level\": \"3\", \"test\": {test}}}, \"executable\": {executable}}}"
            )
        };
        let expected = Program { path: "/t/golden-0".into(), manifest: "/c/crates/model/Cargo.toml".into() };
        for (line, expected) in [
            (message("crates/model", true, "\"/t/golden-0\""), Some(expected)),
            (message("crates/train", false, "\"/t/twinset-train\""), None),
            (message("crates/train", false, "null"), None),
            (message("crates/report", true, "\"/t/report-0\""), None),
            ("{\"reason\": \"build-finished\", \"success\": true}".to_owned(), None),
            ("running 3 tests".to_owned(), None),
        ] {
            assert_eq!(program(Path::new("/c"), &line), expected, "{line}");
        }
    }
}
