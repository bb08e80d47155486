//! *Decoded pixels* are what an image is to Twinset: 8-bit red, green, blue, orientation applied, transparent pixels on a ground.
//!
//! Two images are exact duplicates when their decoded pixels are [the same](digest), whatever file they came in. The pixels
//! of a JPEG are those of libjpeg-turbo, bit for bit. What of a file is not in its pixels is [told](Lost).
//!
//! ```
//! use twinset_pixels::{Limits, decode, digest, encode_png};
//!
//! let image = image::RgbImage::from_fn(4, 3, |x, y| image::Rgb([x as u8, y as u8, 0]));
//! let again = decode(&encode_png(&image), &Limits::default())?;
//! assert_eq!(digest(&again), digest(&image));
//! # Ok::<(), twinset_pixels::DecodeError>(())
//! ```

mod decode;
mod depth;
mod digest;
mod error;
mod gif;
mod ground;
mod jpeg;
mod lost;
mod orientation;
mod png;
mod shrink;
mod tags;
mod webp;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};

pub use decode::{Decoded, decode, decode_row, decode_with_losses};
pub use digest::digest;
pub use error::{DecodeError, RowError};
pub use lost::Lost;
pub use shrink::shrunk;

/// What a decoder may be made to do: a small file can claim to be an image of terabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest width × height.
    pub max_pixels: u64,
}

/// What any picture's decoder may allocate.
const MIN_ALLOC_BYTES: u64 = 64 << 20;

impl Limits {
    /// The most that a decoder may allocate.
    fn max_alloc_bytes(&self) -> u64 {
        // Sixteen-bit RGBA is eight bytes a pixel; a decoder may hold the picture twice. A small picture may lie in larger tiles.
        self.max_pixels.saturating_mul(16).max(MIN_ALLOC_BYTES)
    }
}

impl Default for Limits {
    /// 100 megapixels: more than any camera's photo, 300 MB decoded.
    fn default() -> Self {
        Self { max_pixels: 100_000_000 }
    }
}

/// Encodes pixels as PNG, without loss; the same pixels give the same bytes.
pub fn encode_png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .expect("an RGB image is encoded into memory");
    bytes
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinset_manifest::rows::Image;

    use super::*;

    fn gradient() -> RgbImage {
        RgbImage::from_fn(5, 4, |x, y| image::Rgb([x as u8 * 50, y as u8 * 60, 7]))
    }

    #[test]
    fn decoding_what_was_encoded_is_identity() {
        assert_eq!(decode(&encode_png(&gradient()), &Limits::default()).unwrap(), gradient());
    }

    #[test]
    fn what_is_no_image_says_why() {
        let png = encode_png(&gradient());
        let check = |bytes: &[u8], max_pixels: u64, reason: &str, part: &str| {
            let error = decode(bytes, &Limits { max_pixels }).unwrap_err();
            assert_eq!(error.reason(), reason);
            assert!(error.to_string().contains(part), "{error}");
            let words = error.reason().replace('-', " ");
            assert_eq!(error.to_string(), format!("{words}: {}", error.detail()));
            assert_eq!(error.detail().lines().count(), 1, "{error}");
        };
        check(b"not an image", 100, "unsupported", "no known image format");
        check(&png[..png.len() / 2], 100, "unreadable", "unreadable: ");
        check(&png, 19, "too-large", "5x4 pixels, expected at most 19");
        check(b"", 100, "unsupported", "no known image format");
    }

    #[test]
    fn a_small_file_that_claims_a_huge_image_is_refused_before_it_is_decoded() {
        let mut png = encode_png(&gradient());
        png[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        png[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let error = decode(&png, &Limits::default()).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { width: 60_000, .. }), "{error}");
    }

    /// A picture may lie in a tile that is far larger than it.
    #[test]
    fn what_ingest_takes_is_taken_from_its_row_too() {
        const TILE: u32 = 256;
        let (begin, n_bytes) = (8 + 2 + 11 * 12 + 4, TILE * TILE * 3);
        // Width, height, bits, no compression, RGB, samples, together, the tile's width, height, place and bytes.
        let tags = [
            (256, 64),
            (257, 64),
            (258, 8),
            (259, 1),
            (262, 2),
            (277, 3),
            (284, 1),
            (322, TILE),
            (323, TILE),
            (324, begin),
            (325, n_bytes),
        ];
        let mut tiff = [&b"II*\0"[..], &8u32.to_le_bytes(), &(tags.len() as u16).to_le_bytes()].concat();
        for (tag, value) in tags {
            // One number of 32 bits.
            tiff.extend([&(tag as u16).to_le_bytes()[..], &[4, 0], &1u32.to_le_bytes(), &value.to_le_bytes()].concat());
        }
        tiff.resize((begin + n_bytes) as usize, 0);
        let pixels = decode(&tiff, &Limits::default()).unwrap();
        let image = twinset_manifest::rows::ImageData { bytes: Some(tiff.into()), path: None };
        let row = Image {
            image_id: 0,
            split: twinset_manifest::rows::Split::Train,
            label: 0,
            class_name: String::new(),
            width: 64,
            height: 64,
            image,
            pixels_blake3: digest(&pixels),
            source: String::new(),
            derived_from: None,
            transform: None,
            lost: None,
        };
        assert_eq!(decode_row(&row, Path::new("")).unwrap(), pixels);
    }
}
