//! What thumbnails are compared by: blurred, freed of their brightness, normalised.

use std::sync::LazyLock;

use crate::matrix::dot_products;
use crate::thumbnail::{N_PIXELS, SIDE, Thumbnail};

/// A picture of the size of a thumbnail with one value a pixel, row by row.
pub(crate) type Map = [f32; N_PIXELS];

/// Cells along a side of the picture that candidates are searched by.
const COARSE_SIDE: usize = 8;
/// Length of its vector: red, green, blue.
pub(crate) const COARSE: usize = 3 * COARSE_SIDE * COARSE_SIDE;

/// The vector that candidates are searched by: each channel blurred (σ 1 pixel), 8 by 8 means of it less their mean; all
/// together of length 1, so that the product of two is their correlation. Zero where the thumbnail has one flat colour.
pub(crate) fn coarse(thumbnail: &Thumbnail) -> [f32; COARSE] {
    static REDUCTION: LazyLock<Vec<f32>> = LazyLock::new(|| {
        let (blur, step) = (blur(1.0), SIDE / COARSE_SIDE);
        let row = |cell: usize| {
            let rows = &blur[cell * step * SIDE..(cell + 1) * step * SIDE];
            (0..SIDE).map(move |column| rows.iter().skip(column).step_by(SIDE).sum::<f32>() / step as f32)
        };
        (0..COARSE_SIDE).flat_map(row).collect()
    });
    let mut vector = [0.0; COARSE];
    for (channel, cells) in vector.chunks_exact_mut(COARSE_SIDE * COARSE_SIDE).enumerate() {
        on_both_sides(&REDUCTION, &thumbnail.channel(channel), cells);
        let mean = cells.iter().sum::<f32>() / cells.len() as f32;
        cells.iter_mut().for_each(|cell| *cell -= mean);
    }
    normalise(&mut vector);
    vector
}

/// Local contrast normalisation: what is left of the blurred brightness when a wider blur is taken away, over its own
/// standard deviation nearby. Structures count the same wherever they are, in light and in shadow.
#[derive(Clone, Debug)]
pub(crate) struct LocalContrast {
    blur: Vec<f32>,
    wide: Vec<f32>,
    nearby: Vec<f32>,
}

impl LocalContrast {
    /// Contrast below which nothing is amplified, in steps of 255: noise, and the traces of JPEG.
    const FLOOR: f32 = 10.0;

    /// Of structures between `blur_sigma` and `wide_sigma` pixels.
    pub(crate) fn new(blur_sigma: f32, wide_sigma: f32) -> Self {
        let (blur, nearby) = (blur(blur_sigma), blur(wide_sigma));
        let mut wide = vec![0.0; N_PIXELS];
        // The wide blur of what is blurred already.
        for (row, out) in nearby.chunks_exact(SIDE).zip(wide.chunks_exact_mut(SIDE)) {
            for (weight, blurred) in row.iter().zip(blur.chunks_exact(SIDE)) {
                out.iter_mut().zip(blurred).for_each(|(out, value)| *out += weight * value);
            }
        }
        Self { blur, wide, nearby }
    }

    /// The map of a picture's brightness.
    pub(crate) fn of(&self, brightness: &Map) -> Map {
        let (mut map, mut other) = ([0.0; N_PIXELS], [0.0; N_PIXELS]);
        on_both_sides(&self.blur, brightness, &mut map);
        on_both_sides(&self.wide, brightness, &mut other);
        map.iter_mut().zip(&other).for_each(|(value, wide)| *value -= wide);
        let squares = map.map(|value| value * value);
        on_both_sides(&self.nearby, &squares, &mut other);
        map.iter_mut()
            .zip(&other)
            .for_each(|(value, variance)| *value /= (variance + Self::FLOOR * Self::FLOOR).sqrt());
        map
    }
}

/// `matrix` · `picture` · `matrix`ᵀ, for a picture of the size of a thumbnail.
fn on_both_sides(matrix: &[f32], picture: &[f32], out: &mut [f32]) {
    let mut half = [0.0; N_PIXELS];
    let half = &mut half[..matrix.len()];
    dot_products(matrix, picture, SIDE, half);
    dot_products(matrix, half, SIDE, out);
}

/// The matrix that blurs a line of [`SIDE`] pixels by a Gaussian, cut off at 3σ; lines are continued by reflection.
fn blur(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as isize;
    let weight = |offset: isize| (-(offset * offset) as f32 / (2.0 * sigma * sigma)).exp();
    let sum: f32 = (-radius..=radius).map(weight).sum();
    let last = SIDE as isize - 1;
    let mut matrix = vec![0.0; N_PIXELS];
    for (place, row) in matrix.chunks_exact_mut(SIDE).enumerate() {
        for offset in -radius..=radius {
            let beside = (place as isize + offset).abs();
            let reflected = if beside > last { 2 * last - beside } else { beside };
            row[reflected as usize] += weight(offset) / sum;
        }
    }
    matrix
}

/// Makes the vector's length 1, where it has one.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 1e-3 {
        vector.iter_mut().for_each(|value| *value /= length);
    } else {
        vector.fill(0.0);
    }
}

/// Takes the mean away and makes the length 1, so that the product of two is their correlation.
pub(crate) fn standardise(vector: &mut [f32]) {
    let mean = vector.iter().sum::<f32>() / vector.len() as f32;
    vector.iter_mut().for_each(|value| *value -= mean);
    normalise(vector);
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    fn photo(change: impl Fn(f32) -> f32) -> Thumbnail {
        let value =
            |x: u32, y: u32| ((x as f32 / 4.0).sin() * (y as f32 / 5.0).cos() + (x * y) as f32 / 900.0) * 50.0 + 100.0;
        Thumbnail::of(&RgbImage::from_fn(32, 32, |x, y| Rgb([change(value(x, y)) as u8; 3])))
    }

    fn product(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_coarse_vector_knows_neither_brightness_nor_contrast() {
        let original = coarse(&photo(|value| value));
        assert!((product(&original, &original) - 1.0).abs() < 1e-4);
        assert!(product(&original, &coarse(&photo(|value| value * 0.6 + 40.0))) > 0.999);
        assert!(product(&original, &coarse(&photo(|value| 255.0 - value))) < -0.999);
    }

    #[test]
    fn one_flat_colour_has_no_coarse_vector() {
        let flat = Thumbnail::of(&RgbImage::from_pixel(32, 32, Rgb([9, 80, 200])));
        assert!(coarse(&flat).iter().all(|&value| value == 0.0));
        let map = LocalContrast::new(1.0, 3.0).of(&flat.brightness());
        assert!(map.iter().all(|value| value.abs() < 1e-3));
    }

    #[test]
    fn a_blur_keeps_the_sum_of_what_is_flat() {
        for sigma in [0.6, 1.0, 6.0] {
            for row in blur(sigma).chunks_exact(SIDE) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{sigma}");
            }
        }
    }
}
