//! `twinset-leaks` as a user calls it.

mod accuracy;
mod cifar10;
mod refused;

use std::path::Path;
use std::process::Command;

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Image, ImageData, Leak, LeakSubset, Pair, PairKind, Split};
use twinset_manifest::{Provenance, Reader, read_manifest, write_manifest};
use twinset_pixels::{digest, encode_png};

const CLASSES: [&str; 3] = ["cat", "dog", "fox"];
/// Images 0 to 5 are for training, 6 to 15 are the test split.
const N_TRAIN: u64 = 6;
const N_TEST: u64 = 10;

/// What it printed on stdout and on stderr; it ends with this exit code.
#[track_caller]
fn expect_exit(folder: &Path, words: &[&str], code: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-leaks"));
    let output = command.current_dir(folder).args(words).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}

/// A folder with images.parquet and pairs.parquet: test image 6 has an exact twin in training, 7 and 8 near ones, 9 and 10 are twins
/// of one another, and 11 is similar to a training image.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    write_images(folder.path(), Provenance::of_stage("ingest", "0.1.0"));
    let input = Reader::<Image>::open(&folder.path().join("images.parquet")).unwrap().as_input().unwrap();
    let pairs = [
        pair(0, 6, PairKind::Exact, 1.0),
        pair(1, 6, PairKind::Near, 0.99),
        pair(2, 7, PairKind::Near, 0.97),
        pair(3, 7, PairKind::Near, 0.80),
        pair(3, 8, PairKind::Near, 0.87),
        pair(9, 10, PairKind::Near, 0.9),
        pair(5, 11, PairKind::Similar, 0.7),
    ];
    let provenance = Provenance::of_stage("neardup", "0.1.0").with_inputs([input]);
    write_manifest(&folder.path().join("pairs.parquet"), pairs, &provenance).unwrap();
    folder
}

fn write_images(folder: &Path, provenance: Provenance) {
    let rows = (0..N_TRAIN + N_TEST).map(image);
    write_manifest(&folder.join("images.parquet"), rows, &provenance).unwrap();
}

fn split(image_id: u64) -> Split {
    if image_id < N_TRAIN { Split::Train } else { Split::Test }
}

fn label(image_id: u64) -> u32 {
    image_id as u32 % 3
}

fn image(image_id: u64) -> Image {
    let pixels = RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 30) as u8, (y * 30) as u8, (image_id % 16) as u8 * 15]));
    Image {
        image_id,
        split: split(image_id),
        label: label(image_id),
        class_name: CLASSES[label(image_id) as usize].to_owned(),
        width: 8,
        height: 8,
        pixels_blake3: digest(&pixels),
        image: ImageData { bytes: Some(encode_png(&pixels).into()), path: None },
        source: format!("{}/{image_id}.png", split(image_id)),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

fn pair(left_id: u64, right_id: u64, kind: PairKind, similarity: f32) -> Pair {
    Pair {
        left_id,
        right_id,
        left_source: image(left_id).source,
        right_source: image(right_id).source,
        kind,
        found_by: "correlation".to_owned(),
        hash_distance_bits: None,
        left_split: split(left_id),
        right_split: split(right_id),
        left_label: label(left_id),
        right_label: label(right_id),
        label_conflict: label(left_id) != label(right_id),
        similarity: Some(similarity),
        expected_false_pairs: None,
        alignment: Some("none".to_owned()),
    }
}

/// The words of a call with these predictions.
fn words<'a>(predictions: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words =
        vec!["--quiet", "--images", "images.parquet", "--pairs", "pairs.parquet", "--predictions", predictions];
    words.extend(["--out", "out"]);
    words.extend(more);
    words
}

fn write(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(folder.path().join(name), bytes).unwrap();
}

/// A CSV of all test images; `row` gives the rest of an image's row.
fn csv(header: &str, row: impl Fn(u64) -> String) -> String {
    let rows: Vec<String> = (N_TRAIN..N_TRAIN + N_TEST).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

/// An array of 32-bit floats as `np.save` writes it.
fn npy(shape: &str, values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let values: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), &values].concat()
}

fn leaks(folder: &Path) -> Vec<Leak> {
    read_manifest(&folder.join("out/leaks.parquet")).unwrap().0
}

/// Images of a model's subset, and those that it is right on.
fn counts(rows: &[Leak], model: &str, subset: LeakSubset) -> (u64, u64) {
    let mut of = rows.iter().filter(|row| row.model == model && row.subset == subset);
    let row = of.next().unwrap_or_else(|| panic!("no row of {model}, {subset}"));
    (row.n_images, row.n_correct)
}
