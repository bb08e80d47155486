//! JPEGs, decoded by libjpeg: the pixels are those of libjpeg-turbo, so those of Pillow, PyTorch and browsers.
//!
//! The library is mozjpeg's copy of libjpeg-turbo, built from its C source without assembler.

mod cmyk;
mod library;

use image::RgbImage;

use crate::{DecodeError, Limits};

/// A decoded JPEG.
pub(crate) struct Jpeg {
    /// The pixels as they are stored.
    pub(crate) pixels: RgbImage,
    /// The EXIF data, if it has any.
    pub(crate) exif: Option<Vec<u8>>,
    /// The first thing that libjpeg warned of.
    pub(crate) warning: Option<String>,
}

/// Decodes a JPEG.
///
/// # Errors
/// When libjpeg refuses it, it ends before its picture does, or it is larger than `limits` allow.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Jpeg, DecodeError> {
    library::decode(bytes, limits).map_err(|failure| match failure {
        library::Failure::TooLarge { width, height } => {
            DecodeError::TooLarge { width, height, max_pixels: limits.max_pixels }
        }
        library::Failure::Said(words) if words.starts_with("Unsupported") || words.contains("not implemented") => {
            DecodeError::Unsupported(words)
        }
        library::Failure::Said(words) => DecodeError::Unreadable(words),
    })
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;

    fn jpeg() -> Vec<u8> {
        let picture = RgbImage::from_fn(70, 50, |x, y| image::Rgb([(x * y) as u8, (x ^ y) as u8, 255]));
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.write_image(picture.as_raw(), 70, 50, ExtendedColorType::Rgb8).unwrap();
        bytes
    }

    fn decoded(bytes: &[u8]) -> Result<Jpeg, DecodeError> {
        decode(bytes, &Limits::default())
    }

    #[test]
    fn a_jpeg_is_whole_up_to_its_last_marker() {
        let bytes = jpeg();
        let whole = decoded(&bytes).unwrap();
        assert_eq!(whole.warning, None);
        assert_eq!(decoded(&[&bytes[..], b"behind it"].concat()).unwrap().pixels, whole.pixels);
        for n in 2..bytes.len() {
            let error = decoded(&bytes[..n]).err().unwrap_or_else(|| panic!("{n} of {} bytes", bytes.len()));
            assert!(matches!(error, DecodeError::Unreadable(_)), "{n} bytes: {error}");
        }
        // A thumbnail in a segment has an end of its own, and fill bytes may stand before a marker.
        let thumbnail = [&[0xff, 0xe1][..], &(2 + bytes.len() as u16).to_be_bytes(), &bytes].concat();
        let with_thumbnail = [&bytes[..2], &thumbnail, &[0xff], &bytes[2..]].concat();
        assert_eq!(decoded(&with_thumbnail).unwrap().pixels, whole.pixels);
        let error = decoded(&with_thumbnail[..with_thumbnail.len() - 2]).err().unwrap();
        assert_eq!(error.to_string(), "unreadable: the JPEG is cut short: it ends before its picture does");
    }

    #[test]
    fn what_libjpeg_warns_of_is_told() {
        let bytes = jpeg();
        let hole = bytes.len() / 2;
        let damaged = decoded(&[&bytes[..hole], &bytes[hole + 200..]].concat()).unwrap();
        assert_eq!(damaged.pixels.dimensions(), (70, 50));
        let warning = damaged.warning.unwrap();
        assert!(warning.starts_with("Corrupt JPEG data: "), "{warning}");
    }

    #[test]
    fn a_file_that_only_claims_many_pixels_is_refused() {
        let mut bytes = jpeg();
        let sof = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        bytes[sof + 5..sof + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
        let error = decoded(&bytes).err().unwrap();
        assert!(matches!(error, DecodeError::TooLarge { width: 65500, height: 65500, .. }), "{error}");
    }

    #[test]
    fn other_kinds_of_jpeg_are_told_apart_from_damaged_ones() {
        let mut bytes = jpeg();
        let sof = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        for (at, value, words) in [
            (sof + 4, 12, "unsupported: Unsupported JPEG data precision 12"),
            (sof + 1, 0xc3, "unsupported: Unsupported JPEG process: SOF type 0xc3"),
            (sof + 9, 2, "unreadable: Bogus marker length"),
        ] {
            let before = std::mem::replace(&mut bytes[at], value);
            assert_eq!(decoded(&bytes).err().unwrap().to_string(), words);
            bytes[at] = before;
        }
    }
}
