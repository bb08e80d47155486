//! Checks that files have not changed: against `digests.json` of their run, and against the manifests that were made
//! from them.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use twinset_manifest::rows::{Rule, Violation};
use twinset_manifest::{Digest, Input, PROVENANCE_KEY};
use twinset_record::DIGESTS;

use super::absent::Absent;
use super::words::also;
use super::{RUNNERS_JSON, Validation};
use crate::tree::{Entry, Kind, Output, Record, Tree, name_of};

/// The recorded digests of files that were changed or removed after their run.
pub(super) type Changed = HashSet<Digest>;

/// Checks the `digests.json` of the selected runs, and of the runs that made their inputs. Returns the digests of
/// changed files, so that manifests made from them are not reported again.
pub(super) fn check_records(tree: &Tree, validation: &mut Validation) -> Changed {
    let mut changed = Changed::new();
    let mut users: BTreeMap<Digest, Vec<&str>> = BTreeMap::new();
    let mut wanted = HashSet::new();
    for entry in tree.files() {
        for input in entry.provenance().into_iter().flat_map(|provenance| provenance.inputs) {
            wanted.extend(entry.is_selected.then_some(input.blake3));
            users.entry(input.blake3).or_default().push(&entry.relative);
        }
    }
    let told_to = |digest: &Digest| match users.get(digest).map_or(&[][..], Vec::as_slice) {
        [] => String::new(),
        [one] => format!("; `{one}` was made from that"),
        [first, others @ ..] => format!("; `{first}` and {} more were made from that", others.len()),
    };
    for (folder, record) in tree.records() {
        let outputs = match record {
            Record::Outputs(outputs) => outputs,
            Record::Unreadable(detail) => {
                if tree.is_asked(folder) {
                    validation.of_run(tree, &folder.join(DIGESTS), Rule::Unreadable, detail, RUNNERS_JSON);
                }
                continue;
            }
        };
        let is_wanted = |name: &str, output: &Output| {
            let of_shards = || record.digest(&folder.join(name.split_once('/')?.0));
            tree.is_asked(folder) || wanted.contains(&output.blake3) || of_shards().is_some_and(|d| wanted.contains(&d))
        };
        for entry in tree.files().iter().filter(|entry| entry.path.is_dir() && entry.folder() == folder) {
            // Changed shards are reported one by one.
            changed.extend(record.digest(&entry.path).filter(|recorded| entry.digest() != Ok(*recorded)));
        }
        for (name, output) in outputs.iter().filter(|(name, output)| is_wanted(name, output)) {
            let path = folder.join(name);
            let entry = tree.at(&path);
            if !tree.is_deep() && output.is_as_written(folder, name) {
                validation.n_believed += 1;
                continue;
            }
            let digest = match entry {
                Some(entry) => entry.digest(),
                None => twinset_manifest::digest_file(&path).map_err(|error| error.to_string()),
            };
            if digest == Ok(output.blake3) {
                continue;
            }
            changed.insert(output.blake3);
            let whole = entry.or_else(|| tree.at(path.parent()?));
            if whole.is_some_and(|entry| matches!(entry.kind, Kind::Damaged(_))) {
                // Such a file is already reported as damaged.
                continue;
            }
            let expected = format!("BLAKE3 {}, as its run wrote it{}", output.blake3, told_to(&output.blake3));
            let (rule, found) = match (digest, path.exists()) {
                (Ok(found), _) => (Rule::FileDigest, format!("BLAKE3 {found}")),
                (Err(_), false) => (Rule::MissingFile, "no such file".to_owned()),
                (Err(error), true) => (Rule::FileDigest, error),
            };
            let made_by = whole.and_then(Entry::made_by).or_else(|| stage_beside(tree, folder));
            validation.violations.push(Violation {
                path: tree.relative(&path),
                schema: whole.and_then(Entry::schema).map(str::to_owned),
                made_by,
                rule,
                row: None,
                image_id: None,
                column: None,
                found,
                expected,
            });
        }
    }
    changed
}

/// The stage that made the other files of a folder.
fn stage_beside(tree: &Tree, folder: &Path) -> Option<String> {
    tree.files().iter().filter(|entry| entry.folder() == folder).find_map(Entry::made_by)
}

/// Checks that the inputs of manifests still have the recorded bytes, if there is a file with their name. A changed
/// input is one violation, reported for the first manifest that was made from it.
pub(super) fn check_inputs(tree: &Tree, changed: &Changed, validation: &mut Validation) {
    let mut users: BTreeMap<(String, Digest), (Input, Vec<&Entry>)> = BTreeMap::new();
    for entry in tree.selected().filter(|entry| matches!(entry.kind, Kind::Manifest(_) | Kind::Weights(_))) {
        for input in entry.provenance().into_iter().flat_map(|provenance| provenance.inputs) {
            let key = (input.name.clone(), input.blake3);
            users.entry(key).or_insert_with(|| (input, Vec::new())).1.push(entry);
        }
    }
    for (input, users) in users.values() {
        if changed.contains(&input.blake3) || tree.find(&input.name, input.blake3).is_some() {
            continue;
        }
        // A file that is unchanged since its run is the output of another run, and not this input after a change.
        let is_anothers = |entry: &&Entry| {
            let recorded = tree.record(entry.folder()).and_then(|record| record.digest(&entry.path));
            recorded.is_some() && recorded == entry.digest().ok()
        };
        let mut others: Vec<&Entry> = tree.others(input).filter(|other| !is_anothers(other)).collect();
        if others.is_empty() {
            // A manifest beside the tree may be unrelated. But a foreign file with this name has replaced a manifest.
            others.extend(tree.others_beside(input).filter(|other| matches!(other.kind, Kind::Foreign(_))));
        }
        let found = match others[..] {
            [] => {
                validation.absent.push(Absent::new(tree, input, users));
                continue;
            }
            [one] => {
                let made_by = one.made_by().map_or_else(String::new, |by| format!(", made by {by}"));
                let digest = one.digest().map_or_else(|error| error, |digest| digest.to_string());
                format!("`{}`{made_by}, with BLAKE3 {digest}", one.relative)
            }
            [first, ..] => format!(
                "{} files called `{}`, `{}` the first, none with that digest",
                others.len(),
                name_of(&first.path),
                first.relative
            ),
        };
        let first = users[0];
        let also = also(users);
        validation.violations.push(Violation {
            path: first.relative.clone(),
            schema: first.schema().map(str::to_owned),
            made_by: first.made_by(),
            rule: Rule::InputDigest,
            row: None,
            image_id: None,
            column: Some(PROVENANCE_KEY.to_owned()),
            found,
            expected: format!("`{}` with BLAKE3 {}{also}", input.name, input.blake3),
        });
    }
}
