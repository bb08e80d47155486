//! Files that appear whole or not at all.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes after which the disk is set to work while more is written: little is left to wait for at the end.
const WRITE_BACK_BYTES: u64 = 1 << 20;
/// Bytes that the system writes at once, at least.
const PAGE_BYTES: u64 = 4096;

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
    n_written: u64,
    /// So many of them the disk has been set to write.
    n_written_back: u64,
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
        let (file, temporary) = loop {
            let n = N_CREATED.fetch_add(1, Ordering::Relaxed);
            let temporary = target.with_file_name(format!(".{name}.{}-{n}.partial", std::process::id()));
            match File::create_new(&temporary) {
                // A process on another machine may have the same id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => break (created?, temporary),
            }
        };
        // While it is locked, no other machine takes it for the file of a killed process.
        let _ = file.try_lock();
        let target = target.to_owned();
        Ok(Self { file, temporary, target, is_committed: false, n_written: 0, n_written_back: 0 })
    }

    /// Syncs the file to disk and gives it its target's name.
    ///
    /// # Errors
    /// When syncing or renaming fails; the target is then as it was. Also when its folder cannot be synced: the new file stands,
    /// and may be gone after a power failure.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.is_committed = true;
        let folder = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Sets the disk to write a part of a file, and does not wait for it: what it then cannot write is told when the file is synced.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library syncs files as a whole, and waits for it")]
fn begin_write_back(file: &File, bytes: Range<u64>) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let (begin, n_bytes) = (bytes.start as libc::off64_t, (bytes.end - bytes.start) as libc::off64_t);
    // SAFETY: the file is open, and the call touches no memory of ours.
    if unsafe { libc::sync_file_range(file.as_raw_fd(), begin, n_bytes, libc::SYNC_FILE_RANGE_WRITE) } == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // A file system that knows no parts.
        error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL | libc::ESPIPE)) => Ok(()),
        error => Err(error),
    }
}

/// Elsewhere all is written when the file is synced.
#[cfg(not(target_os = "linux"))]
fn begin_write_back(_: &File, _: Range<u64>) -> io::Result<()> {
    Ok(())
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.n_written += n as u64;
        if self.n_written - self.n_written_back >= WRITE_BACK_BYTES {
            // The last page is not full.
            let end = self.n_written / PAGE_BYTES * PAGE_BYTES;
            begin_write_back(&self.file, self.n_written_back..end)?;
            self.n_written_back = end;
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

/// Whether a process, here or on another machine, writes the file.
fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
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
        if writer.is_some_and(|pid| !proc.join(pid.to_string()).exists()) && !is_locked(&entry.path()) {
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
    fn a_file_that_is_written_back_while_more_is_written_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("large.bin");
        let mut file = AtomicFile::create(&target).unwrap();
        let piece: Vec<_> = (0..WRITE_BACK_BYTES / 4).map(|at| at as u8).collect();
        for _ in 0..13 {
            file.write_all(&piece).unwrap();
        }
        assert_eq!(file.n_written_back, 3 * WRITE_BACK_BYTES);
        begin_write_back(&file.file, 0..PAGE_BYTES).unwrap();
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

        // A process on another machine that shares the folder has an id that no process has here.
        let elsewhere = folder.path().join(".a.txt.4194998-0.partial");
        let file = File::create(&elsewhere).unwrap();
        file.lock().unwrap();
        write_atomically(&folder.path().join("a.txt"), b"newer").unwrap();
        assert!(elsewhere.exists(), "it is being written");
        drop(file);
        write_atomically(&folder.path().join("a.txt"), b"newest").unwrap();
        assert!(!elsewhere.exists());
    }
}
