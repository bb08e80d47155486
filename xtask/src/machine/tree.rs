//! What lies below a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files below `folder`, by their paths from it, in order; subfolders called `except` are not looked into.
pub fn files(folder: &Path, except: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() && entry.file_name() != except => {
                found.extend(files(&entry.path(), except)?.into_iter().map(|below| name.join(below)));
            }
            kind if kind.is_file() => found.push(name),
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_subfolders_are_found_but_of_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a/x", "a/y/z", "no/w", "a/no/v"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let found: Vec<_> = files(folder.path(), "no").unwrap();
        assert_eq!(found, ["a/x", "a/y/z", "b"].map(PathBuf::from));
    }
}
