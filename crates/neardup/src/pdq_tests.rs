//! The law of the fast hash: it is what the published steps give, one pass after the other.

use image::Rgb;
use image::imageops::{FilterType, flip_horizontal, resize};

use super::*;

/// A picture of gentle waves.
fn picture(width: u32, height: u32) -> RgbImage {
    let wave = |x: u32, y: u32, pace: f64| {
        let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let value = (pace * x + 2.0 * y).sin() + (7.0 * y * x + pace).cos() + (40.0 * x).sin() * (23.0 * y).cos();
        (128.0 + 40.0 * value) as u8
    };
    RgbImage::from_fn(width, height, |x, y| Rgb([wave(x, y, 5.0), wave(x, y, 9.0), wave(x, y, 13.0)]))
}

fn distance(one: Pdq, other: Pdq) -> u32 {
    one.hash.iter().zip(other.hash).map(|(one, other)| (one ^ other).count_ones()).sum()
}

/// One box filter along one axis: the mean of the pixels from `before` to `after`.
fn box_filter(line: &[f64]) -> Vec<f64> {
    let box_length = line.len().div_ceil(2 * SIDE);
    let after = (box_length as isize + 2) / 2 - 1;
    let before = box_length as isize - 1 - after;
    let mean = |centre: isize| {
        let inside = (centre - before).max(0) as usize..=(centre + after).min(line.len() as isize - 1) as usize;
        let inside = &line[inside];
        inside.iter().sum::<f64>() / inside.len() as f64
    };
    (0..line.len() as isize).map(mean).collect()
}

fn transposed(lines: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..lines[0].len()).map(|x| lines.iter().map(|line| line[x]).collect()).collect()
}

fn samples_by_steps(image: &RgbImage) -> Vec<Vec<f64>> {
    let brightness = |&Rgb([r, g, b]): &Rgb<u8>| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    let mut lines: Vec<Vec<f64>> = image.rows().map(|row| row.map(brightness).collect()).collect();
    for _ in 0..4 {
        lines = transposed(&lines.iter().map(|line| box_filter(line)).collect::<Vec<_>>());
    }
    let at = |index: usize, length: usize| ((index as f64 + 0.5) * length as f64 / SIDE as f64) as usize;
    let (width, height) = (lines[0].len(), lines.len());
    (0..SIDE).map(|y| (0..SIDE).map(|x| lines[at(y, height)][at(x, width)]).collect()).collect()
}

fn coefficient_by_definition(samples: &[Vec<f64>], along_height: usize, along_width: usize) -> f64 {
    let cosine =
        |frequency: usize, at: usize| (std::f64::consts::PI * frequency as f64 * (at as f64 + 0.5) / SIDE as f64).cos();
    let products = (0..SIDE * SIDE).map(|at| {
        let (y, x) = (at / SIDE, at % SIDE);
        samples[y][x] * cosine(along_height, y) * cosine(along_width, x)
    });
    products.sum::<f64>() * 2.0 / SIDE as f64
}

#[test]
fn samples_and_coefficients_are_those_of_the_published_steps() {
    for (width, height) in
        [(1, 1), (3, 2), (32, 32), (64, 64), (65, 40), (128, 129), (300, 200), (257, 513), (1030, 70)]
    {
        let image = picture(width, height);
        let (found, expected) = (samples(&image), samples_by_steps(&image));
        let pairs = found.as_flattened().iter().zip(expected.iter().flatten());
        let largest = pairs.map(|(&found, expected)| (f64::from(found) - expected).abs()).fold(0.0, f64::max);
        assert!(largest < 1e-3, "{width}x{height}: {largest}");

        let steps = |one: f32, other: f32| ((one - other) * 100.0 / 255.0).abs() as u32;
        let (mut sum, last) = (0, SIDE - 1);
        for (y, x) in (0..SIDE * SIDE).map(|at| (at / SIDE, at % SIDE)) {
            sum += if y < last { steps(found[y][x], found[y + 1][x]) } else { 0 };
            sum += if x < last { steps(found[y][x], found[y][x + 1]) } else { 0 };
        }
        // Of a step that is a whole percent but for rounding.
        assert!((sum / 90).min(100).abs_diff(u32::from(quality(&found))) <= 1, "{width}x{height}: {sum}");

        let found = coefficients(&found);
        for (y, x) in [(0, 0), (0, 1), (3, 8), (15, 2), (15, 15)] {
            let expected = coefficient_by_definition(&expected, y + 1, x + 1);
            assert!((f64::from(found[y][x]) - expected).abs() < 0.01, "{width}x{height}, {y} {x}: {expected}");
        }
    }
}

#[test]
fn half_of_the_bits_are_set_and_the_lowest_is_the_lowest_frequency() {
    let set: u32 = pdq(&picture(100, 80)).hash.iter().map(|word| word.count_ones()).sum();
    assert_eq!(set, 128);
    let mut coefficients = [[0.0; N_FREQUENCIES]; N_FREQUENCIES];
    coefficients[0][0] = 1.0;
    coefficients[4][1] = 1.0;
    let hash = bits(&coefficients);
    assert_eq!(hash, [1, 1 << 1, 0, 0]);
    let hex = Pdq { hash, quality: 0 }.to_hex();
    assert_eq!(hex, format!("{}{:016x}{:016x}", "0".repeat(32), 2, 1));
}

#[test]
fn one_colour_has_no_quality_and_a_picture_has() {
    for (width, height) in [(1, 1), (32, 32), (500, 333)] {
        assert_eq!(pdq(&RgbImage::from_pixel(width, height, Rgb([200, 10, 77]))).quality, 0, "{width}x{height}");
    }
    let steps = RgbImage::from_fn(64, 64, |x, y| Rgb([if (x + y) % 2 == 0 { 0 } else { 255 }; 3]));
    assert_eq!(pdq(&steps).quality, 100);
    // 63 steps along one axis, on 64 lines, each of 51 of 255: 20 percent.
    let stripes = RgbImage::from_fn(64, 64, |x, _| Rgb([if x % 2 == 0 { 100 } else { 151 }; 3]));
    assert_eq!(pdq(&stripes).quality, 100);
    let edge = RgbImage::from_fn(64, 64, |x, _| Rgb([if x < 32 { 100 } else { 151 }; 3]));
    assert_eq!(u32::from(pdq(&edge).quality), 64 * 20 / 90);
}

#[test]
fn a_changed_picture_stays_near_and_a_mirrored_one_does_not() {
    let image = picture(320, 200);
    let original = pdq(&image);
    let mut darker = image.clone();
    darker.pixels_mut().for_each(|Rgb(channels)| *channels = channels.map(|channel| channel / 2));
    let mut brighter = image.clone();
    brighter.pixels_mut().for_each(|Rgb(channels)| *channels = channels.map(|channel| channel.saturating_add(20)));
    let smaller = resize(&image, 160, 100, FilterType::Triangle);
    for (change, changed) in [("darker", darker), ("brighter", brighter), ("smaller", smaller)] {
        let found = distance(original, pdq(&changed));
        assert!(found <= 20, "{change}: {found}");
    }
    let found = distance(original, pdq(&flip_horizontal(&image)));
    assert!(found >= 64, "mirrored: {found}");
}

#[test]
fn tiny_narrow_and_empty_images_have_hashes() {
    assert_eq!(pdq(&RgbImage::new(0, 7)), Pdq { hash: [0; 4], quality: 0 });
    for (width, height) in [(1, 1), (1, 700), (700, 1), (4, 4), (63, 65)] {
        assert_eq!(pdq(&picture(width, height)), pdq(&picture(width, height)), "{width}x{height}");
    }
    // Each pixel doubled is the same samples.
    let image = picture(32, 32);
    assert_eq!(pdq(&image), pdq(&resize(&image, 64, 64, FilterType::Nearest)));
}
