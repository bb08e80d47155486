//! The stage programs: built, found and digested.

use super::Stage;
use super::compile;
use crate::hint::hinted;
use crate::machine::digest::{self, Digest, SourceDigests};
use crate::machine::workspace::Workspace;
use crate::machine::write;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The environment variable that names a folder of ready stage programs. If it is set, nothing is set up or built.
pub const FOLDER_VARIABLE: &str = "TWINSET_STAGE_BIN_DIR";

/// Where each stage's program is, and its digest.
#[derive(Debug, Clone)]
pub struct Programs(BTreeMap<Stage, Program>);

/// A stage's program.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// The digest of the executable's bytes.
    pub digest: Digest,
}

impl Programs {
    /// The program of a stage.
    pub fn get(&self, stage: Stage) -> &Program {
        &self.0[&stage]
    }
}

impl Programs {
    /// Copies the programs to `<digest>/<name>` in the folder `kept`, where no build changes them. A run's key has the
    /// program's digest, so the program that is executed must be the one that was digested.
    ///
    /// # Errors
    /// When a program cannot be read or copied.
    pub fn keep(&self, kept: &Path) -> Result<Self> {
        let keep = |(stage, program): (&Stage, &Program)| Ok((*stage, program.keep(&stage.program(), kept)?));
        self.0.iter().map(keep).collect::<Result<_>>().map(Self)
    }
}

impl Programs {
    /// Puts the same programs into one new folder.
    ///
    /// # Errors
    /// When a program cannot be put there.
    pub fn link(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("failed to make folder `{}`", folder.display()))?;
        for (stage, program) in &self.0 {
            let target = folder.join(stage.program());
            // A hard link takes no space, but works only on the same file system.
            fs::hard_link(&program.path, &target)
                .or_else(|_| fs::copy(&program.path, &target).map(drop))
                .with_context(|| format!("failed to copy `{}` to `{}`", program.path.display(), target.display()))?;
        }
        Ok(())
    }
}

impl Program {
    fn keep(&self, name: &str, kept: &Path) -> Result<Self> {
        let path = kept.join(&self.digest).join(name);
        if path.is_file() {
            return Ok(Self { path, digest: self.digest.clone() });
        }
        let context = || format!("failed to copy `{}` to `{}`", self.path.display(), kept.display());
        let bytes = fs::read(&self.path).with_context(context)?;
        // A build may have changed the program since it was digested, so the copied bytes are digested.
        let digest = digest::of_bytes(&bytes);
        let path = kept.join(&digest).join(name);
        write::executable(&path, &bytes).with_context(context)?;
        Ok(Self { path, digest })
    }
}

/// The folder of ready programs: the one that the user names, or that of an installation.
pub fn ready_folder(workspace: &Workspace) -> Option<PathBuf> {
    let named = env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    named.or_else(|| workspace.installed_programs().map(Path::to_owned))
}

/// The ready programs of these stages, or those that cargo builds now.
pub fn build(workspace: &Workspace, stages: &[Stage], digests: &mut SourceDigests, quiet: bool) -> Result<Programs> {
    let paths = match ready_folder(workspace) {
        Some(folder) => in_folder(&folder, stages)?,
        None => compile::programs(workspace, stages, quiet).context("failed to build the stage programs")?,
    };
    with_digests(paths, digests)
}

/// The programs of these stages that were built last; `None` if one is missing.
pub fn existing(workspace: &Workspace, stages: &[Stage], digests: &mut SourceDigests) -> Result<Option<Programs>> {
    let folder = match ready_folder(workspace) {
        Some(folder) => folder,
        None => compile::target_folder(workspace)?.join("release"),
    };
    match in_folder(&folder, stages) {
        Ok(paths) => with_digests(paths, digests).map(Some),
        Err(_) => Ok(None),
    }
}

fn in_folder(folder: &Path, stages: &[Stage]) -> Result<BTreeMap<Stage, PathBuf>> {
    let folder = std::path::absolute(folder)?;
    let mut paths = BTreeMap::new();
    for &stage in stages {
        let path = folder.join(stage.program());
        if !path.is_file() {
            let message = format!("failed to find stage program `{}`", path.display());
            let hint = format!(
                "{FOLDER_VARIABLE} names a folder that holds the programs of all stages; without it they are built"
            );
            return Err(hinted(message, hint));
        }
        paths.insert(stage, path);
    }
    Ok(paths)
}

fn with_digests(paths: BTreeMap<Stage, PathBuf>, digests: &mut SourceDigests) -> Result<Programs> {
    let program = |(stage, path): (Stage, PathBuf)| Ok((stage, Program { digest: digests.of(&path)?, path }));
    paths.into_iter().map(program).collect::<Result<_>>().map(Programs)
}
