//! The folder of datasets: what the user says, remembered for each pipeline.

use crate::cli::StudyArgs;
use crate::machine::workspace::Workspace;
use crate::machine::write;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder that the user names, else the one that the pipeline was last run on.
pub fn given_or_remembered(workspace: &Workspace, args: &StudyArgs, pipeline: &str) -> Result<Option<PathBuf>> {
    match &args.data {
        Some(data) => data_folder(data).map(Some),
        None => Ok(read_data_folders(workspace).remove(pipeline)),
    }
}

/// A folder of datasets, as stages find it from the workspace's root.
pub fn data_folder(folder: &Path) -> Result<PathBuf> {
    let found = folder
        .canonicalize()
        .with_context(|| format!("failed to open the folder of datasets `{}`", folder.display()))?;
    if !found.is_dir() {
        bail!("failed to open the folder of datasets `{}`: not a folder", folder.display());
    }
    Ok(found)
}

/// Remembers the folder of datasets of a pipeline.
pub fn remember_data(workspace: &Workspace, pipeline: &str, data: &Path) -> Result<()> {
    let mut folders = read_data_folders(workspace);
    if folders.insert(pipeline.to_owned(), data.to_owned()).as_deref() == Some(data) {
        return Ok(());
    }
    write::if_writable(&workspace.stages().join(".data-folders.json"), &serde_json::to_vec_pretty(&folders)?)
}

fn read_data_folders(workspace: &Workspace) -> BTreeMap<String, PathBuf> {
    let bytes = fs::read(workspace.stages().join(".data-folders.json")).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}
