//! A *tree* holds the files of an audit: the selected ones, and the files around them that they refer to.

mod entry;
mod nearby;
mod place;
mod record;
mod shards;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use twinset_manifest::{Digest, Input, Untyped};
use twinset_record::{DIGESTS, KEY};

pub use entry::{Entry, Kind};
pub use place::TreeError;
use place::{folder_of, is_below, is_manifest_like, is_same, relative, store_of, walk};
pub(crate) use place::{is_key, name_of, store_of_run};
pub use record::{Output, Record};
pub(crate) use record::{Told, read_json};
pub use shards::is_sharded;

/// The files of an audit.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Manifests, weights and other Parquet files first, by path; then the files that they were made from.
    files: Vec<Entry>,
    by_name: HashMap<String, Vec<usize>>,
    records: BTreeMap<PathBuf, Record>,
    keys: BTreeMap<PathBuf, Told>,
    /// The folders of the selected runs.
    asked: BTreeSet<PathBuf>,
    is_deep: bool,
    /// The folders beside the tree in which inputs were looked for.
    beside: Vec<PathBuf>,
    /// Files in these folders that have the name of an input but other bytes, by name.
    others: HashMap<String, Vec<Entry>>,
}

impl Tree {
    /// The tree around `path`, which is a manifest, a run's folder or any folder. Inputs are looked for in `within`.
    /// Without `within` they are looked for in the store if `path` is in a store, or else in the folder itself and in
    /// the folders beside it.
    ///
    /// Runs under way (`.partial`), failed runs and hidden files are left out.
    ///
    /// # Errors
    /// When the path does not exist or a folder cannot be listed.
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

    /// The tree of a manifest or a folder alone, without the files around it.
    ///
    /// # Errors
    /// As [`open`](Tree::open).
    pub fn alone(path: &Path) -> Result<Self, TreeError> {
        let metadata = fs::metadata(path).map_err(|error| TreeError::new(path, &error))?;
        if metadata.is_dir() && !is_sharded(path) {
            return Self::open(path, Some(path));
        }
        let of_run = [DIGESTS, KEY].map(|name| folder_of(path).join(name)).into_iter().filter(|file| file.is_file());
        Ok(Self::of_files(folder_of(path).to_owned(), of_run.chain([path.to_owned()]).collect(), &|_| true))
    }

    /// The same tree, but all digests are computed from the files and none is taken from `digests.json`.
    pub fn deep(mut self) -> Self {
        self.is_deep = true;
        let others = self.others.values_mut().flatten();
        self.files.iter_mut().chain(others).for_each(|entry| entry.recorded = None);
        self
    }

    /// The number of selected files whose digest was taken from `digests.json`.
    pub fn n_believed(&self) -> u64 {
        self.selected().filter(|entry| entry.is_believed()).map(|entry| entry.n_files).sum()
    }

    /// Whether all digests are computed from the files.
    pub fn is_deep(&self) -> bool {
        self.is_deep
    }

    /// Adds inputs that are not in the tree but in the folders beside it, with the right bytes.
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

    fn push(&mut self, mut entry: Entry) {
        entry.recorded = self.records.get(entry.folder()).and_then(|record| record.trusted(&entry.path));
        self.by_name.entry(name_of(&entry.path)).or_default().push(self.files.len());
        self.files.push(entry);
    }

    fn of_files(root: PathBuf, found: Vec<PathBuf>, is_selected: &impl Fn(&Path) -> bool) -> Self {
        let (mut records, mut keys) = (BTreeMap::new(), BTreeMap::new());
        let (mut files, mut asked) = (Vec::new(), BTreeSet::new());
        for file in found {
            let folder = folder_of(&file).to_owned();
            if !file.ends_with(DIGESTS) && !file.ends_with(KEY) {
                let kind = Kind::of(&file);
                files.push(Entry::new(file, &root, kind, is_selected));
                continue;
            }
            // If a file outside a store cannot be read, it belongs to another program.
            let is_runners = |is_understood: bool| is_understood || store_of_run(&folder).is_some();
            if file.ends_with(DIGESTS) {
                let record = Record::read(&file);
                if !is_runners(matches!(record, Record::Outputs(_))) {
                    continue;
                }
                records.insert(folder.clone(), record);
            } else {
                let told: Told = read_json(&file);
                if !is_runners(told.is_ok()) {
                    continue;
                }
                keys.insert(folder.clone(), told);
            }
            if is_selected(&file) {
                asked.insert(folder);
            }
        }
        files.sort_by(|left, right| left.relative.cmp(&right.relative));
        let of_selected = files.iter().filter(|entry| entry.is_selected).map(|entry| entry.folder().to_owned());
        asked.extend(of_selected.filter(|folder| records.contains_key(folder) || keys.contains_key(folder)));
        let mut tree = Self {
            root,
            files: Vec::new(),
            by_name: HashMap::new(),
            records,
            keys,
            asked,
            is_deep: false,
            beside: Vec::new(),
            others: HashMap::new(),
        };
        files.into_iter().for_each(|entry| tree.push(entry));
        tree
    }

    /// The folder that the files' paths are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All files.
    pub fn files(&self) -> &[Entry] {
        &self.files
    }

    /// The selected manifests, weights and other Parquet files, by path.
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

    /// A text that names the folders in which inputs were looked for.
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

    /// The manifests and weights in the same folder.
    pub fn beside<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        let folder = entry.folder();
        self.files.iter().filter(move |other| other.folder() == folder && !std::ptr::eq(*other, entry))
    }

    /// The `digests.json` of the run in a folder.
    pub fn record(&self, folder: &Path) -> Option<&Record> {
        self.records.get(folder)
    }

    /// All `digests.json`, by folder.
    pub fn records(&self) -> impl Iterator<Item = (&Path, &Record)> {
        self.records.iter().map(|(folder, record)| (folder.as_path(), record))
    }

    /// The `key.json` of the run in a folder.
    pub(crate) fn key(&self, folder: &Path) -> Option<&Told> {
        self.keys.get(folder)
    }

    /// The folders of the selected runs: those with files of the runner.
    pub fn runs(&self) -> impl Iterator<Item = &Path> {
        self.asked.iter().map(PathBuf::as_path)
    }

    /// Whether the run in a folder is selected.
    pub(crate) fn is_asked(&self, folder: &Path) -> bool {
        self.asked.contains(folder)
    }

    /// A path relative to the root, with `/` between folders.
    pub fn relative(&self, path: &Path) -> String {
        relative(path, &self.root)
    }
}

fn is_of_tree(path: &Path) -> bool {
    is_manifest_like(path) || path.ends_with(DIGESTS) || path.ends_with(KEY)
}
