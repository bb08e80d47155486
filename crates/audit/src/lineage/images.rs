//! An image's rows in manifests of images, and the files that they come from.

use serde_json::{Value, json};
use twinset_manifest::schema_name;

use super::rows::{Found, find};
use super::{LineageError, MAX_LISTED, Step, absent, origins, run_text};
use crate::tree::{Entry, Tree};

/// The image's rows in the manifests that a manifest was made from.
pub(super) fn images_of(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Vec<Step>, LineageError> {
    let mut steps = Vec::new();
    for input in entry.provenance().into_iter().flat_map(|provenance| provenance.inputs) {
        if input.schema.as_deref().is_none_or(|schema| schema_name(schema) != "images") {
            continue;
        }
        match tree.find(&input.name, input.blake3) {
            Some(images) => steps.extend(images_row(tree, images, image_id)?),
            None => steps.push(absent(tree, &input)),
        }
    }
    Ok(steps)
}

/// An image's row of `images`, and what it comes from: another image, or the files of a dataset.
pub(super) fn images_row(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Option<Step>, LineageError> {
    let Some(manifest) = entry.manifest() else { return Ok(None) };
    let rows = find(manifest, &["image_id"], image_id)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut step = Step::new(image_text(entry, row), row.json());
    let Some(provenance) = entry.provenance() else { return Ok(Some(step)) };
    if let Some(original) = row.number("derived_from") {
        step = step.with([Step::new(run_text(&provenance), json!({ "provenance": provenance }))]);
        return Ok(Some(step.with(images_of(tree, entry, original)?)));
    }
    let is_of_images =
        |schema: &Option<String>| schema.as_deref().is_some_and(|schema| schema_name(schema) == "images");
    if provenance.inputs.iter().any(|input| is_of_images(&input.schema)) {
        // This manifest is a selection of another one, such as a dataset without its duplicates.
        step = step.with([Step::new(run_text(&provenance), json!({ "provenance": provenance }))]);
        return Ok(Some(step.with(images_of(tree, entry, image_id)?)));
    }
    let source = row.text("source");
    let file_of_source = source.split('#').next().unwrap_or_default();
    let mut run = Step::new(run_text(&provenance), json!({ "provenance": provenance }));
    let (own, others): (Vec<_>, Vec<_>) =
        provenance.inputs.iter().partition(|input| file_of_source.rsplit('/').next() == Some(input.name.as_str()));
    // The file that holds the image, or all files if it is not known which one does.
    let holders = if own.is_empty() { &others } else { &own };
    run = run.with(origins(tree, entry, &holders[..holders.len().min(MAX_LISTED)], &mut Default::default()));
    if !own.is_empty() && !others.is_empty() {
        run = run.with([Step::new(format!("and {} other files of the dataset", others.len()), Value::Null)]);
    }
    Ok(Some(step.with([run])))
}

/// `image 17 of `images.parquet`: airplane (0), train, 32x32, pixels BLAKE3 …, source `a/17.png``
pub(super) fn image_text(entry: &Entry, row: &Found) -> String {
    let digest = row.text("pixels_blake3");
    let mut text = format!(
        "image {} of `{}`: {} (class {}), {}, {}x{}, pixels BLAKE3 {}, source `{}`",
        row.text("image_id"),
        entry.relative,
        row.text("class_name"),
        row.text("label"),
        row.text("split"),
        row.text("width"),
        row.text("height"),
        digest.get(..12).unwrap_or(&digest),
        row.text("source"),
    );
    if let Some(original) = row.number("derived_from") {
        let transform = row.text("transform");
        let how = if transform.is_empty() { "an exact copy".to_owned() } else { format!("by {transform}") };
        text += &format!(", made from image {original}: {how}");
    }
    text
}
