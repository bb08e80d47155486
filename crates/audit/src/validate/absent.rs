//! Missing inputs: files that manifests were made from and that no longer exist.

use std::collections::HashSet;
use std::path::Path;

use twinset_manifest::rows::{Rule, Violation};
use twinset_manifest::{Input, PROVENANCE_KEY};

use super::words::{also, named};
use super::{Validation, of_run};
use crate::tree::{Entry, Tree, name_of};

/// A missing input.
#[derive(Clone, Debug, PartialEq)]
pub struct Absent {
    /// The file's name, or the flag that `key.json` has for it.
    pub name: String,
    /// The digest that it had.
    pub blake3: String,
    /// The manifests that were made from it.
    pub users: Vec<String>,
    /// Whether it is a file of a dataset, which no stage made and which may be anywhere.
    pub is_source: bool,
    violation: Violation,
}

impl Absent {
    /// A missing input of these manifests.
    pub(super) fn new(tree: &Tree, input: &Input, users: &[&Entry]) -> Self {
        let first = users[0];
        let Input { name, blake3, .. } = input;
        let violation = Violation {
            path: first.relative.clone(),
            schema: first.schema().map(str::to_owned),
            made_by: first.made_by(),
            rule: Rule::MissingInput,
            row: None,
            image_id: None,
            column: Some(PROVENANCE_KEY.to_owned()),
            found: "no such file".to_owned(),
            expected: format!("`{name}` with BLAKE3 {blake3}{}", also(users)),
        };
        let is_source = !is_of_stage(input) && users.iter().all(|entry| reads_datasets(tree, entry));
        let users = users.iter().map(|entry| entry.relative.clone()).collect();
        Self { name: name.clone(), blake3: blake3.to_string(), users, is_source, violation }
    }

    /// A missing input that a run's `key.json` names.
    fn of_key(tree: &Tree, path: &Path, name: &str, blake3: &str) -> Self {
        let expected = format!("the input `{name}` with BLAKE3 {blake3}");
        let violation = of_run(tree, path, Rule::MissingInput, "no such file", &expected);
        let users = vec![violation.path.clone()];
        Self { name: name.to_owned(), blake3: blake3.to_owned(), users, is_source: false, violation }
    }

    fn note(&self) -> String {
        let Self { name, blake3, users, .. } = self;
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let was = if users.len() == 1 { "was" } else { "were" };
        format!("`{name}` with BLAKE3 {blake3}, which {} {was} made from, is not there", named(&users))
    }
}

/// Whether a manifest's inputs may be files of a dataset or of a user. In a store only `ingest` reads such files.
fn reads_datasets(tree: &Tree, user: &Entry) -> bool {
    user.provenance().is_some_and(|told| told.stage == "ingest") || tree.key(user.folder()).is_none()
}

/// Whether a stage surely made an input. Other inputs may be files of a dataset.
fn is_of_stage(input: &Input) -> bool {
    input.schema.is_some() || input.name.ends_with(".safetensors")
}

/// Adds missing inputs that only `key.json` names. A manifest may not name them, for example if it has no rows.
pub(super) fn check_keys(tree: &Tree, validation: &mut Validation) {
    let mut known: HashSet<String> = tree.records().flat_map(|(_, record)| record.digests_in_keys()).collect();
    known.extend(tree.files().iter().filter_map(|entry| Some(entry.digest().ok()?.to_string())));
    known.extend(validation.absent.iter().map(|absent| absent.blake3.clone()));
    for folder in tree.runs() {
        let Some(Ok(file)) = tree.key(folder) else { continue };
        // The inputs of `ingest` are files of a dataset. The file of `--study` is in the run's own folder.
        let inputs = file.ingredients.inputs.iter().filter(|_| file.ingredients.stage != "ingest");
        for (name, blake3) in inputs.filter(|(name, _)| name != "--study") {
            if known.insert(blake3.clone()) {
                let name = name_of(Path::new(name));
                let path = folder.join(twinset_record::KEY);
                validation.absent.push(Absent::of_key(tree, &path, &name, blake3));
            }
        }
    }
}

/// Reports missing inputs, as violations with `--strict`, else as notes.
pub(super) fn tell(is_strict: bool, validation: &mut Validation) {
    for absent in validation.absent.iter().filter(|absent| !absent.is_source) {
        match is_strict {
            true => validation.violations.push(absent.violation.clone()),
            false => validation.notes.push(absent.note()),
        }
    }
}
