//! The folder of the images that stay.
//!
//! While it is made, `.twinset-copy` in it says what is copied. A copy that was killed is gone on with; when all is there, that
//! folder goes.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use twinset_manifest::rows::Image;
use twinset_manifest::write_atomically;

use crate::files::{FileError, copy_name};

const STATE: &str = ".twinset-copy";

/// A folder that images are copied to.
pub struct CleanFolder {
    folder: PathBuf,
    names: HashSet<PathBuf>,
    n_there: u64,
}

/// Why images could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The folder holds something else.
    #[error("`{}` is not empty, expected an empty folder, or none", .0.display())]
    NotEmpty(PathBuf),
    /// The folder holds another copy that is not whole.
    #[error("`{}` holds an unfinished copy of another clean, expected an empty folder, or none", .0.display())]
    OtherCopy(PathBuf),
    /// An image has no name of its own.
    #[error(transparent)]
    File(#[from] FileError),
    /// Two images would be one file.
    #[error("image {image_id}: another image is called `{}` as well, expected one of that name", .name.display())]
    SameName {
        /// The later one.
        image_id: u64,
        /// What both are called.
        name: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot copy to `{}`: {error}", .path.display())]
    Io {
        /// The copy.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl CleanFolder {
    /// Begins a copy, or goes on with one. `key` says what is copied: a copy with another key is not gone on with.
    ///
    /// # Errors
    /// When the folder holds anything but a part of this copy, and when it cannot be made.
    pub fn begin(folder: &Path, key: &str) -> Result<Self, CopyError> {
        let failed = |error| CopyError::Io { path: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(failed)?;
        let state = folder.join(STATE);
        match fs::read_to_string(state.join("key")) {
            Ok(found) if found == key => {}
            Ok(_) => return Err(CopyError::OtherCopy(folder.to_owned())),
            Err(_) => {
                let mut others = fs::read_dir(folder)
                    .map_err(failed)?
                    .filter(|entry| entry.as_ref().map_or(true, |entry| entry.file_name() != STATE));
                if others.next().is_some() {
                    return Err(CopyError::NotEmpty(folder.to_owned()));
                }
                fs::create_dir_all(&state).map_err(failed)?;
                write_atomically(&state.join("key"), key.as_bytes()).map_err(failed)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), names: HashSet::new(), n_there: 0 })
    }

    /// Copies an image: the bytes that its manifest has, else its file, whose path is relative to `from`. The copy was last
    /// modified when the file was, if there is one.
    ///
    /// # Errors
    /// When its name leads out of the folder, when another image has its name, and when it cannot be copied.
    pub fn add(&mut self, row: &Image, from: &Path) -> Result<(), CopyError> {
        let name = copy_name(row)?;
        let to = self.folder.join(&name);
        if !self.names.insert(name.clone()) {
            return Err(CopyError::SameName { image_id: row.image_id, name });
        }
        let copied = match &row.image.bytes {
            Some(bytes) => self.put(&to, bytes.len() as u64, |part| {
                write_atomically(part, bytes)?;
                let file = fs::metadata(from.join(&row.source)).ok();
                match file.filter(|file| file.is_file() && file.len() == bytes.len() as u64) {
                    Some(file) => set_modified(part, &file),
                    None => Ok(()),
                }
            }),
            None => {
                let file = from.join(row.image.path.as_deref().unwrap_or(&row.source));
                let length = fs::metadata(&file).and_then(|found| match found.is_file() {
                    true => Ok(found.len()),
                    false => Err(io::ErrorKind::IsADirectory.into()),
                });
                let length = length.map_err(|error| {
                    let error = io::Error::new(error.kind(), format!("cannot read `{}`: {error}", file.display()));
                    CopyError::Io { path: to.clone(), error }
                })?;
                self.put(&to, length, |part| copy_with_time(&file, part))
            }
        };
        copied.map_err(|error| CopyError::Io { path: to, error })
    }

    /// Writes a file whole or not at all, if it is not there.
    fn put(&mut self, to: &Path, length: u64, write: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
        if fs::metadata(to).is_ok_and(|found| found.is_file() && found.len() == length) {
            self.n_there += 1;
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        let part = self.folder.join(STATE).join("part");
        write(&part)?;
        fs::rename(part, to)
    }

    /// Ends the copy: how many files it has, and how many of them an earlier run had copied.
    ///
    /// # Errors
    /// When what says that the copy is not whole cannot be removed.
    pub fn finish(self) -> Result<(u64, u64), CopyError> {
        let state = self.folder.join(STATE);
        fs::remove_dir_all(&state).map_err(|error| CopyError::Io { path: state, error })?;
        Ok((self.names.len() as u64, self.n_there))
    }
}

/// Copies a file, and when it was last modified.
fn copy_with_time(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    set_modified(to, &fs::metadata(from)?)
}

fn set_modified(file: &Path, like: &fs::Metadata) -> io::Result<()> {
    // Its owner may set the time of a file that cannot be written.
    fs::File::open(file)?.set_modified(like.modified()?)
}
