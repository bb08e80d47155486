//! `twinset-neardup` as a user calls it.

mod cache;
mod clean;
mod clean_files;
mod evaluate;
mod find;
mod gallery;
mod not_duplicates;
mod odd_images;
mod parts;
mod parts_of_real_images;
mod parts_refused;
mod reference;
mod split;
mod unlabelled;

use std::process::Command;

use image::RgbImage;
use tempfile::TempDir;
use twinset_manifest::rows::{Image, ImageData, Split};
use twinset_pixels::{digest, encode_png};

/// What `twinset-neardup` printed on stdout and on stderr; it ends with this exit code.
#[track_caller]
fn expect_exit(folder: &TempDir, words: &[&str], code: i32) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-neardup"));
    let output = command.current_dir(folder.path()).args(words).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}

/// The row of an embedded image, a cat (label 0) or a dog (label 1).
fn row(image_id: u64, split: Split, label: u32, image: &RgbImage) -> Image {
    Image {
        image_id,
        split,
        label,
        class_name: ["cat", "dog"][label as usize].to_owned(),
        width: image.width(),
        height: image.height(),
        pixels_blake3: digest(image),
        image: ImageData { bytes: Some(encode_png(image).into()), path: None },
        source: format!("train/{image_id}.png"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}
