//! `cargo xtask setup`: makes cargo build with libtorch 2.11.
//!
//! It uses the first of these: the libtorch that the user's `LIBTORCH` names; an installed PyTorch if
//! `LIBTORCH_USE_PYTORCH=1`; the libtorch that is already set up; the cache that all checkouts share, filled from the
//! official wheels.

mod cache;
mod libtorch;
mod python;

pub use libtorch::{Libtorch, VERSION, inspect};

use crate::hint::hinted;
use crate::machine::workspace::Workspace;
use anyhow::{Context, Result};
use std::env;
use std::path::{Path, PathBuf};

/// Sets up libtorch and says where it is.
///
/// With `only_check` nothing is set up. It is then an error if there is no libtorch.
pub fn setup(workspace: &Workspace, only_check: bool, quiet: bool) -> Result<()> {
    let libtorch = match only_check {
        true => {
            let folder = workspace.user_libtorch().map(Path::to_owned).or_else(|| workspace.libtorch());
            let Some(folder) = folder else {
                return Err(hinted("no libtorch is set up", "`cargo xtask setup` gets it"));
            };
            inspect(&folder).context("failed to find a usable libtorch")?
        }
        false => ensure(workspace, quiet)?,
    };
    println!("{}", describe(&libtorch));
    Ok(())
}

/// Makes cargo build with a usable libtorch, and returns it.
pub fn ensure(workspace: &Workspace, quiet: bool) -> Result<Libtorch> {
    let libtorch = choose(workspace, quiet)?;
    if workspace.libtorch().as_ref() != Some(&libtorch.folder) {
        workspace.set_libtorch(&libtorch.folder)?;
    }
    Ok(libtorch)
}

fn choose(workspace: &Workspace, quiet: bool) -> Result<Libtorch> {
    if let Some(folder) = workspace.user_libtorch() {
        return inspect(folder).context("failed to use the libtorch that LIBTORCH names");
    }
    if env::var("LIBTORCH_USE_PYTORCH").is_ok_and(|value| value == "1") {
        let libtorch = python::installed_pytorch().and_then(|folder| inspect(&folder));
        return libtorch.context("failed to use the PyTorch that LIBTORCH_USE_PYTORCH asks for");
    }
    if let Some(libtorch) = workspace.libtorch().and_then(|folder| inspect(&folder).ok()) {
        return Ok(libtorch);
    }
    cache::ensure(&cache_folder()?, quiet).and_then(|folder| inspect(&folder)).context("failed to set up libtorch")
}

/// The user's cache folder of Twinset.
pub fn cache_folder() -> Result<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    match set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))) {
        Some(cache) => Ok(cache.join("twinset")),
        None => Err(hinted("failed to find the user's cache folder", "set HOME or XDG_CACHE_HOME to an absolute path")),
    }
}

fn describe(libtorch: &Libtorch) -> String {
    let kind = if libtorch.has_cuda { "CPU and CUDA" } else { "CPU" };
    format!("libtorch {} ({kind}) in {}", libtorch.version, libtorch.folder.display())
}
