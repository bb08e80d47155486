//! *Transforms*: what makes a near-duplicate of an image.
//!
//! A [`Transform`] stands in the config and has ranges; a [`Change`] is one draw from it and has values. A change is a
//! pure function of pixels, keeps the image's size, and says in its text what it did.

mod change;

pub use change::Change;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use twinset_manifest::units::PixelRadius;
use twinset_stage::InvalidField;

/// What is done to an image, with the ranges that its parameters are drawn from, uniformly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Transform {
    /// Moves the image, right and down by up to so many pixels either way, and by one at least.
    Shift {
        /// At least 1.
        max_pixels: u32,
    },
    /// Cuts out a part of the image and enlarges it to the image's size.
    CropResize {
        /// The smallest side of the part, as a fraction of the image's; in (0, 1]. The largest is 1.
        min_scale: f64,
    },
    /// Mirrors the image, left to right.
    Flip,
    /// Adds the same to every pixel.
    Brightness {
        /// The most that is added or subtracted, in pixel space.
        max_change: PixelRadius,
    },
    /// Stretches the distance of every pixel from the image's mean.
    Contrast {
        /// The factor is in [1 − this, 1 + this]; in (0, 1].
        max_change: f64,
    },
    /// Encodes the image as JPEG and decodes it again.
    Jpeg {
        /// 1 to 100.
        quality: u8,
    },
    /// Adds Gaussian noise to every channel of every pixel, each on its own.
    Noise {
        /// The standard deviation in pixel space.
        sigma: PixelRadius,
    },
}

impl Transform {
    /// Checks what types cannot; `field` is the transform's place in the config.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self, field: &str) -> Result<(), InvalidField> {
        let key = |name: &str| format!("{field}.{name}");
        match *self {
            Self::Shift { max_pixels } => {
                let is_valid = (1..=i32::MAX as u32).contains(&max_pixels);
                InvalidField::unless(is_valid, &key("max-pixels"), max_pixels, "at least 1")
            }
            Self::CropResize { min_scale } => {
                let is_valid = min_scale > 0.0 && min_scale <= 1.0;
                InvalidField::unless(is_valid, &key("min-scale"), min_scale, "a number above 0, at most 1")
            }
            Self::Contrast { max_change } => {
                let is_valid = max_change > 0.0 && max_change <= 1.0;
                InvalidField::unless(is_valid, &key("max-change"), max_change, "a number above 0, at most 1")
            }
            Self::Jpeg { quality } => {
                InvalidField::unless((1..=100).contains(&quality), &key("quality"), quality, "1 to 100")
            }
            Self::Flip | Self::Brightness { .. } | Self::Noise { .. } => Ok(()),
        }
    }

    /// One draw.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Change {
        match *self {
            Self::Shift { max_pixels } => {
                let range = -(max_pixels as i32)..=max_pixels as i32;
                loop {
                    let (right, down) = (rng.random_range(range.clone()), rng.random_range(range.clone()));
                    if (right, down) != (0, 0) {
                        return Change::Shift { right, down };
                    }
                }
            }
            Self::CropResize { min_scale } => Change::CropResize {
                scale: rng.random_range(min_scale..=1.0),
                left: rng.random_range(0.0..=1.0),
                top: rng.random_range(0.0..=1.0),
            },
            Self::Flip => Change::Flip,
            Self::Brightness { max_change } => {
                Change::Brightness { change: rng.random_range(-max_change.get()..=max_change.get()) }
            }
            Self::Contrast { max_change } => {
                Change::Contrast { factor: rng.random_range(1.0 - max_change..=1.0 + max_change) }
            }
            Self::Jpeg { quality } => Change::Jpeg { quality },
            Self::Noise { sigma } => Change::Noise { sigma: sigma.get(), seed: rng.random_range(0..=u64::MAX) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Use, generator};

    #[test]
    fn a_draw_stays_in_its_range_and_a_shift_is_never_none() {
        let mut rng = generator(1, Use::Room);
        for _ in 0..500 {
            let Change::Shift { right, down } = (Transform::Shift { max_pixels: 1 }).draw(&mut rng) else { panic!() };
            assert!(right.abs() <= 1 && down.abs() <= 1 && (right, down) != (0, 0));
            let crop = Transform::CropResize { min_scale: 0.8 }.draw(&mut rng);
            assert!(
                matches!(crop, Change::CropResize { scale: 0.8..=1.0, left: 0.0..=1.0, top: 0.0..=1.0 }),
                "{crop:?}"
            );
            let contrast = Transform::Contrast { max_change: 0.2 }.draw(&mut rng);
            assert!(matches!(contrast, Change::Contrast { factor: 0.8..=1.2 }), "{contrast:?}");
        }
    }

    #[test]
    fn what_no_transform_can_do_is_named() {
        let check = |transform: Transform, expected: &str| {
            let found = transform.validate("t").err().map_or_else(String::new, |invalid| invalid.to_string());
            assert_eq!(found, expected, "{transform:?}");
        };
        check(Transform::Flip, "");
        check(Transform::Shift { max_pixels: 0 }, "`t.max-pixels` is 0, expected at least 1");
        check(Transform::CropResize { min_scale: 1.5 }, "`t.min-scale` is 1.5, expected a number above 0, at most 1");
        check(
            Transform::Contrast { max_change: f64::NAN },
            "`t.max-change` is NaN, expected a number above 0, at most 1",
        );
        check(Transform::Jpeg { quality: 0 }, "`t.quality` is 0, expected 1 to 100");
    }
}
