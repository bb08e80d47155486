//! A *tree* is the files that an audit knows: those that were asked about, and those around them that they refer to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;
use twinset_manifest::{Digest, ManifestError, Provenance, Untyped, digest_file};
use walkdir::WalkDir;

use crate::weights;

/// The runner's record of a run's outputs, in the run's folder.
const DIGESTS: &str = "digests.json";

/// What an audit looks at.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Manifests, weights and other Parquet files first, by path; then the files that they were made from.
    files: Vec<Entry>,
    by_name: HashMap<String, Vec<usize>>,
    records: BTreeMap<PathBuf, Record>,
}

/// A file of a tree.
#[derive(Debug)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// The same from the tree's root, with `/` between folders.
    pub relative: String,
    /// Its size.
    pub n_bytes: u64,
    /// What it is.
    pub kind: Kind,
    /// Whether it is one of those that were asked about, not only one around them.
    pub is_selected: bool,
    digest: OnceLock<Result<Digest, String>>,
}

/// What a file is.
#[derive(Debug)]
pub enum Kind {
    /// A Parquet file with `twinset.schema` in its footer.
    Manifest(Untyped),
    /// A Parquet file that no stage wrote.
    Foreign(Untyped),
    /// A file called `.parquet` that is none, or is cut short: what Parquet's reader says.
    Damaged(String),
    /// The weights of a network, whose header has a schema and a provenance as a manifest's footer has.
    Weights(weights::Header),
    /// Anything else that a manifest was made from.
    Other,
}

/// What the runner wrote down of a run when it ended: its files by name.
#[derive(Debug)]
pub enum Record {
    /// The files.
    Outputs(BTreeMap<String, Output>),
    /// The record cannot be understood.
    Unreadable(String),
}

/// A file as its run wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The digest of its bytes.
    pub blake3: Digest,
    /// Its size.
    pub n_bytes: u64,
}

impl Tree {
    /// The tree around `path`: a manifest, a run's folder, or any folder. Inputs are looked for in `within`; without it in the
    /// folder itself, or, where that is a run's folder of the runner's store, in the store.
    ///
    /// Runs under way (`.partial`), failed runs and hidden files are left out.
    ///
    /// # Errors
    /// When the path is not there or a folder cannot be listed.
    pub fn open(path: &Path, within: Option<&Path>) -> Result<Self, TreeError> {
        let metadata =
            fs::metadata(path).map_err(|error| TreeError { path: path.to_owned(), detail: error.to_string() })?;
        let asked = if metadata.is_dir() { path } else { folder_of(path) };
        let root = match within {
            Some(folder) => folder.to_owned(),
            None => store_of(asked).unwrap_or_else(|| asked.to_owned()),
        };
        let is_selected = |file: &Path| if metadata.is_dir() { is_below(file, path) } else { is_same(file, path) };
        let mut found = walk(&root, |path| is_manifest_like(path) || path.ends_with(DIGESTS))?;
        if !metadata.is_dir() && !found.iter().any(|file| is_same(file, path)) {
            found.push(path.to_owned());
        }
        if metadata.is_dir() && !is_below(path, &root) {
            found.extend(walk(path, |path| is_manifest_like(path) || path.ends_with(DIGESTS))?);
        }
        let mut tree = Self::of_files(root, found, &is_selected);
        let names: HashSet<String> =
            tree.files.iter().filter_map(Entry::provenance).flat_map(|p| p.inputs).map(|input| input.name).collect();
        let is_input = |path: &Path| !is_manifest_like(path) && names.contains(&name_of(path));
        for file in walk(&tree.root, is_input)? {
            let entry = Entry::new(file, &tree.root, Kind::Other, &is_selected);
            tree.by_name.entry(name_of(&entry.path)).or_default().push(tree.files.len());
            tree.files.push(entry);
        }
        Ok(tree)
    }

    /// A manifest alone, or all of a folder, where nothing around it matters.
    ///
    /// # Errors
    /// As [`open`](Tree::open).
    pub fn alone(path: &Path) -> Result<Self, TreeError> {
        if path.is_dir() {
            return Self::open(path, Some(path));
        }
        fs::metadata(path).map_err(|error| TreeError { path: path.to_owned(), detail: error.to_string() })?;
        Ok(Self::of_files(folder_of(path).to_owned(), vec![path.to_owned()], &|_| true))
    }

    fn of_files(root: PathBuf, found: Vec<PathBuf>, is_selected: &impl Fn(&Path) -> bool) -> Self {
        let mut records = BTreeMap::new();
        let mut files = Vec::new();
        for file in found {
            if file.ends_with(DIGESTS) {
                records.insert(folder_of(&file).to_owned(), Record::read(&file));
            } else {
                let kind = Kind::of(&file);
                files.push(Entry::new(file, &root, kind, is_selected));
            }
        }
        files.sort_by(|left, right| left.relative.cmp(&right.relative));
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, entry) in files.iter().enumerate() {
            by_name.entry(name_of(&entry.path)).or_default().push(index);
        }
        Self { root, files, by_name, records }
    }

    /// The folder that the files' paths are told from.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All files.
    pub fn files(&self) -> &[Entry] {
        &self.files
    }

    /// The manifests, weights and other Parquet files that were asked about, by path.
    pub fn selected(&self) -> impl Iterator<Item = &Entry> {
        self.files.iter().filter(|entry| entry.is_selected && !matches!(entry.kind, Kind::Other))
    }

    /// The manifests among them.
    pub fn manifests(&self) -> impl Iterator<Item = (&Entry, &Untyped)> {
        self.selected().filter_map(|entry| entry.manifest().map(|manifest| (entry, manifest)))
    }

    /// The files of this name.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Entry> + use<'a> {
        self.by_name.get(name).into_iter().flatten().map(|&index| &self.files[index])
    }

    /// The first file with this digest among those of this name.
    pub fn find(&self, name: &str, blake3: Digest) -> Option<&Entry> {
        self.named(name).find(|entry| entry.digest() == Ok(blake3))
    }

    /// The file at this path.
    pub fn at(&self, path: &Path) -> Option<&Entry> {
        let mut named = self.named(&name_of(path)).peekable();
        named.peek()?;
        let exact = self.named(&name_of(path)).find(|entry| entry.path == path);
        exact.or_else(|| named.find(|entry| is_same(&entry.path, path)))
    }

    /// The manifests and weights that lie in the same folder.
    pub fn beside<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        let folder = entry.folder();
        self.files.iter().filter(move |other| other.folder() == folder && !std::ptr::eq(*other, entry))
    }

    /// What the runner wrote down of the run in a folder.
    pub fn record(&self, folder: &Path) -> Option<&Record> {
        self.records.get(folder)
    }

    /// All such records whose folders were asked about.
    pub fn records(&self) -> impl Iterator<Item = (&Path, &Record)> {
        let folders: HashSet<&Path> = self.selected().map(Entry::folder).collect();
        self.records.iter().filter(move |(folder, _)| folders.contains(folder.as_path())).map(|(f, r)| (f.as_path(), r))
    }

    /// A path from the root, with `/` between folders.
    pub fn relative(&self, path: &Path) -> String {
        relative(path, &self.root)
    }
}

impl Entry {
    fn new(path: PathBuf, root: &Path, kind: Kind, is_selected: &impl Fn(&Path) -> bool) -> Self {
        let n_bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let (relative, is_selected) = (relative(&path, root), is_selected(&path));
        Self { path, relative, n_bytes, kind, is_selected, digest: OnceLock::new() }
    }

    /// The folder that it lies in.
    pub fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// The digest of its bytes, read once.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn digest(&self) -> Result<Digest, String> {
        self.digest.get_or_init(|| digest_file(&self.path).map_err(|error| error.to_string())).clone()
    }

    /// The manifest that it is, where it is one.
    pub fn manifest(&self) -> Option<&Untyped> {
        match &self.kind {
            Kind::Manifest(manifest) => Some(manifest),
            _ => None,
        }
    }

    /// The Parquet file that it is, a manifest or not.
    pub fn parquet(&self) -> Option<&Untyped> {
        match &self.kind {
            Kind::Manifest(file) | Kind::Foreign(file) => Some(file),
            _ => None,
        }
    }

    /// Its schema, where it has one.
    pub fn schema(&self) -> Option<&str> {
        match &self.kind {
            Kind::Manifest(manifest) => manifest.schema(),
            Kind::Weights(header) => header.schema.as_deref(),
            _ => None,
        }
    }

    /// Where it comes from, where it says so.
    pub fn provenance(&self) -> Option<Provenance> {
        match &self.kind {
            Kind::Manifest(manifest) => manifest.provenance().ok(),
            Kind::Weights(header) => header.provenance.clone(),
            _ => None,
        }
    }

    /// The stage that made it and its version; where it does not say so, but lies in the runner's store, the stage.
    pub fn made_by(&self) -> Option<String> {
        if let Some(provenance) = self.provenance() {
            return Some(format!("{} {}", provenance.stage, provenance.version));
        }
        let folder = self.folder();
        store_of(folder)?;
        Some(name_of(folder_of(folder)))
    }
}

impl Kind {
    fn of(path: &Path) -> Self {
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            return weights::Header::read(path).map_or(Self::Other, Self::Weights);
        }
        match Untyped::open(path) {
            Ok(file) if file.schema().is_some() => Self::Manifest(file),
            Ok(file) => Self::Foreign(file),
            Err(ManifestError::Damaged { detail, .. }) => Self::Damaged(detail),
            Err(error) => Self::Damaged(error.to_string()),
        }
    }
}

impl Record {
    fn read(path: &Path) -> Self {
        let outputs = fs::read(path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        match outputs {
            Ok(outputs) => Self::Outputs(outputs),
            Err(detail) => Self::Unreadable(detail),
        }
    }
}

/// A folder or file that cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`: {detail}")]
pub struct TreeError {
    path: PathBuf,
    detail: String,
}

/// The files below a folder that are wanted.
fn walk(root: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, TreeError> {
    let is_let_in = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0
            || !(name.starts_with('.')
                || entry.file_type().is_dir() && (name.ends_with(".partial") || name.ends_with(".failed")))
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

/// The store that a run's folder lies in: `stages/<stage>/<key>/` with the runner's record.
fn store_of(folder: &Path) -> Option<PathBuf> {
    let whole = fs::canonicalize(folder).ok()?;
    let is_key = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_run = is_key(&name_of(&whole)) && whole.join(DIGESTS).is_file();
    let store = whole.parent()?.parent()?;
    // As the user wrote the path, where that has enough folders in it.
    let written = folder.parent().and_then(Path::parent).filter(|written| !written.as_os_str().is_empty());
    is_run.then(|| written.unwrap_or(store).to_owned())
}

fn is_manifest_like(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet" || extension == "safetensors")
}

fn is_same(left: &Path, right: &Path) -> bool {
    left == right
        || name_of(left) == name_of(right)
            && matches!((fs::canonicalize(left), fs::canonicalize(right)), (Ok(l), Ok(r)) if l == r)
}

fn is_below(file: &Path, folder: &Path) -> bool {
    file.starts_with(folder)
        || matches!((fs::canonicalize(file), fs::canonicalize(folder)), (Ok(file), Ok(folder)) if file.starts_with(&folder))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn relative(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).map(Path::to_owned).or_else(|_| {
        let whole = (fs::canonicalize(path).ok(), fs::canonicalize(root).ok());
        match whole {
            (Some(path), Some(root)) => path.strip_prefix(root).map(Path::to_owned).map_err(drop),
            _ => Err(()),
        }
    });
    let below = below.unwrap_or_else(|()| path.to_owned());
    below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
