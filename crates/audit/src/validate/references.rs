//! Whether the images that a manifest refers to exist, and are what it says of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::UInt64Type;
use twinset_manifest::rows::Rule;
use twinset_manifest::{Digest, Input, ManifestError, Untyped, schema_name};

use super::Findings;
use super::findings::At;
use super::keys::{for_each, number, value};
use crate::tree::{Entry, Tree};

/// Columns of `images` that others repeat.
const REPEATED: [&str; 6] = ["image_id", "split", "label", "class_name", "pixels_blake3", "source"];
const BATCH_ROWS: usize = 8192;

/// The images that manifests refer to, each manifest's read once.
pub(crate) struct Images<'a> {
    tree: &'a Tree,
    read: Mutex<HashMap<Digest, Arc<Index>>>,
}

/// Where the images of a manifest are, by their ids.
#[derive(Debug)]
pub(crate) struct Index {
    batches: Vec<RecordBatch>,
    rows: HashMap<u64, (u32, u32)>,
}

impl<'a> Images<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        Self { tree, read: Mutex::default() }
    }

    /// The manifests of images that a manifest may refer to: those that it was made from, those that were made with it, by the
    /// same run from the same files, and, of images, itself.
    ///
    /// # Errors
    /// Names an input that is not in the tree.
    pub(crate) fn of(&self, entry: &'a Entry) -> Result<Vec<&'a Entry>, Input> {
        let is_images = |schema: Option<&str>| schema.is_some_and(|schema| schema_name(schema) == "images");
        let provenance = entry.provenance();
        let inputs = provenance.iter().flat_map(|provenance| &provenance.inputs);
        let mut found = Vec::new();
        for input in inputs.filter(|input| is_images(input.schema.as_deref())) {
            found.push(self.tree.find(&input.name, input.blake3).ok_or_else(|| input.clone())?);
        }
        let is_made_with_it = |other: &&Entry| is_images(other.schema()) && other.is_made_with(entry);
        found.extend(self.tree.beside(entry).filter(is_made_with_it));
        if is_images(entry.schema()) {
            found.push(entry);
        }
        Ok(found)
    }

    /// The images of a manifest by id.
    fn index(&self, entry: &Entry) -> Result<Arc<Index>, ManifestError> {
        let digest = entry.digest().ok();
        if let Some(index) = digest.and_then(|digest| self.read.lock().ok()?.get(&digest).cloned()) {
            return Ok(index);
        }
        let index = Arc::new(entry.manifest().map_or_else(|| Ok(Index::empty()), Index::read)?);
        if let (Some(digest), Ok(mut read)) = (digest, self.read.lock()) {
            read.insert(digest, index.clone());
        }
        Ok(index)
    }
}

impl Index {
    fn empty() -> Self {
        Self { batches: Vec::new(), rows: HashMap::new() }
    }

    fn read(manifest: &Untyped) -> Result<Self, ManifestError> {
        let mut index = Self::empty();
        for batch in manifest.batches(Some(&REPEATED), BATCH_ROWS)? {
            let batch = batch?;
            let n = index.batches.len() as u32;
            if let Some(ids) = batch.column_by_name("image_id").and_then(|ids| ids.as_primitive_opt::<UInt64Type>()) {
                index.rows.extend(
                    ids.iter()
                        .zip(UInt32Array::from_iter_values(0..batch.num_rows() as u32).values())
                        .filter_map(|(id, row)| Some((id?, (n, *row)))),
                );
            }
            index.batches.push(batch);
        }
        Ok(index)
    }

    fn value(&self, image_id: u64, column: &str) -> Option<String> {
        let &(batch, row) = self.rows.get(&image_id)?;
        Some(value(&self.batches[batch as usize], column, row as usize))
    }
}

/// Checks that a column refers to images that exist, and that what the row repeats of them is what they have.
pub(super) fn check(
    entry: &Entry,
    manifest: &Untyped,
    images: &Images,
    (column, agree): (&'static str, &[(&str, &str)]),
    findings: &mut Findings,
) -> Result<(), ManifestError> {
    let manifests = match images.of(entry) {
        Ok(manifests) => manifests,
        Err(input) => {
            findings.unchecked(input);
            return Ok(());
        }
    };
    if manifests.is_empty() {
        findings.note(format!("`{}` names no images that it was made from: its ids are not checked", entry.relative));
        return Ok(());
    }
    let indices = manifests.iter().map(|entry| images.index(entry)).collect::<Result<Vec<_>, _>>()?;
    let mut columns = vec![column];
    columns.extend(agree.iter().map(|(own, _)| *own));
    for_each(manifest, &columns, |batch, first, row| {
        let Some(image_id) = number(batch, column, row) else { return };
        let at = At { image_id: Some(image_id), ..At::of(batch, first, row) };
        let Some(index) = indices.iter().find(|index| index.rows.contains_key(&image_id)) else {
            let names: Vec<_> = manifests.iter().map(|entry| format!("`{}`", entry.relative)).collect();
            findings.of_row(Rule::ForeignKey, column, at, || (image_id, format!("an image of {}", names.join(" or "))));
            return;
        };
        for (own, theirs) in agree {
            let (found, expected) = (value(batch, own, row), index.value(image_id, theirs).unwrap_or_default());
            let is_null = batch.column_by_name(own).is_none_or(|array| array.is_null(row));
            if !is_null && found != expected {
                findings.of_row(Rule::Agreement, own, at, || {
                    (found, format!("{expected}, the {theirs} of image {image_id}"))
                });
            }
        }
    })
}
