//! The lineage of one image: its positions, its copies and why they exist, and where it comes from.

use serde_json::{Value, json};
use twinset_manifest::schema_name;

use super::images::{image_text, images_of, images_row};
use super::removal::why_not;
use super::rows::{Found, find};
use super::twins::{same_pixels, twins};
use super::{LineageError, MAX_LISTED, Step, absent, named, run_text};
use crate::tree::{Entry, Tree};

/// The image whose lineage is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An image by its id.
    Image(u64),
    /// The image at a position of a training set.
    Position(u64),
}

/// The lineage of an image of a manifest. For a training set it has all positions of the image and its copies. For
/// predictions it has the predicted classes, and the image's positions in what the network was trained on. It always
/// has the images and files from which the image was made.
///
/// # Errors
/// When the manifest has no such row.
pub fn of_image(tree: &Tree, entry: &Entry, subject: Subject) -> Result<Step, LineageError> {
    let Some(manifest) = entry.manifest() else { return Err(LineageError::NoProvenance(entry.relative.clone())) };
    let schema = schema_name(manifest.schema().unwrap_or_default());
    let no_column = |column| LineageError::NoColumn {
        path: entry.relative.clone(),
        schema: manifest.schema().unwrap_or_default().to_owned(),
        column,
    };
    let image_id = match subject {
        Subject::Image(image_id) => image_id,
        Subject::Position(_) if schema != "trainset" => return Err(no_column("position")),
        Subject::Position(position) => {
            let rows = find(manifest, &["position"], position)?;
            let no_row = || LineageError::NoRow { path: entry.relative.clone(), what: format!("position {position}") };
            rows.first().and_then(|row| row.number("image_id")).ok_or_else(no_row)?
        }
    };
    match schema {
        "trainset" => of_trainset(tree, entry, image_id),
        "predictions" => of_predictions(tree, entry, image_id),
        "images" => of_images(tree, entry, image_id),
        _ => of_others(tree, entry, image_id),
    }
}

/// The lineage of an image of a dataset, with how often the same pixels occur.
fn of_images(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Step, LineageError> {
    let Some(step) = images_row(tree, entry, image_id)? else { return why_not(tree, entry, image_id) };
    let digest = step.details.get("pixels_blake3").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(step.with(same_pixels(entry, image_id, &digest)?))
}

/// The positions of an image and its copies in a training set.
fn of_trainset(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Step, LineageError> {
    positions(tree, entry, image_id)?.map_or_else(|| why_not(tree, entry, image_id), Ok)
}

/// The same; none if the training set has neither.
fn positions(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Option<Step>, LineageError> {
    let Some(manifest) = entry.manifest() else { return Ok(None) };
    // For a duplicate, the image that it duplicates is looked up.
    let own = find(manifest, &["image_id"], image_id)?;
    let original = own.iter().find_map(|row| row.number("duplicate_of")).unwrap_or(image_id);
    let rows = find(manifest, &["image_id", "duplicate_of"], original)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let times = match rows.len() {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    };
    let asked =
        if original == image_id { String::new() } else { format!(" (of which image {image_id} is a duplicate)") };
    let text = format!("image {original}{asked} stands {times} in `{}`", entry.relative);
    let details =
        json!({ "image_id": original, "asked_for": image_id, "path": entry.relative, "n_positions": rows.len() });
    let mut step = Step::new(text, details);
    for row in &rows {
        step = step.with([position(tree, entry, row)?]);
    }
    if let Some(provenance) = entry.provenance() {
        if rows.iter().any(|row| row.text("origin") == "injected") {
            let text = format!("duplicates injected: {}", run_text(&provenance));
            step = step.with([Step::new(text, json!({ "provenance": provenance }))]);
        }
        step = step.with(twins(tree, entry, &provenance, original)?);
    }
    Ok(Some(step.with(images_of(tree, entry, original)?)))
}

fn position(tree: &Tree, entry: &Entry, row: &Found) -> Result<Step, LineageError> {
    let image_id = row.number("image_id").unwrap_or_default();
    let place = format!("position {}: image {image_id}, {}", row.text("position"), row.text("origin"));
    let Some(original) = row.number("duplicate_of") else { return Ok(Step::new(place, row.json())) };
    let step = Step::new(format!("{place}, copy {} of image {original}", row.text("copy")), row.json());
    if image_id == original {
        return Ok(step);
    }
    // A changed duplicate is an image of its own, in a manifest beside the training set.
    for beside in tree.beside(entry).filter(|other| other.schema().is_some_and(|s| schema_name(s) == "images")) {
        let made = beside.manifest().map(|images| find(images, &["image_id"], image_id));
        if let Some(row) = made.transpose()?.into_iter().flatten().next() {
            return Ok(step.with([Step::new(image_text(beside, &row), row.json())]));
        }
    }
    Ok(step)
}

/// The predictions for an image, the network that made them, and the image's positions in this network's training set.
fn of_predictions(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Step, LineageError> {
    let manifest = entry.manifest().ok_or_else(|| LineageError::NoProvenance(entry.relative.clone()))?;
    let rows = find(manifest, &["image_id"], image_id)?;
    if rows.is_empty() {
        return why_not(tree, entry, image_id);
    }
    let said: Vec<String> = rows
        .iter()
        .map(|row| {
            let verdict = if row.text("is_correct") == "true" { "rightly" } else { "wrongly" };
            format!("under `{}` as class {}, {verdict}", row.text("attack"), row.text("predicted"))
        })
        .collect();
    let text = format!("image {image_id} in `{}`: {}", entry.relative, said.join("; "));
    let mut step =
        Step::new(text, json!({ "path": entry.relative, "rows": rows.iter().map(Found::json).collect::<Vec<_>>() }));
    let images = images_of(tree, entry, image_id)?;
    // A leaked image is a duplicate of a training image.
    let original = images.iter().find_map(|step| step.details.get("derived_from")?.as_u64()).unwrap_or(image_id);
    for input in entry.provenance().into_iter().flat_map(|provenance| provenance.inputs) {
        let is_weights = input.name.ends_with(".safetensors");
        match tree.find(&input.name, input.blake3) {
            Some(weights) if is_weights => step = step.with([network(tree, weights, original)?]),
            None if is_weights => step = step.with([absent(tree, &input)]),
            _ => {}
        }
    }
    Ok(step.with(images))
}

/// A network, and the positions of the image in its training set.
fn network(tree: &Tree, weights: &Entry, image_id: u64) -> Result<Step, LineageError> {
    let mut step = named(tree, weights);
    step.text = format!("classified by {}", step.text);
    let Some(provenance) = weights.provenance() else { return Ok(step) };
    step = step.with([Step::new(run_text(&provenance), json!({ "provenance": provenance }))]);
    for input in &provenance.inputs {
        if input.schema.as_deref().is_none_or(|schema| schema_name(schema) != "trainset") {
            continue;
        }
        let trained = match tree.find(&input.name, input.blake3) {
            None => absent(tree, input),
            Some(trainset) => match positions(tree, trainset, image_id)? {
                Some(step) => step,
                None => {
                    let text = format!("image {image_id} does not stand in `{}`", trainset.relative);
                    Step::new(text, json!({ "image_id": image_id, "path": trainset.relative, "n_positions": 0 }))
                }
            },
        };
        step = step.with([trained]);
    }
    Ok(step)
}

/// The rows of any other manifest that name an image.
fn of_others(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Step, LineageError> {
    let manifest = entry.manifest().ok_or_else(|| LineageError::NoProvenance(entry.relative.clone()))?;
    let columns = ["image_id", "left_id", "right_id"];
    if !columns.iter().any(|column| manifest.columns().field_with_name(column).is_ok()) {
        let schema = manifest.schema().unwrap_or_default().to_owned();
        return Err(LineageError::NoColumn { path: entry.relative.clone(), schema, column: "image_id" });
    }
    let rows = find(manifest, &columns, image_id)?;
    if rows.is_empty() {
        return why_not(tree, entry, image_id);
    }
    let text = format!("image {image_id} in `{}`: {} rows", entry.relative, rows.len());
    let rows = rows.iter().take(MAX_LISTED).map(|row| Step::new(row.json().to_string(), row.json()));
    let mut step = Step::new(text, json!({ "path": entry.relative })).with(rows);
    if let Some(provenance) = entry.provenance() {
        step = step.with([Step::new(run_text(&provenance), json!({ "provenance": provenance }))]);
    }
    Ok(step.with(images_of(tree, entry, image_id)?))
}
