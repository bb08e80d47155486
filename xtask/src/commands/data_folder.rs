//! The folder of datasets: what the user says, remembered for each pipeline.

use crate::machine::workspace::Workspace;
use crate::machine::write;
use crate::study::track::Planner;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of datasets that a pipeline was last run on.
pub fn remembered_data(workspace: &Workspace, pipeline: &str) -> Option<PathBuf> {
    read_data_folders(workspace).remove(pipeline)
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
pub fn remember_data(workspace: &Workspace, planner: &Planner<'_>) -> Result<()> {
    let mut folders = read_data_folders(workspace);
    let Some(data) = &planner.data else { return Ok(()) };
    if folders.insert(planner.pipeline.name.clone(), data.clone()).as_ref() == Some(data) {
        return Ok(());
    }
    write::atomically(&workspace.stages().join(".data-folders.json"), &serde_json::to_vec_pretty(&folders)?)
}

fn read_data_folders(workspace: &Workspace) -> BTreeMap<String, PathBuf> {
    let bytes = fs::read(workspace.stages().join(".data-folders.json")).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}
