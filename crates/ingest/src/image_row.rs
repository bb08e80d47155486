//! Rows of the manifest `images`.

use image::RgbImage;
use twinset_manifest::rows::{Image, ImageData, Split};
use twinset_pixels::Lost;

use crate::known::Pixels;

/// Everything about an image that is known before its pixels are.
pub(crate) struct Place {
    pub(crate) image_id: u64,
    pub(crate) split: Split,
    pub(crate) label: u32,
    pub(crate) class_name: String,
    /// The column `source`.
    pub(crate) source: String,
}

impl Place {
    /// The image's row.
    pub(crate) fn row(self, pixels: &RgbImage, image: ImageData, lost: Lost) -> Image {
        let known = Pixels {
            width: pixels.width(),
            height: pixels.height(),
            pixels_blake3: twinset_pixels::digest(pixels),
            lost: lost.names(),
        };
        self.known_row(known, image)
    }

    /// The row of an image whose pixels were decoded before.
    pub(crate) fn known_row(self, pixels: Pixels, image: ImageData) -> Image {
        let Self { image_id, split, label, class_name, source } = self;
        Image {
            image_id,
            split,
            label,
            class_name,
            width: pixels.width,
            height: pixels.height,
            image,
            pixels_blake3: pixels.pixels_blake3,
            source,
            derived_from: None,
            transform: None,
            lost: pixels.lost,
        }
    }

    /// The row of an image that its source does not encode: the manifest has it as a PNG.
    pub(crate) fn png_row(self, pixels: &RgbImage) -> Image {
        let bytes = twinset_pixels::encode_png(pixels).into();
        self.row(pixels, ImageData { bytes: Some(bytes), path: None }, Lost::default())
    }
}
