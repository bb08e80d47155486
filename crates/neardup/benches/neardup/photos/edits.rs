//! What people and programs do to photos.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twinset_neardup::Orientations;

use super::draw::{Area, BLACK, WHITE, fill, write};

/// An edit: its name, the recall that it has to reach, the orientations that are searched, and what it does to the photo of
/// this number.
pub(crate) struct Edit {
    pub(crate) name: &'static str,
    pub(crate) bar: f64,
    pub(crate) orientations: Orientations,
    pub(crate) apply: fn(&RgbImage, u64) -> RgbImage,
}

const fn edit(name: &'static str, bar: f64, apply: fn(&RgbImage, u64) -> RgbImage) -> Edit {
    Edit { name, bar, orientations: Orientations::Upright, apply }
}

/// All edits. A crop of 20 % cuts a fifth off the width and a fifth off the height.
pub(crate) const EDITS: [Edit; 27] = [
    edit("JPEG 20", 0.95, |photo, _| re_encoded(photo, 20)),
    edit("resize to a quarter", 0.95, |photo, _| resized(photo, 0.25, 0.25)),
    edit("stretch by 1.3", 0.95, |photo, _| resized(photo, 1.3, 1.0)),
    edit("grey", 0.95, |photo, _| image::DynamicImage::ImageRgb8(photo.clone()).grayscale().to_rgb8()),
    edit("blur, sigma 3", 0.95, |photo, _| imageops::blur(photo, 3.0)),
    edit("noise, sigma 20", 0.95, noise),
    edit("colour jitter", 0.95, jitter),
    edit("text overlay", 0.95, text_overlay),
    edit("watermark", 0.95, watermark),
    edit("crop 10 %", 0.95, |photo, _| crop(photo, 0.1, 0.5, 0.5)),
    edit("crop 20 %", 0.95, |photo, _| crop(photo, 0.2, 0.5, 0.5)),
    edit("crop 20 %, corner", 0.95, |photo, number| crop(photo, 0.2, (number % 2) as f64, (number / 2 % 2) as f64)),
    edit("crop 30 %", 0.85, |photo, _| crop(photo, 0.3, 0.5, 0.5)),
    edit("crop 40 % of the area, anywhere", 0.85, |photo, number| {
        crop(photo, 1.0 - 0.6_f64.sqrt(), (number % 5) as f64 / 4.0, (number / 5 % 5) as f64 / 4.0)
    }),
    edit("turned by 5 degrees", 0.85, |photo, _| turned(photo, 5.0)),
    edit("turned by 5 degrees, cropped", 0.95, turned_and_cropped),
    edit("border 5 %, white", 0.85, |photo, _| border(photo, 0.05, WHITE)),
    edit("border 10 %, white", 0.85, |photo, _| border(photo, 0.1, WHITE)),
    edit("border 10 %, black", 0.85, |photo, _| border(photo, 0.1, BLACK)),
    edit("caption bar", 0.85, caption_bar),
    edit("letterbox", 0.85, letterbox),
    edit("screenshot, light", 0.5, |photo, number| screenshot(photo, number, WHITE, Rgb([20; 3]))),
    edit("screenshot, dark", 0.5, |photo, number| screenshot(photo, number, Rgb([18; 3]), Rgb([230; 3]))),
    Edit {
        orientations: Orientations::Mirrored,
        ..edit("mirrored", 0.95, |photo, _| imageops::flip_horizontal(photo))
    },
    Edit { orientations: Orientations::All, ..edit("upside down", 0.95, |photo, _| imageops::flip_vertical(photo)) },
    Edit {
        orientations: Orientations::All,
        ..edit("turned by 90 degrees", 0.95, |photo, _| imageops::rotate90(photo))
    },
    Edit {
        orientations: Orientations::All,
        ..edit("turned by 180 degrees", 0.95, |photo, _| imageops::rotate180(photo))
    },
];

/// The photo as a JPEG of some quality and back.
pub(crate) fn re_encoded(photo: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    photo.write_with_encoder(encoder).expect("an image is encoded in memory");
    image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).expect("it was encoded").to_rgb8()
}

fn rng(number: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(number)
}

fn resized(photo: &RgbImage, across: f64, down: f64) -> RgbImage {
    let scaled = |side: u32, factor: f64| ((f64::from(side) * factor).round() as u32).max(1);
    imageops::resize(photo, scaled(photo.width(), across), scaled(photo.height(), down), FilterType::CatmullRom)
}

fn noise(photo: &RgbImage, number: u64) -> RgbImage {
    let mut rng = rng(number);
    let mut changed = photo.clone();
    for value in changed.iter_mut() {
        // The sum of twelve uniform numbers is nearly a normal one.
        let normal = (0..12).map(|_| rng.random_range(0.0..1.0_f32)).sum::<f32>() - 6.0;
        *value = (f32::from(*value) + 20.0 * normal).round().clamp(0.0, 255.0) as u8;
    }
    changed
}

/// Brightness, contrast and each channel, by up to a fifth.
fn jitter(photo: &RgbImage, number: u64) -> RgbImage {
    let mut rng = rng(number);
    let gains: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.8..1.2));
    let (contrast, light) = (rng.random_range(0.75..1.25_f32), rng.random_range(-30.0..30.0_f32));
    let mut changed = photo.clone();
    for pixel in changed.pixels_mut() {
        for (value, gain) in pixel.0.iter_mut().zip(gains) {
            *value = ((f32::from(*value) * gain - 128.0) * contrast + 128.0 + light).clamp(0.0, 255.0) as u8;
        }
    }
    changed
}

fn sides(photo: &RgbImage) -> (i64, i64) {
    (i64::from(photo.width()), i64::from(photo.height()))
}

/// A line of white letters over the lower part.
fn text_overlay(photo: &RgbImage, number: u64) -> RgbImage {
    let (width, height) = sides(photo);
    let mut changed = photo.clone();
    let line = Area { x: width / 5, y: height * 4 / 5, width: width * 3 / 5, height: height / 20 };
    write(&mut changed, line, WHITE, 1.0, &mut rng(number));
    changed
}

/// Two lines of faint letters over the middle.
fn watermark(photo: &RgbImage, number: u64) -> RgbImage {
    let (width, height) = sides(photo);
    let mut changed = photo.clone();
    for row in 0..2 {
        let line = Area { x: width / 6, y: height * (4 + 2 * row) / 10, width: width * 2 / 3, height: height / 11 };
        write(&mut changed, line, WHITE, 0.3, &mut rng(number + row as u64));
    }
    changed
}

/// Cuts a share off each side's length; `across` and `down` from 0 to 1 say where what stays lies.
fn crop(photo: &RgbImage, share: f64, across: f64, down: f64) -> RgbImage {
    let keep = |side: u32| (f64::from(side) * (1.0 - share)).round() as u32;
    let (width, height) = (keep(photo.width()), keep(photo.height()));
    let offset = |side: u32, kept: u32, place: f64| (f64::from(side - kept) * place).round() as u32;
    let (x, y) = (offset(photo.width(), width, across), offset(photo.height(), height, down));
    imageops::crop_imm(photo, x, y, width, height).to_image()
}

/// About the centre; black where nothing is.
fn turned(photo: &RgbImage, degrees: f32) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (cx, cy) = ((photo.width() as f32 - 1.0) / 2.0, (photo.height() as f32 - 1.0) / 2.0);
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| {
        let (x, y) = (x as f32 - cx, y as f32 - cy);
        imageops::interpolate_bilinear(photo, cx + cos * x + sin * y, cy - sin * x + cos * y).unwrap_or(BLACK)
    })
}

fn turned_and_cropped(photo: &RgbImage, _number: u64) -> RgbImage {
    let turned = turned(photo, 5.0);
    // The largest upright box of the same shape without a black corner.
    let (sin, cos) = 5.0_f64.to_radians().sin_cos();
    let aspect = f64::from(photo.width()) / f64::from(photo.height());
    let kept = 1.0 / (cos + sin * aspect.max(1.0 / aspect));
    crop(&turned, 1.0 - kept, 0.5, 0.5)
}

/// On a ground, with this room on the left, above, on the right and below.
fn on_ground(photo: &RgbImage, [left, above, right, below]: [u32; 4], colour: Rgb<u8>) -> RgbImage {
    let mut ground = RgbImage::from_pixel(photo.width() + left + right, photo.height() + above + below, colour);
    imageops::replace(&mut ground, photo, left.into(), above.into());
    ground
}

/// A border around it, as wide as a share of the longer side.
fn border(photo: &RgbImage, share: f64, colour: Rgb<u8>) -> RgbImage {
    let width = (share * f64::from(photo.width().max(photo.height()))).round() as u32;
    on_ground(photo, [width; 4], colour)
}

/// White with two lines of text, below the photo or above it.
fn caption_bar(photo: &RgbImage, number: u64) -> RgbImage {
    let bar = photo.height() / 5;
    let (above, below) = if number.is_multiple_of(2) { (0, bar) } else { (bar, 0) };
    let mut changed = on_ground(photo, [0, above, 0, below], WHITE);
    let top = i64::from(if above > 0 { 0 } else { photo.height() });
    let (width, _) = sides(photo);
    for row in 0..2 {
        let y = top + i64::from(bar) * (1 + 4 * row) / 9;
        let line = Area { x: width / 20, y, width: width * (9 - 3 * row) / 10, height: i64::from(bar) / 4 };
        write(&mut changed, line, Rgb([20; 3]), 1.0, &mut rng(number + row as u64));
    }
    changed
}

/// Black bars that make it half as high again: above and below, or of an upright photo left and right.
fn letterbox(photo: &RgbImage, _number: u64) -> RgbImage {
    if photo.width() >= photo.height() {
        on_ground(photo, [0, photo.height() / 4, 0, photo.height() / 4], BLACK)
    } else {
        on_ground(photo, [photo.width() / 4, 0, photo.width() / 4, 0], BLACK)
    }
}

/// On a phone: a status bar above, a name and words around the photo, a bar of buttons below.
fn screenshot(photo: &RgbImage, number: u64, ground: Rgb<u8>, ink: Rgb<u8>) -> RgbImage {
    let (width, height) = (540, 1140);
    let mut screen = RgbImage::from_pixel(width, height, ground);
    let wide = i64::from(width);
    let all = |y: i64, height: i64| Area { x: 20, y, width: wide - 40, height };
    // The clock and the battery are on all screens.
    fill(&mut screen, Area { x: 24, y: 14, width: 60, height: 18 }, ink, 1.0);
    fill(&mut screen, Area { x: wide - 70, y: 14, width: 46, height: 18 }, ink, 1.0);
    fill(&mut screen, Area { x: 20, y: 70, width: 48, height: 48 }, Rgb([90, 130, 200]), 1.0);
    let mut rng = rng(number);
    write(&mut screen, Area { x: 84, y: 80, width: 220, height: 21 }, ink, 1.0, &mut rng);
    let scaled = imageops::resize(
        photo,
        width,
        (photo.height() * width / photo.width()).min(height - 330),
        FilterType::CatmullRom,
    );
    imageops::replace(&mut screen, &scaled, 0, 150);
    let below = 150 + i64::from(scaled.height());
    for row in 0..3 {
        let y = below + 24 + 34 * row;
        if y < i64::from(height) - 110 {
            write(&mut screen, all(y, 21), ink, 1.0, &mut rng);
        }
    }
    for button in 0..5 {
        let x = wide * (2 * button + 1) / 10 - 16;
        fill(&mut screen, Area { x, y: i64::from(height) - 60, width: 32, height: 32 }, ink, 1.0);
    }
    screen
}
