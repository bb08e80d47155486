//! The *lock* of a run: a regular file that its runner holds open for writing. Locks on folders do not hold on network file systems.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A lock that is held. It ends with its process and with the stages that this has started, however these end: a stage may live a moment longer
/// than its runner, and write. The file goes when the lock is given back.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock whose file is `path`; none while another runner holds it.
    pub(super) fn take(path: PathBuf) -> io::Result<Option<Self>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    // Stages inherit it.
                    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
                    return Ok(Some(Self { path, _file: file }));
                }
                // Its holder gave it back in this moment, and removed the file.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Whether a runner holds the lock whose file is `path`.
    pub(super) fn is_held(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is held: whoever opened the file in the meantime sees that it is gone.
        let _ = fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(found)) => (opened.dev(), opened.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn a_lock_is_held_by_one_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train/k.lock");
        let lock = Lock::take(path.clone()).unwrap().unwrap();
        assert!(Lock::is_held(&path) && Lock::take(path.clone()).unwrap().is_none());
        drop(lock);
        assert!(!Lock::is_held(&path) && !path.exists());
        // What a killed runner left is no lock.
        fs::write(&path, "").unwrap();
        assert!(!Lock::is_held(&path) && Lock::take(path).unwrap().is_some());
    }

    #[test]
    fn many_threads_never_hold_it_together() {
        let folder = tempfile::tempdir().unwrap();
        let (path, n_inside, n_taken) = (folder.path().join("k.lock"), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let Some(_lock) = Lock::take(path.clone()).unwrap() else { continue };
                        assert_eq!(n_inside.fetch_add(1, Ordering::SeqCst), 0);
                        n_taken.fetch_add(1, Ordering::SeqCst);
                        n_inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(n_taken.into_inner() > 0);
    }
}
