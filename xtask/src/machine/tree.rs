//! What lies below a folder.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The files below `folder`, by their paths from it, in order; subfolders whose names are `left_out` are not looked into.
pub fn files(folder: &Path, left_out: impl Fn(&OsStr) -> bool) -> io::Result<Vec<PathBuf>> {
    let is_wanted =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_type().is_dir() || !left_out(entry.file_name());
    let mut found = Vec::new();
    for entry in WalkDir::new(folder).into_iter().filter_entry(is_wanted) {
        let entry = entry?;
        if entry.file_type().is_file() {
            found.push(entry.path().strip_prefix(folder).expect("it is below the folder").to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// The size of all files below `folder`; what cannot be read counts as nothing.
pub fn n_bytes(folder: &Path) -> u64 {
    let files = WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_of_subfolders_are_found_but_of_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a/x", "a/y/z", "no/w", "a/no/v"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let found: Vec<_> = files(folder.path(), |name| name == "no").unwrap();
        assert_eq!(found, ["a/x", "a/y/z", "b"].map(PathBuf::from));
    }
}
