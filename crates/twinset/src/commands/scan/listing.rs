//! Whether a folder has changed since the last scan.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use twinset_manifest::Digest;
use walkdir::WalkDir;

/// The digest of a folder's files: of each one's path, size and time of change, in order. A file that cannot be looked at counts with what
/// the system says of it. Of a file instead of a folder it is the file's alone.
pub(super) fn digest(folder: &Path) -> anyhow::Result<Digest> {
    folder.metadata().with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut hasher = blake3::Hasher::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let (path, told) = match &entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => match entry.metadata() {
                Ok(metadata) => {
                    (Some(entry.path()), format!("{} {} {}", metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
                }
                Err(error) => (Some(entry.path()), error.to_string()),
            },
            Err(error) => (error.path(), error.to_string()),
        };
        let path = path.map_or(&[][..], |path| path.strip_prefix(folder).unwrap_or(path).as_os_str().as_bytes());
        for part in [path, told.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}
