//! Pictures for the page: small PNGs within the HTML.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops;
use twinset_manifest::Reader;
use twinset_manifest::rows::{Image, Split};
use twinset_pixels::{decode_row, encode_png};

use crate::ReportError;

/// Longest side of a picture on the page, in its own pixels.
const MAX_SIDE: u32 = 192;

/// An image to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its split.
    pub split: Split,
    /// Its class's name.
    pub class_name: String,
    /// Where it comes from.
    pub source: String,
    /// The `data:` address of its PNG, or why there is none.
    pub png: Result<String, String>,
}

impl Picture {
    /// Decodes an image, at most [`MAX_SIDE`] pixels a side; `folder` is what its path is relative to.
    pub(crate) fn of(row: &Image, folder: &Path) -> Self {
        let png = decode_row(row, folder).map_err(|error| error.to_string()).map(|image| {
            let (width, height) = (image.width(), image.height());
            let longest = width.max(height);
            let side = |length: u32| (length * MAX_SIDE / longest).max(1);
            let image = if longest > MAX_SIDE { imageops::thumbnail(&image, side(width), side(height)) } else { image };
            format!("data:image/png;base64,{}", STANDARD.encode(encode_png(&image)))
        });
        Self { split: row.split, class_name: row.class_name.clone(), source: row.source.clone(), png }
    }
}

/// The pictures of these images of a manifest.
pub(crate) fn pictures(
    reader: Reader<Image>,
    wanted: &BTreeSet<u64>,
    folder: &Path,
) -> Result<BTreeMap<u64, Picture>, ReportError> {
    let mut pictures = BTreeMap::new();
    for batch in reader {
        if pictures.len() == wanted.len() {
            break;
        }
        let rows = batch.map_err(|source| ReportError::Manifest { field: "images".to_owned(), source })?;
        for row in rows.iter().filter(|row| wanted.contains(&row.image_id)) {
            pictures.insert(row.image_id, Picture::of(row, folder));
        }
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use twinset_manifest::rows::ImageData;
    use twinset_pixels::{Limits, decode, digest};

    use super::*;

    fn row(image: &RgbImage) -> Image {
        Image {
            image_id: 1,
            split: Split::Test,
            label: 0,
            class_name: "disc".to_owned(),
            width: image.width(),
            height: image.height(),
            image: ImageData { bytes: Some(encode_png(image)), path: None },
            pixels_blake3: digest(image),
            source: "a.png".to_owned(),
            derived_from: None,
            transform: None,
        }
    }

    #[test]
    fn a_small_image_keeps_its_pixels_and_a_large_one_becomes_small() {
        let check = |width: u32, height: u32, expected: (u32, u32)| {
            let image = RgbImage::from_pixel(width, height, image::Rgb([1, 2, 3]));
            let uri = Picture::of(&row(&image), Path::new("")).png.unwrap();
            let bytes = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
            assert_eq!(decode(&bytes, &Limits::default()).unwrap().dimensions(), expected);
        };
        check(32, 32, (32, 32));
        check(192, 100, (192, 100));
        check(768, 384, (192, 96));
        check(1, 2000, (1, 192));
    }

    #[test]
    fn an_image_that_cannot_be_decoded_says_why() {
        let damaged = ImageData { bytes: Some(b"no image".to_vec()), path: None };
        let picture = Picture::of(&Image { image: damaged, ..row(&RgbImage::new(1, 1)) }, Path::new(""));
        assert!(picture.png.unwrap_err().contains("no known image format"));
    }
}
