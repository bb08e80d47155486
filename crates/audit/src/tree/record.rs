//! The runner's record of a run's outputs, in the run's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use twinset_manifest::{Digest, digest_of_shards, is_shard_name};

use super::place::name_of;

/// What the runner wrote down of a run when it ended: its files by name.
#[derive(Debug)]
pub enum Record {
    /// The files.
    Outputs(BTreeMap<String, Output>),
    /// The record cannot be understood.
    Unreadable(String),
}

/// A file as its run wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The digest of its bytes.
    pub blake3: Digest,
    /// Its size.
    pub n_bytes: u64,
}

impl Record {
    pub(super) fn read(path: &Path) -> Self {
        let outputs = fs::read(path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        match outputs {
            Ok(outputs) => Self::Outputs(outputs),
            Err(detail) => Self::Unreadable(detail),
        }
    }

    /// The digest that a file of the run had; of a folder of shards, theirs together.
    pub(crate) fn digest(&self, path: &Path) -> Option<Digest> {
        let Self::Outputs(outputs) = self else { return None };
        let name = name_of(path);
        if let Some(output) = outputs.get(&name) {
            return Some(output.blake3);
        }
        let is_shard = |file: &str| file.strip_prefix(&name)?.strip_prefix('/').map(is_shard_name);
        let shards: Vec<_> = outputs.iter().filter(|(file, _)| is_shard(file) == Some(true)).collect();
        (!shards.is_empty()).then(|| digest_of_shards(shards.into_iter().map(|(_, output)| output.blake3)))
    }
}
