//! Whether a JPEG is whole.
//!
//! The decoder fills up what is missing of a JPEG that was cut short with grey, and says nothing.

/// Whether the picture's end is there: the marker EOI behind a scan.
///
/// Segments have a length, except for a scan's data, which ends at the next marker; in it, a byte of 0xFF is followed by 0 or
/// is one of the markers RST (ITU-T T.81, B.1.1). Bytes that are no JPEG are left to the decoder.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    const SOI: u8 = 0xd8;
    const EOI: u8 = 0xd9;
    const SOS: u8 = 0xda;
    // Nearly all end so, and nothing has to be looked through.
    if bytes.ends_with(&[0xff, EOI]) {
        return true;
    }
    let mut at = 0;
    while let [0xff, marker, rest @ ..] = &bytes[at.min(bytes.len())..] {
        match *marker {
            EOI => return true,
            0xff => at += 1,
            SOI => at += 2,
            // A marker without a segment.
            0x01 | 0xd0..=0xd7 => at += 2,
            _ => {
                let Some(&length) = rest.first_chunk::<2>() else { return false };
                at += 2 + usize::from(u16::from_be_bytes(length));
                if *marker == SOS {
                    let Some(n) = bytes.get(at..).and_then(next_marker) else { return false };
                    at += n;
                }
            }
        }
    }
    // What stands where a marker should is damaged in another way, which is for the decoder to say.
    !matches!(bytes.get(at..), None | Some([] | [0xff]))
}

/// Where the data of a scan ends.
fn next_marker(data: &[u8]) -> Option<usize> {
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    data.windows(2).position(is_marker)
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder, RgbImage};

    use super::*;

    #[test]
    fn a_jpeg_is_whole_up_to_its_last_marker() {
        let picture = RgbImage::from_fn(70, 50, |x, y| image::Rgb([(x * y) as u8, (x ^ y) as u8, 255]));
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 95)
            .write_image(picture.as_raw(), 70, 50, ExtendedColorType::Rgb8)
            .unwrap();
        assert!(is_whole(&bytes) && is_whole(&[&bytes[..], b"behind it"].concat()));
        for n in 0..bytes.len() {
            assert!(!is_whole(&bytes[..n]), "{n} of {} bytes", bytes.len());
        }
        // A thumbnail in a segment has an end of its own, and fill bytes may stand before a marker.
        let thumbnail = [&[0xff, 0xe1][..], &(2 + bytes.len() as u16).to_be_bytes(), &bytes].concat();
        let with_thumbnail = [&bytes[..2], &thumbnail, &[0xff], &bytes[2..]].concat();
        assert!(is_whole(&with_thumbnail));
        assert!(!is_whole(&with_thumbnail[..with_thumbnail.len() - 2]));
        assert!(is_whole(b"no JPEG"));
    }
}
