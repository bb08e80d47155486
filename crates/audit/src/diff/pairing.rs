//! Which manifest of one tree is compared with which of the other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use twinset_manifest::ManifestError;

use super::{Diff, Matching, compare_entries};
use crate::tree::{Entry, Tree};

/// What differs between two trees.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TreeDiff {
    /// Paths of the left side alone.
    pub only_left: Vec<String>,
    /// Paths of the right side alone.
    pub only_right: Vec<String>,
    /// Files whose bytes are the same.
    pub n_same: u64,
    /// Files that differ: the two paths, and how.
    pub differing: Vec<(String, String, Diff)>,
}

impl TreeDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.only_left.is_empty() && self.only_right.is_empty() && self.differing.is_empty()
    }
}

/// Compares the manifests of two trees: those of one path; of the others those of one path but for runs' keys, where each
/// side has one such file, or has the same number of files of the same bytes.
///
/// # Errors
/// When a manifest cannot be read.
pub fn compare_trees(left: &Tree, right: &Tree, matching: &Matching) -> Result<TreeDiff, ManifestError> {
    let mut diff = TreeDiff::default();
    let mut lefts: BTreeMap<String, &Entry> = by_path(left);
    let mut rights: BTreeMap<String, &Entry> = by_path(right);
    let mut pairs = Vec::new();
    let shared: BTreeSet<String> = lefts.keys().filter(|path| rights.contains_key(*path)).cloned().collect();
    for path in shared {
        pairs.extend(lefts.remove(&path).zip(rights.remove(&path)));
    }
    // The same bytes under another key: the binary that made them is another one.
    let same: Vec<(String, String)> = lefts
        .iter()
        .filter_map(|(path, entry)| {
            let other = rights.iter().find(|(other, right)| {
                without_keys(other) == without_keys(path) && right.digest().is_ok() && right.digest() == entry.digest()
            })?;
            Some((path.clone(), other.0.clone()))
        })
        .collect();
    for (left, right) in same {
        if let Some(other) = rights.remove(&right) {
            pairs.extend(lefts.remove(&left).map(|entry| (entry, other)));
        }
    }
    let alone = |side: &BTreeMap<String, &Entry>| {
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        side.keys().for_each(|path| paths.entry(without_keys(path)).or_default().push(path.clone()));
        paths
            .into_iter()
            .filter(|(_, paths)| paths.len() == 1)
            .map(|(bare, mut paths)| (bare, paths.remove(0)))
            .collect()
    };
    let (left_alone, right_alone): (BTreeMap<String, String>, BTreeMap<String, String>) =
        (alone(&lefts), alone(&rights));
    for (bare, path) in left_alone {
        if let Some(other) = right_alone.get(&bare) {
            pairs.extend(lefts.remove(&path).zip(rights.remove(other)));
        }
    }
    for (left, right) in pairs {
        let found = compare_entries(left, right, matching)?;
        match left.digest().is_ok() && left.digest() == right.digest() {
            true => diff.n_same += 1,
            false => diff.differing.push((left.relative.clone(), right.relative.clone(), found)),
        }
    }
    diff.only_left = lefts.into_keys().collect();
    diff.only_right = rights.into_keys().collect();
    Ok(diff)
}

/// The selected files by their path from what was asked about.
fn by_path(tree: &Tree) -> BTreeMap<String, &Entry> {
    tree.selected().map(|entry| (entry.relative.clone(), entry)).collect()
}

/// A path with `*` for each run's key.
fn without_keys(path: &str) -> String {
    let is_key = |part: &&str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    path.split('/').map(|part| if is_key(&part) { "*" } else { part }).collect::<Vec<_>>().join("/")
}
