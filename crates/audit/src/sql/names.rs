//! The names of tables in a query.

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
    /// In several manifests of one name, with their paths. The column `manifest` has the path of each row.
    Union(Vec<(String, Untyped)>),
    /// In memory, with a text that says what they are: a CSV file, or the runs of a store.
    Rows(&'static str, DataFrame),
}

impl Named {
    /// A table of these rows, with the name `name` unless another table has it.
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

    /// The schema, or `foreign` for a file that no stage wrote. A union has the schemas of all its manifests.
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

/// A manifest and the path that distinguishes it from the others.
struct File<'a> {
    path: String,
    manifest: &'a Untyped,
}

/// The tables of a tree's manifests, named as by [`names_of`].
pub fn names(tree: &Tree) -> Vec<Named> {
    names_of(std::slice::from_ref(tree))
}

/// The names of the manifests of trees.
///
/// The name is that of the file without `.parquet`; characters other than letters, digits and `_` become `_`. If
/// several manifests have the same name, the first digits of the run's key or the folder's name are added to each. The
/// bare name is then the union of all of them, if their columns are the same. No two tables have the same name.
pub fn names_of(trees: &[Tree]) -> Vec<Named> {
    let mut by_stem: BTreeMap<String, Vec<File>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for tree in trees {
        for entry in tree.selected() {
            let Some(manifest) = entry.parquet() else { continue };
            // One of the named folders may be inside another one.
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

/// A file's path from the tree's root, with the root if there are several trees.
fn path_of(tree: &Tree, entry: &Entry, with_root: bool) -> String {
    if with_root { tree.root().join(&entry.relative).display().to_string() } else { entry.relative.clone() }
}

/// Suffixes that distinguish files of one name: the folder's name, or as much of the path as is needed.
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
