//! `--cache`: a run that knows the last one's findings writes the bytes of a run that knows nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use twinset_manifest::rows::{Pair, PairKind, Split};
use twinset_manifest::{Provenance, Reader, write_manifest};

use crate::row;

/// Pictures of few blobs, so that each is a little like most others; every third is a changed copy of an earlier one, and
/// every tenth an exact one.
pub(crate) fn pictures(n: usize) -> Vec<RgbImage> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut pictures: Vec<RgbImage> = Vec::new();
    for number in 0..n {
        let earlier = rng.random_range(0..number.max(1));
        if number % 10 == 9 {
            pictures.push(pictures[earlier].clone());
            continue;
        }
        if number % 3 == 2 {
            let brighter = rng.random_range(1..12);
            let mut picture = pictures[earlier].clone();
            picture.pixels_mut().for_each(|Rgb(rgb)| *rgb = rgb.map(|value| value.saturating_add(brighter)));
            pictures.push(picture);
            continue;
        }
        let blobs: Vec<[f32; 4]> = (0..3).map(|_| std::array::from_fn(|_| rng.random_range(0.0..1.0))).collect();
        pictures.push(RgbImage::from_fn(32, 32, |x, y| {
            let (x, y) = (x as f32 / 32.0, y as f32 / 32.0);
            let light = |&[bx, by, size, _]: &[f32; 4]| {
                (-((x - bx).powi(2) + (y - by).powi(2)) / (0.02 + 0.1 * size)).exp() * 120.0
            };
            let sum: f32 = blobs.iter().map(light).sum();
            Rgb([sum, sum * 0.8, sum * blobs[0][3]].map(|value| value as u8))
        }));
    }
    pictures
}

pub(crate) fn write_images(path: &Path, images: &[(u64, &RgbImage)]) {
    let split = |image_id: u64| if image_id / 2 % 4 == 3 { Split::Test } else { Split::Train };
    let rows = images.iter().map(|&(image_id, image)| row(image_id, split(image_id), 0, image));
    write_manifest(path, rows, &Provenance::of_stage("ingest", "0.1.0")).unwrap();
}

/// What it said on stderr.
fn neardup(folder: &Path, images: &str, out: &str, settings: &[&str], cache: bool) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-neardup"));
    command.current_dir(folder).args(["--quiet", "--images", images, "--out", out]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    if cache {
        command.args(["--cache", "cache"]);
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

#[track_caller]
pub(crate) fn expect_same(folder: &Path, found: &str, expected: &str) {
    for name in ["hashes.parquet", "pairs.parquet", "clusters.parquet"] {
        let read = |run: &str| fs::read(folder.join(run).join(name)).unwrap();
        assert!(read(found) == read(expected), "{name} of {found} is not that of {expected}");
    }
}

fn check(settings: &[&str]) {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let pictures = pictures(140);
    let all: Vec<(u64, &RgbImage)> = pictures.iter().enumerate().map(|(id, image)| (id as u64 * 2, image)).collect();
    // One in six is new later; ids between those that were there.
    let first: Vec<_> = all.iter().copied().filter(|(id, _)| id % 12 != 4).collect();
    // One in seven is gone later, and ids are given anew.
    let last: Vec<_> =
        all.iter().copied().filter(|(id, _)| id % 14 != 6).map(|(id, image)| (1000 - id, image)).collect();
    for (name, images) in [("first", &first), ("all", &all), ("last", &last)] {
        write_images(&path.join(format!("{name}.parquet")), images);
    }
    for (name, n_known) in [("first", 0), ("first", 1), ("all", 1), ("last", 1)] {
        let images = format!("{name}.parquet");
        let stderr = neardup(path, &images, "known", settings, true);
        assert_eq!(stderr.starts_with("0 images are known"), n_known == 0, "{stderr}");
        neardup(path, &images, "anew", settings, false);
        expect_same(path, "known", "anew");
    }
    let pairs = Reader::<Pair>::open(&path.join("known/pairs.parquet")).unwrap().read_all().unwrap();
    let count = |kind: PairKind| pairs.iter().filter(|pair| pair.kind == kind).count();
    assert!(count(PairKind::Exact) > 2 && count(PairKind::Near) > 5, "{} pairs", pairs.len());
}

#[test]
fn a_search_by_correlation_goes_on() {
    check(&[]);
}

#[test]
fn a_search_in_several_orientations_goes_on() {
    check(&["orientations='all'"]);
}

#[test]
fn a_search_between_splits_goes_on() {
    check(&["between-splits=true"]);
}

#[test]
fn a_search_by_hash_goes_on() {
    check(&["search='hash'", "max-distance=60"]);
    check(&["search='hash'", "max-distance=60", "between-splits=true"]);
    check(&["search='hash'", "hash='dct'", "hash-bits=64", "max-distance=6", "verify=false"]);
}

#[test]
fn a_damaged_cache_is_told_of_and_made_anew() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let pictures = pictures(30);
    let images: Vec<_> = (0..).zip(&pictures).collect();
    write_images(&path.join("images.parquet"), &images);
    neardup(path, "images.parquet", "anew", &[], true);
    let cache = fs::read_dir(path.join("cache")).unwrap().next().unwrap().unwrap().path();
    let pairs = cache.join("pairs.parquet");
    let whole = fs::read(&pairs).unwrap();
    fs::write(&pairs, &whole[..whole.len() / 2]).unwrap();
    let stderr = neardup(path, "images.parquet", "known", &[], true);
    assert!(stderr.contains("the cache is not used and made anew: manifest"), "{stderr}");
    expect_same(path, "known", "anew");
    assert_eq!(fs::read(&pairs).unwrap(), whole);
    // A run that ended between the two files.
    write_images(&path.join("few.parquet"), &images[..20]);
    neardup(path, "few.parquet", "few", &[], true);
    fs::write(&pairs, &whole).unwrap();
    let stderr = neardup(path, "images.parquet", "known", &[], true);
    assert_eq!(stderr, "0 images are known from the last run\n");
    expect_same(path, "known", "anew");
}
