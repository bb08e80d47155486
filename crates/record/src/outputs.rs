//! `digests.json`: which bytes a run's outputs have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, digest};

/// The files of a finished run, by their paths from its folder.
pub type Outputs = BTreeMap<String, Output>;

/// A file of a finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// Of the file's bytes.
    pub blake3: Digest,
    /// The file's size, by which a file cut short is told.
    pub n_bytes: u64,
}

/// The digest by which a key knows a manifest in shards, a folder of a run; none where no output lies in it.
pub fn digest_of_folder(outputs: &Outputs, folder: &str) -> Option<Digest> {
    let is_shard = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let shards = outputs.iter().filter(|(path, _)| is_shard(path));
    let digests: String = shards.map(|(path, output)| format!("{path} {}\n", output.blake3)).collect();
    (!digests.is_empty()).then(|| digest(digests.as_bytes()))
}
