//! From a file's bytes to pixels.

use std::fmt::Display;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbImage};
use twinset_manifest::guarded;
use twinset_manifest::rows::Image;

use crate::{DecodeError, Limits, Lost, RowError, depth, digest, gif, ground, jpeg, orientation, png, tags, webp};

/// The pixels of a file, and what of it is not in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The pixels.
    pub pixels: RgbImage,
    /// What of the file is not in them.
    pub lost: Lost,
}

/// Decodes a file's bytes.
///
/// # Errors
/// As [`decode_with_losses`].
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    decode_with_losses(bytes, limits).map(|decoded| decoded.pixels)
}

/// Decodes a file's bytes, and says what of them is not in the pixels.
///
/// # Errors
/// When the format is unknown, the file is damaged, or the image larger than `limits` allow, which is found out before any
/// of its pixels is decoded. A decoder that panics over a file is an error as well, and prints nothing.
pub fn decode_with_losses(bytes: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    guarded(|| decode_unguarded(bytes, limits))
        .unwrap_or_else(|panic| Err(DecodeError::Unreadable(format!("its decoder failed: {panic}"))))
}

fn decode_unguarded(bytes: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    match image::guess_format(bytes) {
        Err(_) | Ok(ImageFormat::Avif) => {
            Err(DecodeError::Unsupported("the bytes are of no known image format".to_owned()))
        }
        Ok(ImageFormat::Jpeg) => {
            let jpeg = jpeg::decode(bytes, limits)?;
            let orientation = jpeg.exif.as_deref().map_or(Orientation::NoTransforms, orientation::of_exif);
            let mut image = DynamicImage::ImageRgb8(jpeg.pixels);
            image.apply_orientation(orientation);
            Ok(Decoded { pixels: image.into_rgb8(), lost: Lost { damage: jpeg.warning, ..Lost::default() } })
        }
        Ok(ImageFormat::Gif) => {
            let blocks = gif::blocks(bytes);
            let damage =
                blocks.is_cut_short.then(|| "the GIF is cut short or damaged behind its first frame".to_owned());
            let lost = Lost { frames: blocks.has_frames, damage, ..Lost::default() };
            decode_format(&gif::with_screen(bytes, &blocks), ImageFormat::Gif, None, lost, limits)
        }
        Ok(ImageFormat::Png) => {
            let png::Chunks { exif, has_frames, damage } = png::chunks(bytes);
            let orientation = exif.map_or(Orientation::NoTransforms, orientation::of_exif);
            let lost = Lost { frames: has_frames, damage, ..Lost::default() };
            decode_format(bytes, ImageFormat::Png, Some(orientation), lost, limits)
        }
        Ok(ImageFormat::Tiff) => {
            let lost = Lost { frames: tags::has_further_pages(bytes), ..Lost::default() };
            decode_format(bytes, ImageFormat::Tiff, Some(orientation::of_exif(bytes)), lost, limits)
        }
        Ok(ImageFormat::WebP) => {
            let webp::Chunks { has_frames, is_cut_short } = webp::chunks(bytes);
            let damage = is_cut_short.then(|| "the WebP is cut short".to_owned());
            let lost = Lost { frames: has_frames, damage, ..Lost::default() };
            decode_format(bytes, ImageFormat::WebP, None, lost, limits)
        }
        Ok(format) => decode_format(bytes, format, None, Lost::default(), limits),
    }
}

/// Decodes bytes of a known format; the orientation is that of their EXIF data where it is not given.
fn decode_format(
    bytes: &[u8],
    format: ImageFormat,
    orientation: Option<Orientation>,
    lost: Lost,
    limits: &Limits,
) -> Result<Decoded, DecodeError> {
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(image_error)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(DecodeError::TooLarge { width, height, max_pixels: limits.max_pixels });
    }
    if width == 0 || height == 0 {
        return Err(DecodeError::Unreadable(format!("the image has no pixels: it is {width}x{height}")));
    }
    let mut image_limits = image::Limits::no_limits();
    image_limits.max_alloc = Some(limits.max_alloc_bytes());
    decoder.set_limits(image_limits).map_err(image_error)?;
    let orientation = match orientation {
        Some(orientation) => orientation,
        None => decoder
            .exif_metadata()
            .map_err(image_error)?
            .map_or(Orientation::NoTransforms, |exif| orientation::of_exif(&exif)),
    };
    let mut image = DynamicImage::from_decoder(decoder).map_err(image_error)?;
    image.apply_orientation(orientation);
    let depth = depth::is_lost(&image)?;
    let (pixels, transparency) = match image.color().has_alpha() {
        true => ground::opaque(&image.into_rgba8()),
        false => (image.into_rgb8(), false),
    };
    Ok(Decoded { pixels, lost: Lost { transparency, depth, ..lost } })
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
