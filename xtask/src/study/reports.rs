//! Where a pipeline's report and ledger lie: in `reports/<pipeline>/`, which belongs to the pipeline's file and to the seeds that were asked for.

use super::pipeline::Pipeline;
use super::seeds::seeds_text;
use crate::machine::digest;
use crate::machine::workspace::Workspace;
use crate::machine::write;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const OWNER: &str = ".owner.json";

/// Whose folder it is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Owner {
    /// The pipeline's file.
    pipeline: PathBuf,
    /// The seeds of the report that lies there; none before there is one.
    seeds: Vec<u64>,
}

fn owner(folder: &Path) -> Option<Owner> {
    serde_json::from_slice(&fs::read(folder.join(OWNER)).ok()?).ok()
}

/// The folder of a pipeline's report and ledger. Of two files with one name the second one's has a part of its path's digest in its name.
pub fn folder(workspace: &Workspace, pipeline: &Pipeline) -> PathBuf {
    let usual = workspace.report(&pipeline.name);
    match owner(&usual) {
        Some(owner) if owner.pipeline != pipeline.shown_file => {
            let digest = digest::of_bytes(pipeline.shown_file.to_string_lossy().as_bytes());
            workspace.report(&format!("{}-{}", pipeline.name, &digest[..8]))
        }
        _ => usual,
    }
}

/// The same, which is the pipeline's from now on.
///
/// # Errors
/// When the folder cannot be written.
pub fn claim(workspace: &Workspace, pipeline: &Pipeline) -> Result<PathBuf> {
    let folder = folder(workspace, pipeline);
    if owner(&folder).is_none() {
        let owner = Owner { pipeline: pipeline.shown_file.clone(), ..Owner::default() };
        write::atomically(&folder.join(OWNER), &serde_json::to_vec_pretty(&owner)?)?;
    }
    Ok(folder)
}

/// The files of the pipelines that were run, those that are still there, wherever they lie.
pub fn pipelines(workspace: &Workspace) -> Vec<PathBuf> {
    let folders = fs::read_dir(workspace.reports()).into_iter().flatten().flatten();
    let files = folders.filter_map(|folder| Some(workspace.root().join(owner(&folder.path())?.pipeline)));
    files.filter(|file| file.is_file()).collect()
}

/// Where a report over the pipeline's seeds is to lie: in the pipeline's folder, or below it where a report over these and more seeds is there.
pub fn target(folder: &Path, pipeline: &Pipeline) -> PathBuf {
    let there: BTreeSet<u64> = owner(folder).unwrap_or_default().seeds.into_iter().collect();
    let asked: BTreeSet<u64> = pipeline.seeds.iter().copied().collect();
    match asked.is_subset(&there) && asked != there {
        true => folder.join(format!("seeds-{}", seeds_text(&pipeline.seeds).trim_end_matches(','))),
        false => folder.to_owned(),
    }
}

/// Notes whose seeds the report in the pipeline's folder is over.
///
/// # Errors
/// When the folder cannot be written.
pub fn note(folder: &Path, pipeline: &Pipeline) -> Result<()> {
    let owner = Owner { pipeline: pipeline.shown_file.clone(), seeds: pipeline.seeds.clone() };
    write::atomically(&folder.join(OWNER), &serde_json::to_vec_pretty(&owner)?)
}
