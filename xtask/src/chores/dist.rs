//! `cargo xtask dist`: the programs as a Python wheel and as a tarball, with man pages, completions and the pipelines.
//!
//! libtorch is in neither: the wheel's extra `torch` depends on PyTorch, whose libraries the programs then use.

use super::step::step;
use crate::machine::process;
use crate::machine::workspace::Workspace;
use crate::setup;
use crate::stages::compile;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The profile that the programs are compiled with, and so their folder in cargo's target folder.
const PROFILE: &str = "dist";
/// Packs what it is given: see the file.
const PACK: &str = include_str!("dist.py");

/// Builds and packs; says what was packed, how large it is and which systems it runs on.
pub fn dist(workspace: &Workspace) -> Result<()> {
    setup::ensure(workspace, false)?;
    let target = compile::target_folder(workspace)?;
    // The builder's folders stay out of the programs, in which file names stand for their panics' messages.
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags = vec![remap(workspace.root(), "twinset")];
    flags.extend(cargo_home().map(|home| remap(&home, "cargo")));
    let flags = format!("build.rustflags={flags:?}");
    step(workspace, &["build", "--profile", PROFILE, "--workspace", "--bins", "--config", &flags])?;
    let packages = target.join("packages");
    fs::create_dir_all(&packages).with_context(|| format!("failed to make folder `{}`", packages.display()))?;
    let mut command = Command::new("python3");
    command.args(["-c", PACK, env!("CARGO_PKG_VERSION")]);
    command.args([&target.join(PROFILE), workspace.root(), &packages]);
    process::run(&mut command, "packing")
}

fn cargo_home() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("CARGO_HOME").or_else(|| Some(set("HOME")?.join(".cargo")))
}
