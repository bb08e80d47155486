//! A *tree* is the files that an audit knows: those that were asked about, and those around them that they refer to.

mod entry;
mod nearby;
mod place;
mod record;
mod shards;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use twinset_manifest::{Digest, Input, Untyped};

pub use entry::{Entry, Kind};
pub use place::TreeError;
pub(crate) use place::name_of;
use place::{DIGESTS, folder_of, is_below, is_manifest_like, is_same, relative, store_of, walk};
pub use record::{Output, Record};
pub use shards::is_sharded;

/// What an audit looks at.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Manifests, weights and other Parquet files first, by path; then the files that they were made from.
    files: Vec<Entry>,
    by_name: HashMap<String, Vec<usize>>,
    records: BTreeMap<PathBuf, Record>,
    /// The folders beside it that inputs were looked for in.
    beside: Vec<PathBuf>,
    /// Files of inputs' names in these that have other bytes, by name.
    others: HashMap<String, Vec<Entry>>,
}

impl Tree {
    /// The tree around `path`: a manifest, a run's folder, or any folder. Inputs are looked for in `within`; without it in the
    /// runner's store, where the folder is a run's of one, else in the folder itself and in those beside it.
    ///
    /// Runs under way (`.partial`), failed runs and hidden files are left out.
    ///
    /// # Errors
    /// When the path is not there or a folder cannot be listed.
    pub fn open(path: &Path, within: Option<&Path>) -> Result<Self, TreeError> {
        let metadata = fs::metadata(path).map_err(|error| TreeError::new(path, &error))?;
        let is_folder = metadata.is_dir() && !is_sharded(path);
        let asked = if is_folder { path } else { folder_of(path) };
        let store = store_of(asked);
        let root = within.map(Path::to_owned).or_else(|| store.clone()).unwrap_or_else(|| asked.to_owned());
        let is_selected = |file: &Path| if is_folder { is_below(file, path) } else { is_same(file, path) };
        let mut found = walk(&root, is_of_tree)?;
        if is_folder && !is_below(path, &root) {
            found.extend(walk(path, is_of_tree)?);
        }
        let mut found = shards::gather(found);
        if !is_folder && !found.iter().any(|file| is_same(file, path)) {
            found.push(path.to_owned());
        }
        let mut tree = Self::of_files(root, found, &is_selected);
        if within.is_none() && store.is_none() {
            tree.look_beside(asked);
        }
        let names: HashSet<String> =
            tree.files.iter().filter_map(Entry::provenance).flat_map(|p| p.inputs).map(|input| input.name).collect();
        let is_input = |path: &Path| !is_manifest_like(path) && names.contains(&name_of(path));
        for file in walk(&tree.root, is_input)? {
            tree.push(Entry::new(file, &tree.root, Kind::Other, &is_selected));
        }
        Ok(tree)
    }

    /// A manifest alone, or all of a folder, where nothing around it matters.
    ///
    /// # Errors
    /// As [`open`](Tree::open).
    pub fn alone(path: &Path) -> Result<Self, TreeError> {
        let metadata = fs::metadata(path).map_err(|error| TreeError::new(path, &error))?;
        if metadata.is_dir() && !is_sharded(path) {
            return Self::open(path, Some(path));
        }
        Ok(Self::of_files(folder_of(path).to_owned(), vec![path.to_owned()], &|_| true))
    }

    /// Adds what is not in the tree, but beside it with the right bytes, of the inputs of all that is in it.
    fn look_beside(&mut self, folder: &Path) {
        let mut seen = HashSet::new();
        loop {
            let inputs = self.files.iter().filter_map(Entry::provenance).flat_map(|provenance| provenance.inputs);
            let wanted: Vec<Input> = inputs
                .filter(|input| nearby::is_looked_for(input) && !seen.contains(&input.blake3))
                .filter(|input| self.find(&input.name, input.blake3).is_none())
                .collect();
            if wanted.is_empty() {
                return;
            }
            if self.beside.is_empty() {
                self.beside = nearby::beside(folder);
            }
            for input in wanted {
                if seen.insert(input.blake3) {
                    self.add_from_beside(&input);
                }
            }
        }
    }

    fn add_from_beside(&mut self, input: &Input) {
        for path in self.beside.iter().map(|folder| folder.join(&input.name)) {
            if !(path.is_file() || is_sharded(&path)) || self.at(&path).is_some() {
                continue;
            }
            let kind = Kind::of(&path);
            let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
            let entry = Entry::new(path, &self.root, kind, &|_| false);
            if entry.digest() == Ok(input.blake3) {
                let run = nearby::made_with(&entry, &self.root);
                return run.into_iter().chain([entry]).for_each(|entry| self.push(entry));
            }
            if !entry.is_made_from(input.blake3) {
                let others = self.others.entry(input.name.clone()).or_default();
                if others.iter().all(|other| other.path != entry.path) {
                    others.push(entry);
                }
            }
        }
    }

    fn push(&mut self, entry: Entry) {
        self.by_name.entry(name_of(&entry.path)).or_default().push(self.files.len());
        self.files.push(entry);
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
        Self { root, files, by_name, records, beside: Vec::new(), others: HashMap::new() }
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

    /// The files of an input's name that are not the input: they have other bytes, and were not made from it.
    pub fn others<'a>(&'a self, input: &'a Input) -> impl Iterator<Item = &'a Entry> {
        self.named(&input.name).filter(|entry| entry.digest() != Ok(input.blake3) && !entry.is_made_from(input.blake3))
    }

    /// The same beside the tree.
    pub fn others_beside<'a>(&'a self, input: &'a Input) -> impl Iterator<Item = &'a Entry> {
        let named = self.others.get(&input.name).into_iter().flatten();
        named.filter(|entry| entry.digest() != Ok(input.blake3) && !entry.is_made_from(input.blake3))
    }

    /// Where inputs were looked for, in words.
    pub fn places(&self) -> String {
        let root = format!("`{}` and below", self.root.display());
        match &self.beside[..] {
            [] => root,
            [parent] => format!("{root}, and in `{}`", parent.display()),
            [parent, _] => format!("{root}, in `{}`, and in the other folder there", parent.display()),
            [parent, others @ ..] => {
                format!("{root}, in `{}`, and in the {} other folders there", parent.display(), others.len())
            }
        }
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

fn is_of_tree(path: &Path) -> bool {
    is_manifest_like(path) || path.ends_with(DIGESTS)
}
