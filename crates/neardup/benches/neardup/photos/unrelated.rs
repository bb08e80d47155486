//! Sets of made pictures of one kind, no two of which are the same shot.

use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::draw::{Area, BLACK, WHITE, fill, write};

const N_IMAGES: u64 = 60;
const SIDE: u32 = 320;

/// The sets, by name.
pub(crate) fn sets() -> [(&'static str, Vec<RgbImage>); 4] {
    let all = |make: fn(u64) -> RgbImage| (0..N_IMAGES).map(make).collect();
    [("shapes on white", all(shape)), ("text pages", all(page)), ("charts", all(chart)), ("bottles", all(bottle))]
}

fn rng(number: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1000 + number)
}

/// White, with the pixels inside a shape in its colour; drawn four times as fine.
fn drawn(colour: Rgb<u8>, is_inside: impl Fn(f32, f32) -> bool) -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let samples = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
        let at = |value: u32, offset: f32| (value as f32 + offset) / SIDE as f32 - 0.5;
        let n_inside = samples.iter().filter(|&&(dx, dy)| is_inside(at(x, dx), at(y, dy))).count() as f32;
        Rgb(colour.0.map(|value| (255.0 + (f32::from(value) - 255.0) * n_inside / 4.0) as u8))
    })
}

/// One of ten kinds of shapes, of some size, turned, of some colour, somewhere near the middle.
fn shape(number: u64) -> RgbImage {
    let mut rng = rng(number);
    let size: f32 = rng.random_range(0.18..0.4);
    let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
    let (cx, cy) = (rng.random_range(-0.08..0.08), rng.random_range(-0.08..0.08));
    let colour = Rgb([(); 3].map(|()| rng.random_range(0..170)));
    let n_corners = rng.random_range(3..8) as f32;
    let thin = rng.random_range(0.25..0.7_f32);
    drawn(colour, |x, y| {
        let (x, y) = ((x - cx) / size, (y - cy) / size);
        let (x, y) = (cos * x + sin * y, cos * y - sin * x);
        let (radius, angle) = (x.hypot(y), y.atan2(x));
        let polygon = || {
            let part = std::f32::consts::TAU / n_corners;
            radius * (angle.rem_euclid(part) - part / 2.0).cos() < (part / 2.0).cos()
        };
        match number % 10 {
            0 => radius < 1.0,
            1 => radius < 1.0 && radius > thin,
            2 => x.abs() < 0.8 && y.abs() < 0.8,
            3 => x.abs() < 1.0 && y.abs() < thin,
            4 => polygon(),
            5 => radius < thin + (1.0 - thin) * (0.5 + 0.5 * (n_corners * angle).cos()),
            6 => (x.abs() < thin / 2.0 && y.abs() < 1.0) || (y.abs() < thin / 2.0 && x.abs() < 1.0),
            7 => x.abs() + (y / thin).abs() < 1.0,
            8 => x * x + (y / thin).powi(2) < 1.0,
            _ => (x > 0.0 && y.abs() < 1.0 - x) || (x <= 0.0 && x > -1.0 && y.abs() < thin / 2.0),
        }
    })
}

/// Paragraphs of made words.
fn page(number: u64) -> RgbImage {
    let mut rng = rng(number);
    let mut page = RgbImage::from_pixel(SIDE, SIDE * 7 / 5, WHITE);
    let (wide, high) = (i64::from(SIDE), i64::from(SIDE) * 7 / 5);
    let mut y = 30;
    while y < high - 34 {
        let n_lines = rng.random_range(3..10);
        for line in 0..n_lines {
            if y >= high - 34 {
                break;
            }
            let is_last = line + 1 == n_lines;
            let width = if is_last { rng.random_range(40..wide - 60) } else { wide - 60 };
            write(&mut page, Area { x: 30, y, width, height: 7 }, Rgb([30; 3]), 1.0, &mut rng);
            y += 12;
        }
        y += 10;
    }
    page
}

/// Bars over two axes, or a line, in one style.
fn chart(number: u64) -> RgbImage {
    let mut rng = rng(number);
    let mut chart = RgbImage::from_pixel(SIDE * 4 / 3, SIDE, WHITE);
    let (wide, high) = (i64::from(SIDE) * 4 / 3, i64::from(SIDE));
    let (left, bottom, top) = (50, high - 40, 40);
    for grid in 0..5 {
        let y = top + (bottom - top) * grid / 5;
        fill(&mut chart, Area { x: left, y, width: wide - left - 20, height: 1 }, Rgb([210; 3]), 1.0);
        write(&mut chart, Area { x: 14, y: y - 3, width: 26, height: 7 }, BLACK, 1.0, &mut rng);
    }
    fill(&mut chart, Area { x: left, y: top, width: 2, height: bottom - top }, BLACK, 1.0);
    fill(&mut chart, Area { x: left, y: bottom, width: wide - left - 20, height: 2 }, BLACK, 1.0);
    write(&mut chart, Area { x: wide / 4, y: 14, width: wide / 2, height: 14 }, BLACK, 1.0, &mut rng);
    let blue = Rgb([60, 110, 180]);
    let n_bars = rng.random_range(4..10);
    let step = (wide - left - 40) / n_bars;
    let mut before = rng.random_range(0.1..1.0);
    for bar in 0..n_bars {
        let value: f64 = rng.random_range(0.05..1.0);
        let x = left + 12 + bar * step;
        let y_of = |value: f64| bottom - (value * (bottom - top) as f64) as i64;
        if number.is_multiple_of(3) {
            for place in 0..step {
                let part = place as f64 / step as f64;
                let y = y_of(before * (1.0 - part) + value * part);
                fill(&mut chart, Area { x: x + place, y: y - 2, width: 3, height: 5 }, blue, 1.0);
            }
            before = value;
        } else {
            let area = Area { x, y: y_of(value), width: step * 2 / 3, height: bottom - y_of(value) };
            fill(&mut chart, area, blue, 1.0);
        }
        write(&mut chart, Area { x, y: bottom + 10, width: step * 2 / 3, height: 7 }, BLACK, 1.0, &mut rng);
    }
    chart
}

/// A bottle on a plain ground, with a neck and a label of its own.
fn bottle(number: u64) -> RgbImage {
    let mut rng = rng(number);
    let (half, neck) = (rng.random_range(0.13..0.18_f32), rng.random_range(0.04..0.07_f32));
    let shoulder = rng.random_range(-0.2..-0.08_f32);
    let colour = Rgb([rng.random_range(10..120), rng.random_range(40..140), rng.random_range(10..90)]);
    let mut image = drawn(colour, |x, y| {
        let slope = ((y - shoulder + 0.1) / 0.1).clamp(0.0, 1.0);
        y > -0.42 && y < 0.44 && x.abs() < neck + (half - neck) * slope
    });
    let side = f64::from(SIDE);
    let (top, high) = (rng.random_range(0.52..0.62), rng.random_range(0.18..0.28));
    let half = f64::from(half) * 0.9;
    let area = Area {
        x: ((0.5 - half) * side) as i64,
        y: (top * side) as i64,
        width: (2.0 * half * side) as i64,
        height: (high * side) as i64,
    };
    let paper = Rgb([(); 3].map(|()| rng.random_range(150..255)));
    fill(&mut image, area, paper, 1.0);
    for line in 0..3 {
        let line = Area { x: area.x + 6, y: area.y + 8 + 20 * line, width: area.width - 12, height: 14 };
        write(&mut image, line, BLACK, 1.0, &mut rng);
    }
    image
}
