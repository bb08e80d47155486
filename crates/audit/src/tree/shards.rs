//! Folders of shards, which are one manifest each.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use twinset_manifest::{ManifestError, Untyped, is_shard_name, list_shards};

use super::place::{folder_of, name_of};

/// Whether a folder is a manifest in shards, whole or not: shards of ours, and no other Parquet files but such as are called
/// like shards.
pub fn is_sharded(folder: &Path) -> bool {
    let is_ours = |path: &PathBuf| Untyped::open(path).is_ok_and(|file| file.schema().is_some());
    match list_shards(folder) {
        Ok(shards) => shards.iter().any(is_ours),
        Err(ManifestError::MissingShard { .. }) => shards_in(folder).iter().any(is_ours),
        Err(ManifestError::OtherShard { found, .. }) if is_shard_name(&found) => shards_in(folder).iter().any(is_ours),
        Err(_) => false,
    }
}

/// The files of a folder that are called as shards are.
pub(super) fn shards_in(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    files.filter(|path| is_shard_name(&name_of(path))).collect()
}

/// Files, with each folder of shards in the place of what it holds.
pub(super) fn gather(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    let shards = files.iter().filter(|file| is_shard_name(&name_of(file)));
    let folders: BTreeSet<PathBuf> = shards.map(|file| folder_of(file).to_owned()).collect();
    let folders: BTreeSet<PathBuf> = folders.into_iter().filter(|folder| is_sharded(folder)).collect();
    files.retain(|file| !folders.contains(folder_of(file)));
    files.extend(folders);
    files
}
