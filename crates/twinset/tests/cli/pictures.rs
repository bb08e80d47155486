//! Pictures that no two seeds have alike.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

/// A picture of soft waves.
pub(crate) fn picture(seed: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1_u32 << 24)
    };
    let waves: Vec<[f64; 6]> = (0..8).map(|_| std::array::from_fn(|_| draw())).collect();
    RgbImage::from_fn(120, 96, |x, y| {
        let (x, y) = (f64::from(x) / 120.0, f64::from(y) / 96.0);
        Rgb(std::array::from_fn(|channel| {
            let sum: f64 = waves
                .iter()
                .map(|[along, across, phase, weights @ ..]| {
                    weights[channel] * (6.3 * (9.0 * (along - 0.5) * x + 9.0 * (across - 0.5) * y + phase)).cos()
                })
                .sum();
            (120.0 + 40.0 * sum).clamp(0.0, 255.0) as u8
        }))
    })
}

pub(crate) fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).unwrap();
    bytes
}
