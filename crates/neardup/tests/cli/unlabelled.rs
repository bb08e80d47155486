//! Images without labels, as `twinset-ingest` writes those of a folder of photos: they are searched, shown, cleaned and split, no
//! label conflict is told of, and no class is invented.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Image, ImageData, Pair, PairKind, Split};
use twinset_manifest::{Footer, Provenance, Reader, Writer};
use twinset_pixels::{digest, encode_png};

fn picture(number: u32) -> RgbImage {
    let wave = |x: u32, y: u32| ((x * (number % 7 + 1) * 11 + y * (number % 5 + 1) * 17 + number * 50) % 256) as u8;
    RgbImage::from_fn(32, 32, |x, y| Rgb([wave(x / 4, y / 4), wave(y / 4, x / 4), 90]))
}

/// Ten photos, the last of which is the first once more.
fn photos() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::<Image>::create(&folder.path().join("images.parquet")).unwrap();
    for image_id in 0..10 {
        let pixels = picture(image_id % 9);
        let row = Image {
            image_id: image_id.into(),
            split: Split::Train,
            label: 0,
            class_name: String::new(),
            width: 32,
            height: 32,
            pixels_blake3: digest(&pixels),
            image: ImageData { bytes: Some(encode_png(&pixels).into()), path: None },
            source: format!("2019/{image_id}.png"),
            lost: None,
            derived_from: None,
            transform: None,
        };
        writer.push(row).unwrap();
    }
    writer.finish_images(&Provenance::of_stage("ingest", "0"), &[]).unwrap();
    folder
}

/// What it printed; it succeeds.
#[track_caller]
fn run(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-neardup"));
    let output = command.current_dir(folder).args(args).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout
}

#[test]
fn photos_without_labels_are_searched_shown_cleaned_and_split() {
    let photos = photos();
    let folder = photos.path();
    let stdout = run(folder, &["--images", "images.parquet", "--out", "found", "--quiet"]);
    assert!(stdout.contains("train - train                     1 (0)"), "{stdout}");
    let pairs: Vec<Pair> = Reader::open(&folder.join("found/pairs.parquet")).unwrap().read_all().unwrap();
    let exact: Vec<_> = pairs.iter().filter(|pair| pair.kind == PairKind::Exact).collect();
    assert_eq!(exact.iter().map(|pair| (pair.left_id, pair.right_id)).collect::<Vec<_>>(), [(0, 9)]);
    assert!(pairs.iter().all(|pair| !pair.label_conflict));

    let found = ["--images", "images.parquet", "--pairs", "found/pairs.parquet"];
    run(folder, &[&["gallery", "--out", "gallery.html", "--quiet"], &found[..]].concat());
    let html = fs::read_to_string(folder.join("gallery.html")).unwrap();
    assert!(!html.contains("label conflict") && !html.contains("class=\"of\""), "neither classes nor splits");

    let clusters = ["--clusters", "found/clusters.parquet", "--quiet"];
    run(folder, &[&["clean", "--out", "clean"], &found[..], &clusters].concat());
    run(folder, &[&["split", "--set", "test=0.3", "--out", "split"], &found[..2], &clusters].concat());
    for (path, n_rows) in [("clean/images.parquet", 9), ("split/images.parquet", 10)] {
        let images: Vec<Image> = Reader::open(&folder.join(path)).unwrap().read_all().unwrap();
        assert!(images.len() == n_rows && images.iter().all(|image| image.class_name.is_empty()), "{path}");
        assert!(Footer::read(&folder.join(path)).unwrap().class_names.is_empty(), "{path}: no class is invented");
    }
}

#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let photos = photos();
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-neardup"));
    command.args(["--images", "images.parquet", "--out", "found", "--quiet"]).current_dir(photos.path());
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = "error: cannot write to stdout: No space left on device (os error 28)\n";
    assert_eq!((output.status.code(), stderr.as_str()), (Some(1), expected));
}
