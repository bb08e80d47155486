//! What manifests are called in a query.

use std::collections::{BTreeMap, HashSet};

use twinset_manifest::Untyped;

use crate::tree::{Entry, Tree, name_of};

/// A table that a query can name: a manifest, or several of one name as one.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The manifests, with their paths.
    pub manifests: Vec<(String, Untyped)>,
    /// Whether it is several as one, with a column `manifest` that holds each row's path.
    pub is_union: bool,
}

impl Named {
    /// How many rows it has.
    pub fn n_rows(&self) -> u64 {
        self.manifests.iter().map(|(_, manifest)| manifest.n_rows()).sum()
    }

    /// The schema, `foreign` of files of no stage; of several as one the schemas that they have.
    pub fn schema(&self) -> String {
        let mut schemas: Vec<&str> =
            self.manifests.iter().map(|(_, manifest)| manifest.schema().unwrap_or("foreign")).collect();
        schemas.sort_unstable();
        schemas.dedup();
        schemas.join(", ")
    }
}

/// The names of a tree's manifests.
///
/// A manifest is called by its file's name without `.parquet`, other characters than letters, digits and `_` made `_`. Of
/// several of one name each has the first digits of its run's key after it, or its folder's name; the bare name is all of
/// them as one, where their columns are the same. No two have the same name.
pub fn names(tree: &Tree) -> Vec<Named> {
    let mut by_stem: BTreeMap<String, Vec<(&Entry, &Untyped)>> = BTreeMap::new();
    for entry in tree.selected() {
        if let Some(file) = entry.parquet() {
            let stem = name_of(&entry.path);
            by_stem.entry(identifier(stem.strip_suffix(".parquet").unwrap_or(&stem))).or_default().push((entry, file));
        }
    }
    let mut taken: HashSet<String> = by_stem.keys().cloned().collect();
    let mut named = Vec::new();
    for (stem, files) in by_stem {
        let single = |name: String, (entry, file): (&Entry, &Untyped)| Named {
            name,
            manifests: vec![(entry.relative.clone(), file.clone())],
            is_union: false,
        };
        if let [only] = files[..] {
            named.push(single(stem, only));
            continue;
        }
        if files.iter().all(|(_, file)| file.columns().fields() == files[0].1.columns().fields()) {
            let manifests = files.iter().map(|(entry, file)| (entry.relative.clone(), (*file).clone())).collect();
            named.push(Named { name: stem.clone(), manifests, is_union: true });
        }
        for (file, suffix) in files.iter().zip(suffixes(&files)) {
            let mut name = format!("{stem}_{suffix}");
            // Another file may be called so: `images_a.parquet` beside `a/images.parquet`.
            while !taken.insert(name.clone()) {
                name += "_";
            }
            named.push(single(name, *file));
        }
    }
    named
}

/// What tells files of one name apart: the shortest of their folder's name, or more of their path, that does.
fn suffixes(files: &[(&Entry, &Untyped)]) -> Vec<String> {
    let is_key = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let suffix = |entry: &Entry, n_parts: usize| {
        let parts: Vec<&str> = entry.relative.split('/').collect();
        let parts = &parts[..parts.len() - 1];
        let parts = &parts[parts.len().saturating_sub(n_parts)..];
        let short: Vec<_> = parts.iter().map(|part| if is_key(part) { &part[..8] } else { *part }).collect();
        if short.is_empty() { "here".to_owned() } else { identifier(&short.join("_")) }
    };
    let mut found = Vec::new();
    for n_parts in 1..16 {
        found = files.iter().map(|(entry, _)| suffix(entry, n_parts)).collect::<Vec<_>>();
        let mut distinct = found.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == files.len() {
            return found;
        }
    }
    found.iter().enumerate().map(|(n, suffix)| format!("{suffix}_{}", n + 1)).collect()
}

fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect()
}
