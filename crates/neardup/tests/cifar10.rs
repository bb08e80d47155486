//! The defaults on real images: CIFAR-10 from the folder that `TWINSET_SHARED_DATA` names. Skips where it is absent.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use image::RgbImage;
use twinset_manifest::rows::Split;
use twinset_neardup::{Config, Fingerprint, HashKind, Hasher, Search, find_matches, sort_by_id};

const RECORD_BYTES: usize = 1 + 3 * 32 * 32;
const N_TRAIN: usize = 50_000;

#[test]
fn the_default_finds_known_leaks_of_cifar10_and_few_other_pairs() {
    let Some(images) = cifar10() else { return };
    let found = leaks(&images, &by_hash());
    // Measured: 65 of 139 known pairs within 343; see `Config`.
    assert!(found.n_known_found >= 60, "{found:?}");
    assert!(found.n_test_train <= 400, "{found:?}");
}

/// `cargo test --release -p twinset-neardup --test cifar10 -- --ignored --nocapture` prints what the defaults rest on.
#[test]
#[ignore = "a measurement"]
fn measure_hashes_and_radii() {
    let Some(images) = cifar10() else { return };
    for hash in HashKind::ALL {
        for (hash_bits, radii) in [(64, vec![0, 2, 3, 4, 5, 6, 8]), (256, vec![8, 16, 24, 32, 36, 40, 44, 48])] {
            if hash_bits != 256 && hash == HashKind::Pdq {
                continue;
            }
            for max_distance in radii {
                let found =
                    leaks(&images, &Config { hash, hash_bits, max_distance, max_pairs: 2_000_000, ..by_hash() });
                println!("{hash}-{hash_bits} radius {max_distance}: {found:?}");
            }
        }
    }
}

/// The search by hash alone.
fn by_hash() -> Config {
    Config { search: Search::Hash, verify: false, ..Config::default() }
}

#[derive(Debug)]
#[expect(dead_code, reason = "printed by `Debug`")]
struct Found {
    n_pairs: usize,
    n_conflicts: usize,
    n_test_train: usize,
    n_known_found: usize,
    n_known: usize,
    hashing_s: f64,
    search_s: f64,
}

fn leaks(images: &[(u8, RgbImage)], config: &Config) -> Found {
    use rayon::prelude::*;
    let start = Instant::now();
    let hasher = Hasher::new(config);
    let mut fingerprints: Vec<_> = (0..images.len())
        .into_par_iter()
        .map(|index| {
            let (label, image) = &images[index];
            Fingerprint {
                image_id: index as u64,
                split: if index < N_TRAIN { Split::Train } else { Split::Test },
                label: u32::from(*label),
                ..hasher.fingerprint(image, twinset_pixels::digest(image), false)
            }
        })
        .collect();
    let hashing_s = start.elapsed().as_secs_f64();
    sort_by_id(&mut fingerprints).expect("every id occurs once");
    let start = Instant::now();
    let matches = find_matches(&fingerprints, config, |_, _| |_| ());
    let search_s = start.elapsed().as_secs_f64();
    let matches = matches.unwrap_or_default();
    let between = |pair: &&twinset_neardup::Match| (pair.left as usize) < N_TRAIN && (pair.right as usize) >= N_TRAIN;
    let leaks: HashSet<_> = matches.iter().filter(between).map(|pair| (pair.left, pair.right)).collect();
    let known = known_leaks();
    let n_known_found = known.iter().filter(|pair| leaks.contains(pair)).count();
    let is_conflict = |pair: &&twinset_neardup::Match| images[pair.left as usize].0 != images[pair.right as usize].0;
    let n_conflicts = matches.iter().filter(is_conflict).count();
    let (n_pairs, n_test_train) = (matches.len(), leaks.len());
    Found { n_pairs, n_conflicts, n_test_train, n_known_found, n_known: known.len(), hashing_s, search_s }
}

/// Label and pixels of all images, training images first.
fn cifar10() -> Option<Vec<(u8, RgbImage)>> {
    let Some(folder) = shared("cifar-10-batches-bin") else {
        eprintln!("skipped: TWINSET_SHARED_DATA names no folder with CIFAR-10");
        return None;
    };
    let mut images = Vec::new();
    let files = (1..=5).map(|number| format!("data_batch_{number}.bin")).chain(["test_batch.bin".to_owned()]);
    for file in files {
        for record in fs::read(folder.join(&file)).expect("the batch can be read").chunks_exact(RECORD_BYTES) {
            let channel = |plane: usize, x: u32, y: u32| record[1 + plane * 1024 + (y * 32 + x) as usize];
            let pixel = |x, y| image::Rgb([channel(0, x, y), channel(1, x, y), channel(2, x, y)]);
            images.push((record[0], RgbImage::from_fn(32, 32, pixel)));
        }
    }
    Some(images)
}

/// ciFAIR's pairs as (training image, test image), both as indices of [`cifar10`].
fn known_leaks() -> Vec<(u32, u32)> {
    let path = shared("cifair/cifar10_test_train_dev.csv").expect("ciFAIR's pairs lie beside CIFAR-10");
    let text = fs::read_to_string(path).expect("the pairs can be read");
    let numbers = text.lines().skip(1).map(|line| {
        let mut fields = line.split(',').map(|field| field.trim().parse::<f64>().expect("a number"));
        (fields.next().expect("TestID") as u32, fields.next().expect("TrainID") as u32)
    });
    numbers.map(|(test, train)| (train, N_TRAIN as u32 + test)).collect()
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("TWINSET_SHARED_DATA")?).join(path);
    path.exists().then_some(path)
}
