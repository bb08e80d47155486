//! Duplicates of an image that were in the dataset before any injection.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde_json::json;
use twinset_manifest::{Input, Provenance, Untyped, schema_name};

use super::rows::{Wanted, each, find, find_all};
use super::{LineageError, MAX_LISTED, Step, absent};
use crate::cell::Flat;
use crate::tree::{Entry, Tree};

/// The duplicates of an image of a training set: its cluster, and images with the same pixels, in the dataset and among
/// the changed duplicates that were made with the training set.
pub(super) fn twins(
    tree: &Tree,
    entry: &Entry,
    provenance: &Provenance,
    image_id: u64,
) -> Result<Vec<Step>, LineageError> {
    let mut steps = clusters(tree, provenance, image_id)?;
    let inputs = of_schema(provenance, "images").filter_map(|input| tree.find(&input.name, input.blake3));
    let made_with = tree.beside(entry).filter(|other| is_of(other, "images") && other.is_made_with(entry));
    let (inputs, made_with): (Vec<_>, Vec<_>) = (manifests(inputs), manifests(made_with));
    let mut same = BTreeSet::new();
    let mut changed = BTreeSet::new();
    for images in &inputs {
        let Some(digest) = pixels(images, image_id)? else { continue };
        same.extend(with_pixels(images, &digest)?.into_iter().filter(|&other| other != image_id));
        for injected in &made_with {
            changed.extend(with_pixels(injected, &digest)?);
        }
    }
    let Some(manifest) = entry.manifest() else { return Ok(steps) };
    let all: BTreeSet<u64> = same.iter().chain(&changed).copied().chain([image_id]).collect();
    let standing = find_all(manifest, &Wanted::Any(&["image_id"], &all))?;
    if !same.is_empty() {
        let (own, _): (Vec<_>, Vec<_>) =
            standing.iter().partition(|row| row.number("image_id").is_some_and(|id| same.contains(&id)));
        let places = own.iter().map(|row| format!("{} (image {})", row.text("position"), row.text("image_id")));
        let stand = match own.len() {
            0 => "none of them stands here".to_owned(),
            _ => format!("at positions {}", list(places.collect::<Vec<_>>().into_iter())),
        };
        let ids = list(same.iter().map(u64::to_string));
        let text = format!("identical pixels in the dataset itself: image {ids}; {stand}");
        let positions: Vec<_> = own.iter().map(|row| row.number("position")).collect();
        steps.push(Step::new(text, json!({ "identical": same, "positions": positions })));
    }
    if standing.len() > 1 {
        let n_injected = standing.iter().filter(|row| row.text("origin") == "injected").count();
        let (n, n_originals) = (standing.len(), standing.len() - n_injected);
        let text = format!("the same pixels stand {n} times here: {n_originals} in the dataset, {n_injected} injected");
        let details = json!({ "n_same_pixels": n, "n_originals": n_originals, "n_injected": n_injected });
        steps.push(Step::new(text, details));
    }
    Ok(steps)
}

/// The other images of a manifest with the same pixels as one of its images; none if there are no others.
pub(super) fn same_pixels(entry: &Entry, image_id: u64, digest: &str) -> Result<Option<Step>, LineageError> {
    let Some(manifest) = entry.manifest() else { return Ok(None) };
    let others: Vec<u64> = with_pixels(manifest, digest)?.into_iter().filter(|&other| other != image_id).collect();
    if others.is_empty() {
        return Ok(None);
    }
    let (n, ids) = (others.len() + 1, list(others.iter().map(u64::to_string)));
    let text = format!("the same pixels stand {n} times in `{}`: also as image {ids}", entry.relative);
    Ok(Some(Step::new(text, json!({ "identical": others, "n_same_pixels": n }))))
}

fn manifests<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<&'a Untyped> {
    entries.filter_map(Entry::manifest).collect()
}

fn is_of(entry: &Entry, schema: &str) -> bool {
    entry.schema().is_some_and(|found| schema_name(found) == schema)
}

/// The digest of an image's pixels.
fn pixels(manifest: &Untyped, image_id: u64) -> Result<Option<String>, LineageError> {
    Ok(find(manifest, &["image_id"], image_id)?.first().map(|row| row.text("pixels_blake3")))
}

/// The cluster of an image, in each manifest of clusters among the inputs of a run.
pub(super) fn clusters(tree: &Tree, provenance: &Provenance, image_id: u64) -> Result<Vec<Step>, LineageError> {
    let mut steps = Vec::new();
    for input in of_schema(provenance, "clusters") {
        match tree.find(&input.name, input.blake3) {
            Some(clusters) => steps.extend(cluster(tree, clusters, image_id)?),
            None => steps.push(absent(tree, input)),
        }
    }
    Ok(steps)
}

fn of_schema<'a>(provenance: &'a Provenance, wanted: &'static str) -> impl Iterator<Item = &'a Input> {
    let inputs = provenance.inputs.iter();
    inputs.filter(move |input| input.schema.as_deref().is_some_and(|schema| schema_name(schema) == wanted))
}

/// The images of a manifest with these pixels.
fn with_pixels(manifest: &Untyped, digest: &str) -> Result<Vec<u64>, LineageError> {
    let mut ids = Vec::new();
    each(manifest, &Wanted::Text("pixels_blake3", digest), &["image_id"], |batch| {
        let columns = Flat::of_batch(&batch);
        let of_column =
            |column: &Flat| (0..batch.num_rows()).filter_map(|row| column.cell(row).as_u64()).collect::<Vec<_>>();
        ids.extend(columns.iter().flat_map(of_column));
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}

/// The cluster of an image with the pairs that form it; none if the image is alone.
fn cluster(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Option<Step>, LineageError> {
    let Some(manifest) = entry.manifest() else { return Ok(None) };
    let own = find(manifest, &["image_id"], image_id)?;
    let Some(cluster_id) = own.first().and_then(|row| row.number("cluster_id")) else { return Ok(None) };
    let members = find(manifest, &["cluster_id"], cluster_id)?;
    let ids: BTreeSet<u64> = members.iter().filter_map(|row| row.number("image_id")).collect();
    if ids.len() < 2 {
        return Ok(None);
    }
    let text = format!(
        "found to be one of {} duplicates: cluster {cluster_id} of `{}`, images {}",
        ids.len(),
        entry.relative,
        list(ids.iter().map(u64::to_string))
    );
    let mut step = Step::new(text, json!({ "path": entry.relative, "cluster_id": cluster_id, "images": ids }));
    for pairs in tree.beside(entry).filter(|other| is_of(other, "pairs")).filter_map(Entry::manifest) {
        for row in find_all(pairs, &Wanted::All(&["left_id", "right_id"], &ids))?.iter().take(MAX_LISTED) {
            let similarity = row.text("similarity");
            let alike = if similarity.is_empty() { String::new() } else { format!(", similarity {similarity}") };
            let text = format!(
                "images {} and {}: {}, found by {}{alike}",
                row.text("left_id"),
                row.text("right_id"),
                row.text("kind"),
                row.text("found_by")
            );
            step = step.with([Step::new(text, row.json())]);
        }
    }
    Ok(Some(step))
}

/// The first of many.
fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let n = items.len();
    let listed: Vec<String> = items.take(MAX_LISTED).collect();
    let more = if n > MAX_LISTED { format!(" and {} more", n - MAX_LISTED) } else { String::new() };
    format!("{}{more}", listed.join(", "))
}
