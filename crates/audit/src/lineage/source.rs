//! Images by what they were read from.

use super::LineageError;
use crate::cell::{Flat, text};
use crate::tree::Entry;

const BATCH_ROWS: usize = 8192;

/// The id of the image that has this `source`, the first where several have.
///
/// # Errors
/// When the manifest has no column `source`, or no image has this one: then those are named whose source contains it.
pub fn image_of_source(entry: &Entry, source: &str) -> Result<u64, LineageError> {
    const MAX_NAMED: usize = 5;
    let Some(manifest) = entry.manifest() else { return Err(LineageError::NoProvenance(entry.relative.clone())) };
    let has = |column| manifest.columns().field_with_name(column).is_ok();
    if let Some(column) = ["image_id", "source"].into_iter().find(|column| !has(column)) {
        let schema = manifest.schema().unwrap_or_default().to_owned();
        return Err(LineageError::NoColumn { path: entry.relative.clone(), schema, column });
    }
    let (mut similar, mut n_similar) = (Vec::new(), 0);
    for batch in manifest.batches(Some(&["image_id", "source"]), BATCH_ROWS)? {
        let batch = batch?;
        let flat = Flat::of_batch(&batch);
        let column = |name: &str| flat.iter().find(|column| column.name == name);
        let (Some(ids), Some(sources)) = (column("image_id"), column("source")) else { continue };
        for row in 0..batch.num_rows() {
            let found = text(&sources.cell(row));
            match ids.cell(row).as_u64() {
                Some(image_id) if found == source => return Ok(image_id),
                _ if found.contains(source) => {
                    n_similar += 1;
                    if similar.len() < MAX_NAMED {
                        similar.push(format!("`{found}`"));
                    }
                }
                _ => {}
            }
        }
    }
    let more = n_similar - similar.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let similar = if similar.is_empty() {
        String::new()
    } else {
        format!("; in its sources there is {}{more}", similar.join(", "))
    };
    Err(LineageError::NoRow { path: entry.relative.clone(), what: format!("image of source `{source}`{similar}") })
}
