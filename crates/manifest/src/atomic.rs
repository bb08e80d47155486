//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// Bytes after which the disk is set to work while more is written: little is left to wait for at the end.
const SYNC_BYTES: usize = 4 << 20;

/// A file that is written beside its target and takes the target's name only when [committed](AtomicFile::commit).
///
/// Dropped without a commit it leaves nothing behind. A process that was killed leaves its temporary file; the next
/// [`create`](AtomicFile::create) of the same target removes it.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    is_committed: bool,
    n_unsynced: usize,
    /// What is being synced beside the writing. The system tells an error of the disk once, so each outcome is looked at.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl AtomicFile {
    /// Opens a temporary sibling of `target`; the folder must exist.
    ///
    /// # Errors
    /// When the sibling cannot be created.
    pub fn create(target: &Path) -> io::Result<Self> {
        static N_CREATED: AtomicU64 = AtomicU64::new(0);
        let name = target
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file name"))?;
        remove_stale_siblings(target, name);
        let n = N_CREATED.fetch_add(1, Ordering::Relaxed);
        let temporary = target.with_file_name(format!(".{name}.{}-{n}.partial", std::process::id()));
        let file = File::create(&temporary)?;
        let target = target.to_owned();
        Ok(Self { file, temporary, target, is_committed: false, n_unsynced: 0, syncing: None })
    }

    /// Syncs the file to disk and gives it its target's name.
    ///
    /// # Errors
    /// When syncing or renaming fails; the target is then as it was. Also when its folder cannot be synced: the new file stands,
    /// and may be gone after a power failure.
    pub fn commit(mut self) -> io::Result<()> {
        self.wait_for_sync()?;
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.is_committed = true;
        let folder = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Begins to sync what was written, unless that before is still under way.
    fn begin_sync(&mut self) -> io::Result<()> {
        if self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished()) {
            return Ok(());
        }
        self.wait_for_sync()?;
        self.n_unsynced = 0;
        // Without a further file or thread the whole is synced at the end.
        let file = self.file.try_clone();
        self.syncing = file.and_then(|file| thread::Builder::new().spawn(move || file.sync_data())).ok();
        Ok(())
    }

    fn wait_for_sync(&mut self) -> io::Result<()> {
        let outcome = self.syncing.take().map(JoinHandle::join);
        outcome.unwrap_or(Ok(Ok(()))).unwrap_or_else(|_| Err(io::Error::other("syncing the file panicked")))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.n_unsynced += n;
        if self.n_unsynced >= SYNC_BYTES {
            self.begin_sync()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_committed {
            // Nothing better can be done with a failure here: the next `create` tries again.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `bytes` to `path`, whole or not at all.
///
/// # Errors
/// When the file cannot be written; what stood at `path` is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

/// Adds a line to a log that several programs may write to, in one write.
///
/// # Errors
/// When the file cannot be opened or written.
pub fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Removes the temporary files that killed processes left for `target`.
fn remove_stale_siblings(target: &Path, name: &str) {
    let proc = Path::new("/proc");
    if !proc.join("self").exists() {
        return; // No way to tell the living from the dead here.
    }
    let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let writer = file_name
            .to_str()
            .and_then(|entry| entry.strip_prefix('.')?.strip_prefix(name)?.strip_prefix('.'))
            .and_then(|rest| rest.strip_suffix(".partial")?.split_once('-'))
            .and_then(|(pid, _)| pid.parse::<u32>().ok());
        if writer.is_some_and(|pid| !proc.join(pid.to_string()).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_uncommitted_file_leaves_the_target_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        write_atomically(&target, b"old").unwrap();
        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_file_that_is_synced_while_it_is_written_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("large.bin");
        let mut file = AtomicFile::create(&target).unwrap();
        let piece: Vec<_> = (0..SYNC_BYTES / 4).map(|at| at as u8).collect();
        for _ in 0..13 {
            file.write_all(&piece).unwrap();
        }
        assert!(file.syncing.is_some());
        file.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), piece.repeat(13));
        assert_eq!(names(folder.path()), ["large.bin"]);
    }

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join(".a.txt.4194999-0.partial"); // above Linux's largest process id
        let living = folder.path().join(format!(".a.txt.{}-99.partial", std::process::id()));
        fs::write(&dead, "").unwrap();
        fs::write(&living, "").unwrap();
        write_atomically(&folder.path().join("a.txt"), b"new").unwrap();
        assert!(!dead.exists());
        assert!(living.exists());
    }
}
