//! Duplicates of an image in the dataset itself, which nobody injected.

use std::collections::BTreeSet;

use serde_json::json;
use twinset_manifest::{Input, Provenance, Untyped, schema_name};

use super::rows::find;
use super::{LineageError, MAX_LISTED, Step, absent};
use crate::cell::Flat;
use crate::tree::{Entry, Tree};

/// What is known of duplicates of an image in the dataset itself: its cluster, and images of the same pixels.
pub(super) fn twins(
    tree: &Tree,
    entry: &Entry,
    provenance: &Provenance,
    image_id: u64,
) -> Result<Vec<Step>, LineageError> {
    let mut steps = clusters(tree, provenance, image_id)?;
    let mut same = BTreeSet::new();
    for input in of_schema(provenance, "images") {
        let Some(manifest) = tree.find(&input.name, input.blake3).and_then(Entry::manifest) else { continue };
        let own = find(manifest, &["image_id"], |numbers| numbers[0] == Some(image_id))?;
        let Some(digest) = own.first().map(|row| row.text("pixels_blake3")) else { continue };
        same.extend(with_pixels(manifest, &digest)?.into_iter().filter(|&other| other != image_id));
    }
    let Some(manifest) = entry.manifest().filter(|_| !same.is_empty()) else { return Ok(steps) };
    let standing = find(manifest, &["image_id"], |numbers| numbers[0].is_some_and(|id| same.contains(&id)))?;
    let places: Vec<String> =
        standing.iter().map(|row| format!("{} (image {})", row.text("position"), row.text("image_id"))).collect();
    let ids = list(same.iter().map(u64::to_string));
    let stand = if places.is_empty() {
        "none of them stands here".to_owned()
    } else {
        format!("at positions {}", list(places.into_iter()))
    };
    let text = format!("identical pixels in the dataset itself: image {ids}; {stand}");
    steps.push(Step::new(text, json!({ "identical": same, "positions": standing.iter().map(|row| row.number("position")).collect::<Vec<_>>() })));
    Ok(steps)
}

/// The cluster of an image in each manifest of clusters that something was made from.
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
    for batch in manifest.batches(Some(&["image_id", "pixels_blake3"]), 8192)? {
        let batch = batch?;
        let columns = Flat::of_batch(&batch);
        let [id, pixels] = &columns[..] else { continue };
        let same = (0..batch.num_rows()).filter(|&row| pixels.cell(row) == digest);
        ids.extend(same.filter_map(|row| id.cell(row).as_u64()));
    }
    Ok(ids)
}

/// The cluster of an image, where it is not alone in it, with the pairs that make it.
fn cluster(tree: &Tree, entry: &Entry, image_id: u64) -> Result<Option<Step>, LineageError> {
    let Some(manifest) = entry.manifest() else { return Ok(None) };
    let own = find(manifest, &["image_id"], |numbers| numbers[0] == Some(image_id))?;
    let Some(cluster_id) = own.first().and_then(|row| row.number("cluster_id")) else { return Ok(None) };
    let members = find(manifest, &["cluster_id"], |numbers| numbers[0] == Some(cluster_id))?;
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
    let is_pairs = |other: &&Entry| other.schema().is_some_and(|schema| schema_name(schema) == "pairs");
    for pairs in tree.beside(entry).filter(is_pairs).filter_map(Entry::manifest) {
        let is_within = |numbers: &[Option<u64>]| numbers.iter().all(|id| id.is_some_and(|id| ids.contains(&id)));
        for row in find(pairs, &["left_id", "right_id"], is_within)?.iter().take(MAX_LISTED) {
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
