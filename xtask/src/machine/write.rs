//! Writes files so that a reader sees a whole file or none.

use anyhow::{Context, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use walkdir::WalkDir;

/// Writes `bytes` to a sibling temporary file, syncs it and renames it to `path`.
pub fn atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    with_mode(path, bytes, 0o666)
}

/// The same for a file that only saves work later. In a read-only store it is not written, and this is no error.
pub fn if_writable(path: &Path, bytes: &[u8]) -> Result<()> {
    let is_read_only = |error: &anyhow::Error| {
        let kind = error.root_cause().downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied))
    };
    match atomically(path, bytes) {
        Err(error) if is_read_only(&error) => Ok(()),
        written => written,
    }
}

/// The same as [`atomically`], for an executable file.
pub fn executable(path: &Path, bytes: &[u8]) -> Result<()> {
    with_mode(path, bytes, 0o777)
}

fn with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Processes on several machines may have one id.
        let temporary = folder.join(format!(".{name}.{}.tmp", uuid::Uuid::new_v4()));
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(mode);
        let written = options.open(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        Ok(())
    };
    write().with_context(|| format!("failed to write `{}`", path.display()))
}

/// Syncs every file below `folder`, and the folders.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let sync = || -> std::io::Result<()> {
        for entry in WalkDir::new(folder).contents_first(true) {
            let entry = entry?;
            if entry.file_type().is_dir() || entry.file_type().is_file() {
                File::open(entry.path())?.sync_all()?;
            }
        }
        Ok(())
    };
    sync().with_context(|| format!("failed to sync folder `{}`", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn writers_with_one_process_id_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        thread::scope(|scope| {
            for writer in 0..4_u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..50 {
                        atomically(path, &[writer; 100_000]).unwrap();
                        let bytes = fs::read(path).unwrap();
                        assert!(bytes.len() == 100_000 && bytes.iter().all(|byte| *byte == bytes[0]));
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
