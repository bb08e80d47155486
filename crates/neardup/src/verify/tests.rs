use image::{Rgb, RgbImage, imageops};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// A made photo: a few large and small blobs of its own.
fn photo(seed: u64) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let blobs: Vec<[f32; 5]> = (0..25).map(|_| std::array::from_fn(|_| rng.random_range(0.0..1.0))).collect();
    RgbImage::from_fn(96, 96, |x, y| {
        let (x, y) = (x as f32 / 96.0, y as f32 / 96.0);
        let sum = blobs.iter().fold([110.0_f32; 3], |mut sum, &[bx, by, size, strength, hue]| {
            let size = 0.03 + 0.12 * size;
            let value = (strength - 0.5) * 160.0 * (-((x - bx).powi(2) + (y - by).powi(2)) / (size * size)).exp();
            let tint = [1.0, hue, 1.0 - hue];
            sum.iter_mut().zip(tint).for_each(|(sum, tint)| *sum += value * tint);
            sum
        });
        Rgb(sum.map(|value| value.clamp(0.0, 255.0) as u8))
    })
}

fn verified(left: &RgbImage, right: &RgbImage, orientation: Orientation) -> Option<Verified> {
    let thumbnails = [left, right].map(Thumbnail::of);
    let pictures = thumbnails.each_ref().map(|thumbnail| Picture { thumbnail, is_large: true });
    let candidates = [Candidate { left: 0, right: 1, orientation }];
    verify(&pictures, &candidates, Which::Likely, &|_, _| |_| ())[0]
}

#[test]
fn the_same_shot_is_recognised_and_another_is_not() {
    let original = photo(1);
    let check = |changed: &RgbImage, orientation: Orientation, least: f32| {
        let found = verified(&original, changed, orientation).map_or(-1.0, |pair| pair.correlation);
        assert!(found > least, "{orientation}: {found}, expected more than {least}");
    };
    check(&original, Orientation::UPRIGHT, 0.999);
    check(&imageops::brighten(&original, 30), Orientation::UPRIGHT, 0.97);
    check(&imageops::blur(&original, 1.5), Orientation::UPRIGHT, 0.9);
    check(&imageops::crop_imm(&original, 4, 6, 88, 84).to_image(), Orientation::UPRIGHT, 0.75);
    let mirror = Orientation { is_mirrored: true, degrees: 0 };
    check(&imageops::flip_horizontal(&original), mirror, 0.999);
    for seed in 2..12 {
        let found = verified(&original, &photo(seed), Orientation::UPRIGHT).map_or(-1.0, |pair| pair.correlation);
        assert!(found < 0.7, "photo {seed}: {found}");
    }
}

#[test]
fn plain_shapes_are_compared_where_they_are() {
    // White, on black; from a column to another.
    let bar = |from: u32, to: u32| {
        RgbImage::from_fn(96, 96, |x, y| {
            Rgb([if (from..to).contains(&x) && (12..84).contains(&y) { 255 } else { 0 }; 3])
        })
    };
    let alike = |left: &RgbImage, right: &RgbImage| {
        verified(left, right, Orientation::UPRIGHT).map_or(-1.0, |pair| pair.correlation)
    };
    let one = bar(10, 40);
    assert!(alike(&one, &imageops::blur(&one, 1.0)) > 0.9);
    for (from, to) in [(22, 46), (30, 58), (4, 30), (10, 62)] {
        let found = alike(&one, &bar(from, to));
        assert!(found < 0.7, "{from} to {to}: {found}");
    }
}

#[test]
fn of_several_orientations_the_best_is_kept() {
    let left = photo(3);
    let thumbnails = [&left, &imageops::rotate90(&left)].map(Thumbnail::of);
    let pictures = thumbnails.each_ref().map(|thumbnail| Picture { thumbnail, is_large: true });
    let candidate = |degrees| Candidate { left: 0, right: 1, orientation: Orientation { is_mirrored: false, degrees } };
    let found = verify(&pictures, &[0, 90, 180, 270].map(candidate), Which::Likely, &|_, _| |_| ());
    let found = best_of_each_pair(found.into_iter().flatten());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].alignment.orientation.degrees, 90);
    assert!(found[0].correlation > 0.999, "{found:?}");
}

#[test]
fn a_picture_turned_by_any_angle_is_recognised_and_another_is_not() {
    // Between two of the angles that are tried.
    let (sin, cos) = 22.0_f32.to_radians().sin_cos();
    let turned = |original: &RgbImage| {
        RgbImage::from_fn(96, 96, |x, y| {
            let (x, y) = (x as f32 - 47.5, y as f32 - 47.5);
            let (x, y) = (47.5 + cos * x + sin * y, 47.5 - sin * x + cos * y);
            let is_inside = (0.0..=95.0).contains(&x) && (0.0..=95.0).contains(&y);
            if is_inside { *original.get_pixel(x.round() as u32, y.round() as u32) } else { Rgb([0; 3]) }
        })
    };
    let orientation = Orientation { is_mirrored: false, degrees: 15 };
    let found =
        |seed: u64| verified(&photo(4), &turned(&photo(seed)), orientation).map_or(-1.0, |pair| pair.correlation);
    assert!(found(4) > 0.85, "{}", found(4));
    for seed in 5..12 {
        assert!(found(seed) < 0.7, "photo {seed}: {}", found(seed));
    }
}
