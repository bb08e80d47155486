//! The search in parts on real images, from the folder that `TWINSET_SHARED_DATA` names. Skips where it is absent.

use std::fs;
use std::path::PathBuf;

use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use twinset_manifest::rows::{Image, Split};
use twinset_manifest::{Provenance, write_manifest};

use crate::parts::check;
use crate::row;

fn shared(path: &str) -> Option<PathBuf> {
    let path = std::env::var_os("TWINSET_SHARED_DATA").map(|folder| PathBuf::from(folder).join(path));
    let path = path.filter(|path| path.exists());
    if path.is_none() {
        eprintln!("skipped: TWINSET_SHARED_DATA names no folder with the images");
    }
    path
}

/// The images, of which every fourth is a test image, as `images.parquet`.
fn folder_with(images: impl IntoIterator<Item = RgbImage>) -> TempDir {
    let folder = TempDir::new().unwrap();
    let row = |(id, image): (u64, RgbImage)| -> Image {
        row(id, if id % 4 == 3 { Split::Test } else { Split::Train }, (id % 2) as u32, &image)
    };
    let rows = (0..).zip(images).map(row);
    write_manifest(&folder.path().join("images.parquet"), rows, &Provenance::of_stage("ingest", "0")).unwrap();
    folder
}

/// With noise, as others would store it again.
fn noisy(image: &RgbImage, rng: &mut ChaCha8Rng) -> RgbImage {
    let mut image = image.clone();
    let noise = |value: u8, by: i16| (i16::from(value) + by).clamp(0, 255) as u8;
    image.pixels_mut().for_each(|Rgb(rgb)| *rgb = rgb.map(|value| noise(value, rng.random_range(-8..=8))));
    image
}

#[test]
fn images_of_cifar10_have_the_same_pairs_in_parts() {
    let Some(file) = shared("cifar-10-batches-bin/data_batch_1.bin") else { return };
    let records = fs::read(file).unwrap();
    let originals = records.chunks_exact(3073).take(2400).map(|record| {
        let channel = |plane: usize, x: u32, y: u32| record[1 + plane * 1024 + (y * 32 + x) as usize];
        RgbImage::from_fn(32, 32, |x, y| Rgb([0, 1, 2].map(|plane| channel(plane, x, y))))
    });
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut images: Vec<RgbImage> = originals.collect();
    let edited: Vec<_> = images.iter().step_by(5).map(|image| noisy(image, &mut rng)).collect();
    images.extend(edited);
    images.extend_from_within(0..120);
    let folder = folder_with(images);
    check(&folder, &[], &[[1, 1, 1], [2, 1, 2], [7, 2, 7]]);
    check(&folder, &["search='hash'"], &[[1, 1, 1], [2, 1, 2], [7, 2, 7]]);
}

#[test]
fn photos_and_their_crops_have_the_same_pairs_in_parts() {
    let Some(photos) = shared("neardup/photos") else { return };
    let mut files: Vec<_> = fs::read_dir(photos).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut images = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "jpg")) {
        let image = image::open(file).unwrap().thumbnail(320, 320).into_rgb8();
        let (width, height) = image.dimensions();
        let crop = image::imageops::crop_imm(&image, width / 10, height / 10, width * 4 / 5, height * 4 / 5).to_image();
        let mut framed = RgbImage::from_pixel(width + 60, height + 60, Rgb([255; 3]));
        image::imageops::replace(&mut framed, &image, 30, 30);
        images.extend([image::imageops::flip_horizontal(&image), crop, framed, image]);
    }
    let folder = folder_with(images);
    check(&folder, &["orientations='mirrored'"], &[[1, 1, 1], [2, 2, 2], [7, 7, 7]]);
}
