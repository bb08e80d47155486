//! What tables are called in a query.

use std::collections::{BTreeMap, HashSet};

use polars::prelude::DataFrame;
use twinset_manifest::Untyped;

use crate::tree::{Entry, Tree, name_of};

/// A table that a query can name.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Its rows.
    pub source: Source,
}

/// Where a table's rows are.
#[derive(Clone, Debug)]
pub enum Source {
    /// In a manifest, with its path.
    Manifest(String, Box<Untyped>),
    /// In several of one name, with their paths: a column `manifest` holds each row's path.
    Union(Vec<(String, Untyped)>),
    /// In memory: those of a CSV file, or the runs of a store, in words.
    Rows(&'static str, DataFrame),
}

impl Named {
    /// A table of these rows, called `name` where no other table is called so.
    pub fn of_rows(name: &str, what: &'static str, rows: DataFrame, others: &[Self]) -> Self {
        let mut name = identifier(name);
        while others.iter().any(|other| other.name == name) {
            name += "_";
        }
        Self { name, source: Source::Rows(what, rows) }
    }

    /// Whether it is several manifests as one.
    pub fn is_union(&self) -> bool {
        matches!(self.source, Source::Union(_))
    }

    /// Its manifests, with their paths.
    pub fn manifests(&self) -> Vec<(&str, &Untyped)> {
        match &self.source {
            Source::Manifest(path, manifest) => vec![(path, manifest)],
            Source::Union(manifests) => manifests.iter().map(|(path, manifest)| (path.as_str(), manifest)).collect(),
            Source::Rows(..) => Vec::new(),
        }
    }

    /// How many rows it has.
    pub fn n_rows(&self) -> u64 {
        match &self.source {
            Source::Rows(_, rows) => rows.height() as u64,
            _ => self.manifests().iter().map(|(_, manifest)| manifest.n_rows()).sum(),
        }
    }

    /// Its columns.
    pub fn columns(&self) -> Vec<String> {
        match &self.source {
            Source::Rows(_, rows) => rows.get_column_names_owned().iter().map(ToString::to_string).collect(),
            _ => {
                let manifests = self.manifests();
                let fields = manifests.first().map(|(_, manifest)| manifest.columns().fields());
                let columns = fields.into_iter().flatten().map(|field| field.name().clone());
                columns.chain(self.is_union().then(|| super::PATH_COLUMN.to_owned())).collect()
            }
        }
    }

    /// The schema, `foreign` of files of no stage; of several as one the schemas that they have.
    pub fn schema(&self) -> String {
        if let Source::Rows(what, _) = &self.source {
            return (*what).to_owned();
        }
        let manifests = self.manifests();
        let mut schemas: Vec<&str> =
            manifests.iter().map(|(_, manifest)| manifest.schema().unwrap_or("foreign")).collect();
        schemas.sort_unstable();
        schemas.dedup();
        schemas.join(", ")
    }
}

/// A manifest and the path that tells it from the others.
struct File<'a> {
    path: String,
    manifest: &'a Untyped,
}

/// The names of a tree's manifests, as [`names_of`].
pub fn names(tree: &Tree) -> Vec<Named> {
    names_of(std::slice::from_ref(tree))
}

/// The names of the manifests of trees.
///
/// A manifest is called by its file's name without `.parquet`, other characters than letters, digits and `_` made `_`. Of
/// several of one name each has the first digits of its run's key after it, or its folder's name; the bare name is all of
/// them as one, where their columns are the same. No two have the same name.
pub fn names_of(trees: &[Tree]) -> Vec<Named> {
    let mut by_stem: BTreeMap<String, Vec<File>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for tree in trees {
        for entry in tree.selected() {
            let Some(manifest) = entry.parquet() else { continue };
            // Folders that were named may lie in one another.
            if seen.insert(std::fs::canonicalize(&entry.path).unwrap_or_else(|_| entry.path.clone())) {
                let stem = name_of(&entry.path);
                let path = path_of(tree, entry, trees.len() > 1);
                let stem = identifier(stem.strip_suffix(".parquet").unwrap_or(&stem));
                by_stem.entry(stem).or_default().push(File { path, manifest });
            }
        }
    }
    let mut taken: HashSet<String> = by_stem.keys().cloned().collect();
    let mut named = Vec::new();
    for (stem, files) in by_stem {
        let single = |name: String, File { path, manifest }: &File| Named {
            name,
            source: Source::Manifest(path.clone(), Box::new((*manifest).clone())),
        };
        if let [only] = &files[..] {
            named.push(single(stem, only));
            continue;
        }
        if files.iter().all(|file| file.manifest.columns().fields() == files[0].manifest.columns().fields()) {
            let manifests = files.iter().map(|file| (file.path.clone(), file.manifest.clone())).collect();
            named.push(Named { name: stem.clone(), source: Source::Union(manifests) });
        }
        for (file, suffix) in files.iter().zip(suffixes(&files)) {
            let mut name = format!("{stem}_{suffix}");
            // Another file may be called so: `images_a.parquet` beside `a/images.parquet`.
            while !taken.insert(name.clone()) {
                name += "_";
            }
            named.push(single(name, file));
        }
    }
    named
}

/// A file's path from the tree's root; of several trees, with the root.
fn path_of(tree: &Tree, entry: &Entry, with_root: bool) -> String {
    if with_root { tree.root().join(&entry.relative).display().to_string() } else { entry.relative.clone() }
}

/// What tells files of one name apart: the shortest of their folder's name, or more of their path, that does.
fn suffixes(files: &[File]) -> Vec<String> {
    let is_key = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let suffix = |file: &File, n_parts: usize| {
        let parts: Vec<&str> = file.path.split('/').collect();
        let parts = &parts[..parts.len() - 1];
        let parts = &parts[parts.len().saturating_sub(n_parts)..];
        let short: Vec<_> = parts.iter().map(|part| if is_key(part) { &part[..8] } else { *part }).collect();
        if short.is_empty() { "here".to_owned() } else { identifier(&short.join("_")) }
    };
    let mut found = Vec::new();
    for n_parts in 1..16 {
        found = files.iter().map(|file| suffix(file, n_parts)).collect::<Vec<_>>();
        let mut distinct = found.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == files.len() {
            return found;
        }
    }
    found.iter().enumerate().map(|(n, suffix)| format!("{suffix}_{}", n + 1)).collect()
}

/// A name that needs no quotes.
fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect()
}
