//! The small square pictures that images are compared by.

use image::RgbImage;
use image::imageops::{self, FilterType};

/// Pixels along a side. An image of that size is its own thumbnail.
pub(crate) const SIDE: usize = 32;
/// Pixels of a thumbnail.
pub(crate) const N_PIXELS: usize = SIDE * SIDE;
/// Bytes of a thumbnail: red, green, blue, row by row.
pub(crate) const N_BYTES: usize = 3 * N_PIXELS;

/// An image as a square of 32 by 32 pixels, whatever its size and aspect ratio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail(Box<[u8; N_BYTES]>);

impl Thumbnail {
    /// Scales an image: down by the means of areas, up by interpolation.
    pub fn of(image: &RgbImage) -> Self {
        let side = SIDE as u32;
        let scaled = match image.dimensions() {
            (width, height) if (width, height) == (side, side) => image.clone(),
            (width, height) if width >= side && height >= side => imageops::thumbnail(image, side, side),
            _ => imageops::resize(image, side, side, FilterType::Triangle),
        };
        Self(scaled.into_raw().try_into().expect("a thumbnail has a fixed size"))
    }

    /// The thumbnail whose pixel at (row, column) is this one's at `from(row, column)`.
    pub(crate) fn rearranged(&self, from: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        let mut bytes = Box::new([0; N_BYTES]);
        for (place, rgb) in bytes.chunks_exact_mut(3).enumerate() {
            let (row, column) = from(place / SIDE, place % SIDE);
            let start = 3 * (row * SIDE + column);
            rgb.copy_from_slice(&self.0[start..start + 3]);
        }
        Self(bytes)
    }

    /// Brightness of each pixel in 0 to 255, row by row (ITU-R BT.601).
    pub(crate) fn brightness(&self) -> [f32; N_PIXELS] {
        let mut brightness = [0.0; N_PIXELS];
        for (value, rgb) in brightness.iter_mut().zip(self.0.chunks_exact(3)) {
            *value = 0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2]);
        }
        brightness
    }

    /// One channel (0 red, 1 green, 2 blue) in 0 to 255, row by row.
    pub(crate) fn channel(&self, channel: usize) -> [f32; N_PIXELS] {
        let mut values = [0.0; N_PIXELS];
        for (value, rgb) in values.iter_mut().zip(self.0.chunks_exact(3)) {
            *value = f32::from(rgb[channel]);
        }
        values
    }
}
