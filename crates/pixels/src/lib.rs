//! *Decoded pixels* are what an image is to Twinset: 8-bit red, green, blue, orientation applied, alpha dropped.
//!
//! Two images are exact duplicates when their decoded pixels are [the same](digest), whatever file they came in.
//!
//! ```
//! use twinset_pixels::{Limits, decode, digest, encode_png};
//!
//! let image = image::RgbImage::from_fn(4, 3, |x, y| image::Rgb([x as u8, y as u8, 0]));
//! let again = decode(&encode_png(&image), &Limits::default())?;
//! assert_eq!(digest(&again), digest(&image));
//! # Ok::<(), twinset_pixels::DecodeError>(())
//! ```

mod digest;
mod jpeg;

use std::fmt::Display;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, RgbImage,
};
use twinset_manifest::rows::Image;

pub use digest::{ToDigest, digest};

/// What a decoder may be made to do: a small file can claim to be an image of terabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest width × height.
    pub max_pixels: u64,
}

impl Default for Limits {
    /// 100 megapixels: more than any camera's photo, 300 MB decoded.
    fn default() -> Self {
        Self { max_pixels: 100_000_000 }
    }
}

/// Why a file gave no image.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {detail}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// No known format, or a variety of one that is not supported.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Damaged or cut short.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// More pixels than [`Limits`] allow.
    #[error("too large: {width}x{height} pixels, expected at most {max_pixels} in all")]
    TooLarge {
        /// Width in pixels that the file claims.
        width: u32,
        /// Height in pixels that the file claims.
        height: u32,
        /// The limit.
        max_pixels: u64,
    },
    /// A row of a manifest with neither bytes nor path.
    #[error("its row has neither bytes nor a path")]
    Nothing,
}

/// Why a row of a manifest gave no image.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// It cannot be decoded.
    #[error("cannot decode image {image_id} (`{item}`): {detail}")]
    Decode {
        /// The image.
        image_id: u64,
        /// Where it comes from, as the manifest has it.
        item: String,
        /// Why.
        detail: DecodeError,
    },
    /// Its file was changed after the manifest was written.
    #[error("image {image_id} (`{item}`) has other pixels than its manifest says (`pixels_blake3`)")]
    OtherPixels {
        /// The image.
        image_id: u64,
        /// Where it comes from, as the manifest has it.
        item: String,
    },
}

impl RowError {
    /// What can be done about it, where something can.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OtherPixels { .. } => Some("the file was changed after ingest: ingest again"),
            Self::Decode { detail: DecodeError::File { .. }, .. } => Some(
                "--folder is what twinset-ingest had as --data, for instance --folder ~/datasets: the paths of images \
                     that are not embedded are relative to it",
            ),
            Self::Decode { .. } => None,
        }
    }
}

impl DecodeError {
    /// The short reason that a `rejects` manifest is grouped by.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge { .. } => "too-large",
            Self::File { .. } | Self::Unreadable(_) | Self::Nothing => "unreadable",
        }
    }

    /// The message without the [reason](Self::reason), for where the two stand side by side.
    pub fn detail(&self) -> String {
        let message = self.to_string();
        match message.split_once(": ") {
            Some((begin, detail)) if begin.replace(' ', "-") == self.reason() => detail.to_owned(),
            _ => message,
        }
    }
}

/// What any picture's decoder may allocate.
const MIN_ALLOC_BYTES: u64 = 64 << 20;

/// Decodes a file's bytes.
///
/// # Errors
/// When the format is unknown, the file damaged, or the image larger than `limits` allow, which is found out before any
/// of its pixels is decoded.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| DecodeError::Unreadable(error.to_string()))?;
    match reader.format() {
        None => return Err(DecodeError::Unsupported("the bytes are of no known image format".to_owned())),
        Some(ImageFormat::Jpeg) if !jpeg::is_whole(bytes) => {
            return Err(DecodeError::Unreadable("the JPEG is cut short: it ends before its picture does".to_owned()));
        }
        Some(_) => {}
    }
    let mut decoder = reader.into_decoder().map_err(image_error)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(DecodeError::TooLarge { width, height, max_pixels: limits.max_pixels });
    }
    let mut image_limits = image::Limits::no_limits();
    // Sixteen-bit RGBA is eight bytes a pixel; a decoder may hold the picture twice. A small picture may lie in larger tiles.
    image_limits.max_alloc = Some(limits.max_pixels.saturating_mul(16).max(MIN_ALLOC_BYTES));
    decoder.set_limits(image_limits).map_err(image_error)?;
    let orientation = decoder.orientation().map_err(image_error)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(image_error)?;
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

/// Decodes a manifest's image: its bytes, else the file at its path, which is relative to `folder`.
///
/// # Errors
/// As [`decode`]; also when the file cannot be read, the row holds neither bytes nor path, or the pixels are not those
/// that the row vouches for.
pub fn decode_row(row: &Image, folder: &Path) -> Result<RgbImage, RowError> {
    let Image { image_id, source, width, height, pixels_blake3, .. } = row;
    let other_pixels = || RowError::OtherPixels { image_id: *image_id, item: source.clone() };
    // A file that has grown since is refused before it is decoded.
    let limits = Limits { max_pixels: u64::from(*width) * u64::from(*height) };
    let decoded = match (&row.image.bytes, &row.image.path) {
        (Some(bytes), _) => decode(bytes, &limits),
        (None, Some(path)) => {
            let path = folder.join(path);
            fs::read(&path)
                .map_err(|error| DecodeError::File { path, detail: error.to_string() })
                .and_then(|bytes| decode(&bytes, &limits))
        }
        (None, None) => Err(DecodeError::Nothing),
    };
    match decoded {
        Ok(image) if digest(&image) == *pixels_blake3 => Ok(image),
        Ok(_) | Err(DecodeError::TooLarge { .. }) => Err(other_pixels()),
        Err(detail) => Err(RowError::Decode { image_id: *image_id, item: source.clone(), detail }),
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

fn image_error(error: ImageError) -> DecodeError {
    match error {
        ImageError::Unsupported(error) => DecodeError::Unsupported(one_line(&error)),
        error => DecodeError::Unreadable(one_line(&error)),
    }
}

/// Some decoders say a line a cause.
fn one_line(error: &impl Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
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
        };
        assert_eq!(decode_row(&row, Path::new("")).unwrap(), pixels);
    }
}
