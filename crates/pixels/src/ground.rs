//! Transparent pixels, laid on a ground.

use image::{Rgb, RgbImage, RgbaImage};

const WHITE: u8 = 255;
const BLACK: u8 = 0;

/// An image without transparency, and whether it had any.
///
/// The ground is white. It is black where the picture would vanish on white: where on black it has more than 16 times the
/// contrast. Where no pixel is visible at all, transparency cannot be meant, and the colours are those that are stored.
pub(crate) fn opaque(image: &RgbaImage) -> (RgbImage, bool) {
    let stored = || map(image, |[red, green, blue, _]| [red, green, blue]);
    if image.pixels().all(|pixel| pixel[3] == u8::MAX) {
        return (stored(), false);
    }
    if image.pixels().all(|pixel| pixel[3] == 0) {
        return (stored(), true);
    }
    let [on_white, on_black] = [WHITE, BLACK].map(|ground| variance(image, ground));
    // A ratio of contrasts is the root of one of variances.
    let ground = if on_white * 256.0 < on_black { BLACK } else { WHITE };
    (map(image, |pixel| laid(pixel, ground)), true)
}

fn map(image: &RgbaImage, to: impl Fn([u8; 4]) -> [u8; 3]) -> RgbImage {
    let (width, height) = image.dimensions();
    let mut opaque = RgbImage::new(width, height);
    opaque.pixels_mut().zip(image.pixels()).for_each(|(opaque, pixel)| *opaque = Rgb(to(pixel.0)));
    opaque
}

/// A pixel's colour on a ground of one brightness, rounded.
fn laid([red, green, blue, alpha]: [u8; 4], ground: u8) -> [u8; 3] {
    let (alpha, ground) = (u32::from(alpha), u32::from(ground) * (255 - u32::from(alpha)));
    [red, green, blue].map(|channel| ((u32::from(channel) * alpha + ground + 127) / 255) as u8)
}

/// The variance of all channels of the image on a ground.
fn variance(image: &RgbaImage, ground: u8) -> f64 {
    let (mut n, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
    for pixel in image.pixels() {
        for channel in laid(pixel.0, ground) {
            n += 1;
            sum += u64::from(channel);
            squares += u64::from(channel) * u64::from(channel);
        }
    }
    let mean = sum as f64 / n as f64;
    squares as f64 / n as f64 - mean * mean
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    /// A disc of one colour.
    fn disc(colour: [u8; 3], outside: u8) -> RgbaImage {
        RgbaImage::from_fn(20, 20, |x, y| {
            let is_inside = x.abs_diff(10).pow(2) + y.abs_diff(10).pow(2) < 50;
            let [red, green, blue] = colour;
            Rgba([red, green, blue, if is_inside { 255 } else { outside }])
        })
    }

    #[test]
    fn the_ground_is_white_unless_the_picture_vanishes_on_it() {
        let check = |colour: [u8; 3], ground: u8| {
            let (opaque, was_transparent) = opaque(&disc(colour, 0));
            assert!(was_transparent);
            assert_eq!(opaque.get_pixel(0, 0), &Rgb([ground; 3]), "{colour:?}");
            assert_eq!(opaque.get_pixel(10, 10), &Rgb(colour));
        };
        check([0, 0, 0], WHITE);
        check([200, 30, 30], WHITE);
        check([255, 255, 0], WHITE);
        check([230, 230, 230], WHITE);
        check([255, 255, 255], BLACK);
        check([250, 250, 250], BLACK);
    }

    #[test]
    fn an_opaque_image_is_as_it_is_and_so_is_one_that_nobody_sees() {
        let colours = |x: u32, y: u32| [x as u8 * 9, y as u8 * 7, 3];
        let with_alpha = |alpha: u8| {
            RgbaImage::from_fn(9, 9, |x, y| {
                let [red, green, blue] = colours(x, y);
                Rgba([red, green, blue, alpha])
            })
        };
        let expected = RgbImage::from_fn(9, 9, |x, y| Rgb(colours(x, y)));
        assert_eq!(opaque(&with_alpha(255)), (expected.clone(), false));
        assert_eq!(opaque(&with_alpha(0)), (expected, true));
    }

    #[test]
    fn what_is_half_transparent_is_mixed_with_the_ground() {
        let (opaque, _) = opaque(&disc([0, 0, 0], 51));
        assert_eq!(opaque.get_pixel(0, 0), &Rgb([204; 3]));
        for channel in 0..=255 {
            assert_eq!(laid([channel, channel, channel, 255], WHITE), [channel; 3]);
            assert_eq!(laid([channel, channel, channel, 0], WHITE), [WHITE; 3]);
        }
    }
}
