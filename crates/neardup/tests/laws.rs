//! What holds of every search, whatever the images are.

use std::collections::BTreeMap;

use image::{Rgb, RgbImage, imageops};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twinset_manifest::rows::PairKind;
use twinset_neardup::{Config, Fingerprint, Hasher, find_matches};

/// A made photo: large and small blobs of its own.
fn photo(seed: u64) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let blobs: Vec<[f32; 5]> = (0..25).map(|_| std::array::from_fn(|_| rng.random_range(0.0..1.0))).collect();
    RgbImage::from_fn(128, 96, |x, y| {
        let (x, y) = (x as f32 / 128.0, y as f32 / 96.0);
        let sum = blobs.iter().fold([110.0_f32; 3], |mut sum, &[bx, by, size, strength, hue]| {
            let size = 0.03 + 0.12 * size;
            let value = (strength - 0.5) * 160.0 * (-((x - bx).powi(2) + (y - by).powi(2)) / (size * size)).exp();
            sum.iter_mut().zip([1.0, hue, 1.0 - hue]).for_each(|(sum, tint)| *sum += value * tint);
            sum
        });
        Rgb(sum.map(|value| value.clamp(0.0, 255.0) as u8))
    })
}

fn re_encoded(image: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    image.write_with_encoder(encoder).unwrap();
    image::load_from_memory(&bytes).unwrap().to_rgb8()
}

fn framed(image: &RgbImage) -> RgbImage {
    let mut ground = RgbImage::from_pixel(160, 140, Rgb([250; 3]));
    imageops::replace(&mut ground, image, 16, 22);
    ground
}

/// Photos, and an edit of each: crops, frames, other light.
fn set(seeds: std::ops::Range<u64>) -> Vec<RgbImage> {
    let edit = |seed: u64| match seed % 4 {
        0 => imageops::crop_imm(&photo(seed), 8, 6, 108, 82).to_image(),
        1 => framed(&photo(seed)),
        2 => imageops::brighten(&photo(seed), 25),
        _ => imageops::crop_imm(&photo(seed), 0, 14, 104, 80).to_image(),
    };
    seeds.clone().map(photo).chain(seeds.map(edit)).collect()
}

/// What is found of images, by their places: kind, similarity and expected false pairs.
type Found = BTreeMap<(usize, usize), (PairKind, Option<f32>, Option<f64>)>;

fn find(images: &[RgbImage], seed: u64) -> Found {
    let hasher = Hasher::new(&Config::default());
    let mut order: Vec<usize> = (0..images.len()).collect();
    if seed > 0 {
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    }
    let fingerprint = |(id, &place): (usize, &usize)| Fingerprint {
        image_id: id as u64,
        ..hasher.fingerprint(&images[place], twinset_pixels::digest(&images[place]), true)
    };
    let fingerprints: Vec<Fingerprint> = order.iter().enumerate().map(fingerprint).collect();
    let matches = find_matches(&fingerprints, &Config::default(), |_, _| |_| ()).unwrap();
    let found = matches.iter().map(|pair| {
        let (left, right) = (order[pair.left as usize], order[pair.right as usize]);
        ((left.min(right), left.max(right)), (pair.kind, pair.similarity, pair.expected_false_pairs))
    });
    found.collect()
}

#[test]
fn edits_are_found_and_nothing_else_is_near() {
    let found = find(&set(1..25), 0);
    let near: Vec<_> = found.iter().filter(|(_, (kind, ..))| *kind == PairKind::Near).map(|(pair, _)| *pair).collect();
    assert_eq!(near, (0..24).map(|place| (place, place + 24)).collect::<Vec<_>>());
}

#[test]
fn the_numbers_of_images_do_not_matter() {
    let images = set(1..25);
    let found = find(&images, 0);
    for seed in 1..4 {
        assert_eq!(find(&images, seed), found, "seed {seed}");
    }
}

#[test]
fn copies_of_an_image_lose_no_pair() {
    let images = set(1..25);
    let before = find(&images, 0);
    for n_copies in [1, 3, 10] {
        let copies =
            (0..n_copies).flat_map(|number| images[..4].iter().map(move |photo| re_encoded(photo, 99 - number * 2)));
        let more: Vec<RgbImage> = images.iter().cloned().chain(copies).collect();
        let after = find(&more, 0);
        for (pair, (kind, similarity, _)) in &before {
            if *kind != PairKind::Similar {
                let found = after.get(pair).map(|(kind, similarity, _)| (*kind, *similarity));
                assert_eq!(found, Some((*kind, *similarity)), "{pair:?} with {n_copies} copies");
            }
        }
    }
}

#[test]
fn unrelated_images_change_no_similarity() {
    let images = set(1..13);
    let before = find(&images, 0);
    let more: Vec<RgbImage> = images.iter().cloned().chain((100..130).map(photo)).collect();
    let after = find(&more, 0);
    for (pair, (kind, similarity, _)) in &before {
        if *kind == PairKind::Near {
            assert_eq!(after.get(pair).map(|(_, similarity, _)| *similarity), Some(*similarity), "{pair:?}");
        }
    }
}
