//! A finished run and its files.

use crate::machine::digest::Digest;
use std::collections::BTreeSet;
use std::path::PathBuf;
pub use twinset_record::Output;
use twinset_record::{Outputs, digest_of_folder};

/// A finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The run's folder, relative to the workspace's root.
    pub folder: PathBuf,
    /// Its files, by their paths relative to the folder.
    pub outputs: Outputs,
}

impl Finished {
    /// The run's key.
    pub fn key(&self) -> &str {
        self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The digests of its files and of its sharded manifests.
    pub fn digests(&self) -> Vec<Digest> {
        let folders: BTreeSet<&str> = self.outputs.keys().filter_map(|path| Some(path.split_once('/')?.0)).collect();
        let of_folders = folders.into_iter().filter_map(|folder| Some(self.find(&format!("{folder}.parquet"))?.1));
        self.outputs.values().map(|output| output.blake3.clone()).chain(of_folders).collect()
    }

    /// The path of the manifest with this name, relative to the workspace's root, and its digest. If the stage wrote it
    /// in shards, the path is that of the folder, which has the name without `.parquet`.
    pub fn find(&self, name: &str) -> Option<(PathBuf, Digest)> {
        if let Some(output) = self.outputs.get(name) {
            return Some((self.folder.join(name), output.blake3.clone()));
        }
        let folder = name.strip_suffix(".parquet")?;
        Some((self.folder.join(folder), digest_of_folder(&self.outputs, folder)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_a_file_or_a_folder_of_shards() {
        let of = |outputs: &[(&str, &str)]| Finished {
            folder: PathBuf::from("k"),
            outputs: outputs
                .iter()
                .map(|(name, blake3)| (name.to_string(), Output { blake3: blake3.to_string(), n_bytes: 1 }))
                .collect(),
        };
        let path = |outputs: &[(&str, &str)]| of(outputs).find("images.parquet").map(|(path, _)| path);
        assert_eq!(
            path(&[("images.parquet", "a"), ("images/b.parquet", "b")]),
            Some(PathBuf::from("k/images.parquet"))
        );
        let sharded = [("images/0.parquet", "a"), ("images/1.parquet", "b"), ("images2/0.parquet", "c")];
        assert_eq!(path(&sharded), Some(PathBuf::from("k/images")));
        assert_eq!(path(&sharded[2..]), None);
        let digest = |outputs: &[(&str, &str)]| of(outputs).find("images.parquet").map(|(_, digest)| digest);
        assert_eq!(digest(&sharded), digest(&sharded[..2]));
        assert_ne!(digest(&sharded), digest(&sharded[..1]));
        assert_ne!(digest(&sharded), digest(&[("images/0.parquet", "a"), ("images/1.parquet", "c")]));
    }
}
