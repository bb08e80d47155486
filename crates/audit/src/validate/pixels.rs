//! Whether images decode to the pixels whose digest stands beside them.

use std::path::Path;
use std::str::FromStr;

use arrow::array::{Array, AsArray, RecordBatch};
use rayon::prelude::*;
use twinset_manifest::rows::{Image, ImageData, Rule, Split};
use twinset_manifest::{Digest, Untyped};
use twinset_pixels::{RowError, decode_row};

use super::Findings;
use super::findings::At;
use super::keys::{number, value};

const COLUMNS: [&str; 6] = ["image_id", "width", "height", "image", "pixels_blake3", "source"];
/// Images that are held at once.
const BATCH_ROWS: usize = 128;

/// Decodes every image; those that are referenced lie below `folder`, and are left out where there is none.
pub(super) fn check(manifest: &Untyped, folder: Option<&Path>, findings: &mut Findings) {
    let mut first = 0;
    let mut n_referenced = 0;
    let Ok(batches) = manifest.batches(Some(&COLUMNS), BATCH_ROWS) else { return };
    for batch in batches {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return findings.of_file(Rule::Unreadable, None, &error.to_string(), "a whole Parquet file"),
        };
        let rows: Vec<(usize, Image)> =
            (0..batch.num_rows()).filter_map(|row| Some((row, image(&batch, row)?))).collect();
        let is_referenced = |image: &Image| image.image.bytes.is_none() && image.image.path.is_some();
        n_referenced += rows.iter().filter(|(_, image)| is_referenced(image)).count();
        let here = rows.par_iter().filter(|(_, image)| folder.is_some() || !is_referenced(image));
        // No more than the size is kept: many photos at once would fill the memory.
        let size = |image| decode_row(image, folder.unwrap_or(Path::new(""))).map(|pixels| pixels.dimensions());
        let decoded: Vec<_> = here.map(|(row, image)| (*row, image, size(image))).collect();
        for (row, image, decoded) in decoded {
            findings.n_images += 1;
            let at = At::of(&batch, first, row);
            match decoded {
                Err(RowError::OtherPixels { .. }) => findings.of_row(Rule::Pixels, "image", at, || {
                    (
                        "pixels of another digest, or more than its width and height",
                        format!("BLAKE3 {}", image.pixels_blake3),
                    )
                }),
                Err(RowError::Decode { detail, .. }) => {
                    findings.of_row(Rule::Pixels, "image", at, || (detail, "an image that can be decoded"));
                }
                Ok((width, height)) if (width, height) != (image.width, image.height) => {
                    findings.of_row(Rule::Pixels, "width", at, || {
                        let found = format!("{}x{}", image.width, image.height);
                        (found, format!("{width}x{height}, as decoded"))
                    });
                }
                Ok(_) => {}
            }
        }
        first += batch.num_rows() as u64;
    }
    if n_referenced > 0 && folder.is_none() {
        findings.note(format!(
            "{n_referenced} images of `{}` are files elsewhere: not decoded, as --folder names no folder",
            findings.path()
        ));
    }
}

/// A row as far as it is decoded by; none where its digest is none.
fn image(batch: &RecordBatch, row: usize) -> Option<Image> {
    let fields = batch.column_by_name("image")?.as_struct_opt()?;
    let bytes = fields.column_by_name("bytes")?.as_binary_opt::<i32>()?;
    let path = fields.column_by_name("path")?.as_string_opt::<i32>()?;
    let is_there = fields.is_valid(row);
    Some(Image {
        image_id: number(batch, "image_id", row)?,
        width: number(batch, "width", row)?.try_into().ok()?,
        height: number(batch, "height", row)?.try_into().ok()?,
        image: ImageData {
            bytes: (is_there && bytes.is_valid(row)).then(|| bytes.value(row).to_vec().into()),
            path: (is_there && path.is_valid(row)).then(|| path.value(row).to_owned()),
        },
        pixels_blake3: Digest::from_str(&value(batch, "pixels_blake3", row)).ok()?,
        source: value(batch, "source", row),
        // Decoding asks for no more.
        split: Split::Train,
        label: 0,
        class_name: String::new(),
        derived_from: None,
        transform: None,
        lost: None,
    })
}
