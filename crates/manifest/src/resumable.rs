//! Files that come in pieces, over several runs.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file that grows beside its target, under the target's name with `.partial` behind it, and takes the target's name
/// only when [committed](ResumableFile::commit). Dropped without a commit it stays, and the next
/// [`open`](ResumableFile::open) goes on where it ended.
///
/// One process at a time has it open.
#[derive(Debug)]
pub struct ResumableFile {
    file: File,
    n_bytes: u64,
    partial: PathBuf,
    target: PathBuf,
}

impl ResumableFile {
    /// Opens what there is of `target` so far, be it nothing; the folder must exist.
    ///
    /// # Errors
    /// When it cannot be opened, or another process has it open.
    pub fn open(target: &Path) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = target.with_file_name(name);
        let file = File::options().append(true).create(true).open(&partial)?;
        let is_taken = match file.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        // What another process has finished meanwhile has the target's name, and must not be appended to.
        if is_taken || !partial.exists() {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process is writing it"));
        }
        let n_bytes = file.metadata()?.len();
        Ok(Self { file, n_bytes, partial, target: target.to_owned() })
    }

    /// How many bytes there are so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Throws away what there is.
    ///
    /// # Errors
    /// When it cannot be cut.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.n_bytes = 0;
        Ok(())
    }

    /// What there is so far, from its first byte.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn read(&self) -> io::Result<impl Read> {
        File::open(&self.partial)
    }

    /// Syncs the file to disk and gives it its target's name.
    ///
    /// # Errors
    /// When syncing or renaming fails; the target is then as it was.
    pub fn commit(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.partial, &self.target)?;
        let folder = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Removes it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard(self) -> io::Result<()> {
        fs::remove_file(&self.partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_on_where_it_ended_and_takes_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.gz");
        let mut file = ResumableFile::open(&target).unwrap();
        assert_eq!(file.n_bytes(), 0);
        file.append(b"on").unwrap();
        let error = ResumableFile::open(&target).unwrap_err();
        assert_eq!(error.to_string(), "another process is writing it");
        drop(file);

        let mut file = ResumableFile::open(&target).unwrap();
        assert_eq!(file.n_bytes(), 2);
        file.append(b"ce").unwrap();
        let mut so_far = String::new();
        file.read().unwrap().read_to_string(&mut so_far).unwrap();
        assert_eq!((so_far.as_str(), target.exists()), ("once", false));
        file.restart().unwrap();
        file.append(b"again").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"again");
        assert!(!folder.path().join("a.gz.partial").exists());

        let file = ResumableFile::open(&target).unwrap();
        assert_eq!(file.n_bytes(), 0, "of another than the one that is whole");
        file.discard().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
