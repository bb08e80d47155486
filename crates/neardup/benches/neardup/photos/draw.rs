//! Simple drawing: filled boxes, and words of made letters.

use image::{Rgb, RgbImage};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub(crate) const WHITE: Rgb<u8> = Rgb([255; 3]);
pub(crate) const BLACK: Rgb<u8> = Rgb([0; 3]);

/// A box in pixels; what lies outside the image is cut off.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

/// Fills a box, `alpha` from 0 to 1.
pub(crate) fn fill(image: &mut RgbImage, area: Area, colour: Rgb<u8>, alpha: f32) {
    let (width, height) = (i64::from(image.width()), i64::from(image.height()));
    for y in area.y.max(0)..(area.y + area.height).min(height) {
        for x in area.x.max(0)..(area.x + area.width).min(width) {
            let pixel = image.get_pixel_mut(x as u32, y as u32);
            for (value, new) in pixel.0.iter_mut().zip(colour.0) {
                *value = (f32::from(*value) * (1.0 - alpha) + f32::from(new) * alpha).round() as u8;
            }
        }
    }
}

/// Writes letters of 5 by 7 cells, each drawn by chance, from left to right until the line is full.
pub(crate) fn write(image: &mut RgbImage, line: Area, colour: Rgb<u8>, alpha: f32, rng: &mut ChaCha8Rng) {
    let cell = (line.height / 7).max(1);
    let mut x = line.x;
    while x + 5 * cell <= line.x + line.width {
        let n_letters = rng.random_range(2..9);
        for _ in 0..n_letters {
            if x + 5 * cell > line.x + line.width {
                return;
            }
            letter(image, x, line.y, cell, colour, alpha, rng);
            x += 6 * cell;
        }
        x += 4 * cell;
    }
}

/// Two or three strokes in a box of 5 by 7 cells.
fn letter(image: &mut RgbImage, x: i64, y: i64, cell: i64, colour: Rgb<u8>, alpha: f32, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(2..4) {
        let place = rng.random_range(0..3_i64);
        let stroke = if rng.random_bool(0.5) {
            Area { x: x + place * 2 * cell, y, width: cell, height: 7 * cell }
        } else {
            Area { x, y: y + place * 3 * cell, width: 5 * cell, height: cell }
        };
        fill(image, stroke, colour, alpha);
    }
}
