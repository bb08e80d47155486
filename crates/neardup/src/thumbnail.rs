//! The small square pictures that images are compared by.

use image::RgbImage;
use image::imageops::{self, FilterType};
use twinset_pixels::shrunk;

/// Pixels along a side. An image of that size is its own thumbnail.
pub(crate) const SIDE: usize = 32;
/// Pixels of a thumbnail.
pub(crate) const N_PIXELS: usize = SIDE * SIDE;
/// Bytes of a thumbnail: red, green, blue, row by row.
pub(crate) const N_BYTES: usize = 3 * N_PIXELS;
/// Pixels over which a disc fades out, so that its edge is no structure of its own.
const FADE: f32 = 3.0;

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
            _ => imageops::resize(&*shrunk(image), side, side, FilterType::Triangle),
        };
        Self(scaled.into_raw().try_into().expect("a thumbnail has a fixed size"))
    }

    /// The thumbnail of these [`bytes`](Self::bytes); none of another number of them.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.to_vec().into_boxed_slice().try_into().ok().map(Self)
    }

    /// Red, green, blue, row by row.
    pub(crate) fn bytes(&self) -> &[u8] {
        &*self.0
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

    /// A square part of it, scaled up again: its upper left corner and its side, in parts of the whole's side.
    pub(crate) fn part(&self, x: f32, y: f32, side: f32) -> Self {
        let mut bytes = Box::new([0; N_BYTES]);
        let place = |from: f32, number: usize| from * SIDE as f32 + (number as f32 + 0.5) * side - 0.5;
        for (number, rgb) in bytes.chunks_exact_mut(3).enumerate() {
            let colour = self.at(place(x, number % SIDE).max(0.0), place(y, number / SIDE).max(0.0));
            rgb.iter_mut().zip(colour).for_each(|(byte, value)| *byte = value.round().clamp(0.0, 255.0) as u8);
        }
        Self(bytes)
    }

    /// What lies in the inscribed circle, turned clockwise and faded into its mean colour towards the edge and beyond.
    pub(crate) fn disc(&self, degrees: u16) -> Self {
        let (sin, cos) = f32::from(degrees).to_radians().sin_cos();
        let centre = (SIDE as f32 - 1.0) / 2.0;
        let mut mean = [0.0; 3];
        let mut n_pixels = 0.0;
        let mut bytes = Box::new([0; N_BYTES]);
        let mut weights = [0.0_f32; N_PIXELS];
        for (place, (rgb, weight)) in bytes.chunks_exact_mut(3).zip(&mut weights).enumerate() {
            let (x, y) = ((place % SIDE) as f32 - centre, (place / SIDE) as f32 - centre);
            *weight = ((centre - x.hypot(y)) / FADE).clamp(0.0, 1.0);
            if *weight == 0.0 {
                continue;
            }
            let colour = self.at(centre + cos * x + sin * y, centre - sin * x + cos * y);
            for ((byte, mean), value) in rgb.iter_mut().zip(&mut mean).zip(colour) {
                *byte = value.round() as u8;
                *mean += value;
            }
            n_pixels += 1.0;
        }
        for (rgb, weight) in bytes.chunks_exact_mut(3).zip(weights) {
            for (byte, mean) in rgb.iter_mut().zip(mean) {
                let mean = mean / n_pixels;
                *byte = (mean + weight * (f32::from(*byte) - mean)).round() as u8;
            }
        }
        Self(bytes)
    }

    /// The colour at a place between pixels, by interpolation.
    fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let (column, row) = ((x as usize).min(SIDE - 2), (y as usize).min(SIDE - 2));
        let (right, down) = (x - column as f32, y - row as f32);
        std::array::from_fn(|channel| {
            let value = |row: usize, column: usize| f32::from(self.0[3 * (row * SIDE + column) + channel]);
            let line = |row: usize| value(row, column) * (1.0 - right) + value(row, column + 1) * right;
            line(row) * (1.0 - down) + line(row + 1) * down
        })
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
