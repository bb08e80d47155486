//! What is done to one image, with its values.

use std::f64::consts::TAU;
use std::fmt;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twinset_pixels::{Limits, decode};

/// What is done to one image, with its values. Keeps the image's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Moves the image; the edge's pixels are repeated where nothing is.
    Shift {
        /// Pixels to the right; to the left where negative.
        right: i32,
        /// Pixels down; up where negative.
        down: i32,
    },
    /// Cuts out a part and enlarges it to the image's size, linearly interpolated.
    CropResize {
        /// The part's sides as a fraction of the image's, rounded to whole pixels, one at least.
        scale: f64,
        /// Where the part lies: 0 at the image's left edge, 1 at its right one.
        left: f64,
        /// Where the part lies: 0 at the image's upper edge, 1 at its lower one.
        top: f64,
    },
    /// Mirrors the image, left to right.
    Flip,
    /// Adds the same to every pixel.
    Brightness {
        /// In pixel space.
        change: f64,
    },
    /// Stretches the distance of every pixel from the image's mean brightness.
    Contrast {
        /// 1 changes nothing.
        factor: f64,
    },
    /// Encodes the image as JPEG and decodes it again.
    Jpeg {
        /// 1 to 100.
        quality: u8,
    },
    /// Adds Gaussian noise.
    Noise {
        /// Standard deviation in pixel space.
        sigma: f64,
        /// What the noise is drawn from.
        seed: u64,
    },
}

impl Change {
    /// The changed image.
    pub fn apply(&self, image: &RgbImage) -> RgbImage {
        match *self {
            Self::Shift { right, down } => shift(image, right, down),
            Self::CropResize { scale, left, top } => crop_resize(image, scale, left, top),
            Self::Flip => imageops::flip_horizontal(image),
            Self::Brightness { change } => map_channels(image, |channel| channel + 255.0 * change),
            Self::Contrast { factor } => {
                let sum: f64 = image.as_raw().iter().map(|&channel| f64::from(channel)).sum();
                let mean = sum / image.as_raw().len().max(1) as f64;
                map_channels(image, |channel| mean + factor * (channel - mean))
            }
            Self::Jpeg { quality } => jpeg(image, quality),
            Self::Noise { sigma, seed } => noise(image, sigma, seed),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Shift { right, down } => write!(f, "shift(right={right} down={down})"),
            Self::CropResize { scale, left, top } => {
                write!(f, "crop-resize(scale={scale:.4} left={left:.4} top={top:.4})")
            }
            Self::Flip => f.write_str("flip"),
            Self::Brightness { change } => write!(f, "brightness(change={change:.4})"),
            Self::Contrast { factor } => write!(f, "contrast(factor={factor:.4})"),
            Self::Jpeg { quality } => write!(f, "jpeg(quality={quality})"),
            Self::Noise { sigma, seed } => write!(f, "noise(sigma={sigma:.4} seed={seed})"),
        }
    }
}

fn shift(image: &RgbImage, right: i32, down: i32) -> RgbImage {
    let source = |to: u32, by: i32, size: u32| (i64::from(to) - i64::from(by)).clamp(0, i64::from(size) - 1) as u32;
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| *image.get_pixel(source(x, right, width), source(y, down, height)))
}

fn crop_resize(image: &RgbImage, scale: f64, left: f64, top: f64) -> RgbImage {
    let (width, height) = image.dimensions();
    let part = |size: u32| ((f64::from(size) * scale).round() as u32).clamp(1, size);
    let place = |size: u32, at: f64| (f64::from(size - part(size)) * at).round() as u32;
    let part = imageops::crop_imm(image, place(width, left), place(height, top), part(width), part(height));
    imageops::resize(&*part, width, height, FilterType::Triangle)
}

fn map_channels(image: &RgbImage, mut map: impl FnMut(f64) -> f64) -> RgbImage {
    let mut image = image.clone();
    for Rgb(channels) in image.pixels_mut() {
        // `as` saturates: what is below 0 or above 255 is cut there.
        *channels = channels.map(|channel| map(f64::from(channel)).round() as u8);
    }
    image
}

fn jpeg(image: &RgbImage, quality: u8) -> RgbImage {
    let (width, height) = image.dimensions();
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    // JPEG knows no sides over 65,535 pixels: such an image stays as it is.
    match encoder.write_image(image.as_raw(), width, height, ExtendedColorType::Rgb8) {
        Ok(()) => decode(&bytes, &Limits::of_pixels(u64::MAX)).expect("what was encoded can be decoded"),
        Err(_) => image.clone(),
    }
}

/// Box and Muller's transform: two uniform numbers give two normal ones, of which the first is used.
fn noise(image: &RgbImage, sigma: f64, seed: u64) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    map_channels(image, |channel| {
        let (radius, angle) = (1.0 - rng.random_range(0.0..1.0_f64), rng.random_range(0.0..TAU));
        channel + 255.0 * sigma * (-2.0 * radius.ln()).sqrt() * angle.cos()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 % 256) as u8, (y * 9 % 256) as u8, ((x * y) % 256) as u8]))
    }

    fn mean_difference(a: &RgbImage, b: &RgbImage) -> f64 {
        let differences = a.as_raw().iter().zip(b.as_raw()).map(|(&a, &b)| f64::from(a.abs_diff(b)));
        differences.sum::<f64>() / a.as_raw().len() as f64
    }

    #[test]
    fn every_change_keeps_the_size() {
        let changes = [
            Change::Shift { right: 40, down: -2 },
            Change::CropResize { scale: 0.01, left: 1.0, top: 1.0 },
            Change::CropResize { scale: 0.83, left: 0.3, top: 0.9 },
            Change::Flip,
            Change::Brightness { change: -0.5 },
            Change::Contrast { factor: 1.5 },
            Change::Jpeg { quality: 1 },
            Change::Noise { sigma: 1.0, seed: 0 },
        ];
        for (width, height) in [(32, 32), (1, 1), (5, 90)] {
            for change in changes {
                assert_eq!(change.apply(&photo(width, height)).dimensions(), (width, height), "{change}");
            }
        }
    }

    #[test]
    fn a_change_by_nothing_is_identity() {
        for change in [
            Change::Shift { right: 0, down: 0 },
            Change::CropResize { scale: 1.0, left: 0.7, top: 0.1 },
            Change::Brightness { change: 0.0 },
            Change::Contrast { factor: 1.0 },
            Change::Noise { sigma: 0.0, seed: 3 },
        ] {
            assert_eq!(change.apply(&photo(31, 17)), photo(31, 17), "{change}");
        }
    }

    #[test]
    fn mirrored_twice_is_identity() {
        assert_ne!(Change::Flip.apply(&photo(31, 17)), photo(31, 17));
        assert_eq!(Change::Flip.apply(&Change::Flip.apply(&photo(31, 17))), photo(31, 17));
    }

    #[test]
    fn a_shift_moves_pixels_and_repeats_the_edge() {
        let shifted = Change::Shift { right: 2, down: -1 }.apply(&photo(8, 6));
        for (x, y, source_x, source_y) in [(2, 0, 0, 1), (7, 4, 5, 5), (0, 2, 0, 3), (3, 5, 1, 5)] {
            assert_eq!(shifted.get_pixel(x, y), photo(8, 6).get_pixel(source_x, source_y), "({x}, {y})");
        }
    }

    #[test]
    fn brightness_and_contrast_are_cut_at_the_ends() {
        let image = RgbImage::from_raw(2, 1, vec![0, 100, 200, 50, 150, 250]).unwrap();
        let check =
            |change: Change, expected: [u8; 6]| assert_eq!(change.apply(&image).as_raw(), &expected, "{change}");
        check(Change::Brightness { change: 20.0 / 255.0 }, [20, 120, 220, 70, 170, 255]);
        check(Change::Brightness { change: -1.0 }, [0; 6]);
        check(Change::Contrast { factor: 0.0 }, [125; 6]);
        check(Change::Contrast { factor: 2.0 }, [0, 75, 255, 0, 175, 255]);
    }

    #[test]
    fn noise_has_its_deviation_and_follows_its_seed() {
        let grey = RgbImage::from_pixel(64, 64, Rgb([128; 3]));
        let noisy = Change::Noise { sigma: 8.0 / 255.0, seed: 1 }.apply(&grey);
        let variance =
            noisy.as_raw().iter().map(|&channel| (f64::from(channel) - 128.0).powi(2)).sum::<f64>() / 12288.0;
        assert!((variance.sqrt() - 8.0).abs() < 0.3, "{}", variance.sqrt());
        assert_eq!(noisy, Change::Noise { sigma: 8.0 / 255.0, seed: 1 }.apply(&grey));
        assert_ne!(noisy, Change::Noise { sigma: 8.0 / 255.0, seed: 2 }.apply(&grey));
    }

    #[test]
    fn jpeg_loses_more_at_a_lower_quality() {
        let loss = |quality| mean_difference(&Change::Jpeg { quality }.apply(&photo(32, 32)), &photo(32, 32));
        assert!(loss(95) > 0.0 && loss(95) < loss(20), "{} {}", loss(95), loss(20));
    }
}
