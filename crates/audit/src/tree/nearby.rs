//! Files beside a tree, which what is in it was made from: `out/images` and `out/duplicates` beside `out/clean`.

use std::fs;
use std::path::{Component, Path, PathBuf};

use twinset_manifest::Input;

use super::place::{folder_of, is_hidden, is_manifest_like, is_same};
use super::{Entry, Kind};

/// The folders beside one: the one that it lies in, and what other folders lie there.
pub(super) fn beside(folder: &Path) -> Vec<PathBuf> {
    let Some(parent) = parent_of(folder) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(&parent) else { return Vec::new() };
    let others = entries.flatten().filter(|entry| !is_hidden(&entry.file_name().to_string_lossy(), true));
    let mut others: Vec<PathBuf> =
        others.map(|entry| entry.path()).filter(|path| path.is_dir() && !is_same_folder(path, folder)).collect();
    others.sort();
    [parent].into_iter().chain(others).collect()
}

/// Whether an input is looked for there: a file of a stage. Sources are large, and lie anywhere.
pub(super) fn is_looked_for(input: &Input) -> bool {
    input.schema.is_some() || is_manifest_like(Path::new(&input.name))
}

/// The other manifests of the run that made one, which tell of it: of cleaned images what was removed.
pub(super) fn made_with(entry: &Entry, root: &Path) -> Vec<Entry> {
    let files =
        fs::read_dir(entry.folder()).into_iter().flatten().flatten().map(|file| entry.folder().join(file.file_name()));
    let mut files: Vec<PathBuf> = files.filter(|path| *path != entry.path && is_manifest_like(path)).collect();
    files.sort();
    let entries = files.into_iter().map(|path| {
        let kind = Kind::of(&path);
        Entry::new(path, root, kind, &|_| false)
    });
    entries.filter(|other| other.is_made_with(entry)).collect()
}

fn parent_of(folder: &Path) -> Option<PathBuf> {
    match folder.components().next_back() {
        Some(Component::Normal(_)) => Some(folder_of(folder).to_owned()),
        Some(Component::ParentDir) => Some(folder.join("..")),
        Some(Component::CurDir) | None => Some(PathBuf::from("..")),
        Some(Component::RootDir | Component::Prefix(_)) => None,
    }
}

fn is_same_folder(left: &Path, right: &Path) -> bool {
    is_same(left, right)
        || matches!((fs::canonicalize(left), fs::canonicalize(right)), (Ok(left), Ok(right)) if left == right)
}
