//! Reads the files that the runner wrote about a run: `digests.json` and `key.json`.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use twinset_manifest::{Digest, digest_of_shards, is_shard_name};
use twinset_record::{DIGESTS, KeyFile, Outputs, digest_of_folder};

use super::place::{folder_of, name_of};

/// A run's `digests.json`.
#[derive(Debug)]
pub enum Record {
    /// The run's files, by name.
    Outputs(BTreeMap<String, Output>),
    /// The file cannot be read; why.
    Unreadable(String),
}

/// The recorded digest and size of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The digest of its bytes.
    pub blake3: Digest,
    /// Its size.
    pub n_bytes: u64,
}

/// The content of `key.json`, or why it cannot be read.
pub(crate) type Told = Result<KeyFile, String>;

impl Record {
    pub(super) fn read(path: &Path) -> Self {
        read_json(path).map_or_else(Self::Unreadable, Self::Outputs)
    }

    /// The recorded digest of a file of the run. For a folder of shards it is computed from the digests of its shards.
    pub(crate) fn digest(&self, path: &Path) -> Option<Digest> {
        let Self::Outputs(outputs) = self else { return None };
        let name = name_of(path);
        if let Some(output) = outputs.get(&name) {
            return Some(output.blake3);
        }
        let shards: Vec<_> = outputs.iter().filter(|(file, _)| is_shard_of(&name, file)).collect();
        (!shards.is_empty()).then(|| digest_of_shards(shards.into_iter().map(|(_, output)| output.blake3)))
    }

    /// The recorded digest, if size and time say that the file has not changed since the run ended.
    pub(super) fn trusted(&self, path: &Path) -> Option<Digest> {
        let Self::Outputs(outputs) = self else { return None };
        let (folder, name) = (folder_of(path), name_of(path));
        let is_meant = |file: &String| *file == name || is_shard_of(&name, file);
        let mut meant = outputs.iter().filter(|(file, _)| is_meant(file));
        meant.all(|(file, output)| output.is_as_written(folder, file)).then(|| self.digest(path))?
    }

    /// The digests of the run's files and folders of shards, as the keys of later runs have them.
    pub(crate) fn digests_in_keys(&self) -> HashSet<String> {
        let Self::Outputs(outputs) = self else { return HashSet::new() };
        let outputs: Outputs = outputs
            .iter()
            .map(|(name, output)| {
                (name.clone(), twinset_record::Output { blake3: output.blake3.to_string(), n_bytes: output.n_bytes })
            })
            .collect();
        let folders = outputs.keys().filter_map(|path| digest_of_folder(&outputs, path.split_once('/')?.0));
        folders.chain(outputs.values().map(|output| output.blake3.clone())).collect()
    }
}

impl Output {
    /// Whether a file seems unchanged since the run ended: it has the recorded size, and is not newer than
    /// `digests.json`, which is written last.
    pub(crate) fn is_as_written(&self, folder: &Path, name: &str) -> bool {
        let written = |name: &str| fs::metadata(folder.join(name)).and_then(|file| Ok((file.len(), file.modified()?)));
        let both = written(name).and_then(|file| Ok((file, written(DIGESTS)?)));
        both.is_ok_and(|((n_bytes, file), (_, record))| n_bytes == self.n_bytes && file <= record)
    }
}

/// A file of JSON.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn is_shard_of(folder: &str, file: &str) -> bool {
    file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).is_some_and(is_shard_name)
}
