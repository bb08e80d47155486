//! BLAKE3 digests of files. The digest of an unchanged file is remembered.

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

/// Digests of files, remembered by path, size, times of change and inode.
#[derive(Debug)]
pub struct SourceDigests {
    path: PathBuf,
    known: BTreeMap<String, Known>,
    is_changed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Known {
    #[serde(flatten)]
    stamp: Stamp,
    blake3: Digest,
}

/// Metadata that change with a file's content. A program can set back the modification time (mtime), but not the change
/// time (ctime).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Stamp {
    n_bytes: u64,
    modified_ns: i64,
    changed_ns: i64,
    inode: u64,
}

impl Stamp {
    fn of(file: &Path) -> Result<Self> {
        let metadata = fs::metadata(file).with_context(|| format!("failed to read `{}`", file.display()))?;
        let nanoseconds = |seconds: i64, more: i64| seconds.saturating_mul(1_000_000_000).saturating_add(more);
        Ok(Self {
            n_bytes: metadata.len(),
            modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        })
    }
}

impl SourceDigests {
    /// Digests that only this process remembers.
    pub fn in_memory() -> Self {
        Self { path: PathBuf::new(), known: BTreeMap::new(), is_changed: false }
    }

    /// The digests that are remembered in the file `path`; empty if it cannot be read.
    pub fn open(path: PathBuf) -> Self {
        let known = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path, known, is_changed: false }
    }

    /// The digest of `file`. The file is read only if its size, times or inode have changed.
    pub fn of(&mut self, file: &Path) -> Result<Digest> {
        let stamp = Stamp::of(file)?;
        let key = file.to_string_lossy().into_owned();
        if let Some(known) = self.known.get(&key).filter(|known| known.stamp == stamp) {
            return Ok(known.blake3.clone());
        }
        let blake3 = of_file(file)?;
        self.known.insert(key, Known { stamp, blake3: blake3.clone() });
        self.is_changed = true;
        Ok(blake3)
    }

    /// Saves new digests, unless the file is read-only.
    pub fn save(&self) -> Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        write::if_writable(&self.path, &serde_json::to_vec_pretty(&self.known)?)
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
        // Of the same size, with its old time of modification.
        let modified = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, "seven").unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        assert_eq!(digests.of(&file).unwrap(), of_bytes(b"seven"));
    }
}
