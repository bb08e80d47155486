//! Finds images by the file that they were read from (`source`).

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::json;
use twinset_manifest::{ManifestError, Untyped, schema_name};

use super::image::{Subject, of_image};
use super::rows::{Wanted, each};
use super::{LineageError, Step};
use crate::cell::{Flat, text};
use crate::tree::{Entry, Tree};

const BATCH_ROWS: usize = 8192;

/// The id of the first image with this `source`. Images that `neardup clean` removed are found, too.
///
/// # Errors
/// When the manifest has no column `source`, or no image has this source. The error then lists sources that contain the
/// text.
pub fn image_of_source(tree: &Tree, entry: &Entry, source: &str) -> Result<u64, LineageError> {
    let Some(manifest) = entry.manifest() else { return Err(LineageError::NoProvenance(entry.relative.clone())) };
    let has = |column| manifest.columns().field_with_name(column).is_ok();
    if let Some(column) = ["image_id", "source"].into_iter().find(|column| !has(column)) {
        let schema = manifest.schema().unwrap_or_default().to_owned();
        return Err(LineageError::NoColumn { path: entry.relative.clone(), schema, column });
    }
    if let Some(image_id) = id_of(manifest, source)? {
        return Ok(image_id);
    }
    for removals in tree.beside(entry).filter(|other| is_of(other, "removals") && other.is_made_with(entry)) {
        if let Some(image_id) = removals.manifest().map(|removals| id_of(removals, source)).transpose()?.flatten() {
            return Ok(image_id);
        }
    }
    let similar = similar(manifest, source)?;
    Err(LineageError::NoRow { path: entry.relative.clone(), what: format!("image of source `{source}`{similar}") })
}

/// The lineage of a file of a dataset. If `neardup clean` removed it, this says of which image it is a duplicate. Only
/// the last manifests of images are searched: those from which no other manifest of the tree was made. A file matches
/// an image if the end of its path is the image's source; the longest match counts.
///
/// # Errors
/// When no image comes from such a file.
pub fn of_source(tree: &Tree, file: &Path) -> Result<Step, LineageError> {
    let images: Vec<&Entry> = tree.files().iter().filter(|entry| is_of(entry, "images")).collect();
    let inputs = images.iter().filter_map(|entry| entry.provenance()).flat_map(|provenance| provenance.inputs);
    let is_gone_on_from: HashSet<_> = inputs.map(|input| input.blake3).collect();
    let mut steps = Vec::new();
    for source in sources(file) {
        for entry in &images {
            // Manifests of changed duplicates are skipped: their images have the source of the original.
            let is_last = entry.digest().is_ok_and(|digest| !is_gone_on_from.contains(&digest));
            if !is_last || tree.beside(entry).any(|other| is_of(other, "trainset")) {
                continue;
            }
            match image_of_source(tree, entry, &source) {
                Ok(image_id) => steps.push(of_image(tree, entry, Subject::Image(image_id))?),
                Err(LineageError::NoRow { .. } | LineageError::NoColumn { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match steps.len() {
            0 => {}
            1 => return Ok(steps.remove(0)),
            n => {
                let text = format!("`{source}` is known to {n} manifests");
                return Ok(Step::new(text, json!({ "source": source })).with(steps));
            }
        }
    }
    let path = tree.root().display().to_string();
    Err(LineageError::NoRow { path, what: format!("image of source `{}` in its manifests", file.display()) })
}

/// The possible sources of a file: its path, and its path without the first folder, without the first two, and so on.
fn sources(file: &Path) -> Vec<String> {
    let parts: Vec<_> = file.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let parts: Vec<_> = parts.into_iter().filter(|part| part != "." && part != "/").collect();
    (0..parts.len()).map(|first| parts[first..].join("/")).collect()
}

/// The first image of a manifest with this source.
fn id_of(manifest: &Untyped, source: &str) -> Result<Option<u64>, ManifestError> {
    let mut found = None;
    each(manifest, &Wanted::Text("source", source), &["image_id"], |batch| {
        found = Flat::of_batch(&batch).first().and_then(|ids| ids.cell(0).as_u64());
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// A text that lists the first sources that contain a text, and says how many more there are.
fn similar(manifest: &Untyped, source: &str) -> Result<String, ManifestError> {
    const MAX_NAMED: usize = 5;
    let (mut similar, mut n_similar) = (Vec::new(), 0);
    for batch in manifest.batches(Some(&["source"]), BATCH_ROWS)? {
        let batch = batch?;
        for flat in Flat::of_batch(&batch) {
            let found = (0..batch.num_rows()).map(|row| text(&flat.cell(row)));
            for found in found.filter(|found| found.contains(source)) {
                n_similar += 1;
                if similar.len() < MAX_NAMED {
                    similar.push(format!("`{found}`"));
                }
            }
        }
    }
    let more = n_similar - similar.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Ok(if similar.is_empty() {
        String::new()
    } else {
        format!("; in its sources there is {}{more}", similar.join(", "))
    })
}

fn is_of(entry: &Entry, schema: &str) -> bool {
    entry.schema().is_some_and(|found| schema_name(found) == schema)
}
