//! Where files are.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use twinset_record::{DIGESTS, KEY};
use walkdir::WalkDir;

/// A folder or file that cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`: {detail}")]
pub struct TreeError {
    path: PathBuf,
    detail: String,
}

impl TreeError {
    pub(super) fn new(path: &Path, error: &io::Error) -> Self {
        Self { path: path.to_owned(), detail: error.to_string() }
    }
}

/// Whether a tree leaves a file or folder of this name out: it is hidden, a run under way, or one that failed.
pub(super) fn is_hidden(name: &str, is_dir: bool) -> bool {
    name.starts_with('.') || is_dir && (name.ends_with(".partial") || name.ends_with(".failed"))
}

/// The files below a folder that are wanted.
pub(super) fn walk(root: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, TreeError> {
    let is_let_in = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !is_hidden(&entry.file_name().to_string_lossy(), entry.file_type().is_dir())
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(is_let_in) {
        let entry = entry.map_err(|error| TreeError {
            path: error.path().unwrap_or(root).to_owned(),
            detail: error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of links")).to_string(),
        })?;
        if entry.file_type().is_file() && is_wanted(entry.path()) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// The store that a run's folder lies in: `stages/<stage>/<key>/` with what the runner wrote down.
pub(crate) fn store_of_run(folder: &Path) -> Option<PathBuf> {
    let whole = fs::canonicalize(folder).ok()?;
    is_run(&whole).then(|| above(folder, &whole, 2))?
}

/// The same; of a folder of such runs, `stages/<stage>/`, too.
pub(super) fn store_of(folder: &Path) -> Option<PathBuf> {
    store_of_run(folder).or_else(|| {
        let whole = fs::canonicalize(folder).ok()?;
        let mut entries = fs::read_dir(&whole).ok()?.flatten();
        entries.any(|entry| is_run(&entry.path())).then(|| above(folder, &whole, 1))?
    })
}

/// The folder so many levels up, as the user wrote it, where the path has enough folders in it.
fn above(folder: &Path, whole: &Path, n_levels: usize) -> Option<PathBuf> {
    let is_named = folder.components().rev().take(n_levels).all(|part| matches!(part, Component::Normal(_)));
    let written = folder.ancestors().nth(n_levels).filter(|written| is_named && !written.as_os_str().is_empty());
    written.or_else(|| whole.ancestors().nth(n_levels)).map(Path::to_owned)
}

/// Whether a folder is a run of the runner's: it is named after a key, and holds what the runner wrote down.
fn is_run(folder: &Path) -> bool {
    is_key(&name_of(folder)) && [DIGESTS, KEY].iter().any(|name| folder.join(name).is_file())
}

/// Whether a name is a key: 64 hexadecimal digits.
pub(crate) fn is_key(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn is_manifest_like(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet" || extension == "safetensors")
}

pub(super) fn is_same(left: &Path, right: &Path) -> bool {
    left == right
        || name_of(left) == name_of(right)
            && matches!((fs::canonicalize(left), fs::canonicalize(right)), (Ok(l), Ok(r)) if l == r)
}

pub(super) fn is_below(file: &Path, folder: &Path) -> bool {
    file.starts_with(folder)
        || matches!((fs::canonicalize(file), fs::canonicalize(folder)), (Ok(file), Ok(folder)) if file.starts_with(&folder))
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

pub(super) fn relative(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).map(Path::to_owned).or_else(|_| {
        let whole = (fs::canonicalize(path).ok(), fs::canonicalize(root).ok());
        match whole {
            (Some(path), Some(root)) => path.strip_prefix(root).map(Path::to_owned).map_err(drop),
            _ => Err(()),
        }
    });
    let Ok(below) = below else { return path.display().to_string() };
    let below = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    // A folder of shards that is called `.`.
    if below.is_empty() { fs::canonicalize(path).map_or(below, |whole| name_of(&whole)) } else { below }
}
