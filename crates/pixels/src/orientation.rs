//! Which way up a picture is, by its EXIF data.

use image::metadata::Orientation;

use crate::tags::Directory;

const ORIENTATION: u16 = 0x112;

/// The orientation that EXIF data tells; upright where it tells none.
///
/// It is to be stored as a 16-bit number (EXIF 2.3, 4.6.4), and some programs store it as one of 32 bits or of 8.
pub(crate) fn of_exif(exif: &[u8]) -> Orientation {
    // WebP and PNG hold it without this beginning, but some programs write it there, too.
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let value = Directory::first(exif).and_then(|directory| directory.number(ORIENTATION));
    let orientation = value.and_then(|value| Orientation::from_exif(u8::try_from(value).ok()?));
    orientation.unwrap_or(Orientation::NoTransforms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF data of one tag.
    fn exif(is_little: bool, kind: u16, value: u32) -> Vec<u8> {
        let (short, long) = match is_little {
            true => (u16::to_le_bytes as fn(u16) -> [u8; 2], u32::to_le_bytes as fn(u32) -> [u8; 4]),
            false => (u16::to_be_bytes as fn(u16) -> [u8; 2], u32::to_be_bytes as fn(u32) -> [u8; 4]),
        };
        let begin: &[u8] = if is_little { b"II" } else { b"MM" };
        let value = match kind {
            1 => vec![value as u8, 0, 0, 0],
            3 => [&short(value as u16)[..], &[0, 0]].concat(),
            _ => long(value).to_vec(),
        };
        let tag = [&short(ORIENTATION)[..], &short(kind), &long(1), &value].concat();
        [begin, &short(42), &long(8), &short(1), &tag, &long(0)].concat()
    }

    #[test]
    fn the_orientation_is_read_however_it_is_stored() {
        for is_little in [true, false] {
            for kind in [1, 3, 4] {
                let of = |value| of_exif(&exif(is_little, kind, value));
                assert_eq!(of(6), Orientation::Rotate90, "type {kind}");
                assert_eq!(of(3), Orientation::Rotate180, "type {kind}");
                for value in [0, 1, 9] {
                    assert_eq!(of(value), Orientation::NoTransforms, "type {kind}");
                }
            }
            let whole = exif(is_little, 3, 6);
            assert_eq!(of_exif(&[b"Exif\0\0", &whole[..]].concat()), Orientation::Rotate90);
            for n in 0..=18 {
                // Up to the value.
                assert_eq!(of_exif(&whole[..n]), Orientation::NoTransforms);
            }
        }
    }
}
