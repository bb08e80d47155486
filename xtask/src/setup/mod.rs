//! `cargo xtask setup`: makes `.libtorch` hold libtorch 2.11.
//!
//! In this order: what the user's `LIBTORCH` names; an installed PyTorch when `LIBTORCH_USE_PYTORCH=1`; what `.libtorch`
//! holds already; the cache that all checkouts share, filled from the official wheels.

mod cache;
mod libtorch;
mod python;

pub use libtorch::{Libtorch, VERSION, inspect};

use crate::hint::hinted;
use crate::machine::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Sets up libtorch and says where it is.
///
/// With `only_check` nothing is set up: it is an error where there is none.
pub fn setup(workspace: &Workspace, only_check: bool, quiet: bool) -> Result<()> {
    let libtorch = match only_check {
        true => {
            let folder = workspace.user_libtorch().unwrap_or_else(|| workspace.libtorch());
            inspect(&folder).context("failed to find a usable libtorch")?
        }
        false => ensure(workspace, quiet)?,
    };
    println!("{}", describe(&libtorch));
    Ok(())
}

/// Makes `.libtorch` hold a usable libtorch.
pub fn ensure(workspace: &Workspace, quiet: bool) -> Result<Libtorch> {
    let link = workspace.libtorch();
    if let Some(folder) = workspace.user_libtorch() {
        let libtorch = inspect(&folder).context("failed to use the libtorch that LIBTORCH names")?;
        point(&link, &folder)?;
        return Ok(libtorch);
    }
    if env::var("LIBTORCH_USE_PYTORCH").is_ok_and(|value| value == "1") {
        let folder =
            python::installed_pytorch().context("failed to use the PyTorch that LIBTORCH_USE_PYTORCH asks for")?;
        let libtorch = inspect(&folder).context("failed to use the PyTorch that LIBTORCH_USE_PYTORCH asks for")?;
        point(&link, &folder)?;
        return Ok(libtorch);
    }
    match inspect(&link) {
        Ok(libtorch) => return Ok(libtorch),
        // A folder of the user's own; a link is ours to set anew.
        Err(error) if link.is_dir() && !link.is_symlink() => {
            return Err(error.context(format!("failed to use `{}`", link.display())));
        }
        Err(_) => {}
    }
    let folder = cache::ensure(&cache_folder()?, quiet).context("failed to set up libtorch")?;
    point(&link, &folder)?;
    inspect(&link).context("failed to set up libtorch")
}

/// The user's cache folder of Twinset.
pub fn cache_folder() -> Result<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    match set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))) {
        Some(cache) => Ok(cache.join("twinset")),
        None => Err(hinted("failed to find the user's cache folder", "set HOME or XDG_CACHE_HOME to an absolute path")),
    }
}

/// Makes `link` a symbolic link to `folder`, at once.
fn point(link: &Path, folder: &Path) -> Result<()> {
    let folder = folder.canonicalize().with_context(|| format!("failed to open `{}`", folder.display()))?;
    if link.canonicalize().is_ok_and(|found| found == folder) {
        return Ok(());
    }
    if link.is_dir() && !link.is_symlink() {
        bail!("failed to link `{}` to `{}`: a folder is in the way", link.display(), folder.display());
    }
    let temporary = link.with_extension(format!("{}.partial", std::process::id()));
    let replace = || -> io::Result<()> {
        symlink(&folder, &temporary)?;
        fs::rename(&temporary, link)
    };
    replace().with_context(|| format!("failed to link `{}` to `{}`", link.display(), folder.display()))
}

fn describe(libtorch: &Libtorch) -> String {
    let kind = if libtorch.has_cuda { "CPU and CUDA" } else { "CPU" };
    format!("libtorch {} ({kind}) in {}", libtorch.version, libtorch.folder.display())
}
