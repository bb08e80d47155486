//! One size for all images of a file source, where the config asks for it.
//!
//! Pixels are resized as they are stored, in sRGB; an image that is made smaller is averaged over the pixels that a new one
//! covers. An image that has the size already stays as it is, its bytes too; any other is stored as PNG. The images are the
//! dataset's own, so `derived_from` and `transform` stay null: the provenance's config says what was done to all of them.

use image::RgbImage;
use image::imageops::{self, FilterType};
use serde::{Deserialize, Serialize};
use twinset_stage::InvalidField;

/// Which size, and how an image is brought to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "Keys")]
pub struct Resize {
    /// Width in pixels, 1 to 8192.
    pub width: u32,
    /// Height in pixels, 1 to 8192.
    pub height: u32,
    /// What becomes of an image of another shape; `stretch`.
    pub fit: Fit,
    /// How new pixels are made of old ones; `triangle`.
    pub filter: Filter,
}

/// The same as a config has it. What is missing is named here: serde would not say of which table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table such as { width = 32, height = 32 }")]
struct Keys {
    width: Option<u32>,
    height: Option<u32>,
    #[serde(default)]
    fit: Fit,
    #[serde(default)]
    filter: Filter,
}

impl TryFrom<Keys> for Resize {
    type Error = String;

    fn try_from(Keys { width, height, fit, filter }: Keys) -> Result<Self, String> {
        let missing = |key: &str| format!("missing field `{key}` of `resize`, expected {{ width = 32, height = 32 }}");
        let width = width.ok_or_else(|| missing("width"))?;
        let height = height.ok_or_else(|| missing("height"))?;
        Ok(Self { width, height, fit, filter })
    }
}

/// What becomes of an image whose sides have another ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// It is stretched: all of it is there, its shape is not.
    #[default]
    Stretch,
    /// The largest part of the right shape is cut from its middle.
    Crop,
    /// It is laid on a black ground, in the middle.
    Pad,
}

/// How new pixels are made of old ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Linear.
    #[default]
    Triangle,
    /// Cubic.
    CatmullRom,
    /// A windowed sine; a sine's last bit, and so once in a while a channel by 1, is another on another system.
    Lanczos3,
}

const MAX_SIDE: u32 = 8192;

impl Resize {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        for (field, side) in [("resize.width", self.width), ("resize.height", self.height)] {
            InvalidField::unless((1..=MAX_SIDE).contains(&side), field, side, "1 to 8192")?;
        }
        Ok(())
    }

    /// Resizing needs a place for the new pixels: the manifest.
    pub(crate) fn expect_embed(resize: Option<&Self>, embed: bool) -> Result<(), InvalidField> {
        let expected = "true with `resize`, as the files hold the images in their own sizes";
        InvalidField::unless(embed || resize.is_none(), "embed", embed, expected)
    }

    /// The image in the right size; none where it has it.
    pub(crate) fn apply(&self, image: &RgbImage) -> Option<RgbImage> {
        let (width, height) = (self.width, self.height);
        if image.dimensions() == (width, height) {
            return None;
        }
        Some(match self.fit {
            Fit::Stretch => self.scaled(image, width, height),
            // The part is cut out before it is scaled: a thin line scaled until it covers the size would be gigabytes.
            Fit::Crop => {
                let (inner_width, inner_height) = largest_within(image.dimensions(), (width, height));
                let (left, top) = ((image.width() - inner_width) / 2, (image.height() - inner_height) / 2);
                let part = imageops::crop_imm(image, left, top, inner_width, inner_height).to_image();
                self.scaled(&part, width, height)
            }
            Fit::Pad => {
                let (inner_width, inner_height) = largest_within((width, height), image.dimensions());
                let (left, top) = ((width - inner_width) / 2, (height - inner_height) / 2);
                let mut ground = RgbImage::new(width, height);
                let inner = self.scaled(image, inner_width, inner_height);
                imageops::replace(&mut ground, &inner, i64::from(left), i64::from(top));
                ground
            }
        })
    }

    fn scaled(&self, image: &RgbImage, width: u32, height: u32) -> RgbImage {
        if image.dimensions() == (width, height) {
            return image.clone();
        }
        let filter = match self.filter {
            Filter::Nearest => FilterType::Nearest,
            Filter::Triangle => FilterType::Triangle,
            Filter::CatmullRom => FilterType::CatmullRom,
            Filter::Lanczos3 => FilterType::Lanczos3,
        };
        imageops::resize(&*twinset_pixels::shrunk(image), width, height, filter)
    }
}

/// The largest rectangle of a shape's ratio within a frame, in whole pixels, at least one.
fn largest_within(frame: (u32, u32), shape: (u32, u32)) -> (u32, u32) {
    let [frame_width, frame_height, width, height] = [frame.0, frame.1, shape.0, shape.1].map(u64::from);
    let rounded = |a: u64, b: u64| ((2 * a + b) / (2 * b)).max(1) as u32;
    if frame_width * height <= frame_height * width {
        (frame.0, rounded(frame_width * height, width).min(frame.1))
    } else {
        (rounded(frame_height * width, height).min(frame.0), frame.1)
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    const RED: Rgb<u8> = Rgb([250, 0, 0]);
    const BLUE: Rgb<u8> = Rgb([0, 0, 250]);
    const BLACK: Rgb<u8> = Rgb([0, 0, 0]);

    fn resize(width: u32, height: u32, fit: Fit) -> Resize {
        Resize { width, height, fit, filter: Filter::Triangle }
    }

    /// Twelve by four: a blue square between two red ones.
    fn banner() -> RgbImage {
        RgbImage::from_fn(12, 4, |x, _| if (4..8).contains(&x) { BLUE } else { RED })
    }

    #[test]
    fn a_fit_keeps_all_or_the_middle_or_the_shape() {
        let check = |fit: Fit, expected: &[(u32, u32, Rgb<u8>)]| {
            let resized = resize(6, 6, fit).apply(&banner()).unwrap();
            assert_eq!(resized.dimensions(), (6, 6));
            for &(x, y, colour) in expected {
                assert_eq!(resized.get_pixel(x, y), &colour, "{fit:?} at {x}, {y}");
            }
        };
        check(Fit::Stretch, &[(0, 0, RED), (5, 5, RED), (0, 5, RED)]);
        check(Fit::Crop, &[(0, 0, BLUE), (5, 5, BLUE), (3, 0, BLUE)]);
        check(Fit::Pad, &[(0, 0, BLACK), (5, 5, BLACK), (0, 2, RED), (5, 3, RED), (0, 1, BLACK), (0, 4, BLACK)]);
        let nearest = Resize { filter: Filter::Nearest, ..resize(3, 1, Fit::Stretch) }.apply(&banner()).unwrap();
        assert_eq!(nearest.pixels().copied().collect::<Vec<_>>(), [RED, BLUE, RED]);
    }

    #[test]
    fn an_image_of_the_size_stays_and_any_other_gets_it() {
        assert_eq!(resize(12, 4, Fit::Crop).apply(&banner()), None);
        let line = RgbImage::from_pixel(100_000, 1, RED);
        for fit in [Fit::Stretch, Fit::Crop, Fit::Pad] {
            for image in [&line, &banner(), &RgbImage::new(1, 1), &RgbImage::new(3, 70)] {
                for (width, height) in [(32, 32), (1, 1), (7, 300)] {
                    let resized = resize(width, height, fit).apply(image);
                    let dimensions = resized.as_ref().map_or(image.dimensions(), RgbImage::dimensions);
                    assert_eq!(dimensions, (width, height), "{fit:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_made_smaller_is_averaged() {
        let chequered = RgbImage::from_fn(64, 64, |x, y| if (x + y) % 2 == 0 { Rgb([255; 3]) } else { BLACK });
        let resized = resize(8, 8, Fit::Stretch).apply(&chequered).unwrap();
        assert!(resized.pixels().all(|pixel| pixel[0].abs_diff(128) <= 4), "{:?}", resized.get_pixel(0, 0));
    }

    #[test]
    fn the_largest_rectangle_touches_two_sides() {
        for (frame, shape, expected) in [
            ((12, 4), (1, 1), (4, 4)),
            ((4, 12), (1, 1), (4, 4)),
            ((6, 6), (12, 4), (6, 2)),
            ((1, 1), (9, 3), (1, 1)),
            ((100_000, 1), (32, 32), (1, 1)),
            ((32, 32), (100_000, 1), (32, 1)),
            ((5, 5), (5, 5), (5, 5)),
        ] {
            assert_eq!(largest_within(frame, shape), expected, "{shape:?} in {frame:?}");
        }
    }
}
