//! One small picture in many varieties of file: what comes out is the picture.
//!
//! Its left half is red, its right half blue, and its upper half half as bright; 24 by 16 pixels. The files were written by
//! Pillow 12.

use image::{Rgb, RgbImage};
use twinset_pixels::{Limits, decode, digest};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/images/formats/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn decoded(name: &str) -> RgbImage {
    decode(&file(name), &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The largest difference of any channel of any pixel.
fn difference(found: &RgbImage, expected: &RgbImage) -> u8 {
    assert_eq!(found.dimensions(), expected.dimensions());
    found.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

fn plain() -> RgbImage {
    RgbImage::from_fn(24, 16, |x, y| {
        let colour: [u8; 3] = if x < 12 { [200, 30, 30] } else { [30, 30, 200] };
        Rgb(if y < 8 { colour.map(|channel| channel / 2) } else { colour })
    })
}

#[test]
fn lossless_varieties_have_the_same_pixels() {
    for name in ["plain.png", "palette.png", "animated.png", "animated.gif", "animated.webp"] {
        // Of what moves, the first frame.
        assert_eq!(digest(&decoded(name)), digest(&plain()), "{name}");
    }
}

#[test]
fn what_is_transparent_is_the_ground() {
    // Two rows of it are.
    let expected =
        RgbImage::from_fn(24, 16, |x, y| if (4..6).contains(&y) { Rgb([255; 3]) } else { *plain().get_pixel(x, y) });
    assert_eq!(decoded("alpha.png"), expected);
}

#[test]
fn jpeg_varieties_are_upright_and_in_colour() {
    for name in ["progressive.jpg", "exif-6.jpg", "cmyk.jpg"] {
        let found = difference(&decoded(name), &plain());
        assert!(found <= 12, "{name}: {found}");
    }
}

#[test]
fn grey_of_any_depth_is_grey() {
    let grey = decoded("grey.png");
    assert!(grey.pixels().all(|Rgb([red, green, blue])| red == green && green == blue));
    // ITU-R BT.601, rounded.
    assert_eq!(grey.get_pixel(0, 15), &Rgb([81; 3]));
    assert_eq!(digest(&decoded("grey-16-bit.png")), digest(&grey));
}
