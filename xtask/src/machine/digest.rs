//! BLAKE3 digests of files, remembered where files do not change behind our back.

use super::write;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A BLAKE3 digest in hexadecimal.
pub type Digest = String;

/// The digest of a file's bytes.
pub fn of_file(path: &Path) -> Result<Digest> {
    let hash = || -> std::io::Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(fs::File::open(path)?)?;
        Ok(hasher.finalize().to_hex().to_string())
    };
    hash().with_context(|| format!("failed to read `{}`", path.display()))
}

/// The digest of some bytes.
pub fn of_bytes(bytes: &[u8]) -> Digest {
    blake3::hash(bytes).to_hex().to_string()
}

/// Digests of files outside the store, remembered by path, size and time of change.
#[derive(Debug)]
pub struct SourceDigests {
    path: PathBuf,
    known: BTreeMap<String, Known>,
    is_changed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Known {
    n_bytes: u64,
    modified_ns: i128,
    blake3: Digest,
}

impl SourceDigests {
    /// What is remembered in the file `path`; nothing, where it cannot be read.
    pub fn open(path: PathBuf) -> Self {
        let known = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path, known, is_changed: false }
    }

    /// The digest of `file`, which is read only where its size or time of change are new.
    pub fn of(&mut self, file: &Path) -> Result<Digest> {
        let metadata = fs::metadata(file).with_context(|| format!("failed to read `{}`", file.display()))?;
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        let key = file.to_string_lossy().into_owned();
        if let Some(known) = self.known.get(&key)
            && (known.n_bytes, known.modified_ns) == (metadata.len(), modified_ns)
        {
            return Ok(known.blake3.clone());
        }
        let blake3 = of_file(file)?;
        self.known.insert(key, Known { n_bytes: metadata.len(), modified_ns, blake3: blake3.clone() });
        self.is_changed = true;
        Ok(blake3)
    }

    /// Writes what is new.
    pub fn save(&self) -> Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        write::atomically(&self.path, &serde_json::to_vec_pretty(&self.known)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_has_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let (file, cache) = (folder.path().join("file"), folder.path().join("cache.json"));
        fs::write(&file, "one").unwrap();
        let mut digests = SourceDigests::open(cache.clone());
        assert_eq!(digests.of(&file).unwrap(), of_bytes(b"one"));
        digests.save().unwrap();

        let mut digests = SourceDigests::open(cache);
        assert_eq!(digests.of(&file).unwrap(), of_bytes(b"one"));
        assert!(!digests.is_changed);
        fs::write(&file, "three").unwrap();
        assert_eq!(digests.of(&file).unwrap(), of_bytes(b"three"));
    }
}
