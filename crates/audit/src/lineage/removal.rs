//! Explains why an image is missing: `neardup clean` removed it.

use serde_json::json;
use twinset_manifest::schema_name;

use super::images::{images_of, images_row};
use super::rows::{Found, find};
use super::twins::clusters;
use super::{LineageError, Step, run_text};
use crate::tree::{Entry, Tree};

/// Why a manifest has no row of an image.
///
/// # Errors
/// When nothing is known of the image, the error says that it is not there.
pub(super) fn why_not(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Step, LineageError> {
    if let Some(step) = removal(tree, entry, image_id)? {
        return Ok(step);
    }
    // Or it was already missing in an input of this manifest.
    for input in entry.provenance().into_iter().flat_map(|provenance| provenance.inputs) {
        let Some(images) = tree.find(&input.name, input.blake3).filter(|input| is_of(input, "images")) else {
            continue;
        };
        if images_row(tree, images, image_id)?.is_some() {
            continue;
        }
        if let Some(step) = removal(tree, images, image_id)? {
            let text = format!("image {image_id} is not in `{}`", entry.relative);
            return Ok(Step::new(text, json!({ "path": entry.relative, "image_id": image_id })).with([step]));
        }
    }
    Err(LineageError::NoRow { path: entry.relative.clone(), what: format!("image {image_id}") })
}

/// The removal of an image, from the `removals` manifest beside a manifest of images; none if there is no such row.
fn removal(tree: &Tree, images: &Entry, image_id: u64) -> Result<Option<Step>, LineageError> {
    if !is_of(images, "images") {
        return Ok(None);
    }
    for removals in tree.beside(images).filter(|other| is_of(other, "removals") && other.is_made_with(images)) {
        let Some(manifest) = removals.manifest() else { continue };
        let rows = find(manifest, &["image_id"], image_id)?;
        let Some(row) = rows.first() else { continue };
        let kept = row.number("kept_id");
        let text = format!("image {image_id} is not in `{}`: {}", images.relative, reason(row, kept));
        let mut step = Step::new(text, row.json());
        if let Some(mut kept) = kept.map(|kept| images_row(tree, images, kept)).transpose()?.flatten() {
            kept.text = format!("it stands for image {image_id}: {}", kept.text);
            kept.from.clear();
            step = step.with([kept]);
        }
        if let Some(provenance) = images.provenance() {
            let text = format!("`{}`: {}", removals.relative, run_text(&provenance));
            step = step.with([Step::new(text, json!({ "path": removals.relative, "provenance": provenance }))]);
            step = step.with(clusters(tree, &provenance, image_id)?);
        }
        return Ok(Some(step.with(images_of(tree, images, image_id)?)));
    }
    Ok(None)
}

/// `removed as a duplicate of image 3, which stands for it`
fn reason(row: &Found, kept: Option<u64>) -> String {
    let (reason, split) = (row.text("reason"), row.text("split"));
    match (reason.as_str(), kept) {
        ("duplicate", Some(kept)) => {
            format!("removed as a duplicate within {split} of image {kept}, which stands for it")
        }
        ("leak", Some(kept)) => {
            format!("removed from {split} as a leak: its duplicate in another split, image {kept}, stands for it")
        }
        ("label-conflict", _) => {
            format!("removed as cluster {} has images of two labels, of which none was kept", row.text("cluster_id"))
        }
        (_, Some(kept)) => format!("removed ({reason}); image {kept} stands for it"),
        (_, None) => format!("removed ({reason}); no image stands for it"),
    }
}

fn is_of(entry: &Entry, schema: &str) -> bool {
    entry.schema().is_some_and(|found| schema_name(found) == schema)
}
