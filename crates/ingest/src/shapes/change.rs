//! What happens to a picture on its way: the changes that make a near-duplicate.

use std::fmt;
use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use twinset_pixels::Limits;

use super::scene::to_byte;
use crate::draws::Draws;

/// A change that leaves the same shot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Moved right and down by so many pixels; the edge is repeated.
    Shift { right: i32, down: i32 },
    /// So much brighter, of 255.
    Brightness { by: i32 },
    /// Distances from mid-grey times `percent` / 100.
    Contrast { percent: i32 },
    /// Through a JPEG file of this quality.
    Jpeg { quality: u8 },
    /// Nearly normal noise on each channel of each pixel.
    Noise { deviation: u8, seed: u64 },
    /// Mirrored left to right.
    Flip,
}

impl Change {
    /// Of a hundred: 25 shifts, 15 brightness, 15 contrast, 20 JPEG, 17 noise, 8 flips.
    pub(super) fn draw(draws: &mut Draws) -> Self {
        match draws.below(100) {
            0..25 => {
                let steps = [(1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2)];
                let (right, down) = *draws.pick(&steps);
                Self::Shift { right: right * draws.pick(&[-1, 1]), down: down * draws.pick(&[-1, 1]) }
            }
            25..40 => Self::Brightness { by: *draws.pick(&[-36, -24, -12, 12, 24, 36]) },
            40..55 => Self::Contrast { percent: *draws.pick(&[65, 75, 85, 120, 135, 150]) },
            55..75 => Self::Jpeg { quality: *draws.pick(&[50, 60, 70, 80, 90]) },
            75..92 => {
                let seed = (u64::from(draws.below(u32::MAX)) << 32) + u64::from(draws.below(u32::MAX));
                Self::Noise { deviation: *draws.pick(&[3, 5, 8]), seed }
            }
            _ => Self::Flip,
        }
    }

    pub(super) fn apply(&self, image: &RgbImage) -> RgbImage {
        match *self {
            Self::Shift { right, down } => shift(image, right, down),
            Self::Brightness { by } => each(image, |channel| channel + by as f32),
            Self::Contrast { percent } => each(image, |channel| 127.5 + (channel - 127.5) * percent as f32 / 100.0),
            Self::Jpeg { quality } => through_jpeg(image, quality),
            Self::Noise { deviation, seed } => {
                let mut draws = Draws::new(seed, 0);
                each(image, |channel| channel + f32::from(deviation) * draws.bell())
            }
            Self::Flip => image::imageops::flip_horizontal(image),
        }
    }
}

impl fmt::Display for Change {
    /// Without commas, as it stands in a CSV file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shift { right, down } => write!(f, "shift(right={right} down={down})"),
            Self::Brightness { by } => write!(f, "brightness({by:+}/255)"),
            Self::Contrast { percent } => write!(f, "contrast({percent}%)"),
            Self::Jpeg { quality } => write!(f, "jpeg(quality={quality})"),
            Self::Noise { deviation, .. } => write!(f, "noise({deviation}/255)"),
            Self::Flip => f.write_str("flip"),
        }
    }
}

fn shift(image: &RgbImage, right: i32, down: i32) -> RgbImage {
    let at = |along: u32, by: i32, size: u32| along.saturating_add_signed(-by).min(size - 1);
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        *image.get_pixel(at(x, right, image.width()), at(y, down, image.height()))
    })
}

fn each(image: &RgbImage, mut change: impl FnMut(f32) -> f32) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        Rgb(image.get_pixel(x, y).0.map(|channel| to_byte(change(f32::from(channel)))))
    })
}

/// Encoder and decoder work in integers, and where they divide floats, rounding is IEEE 754's.
fn through_jpeg(image: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(image)
        .expect("an RGB image is encoded into memory");
    twinset_pixels::decode(bytes.get_ref(), &Limits::default()).expect("what was just encoded is decoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::scene;
    use crate::shapes::shape::Shape;

    #[test]
    fn a_change_changes_the_picture_a_little() {
        let image = scene::draw(Shape::Star, 0, 99);
        let check = |change: Change, largest_mean_difference: f64| {
            let changed = change.apply(&image);
            assert_eq!(changed.dimensions(), image.dimensions());
            let differences = image.as_raw().iter().zip(changed.as_raw()).map(|(&a, &b)| f64::from(a.abs_diff(b)));
            let mean = differences.sum::<f64>() / image.as_raw().len() as f64;
            assert!(mean > 0.5 && mean < largest_mean_difference, "{change}: {mean}");
        };
        check(Change::Shift { right: 1, down: -2 }, 40.0);
        check(Change::Brightness { by: -24 }, 24.1);
        check(Change::Contrast { percent: 75 }, 32.0);
        check(Change::Jpeg { quality: 50 }, 20.0);
        check(Change::Noise { deviation: 5, seed: 1 }, 5.0);
        check(Change::Flip, 128.0);
    }

    #[test]
    fn a_shift_moves_the_picture_and_repeats_its_edge() {
        let image = RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8, y as u8, 0]));
        let moved = Change::Shift { right: 1, down: -1 }.apply(&image);
        assert_eq!(moved.get_pixel(2, 0), image.get_pixel(1, 1));
        assert_eq!(moved.get_pixel(0, 2), image.get_pixel(0, 2));
    }

    #[test]
    fn all_changes_are_drawn() {
        let mut draws = Draws::new(0, 0);
        let drawn: Vec<_> = (0..200).map(|_| Change::draw(&mut draws).to_string()).collect();
        for name in ["shift", "brightness", "contrast", "jpeg", "noise", "flip"] {
            assert!(drawn.iter().any(|change| change.starts_with(name)), "{name}");
        }
        assert!(drawn.iter().all(|change| !change.contains(',')));
    }
}
