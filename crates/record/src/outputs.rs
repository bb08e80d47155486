//! `digests.json`: the digests and sizes of a run's outputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, digest};

/// The files of a finished run, by their paths relative to the run's folder.
pub type Outputs = BTreeMap<String, Output>;

/// A file of a finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The digest of the file's bytes.
    pub blake3: Digest,
    /// The file's size, which shows whether the file was truncated.
    pub n_bytes: u64,
}

/// The digest that a key has for a sharded manifest, which is a folder of a run; none if no output is in this folder.
pub fn digest_of_folder(outputs: &Outputs, folder: &str) -> Option<Digest> {
    let is_shard = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let shards = outputs.iter().filter(|(path, _)| is_shard(path));
    let digests: String = shards.map(|(path, output)| format!("{path} {}\n", output.blake3)).collect();
    (!digests.is_empty()).then(|| digest(digests.as_bytes()))
}
