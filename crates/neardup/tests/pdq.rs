//! PDQ against the hashes that its authors publish, in the folder that `TWINSET_SHARED_DATA` names. Skips where it is absent.

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use image::RgbImage;
use twinset_neardup::pdq::pdq;
use twinset_pixels::{Limits, decode};

#[test]
fn hashes_are_those_published_give_or_take_a_few_bits() {
    let Some(photos) = photos() else { return };
    assert_eq!(photos.len(), 12);
    for (name, expected, image) in photos {
        let found = pdq(&image);
        let distance = hex_distance(&found.to_hex(), &expected);
        println!("{name} ({}x{}): distance {distance}, quality {}", image.width(), image.height(), found.quality);
        assert!(distance <= 16, "{name}: {distance} bits from {expected}");
        assert_eq!(found.quality, 100, "{name}");
    }
}

/// `cargo test --release --workspace --test pdq -- --ignored --nocapture` prints images a second on one core.
#[test]
#[ignore = "a measurement"]
fn measure_speed() {
    let Some(photos) = photos() else { return };
    let of_width = |width| photos.iter().map(|(_, _, image)| image).find(|image| image.width() == width);
    let large = of_width(1600).expect("the original");
    let small = image::imageops::thumbnail(large, 32, 32);
    for (image, n_images) in [(&small, 20_000), (of_width(512).expect("a square"), 1_000), (large, 200)] {
        let rates = (0..5).map(|_| {
            let start = Instant::now();
            for _ in 0..n_images {
                black_box(pdq(black_box(image)));
            }
            f64::from(n_images) / start.elapsed().as_secs_f64()
        });
        let best = rates.fold(0.0, f64::max);
        println!("{}x{}: {best:.0} images/s, the best of five runs", image.width(), image.height());
    }
}

fn hex_distance(one: &str, other: &str) -> u32 {
    assert_eq!(one.len(), other.len());
    let digits = |text: &str| text.chars().map(|digit| digit.to_digit(16).expect("a digit")).collect::<Vec<_>>();
    digits(one).iter().zip(digits(other)).map(|(one, other)| (one ^ other).count_ones()).sum()
}

/// The photos that are there, with their names and published hashes.
fn photos() -> Option<Vec<(String, String, RgbImage)>> {
    let folder = std::env::var_os("TWINSET_SHARED_DATA").map(|folder| PathBuf::from(folder).join("neardup/pdq"));
    let Some(folder) = folder.filter(|folder| folder.exists()) else {
        eprintln!("skipped: TWINSET_SHARED_DATA names no folder with PDQ's photos");
        return None;
    };
    let table = fs::read_to_string(folder.join("pdq_expected_hashes.csv")).expect("the hashes can be read");
    let rows = table.lines().skip(1).map(|line| line.split_once(',').expect("a path and a hash"));
    let mut photos = Vec::new();
    for (path, hash) in rows.filter(|(path, _)| path.contains("/bridge-mods/")) {
        let name = path.rsplit('/').next().expect("a file name");
        let bytes = fs::read(folder.join("bridge-mods").join(name)).expect("the photo can be read");
        let image = decode(&bytes, &Limits::default()).expect("the photo can be decoded");
        photos.push((name.to_owned(), hash.to_owned(), image));
    }
    Some(photos)
}
