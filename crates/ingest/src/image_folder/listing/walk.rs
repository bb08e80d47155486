//! What is in a folder.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use rayon::prelude::*;
use twinset_manifest::rows::Split;
use walkdir::{DirEntry, WalkDir};

use crate::IngestError;
use crate::splits;
use crate::strangers::{Strangers, is_stranger};

/// Something in a folder.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) is_folder: bool,
}

impl Entry {
    pub(super) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// The split that it is the folder of.
    pub(super) fn split(&self) -> Option<Split> {
        if self.is_folder { splits::named(self.name().to_str()?) } else { None }
    }

    /// By name in each folder: as the paths' bytes are, with what parts two names before all that may stand in one. Of both
    /// paths the first `n_same` bytes are the same.
    fn cmp_by_name(&self, other: &Self, n_same: usize) -> Ordering {
        let [left, right] = [self, other].map(|entry| &entry.path.as_os_str().as_encoded_bytes()[n_same..]);
        let rank = |byte: u8| if byte == MAIN_SEPARATOR as u8 { 0 } else { byte };
        let differing = left.iter().zip(right).find(|(left, right)| left != right);
        differing.map_or(left.len().cmp(&right.len()), |(&left, &right)| rank(left).cmp(&rank(right)))
    }
}

/// What is in a folder, sorted by name, and what was passed over.
///
/// A link to nothing is an entry, so that it becomes a reject; a link to a folder above it is an error.
pub(super) fn entries(folder: &Path, max_depth: usize) -> Result<(Vec<Entry>, Strangers), IngestError> {
    let mut strangers = Strangers::default();
    let is_shown = |entry: &DirEntry| {
        let is_passed_over = entry.depth() > 0 && is_stranger(entry.file_name());
        if is_passed_over {
            strangers.add(entry.file_name());
        }
        !is_passed_over
    };
    let walk = WalkDir::new(folder).min_depth(1).max_depth(max_depth).follow_links(true);
    let mut entries = Vec::new();
    for entry in walk.into_iter().filter_entry(is_shown) {
        match entry {
            Ok(entry) => {
                let is_folder = entry.file_type().is_dir();
                entries.push(Entry { is_folder, path: entry.into_path() });
            }
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let is_loop = error.loop_ancestor().is_some();
                if !is_loop && path.is_symlink() {
                    if !path.file_name().is_some_and(is_stranger) {
                        entries.push(Entry { path, is_folder: false });
                    }
                    continue;
                }
                let source = if is_loop { io::Error::other("a link to a folder above it") } else { error.into() };
                return Err(IngestError::Read { path, source });
            }
        }
    }
    let n_same = folder.as_os_str().len();
    entries.par_sort_unstable_by(|left, right| left.cmp_by_name(right, n_same));
    Ok((entries, strangers))
}
