//! The *lock* of a run: a lock on a regular file, because locks on folders do not work on network file systems.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// A lock that is held. The operating system releases it when the runner and the stages that it started have all ended.
/// Stages share the lock, because a stage may live a moment longer than its runner and still write files.
///
/// The file is not removed. Otherwise another machine that still sees the old file could lock it, while a third one
/// locks a new file.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock on the file `path`; none if another runner holds it.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                // Stages inherit the open file, and so the lock.
                fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
                Ok(Some(Self { file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock again; false if another runner has it by now. While it is held, this changes nothing.
    pub(super) fn renew(&self) -> bool {
        self.file.try_lock().is_ok()
    }

    /// Gives the lock back unseen, as a file server does that cannot reach this machine.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.file.unlock().unwrap();
    }

    /// Whether a runner holds the lock on the file `path`.
    pub(super) fn is_held(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn a_lock_is_held_by_one_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".locks/k");
        let lock = Lock::take(&path).unwrap().unwrap();
        assert!(Lock::is_held(&path) && Lock::take(&path).unwrap().is_none());
        drop(lock);
        assert!(!Lock::is_held(&path));
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn many_threads_never_hold_it_together() {
        let folder = tempfile::tempdir().unwrap();
        let (path, n_inside, n_taken) = (folder.path().join("k"), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let Some(_lock) = Lock::take(&path).unwrap() else { continue };
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
