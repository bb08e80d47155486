//! Images and pairs to make pages of.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Image, ImageData, Pair, PairKind, Split};
use twinset_manifest::{Input, Provenance, digest_file, write_manifest};
use twinset_pixels::{digest, encode_png};

/// What the program printed; it ends well.
#[track_caller]
pub(crate) fn run(folder: &TempDir, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-neardup"));
    let output = command.current_dir(folder.path()).args(words).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout
}

/// The page of a folder with `images.parquet` and these pairs.
pub(crate) fn gallery(folder: &TempDir, pairs: &str) -> PathBuf {
    run(folder, &["gallery", "--quiet", "--images", "images.parquet", "--pairs", pairs, "--out", "g.html"]);
    fs::canonicalize(folder.path().join("g.html")).unwrap()
}

pub(crate) fn row(image_id: u64, split: Split, label: u32, image: &RgbImage, source: &str) -> Image {
    Image {
        image_id,
        split,
        label,
        class_name: ["cat", "dog"][label as usize].to_owned(),
        width: image.width(),
        height: image.height(),
        pixels_blake3: digest(image),
        image: ImageData { bytes: Some(encode_png(image).into()), path: None },
        source: source.to_owned(),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

/// `n` pairs, each of a training image `2 i` and the image `2 i + 1`: the pair's similarity falls with `i` from 1 to 0.5, every third
/// is within train, every fifth has two labels, and the first hundred are exact.
pub(crate) fn many(n: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let split = |id: u64| if id % 2 == 1 && !(id / 2).is_multiple_of(3) { Split::Test } else { Split::Train };
    let label = |id: u64| u32::from(id % 2 == 1 && (id / 2).is_multiple_of(5));
    let image = |id: u64| {
        let look = if id / 2 < 100 { id / 2 } else { id };
        let image = RgbImage::from_fn(8, 8, |x, y| Rgb([(look % 256) as u8, (look / 256) as u8, (x * 31 + y) as u8]));
        row(id, split(id), label(id), &image, &format!("set/{id:05}.png"))
    };
    let pair = |i: u64| Pair {
        left_id: 2 * i,
        right_id: 2 * i + 1,
        kind: if i < 100 { PairKind::Exact } else { PairKind::Near },
        found_by: "dct".to_owned(),
        hash_distance_bits: Some(i as u32 % 10),
        left_split: split(2 * i),
        right_split: split(2 * i + 1),
        left_label: label(2 * i),
        right_label: label(2 * i + 1),
        label_conflict: label(2 * i) != label(2 * i + 1),
        similarity: Some(if i < 100 { 1.0 } else { 1.0 - 0.5 * i as f32 / n as f32 }),
        expected_false_pairs: None,
        alignment: Some("mirror".to_owned()),
        left_source: String::new(),
        right_source: String::new(),
    };
    write(&folder, (0..2 * n).map(image), (0..n).map(pair));
    folder
}

/// Writes `images.parquet` and `pairs.parquet`, made from it.
fn write(folder: &TempDir, images: impl IntoIterator<Item = Image>, pairs: impl IntoIterator<Item = Pair>) {
    let path = folder.path().join("images.parquet");
    write_manifest(&path, images, &Provenance::of_stage("ingest", "0")).unwrap();
    let images = Input {
        name: "images.parquet".to_owned(),
        schema: Some("images/3".to_owned()),
        blake3: digest_file(&path).unwrap(),
    };
    let provenance = Provenance::of_stage("neardup", "0").with_inputs([images]);
    write_manifest(&folder.path().join("pairs.parquet"), pairs, &provenance).unwrap();
}

/// A group of 34 images, near image 0 each: 26 of train, of which image 25 alone is in `from-phone`, then 8 of test; a similar pair
/// within it; an exact pair of train; a similar pair of train and test.
pub(crate) fn mixed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let split = |id: u64| if (26..34).contains(&id) || id == 37 { Split::Test } else { Split::Train };
    let image = |id: u64| {
        let look = if id == 35 { 34 } else { id };
        let image = RgbImage::from_fn(8, 8, |x, y| Rgb([look as u8, 9, (x * 31 + y) as u8]));
        let name = if id == 25 { format!("from-phone/{id}.png") } else { format!("all/{id}.png") };
        row(id, split(id), u32::from(id == 37), &image, &name)
    };
    let pair = |(left_id, right_id, kind): (u64, u64, PairKind)| Pair {
        left_id,
        right_id,
        kind,
        found_by: "correlation".to_owned(),
        hash_distance_bits: Some(6),
        left_split: split(left_id),
        right_split: split(right_id),
        left_label: 0,
        right_label: u32::from(right_id == 37),
        label_conflict: right_id == 37,
        similarity: Some(1.0 - right_id as f32 / 100.0),
        expected_false_pairs: None,
        alignment: Some("shift(right=2.9 down=-3.4)".to_owned()),
        left_source: String::new(),
        right_source: String::new(),
    };
    let star = (1..34).map(|right| (0, right, PairKind::Near));
    let others = [(1, 2, PairKind::Similar), (34, 35, PairKind::Exact), (36, 37, PairKind::Similar)];
    write(&folder, (0..38).map(image), star.chain(others).map(pair));
    folder
}
