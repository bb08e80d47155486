//! The digest of decoded pixels.

use blake3::Hasher;
use image::RgbImage;
use twinset_manifest::Digest;

/// The digest of decoded pixels. Two images have the same digest exactly when they are exact duplicates.
///
/// It is BLAKE3 of the width and the height as little-endian u32, then the red, green, blue bytes row by row.
pub fn digest(image: &RgbImage) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&image.width().to_le_bytes()).update(&image.height().to_le_bytes()).update(image.as_raw());
    Digest(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_the_shape() {
        assert_ne!(digest(&RgbImage::new(4, 2)), digest(&RgbImage::new(2, 4)));
    }

    #[test]
    fn the_digest_is_blake3_of_size_and_pixels() {
        for (width, height) in [(0, 0), (5, 4), (32, 32), (74, 74), (300, 20)] {
            let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, (x * y + 9) as u8]));
            let bytes = [&width.to_le_bytes()[..], &height.to_le_bytes(), image.as_raw()].concat();
            assert_eq!(digest(&image), Digest(*blake3::hash(&bytes).as_bytes()), "{width}x{height}");
        }
    }
}
