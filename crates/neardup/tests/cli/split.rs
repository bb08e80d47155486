//! `twinset-neardup split` as a user calls it, on what `twinset-neardup` found.

use std::collections::BTreeMap;
use std::fs;

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Image, Split};
use twinset_manifest::{Provenance, Reader, Row, write_manifest};

use crate::{expect_exit, row};

const INPUTS: [&str; 4] = ["--images", "images.parquet", "--clusters", "found/clusters.parquet"];
const SHARES: [&str; 4] = ["--set", "test=0.25", "--set", "val=0.25"];

#[track_caller]
fn split(folder: &TempDir, words: &[&str], code: i32) -> (String, String) {
    expect_exit(folder, &[&["split", "--quiet", "--out", "split"], &INPUTS[..], words].concat(), code)
}

/// An image of a shot: those of one shot have identical pixels.
fn image(image_id: u64, split: Split, label: u32, shot: u32) -> Image {
    let noise = |x: u32, y: u32, z: u32| {
        let mixed = (x * 7 + y * 13 + z * 29 + shot * 101 + 1).wrapping_mul(2_654_435_761) ^ shot.wrapping_mul(40_503);
        (mixed.wrapping_mul(2_246_822_519) >> 24) as u8
    };
    let image = RgbImage::from_fn(32, 32, |x, y| Rgb([0, 1, 2].map(|z| noise(x / 8, y / 8, z))));
    Image { source: format!("all.bin#{image_id}"), ..row(image_id, split, label, &image) }
}

/// Sixteen images of ten shots, in no order of ids; every leak there can be.
fn rows() -> Vec<Image> {
    let shots = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9];
    let rows = (0..16_u64).rev().map(|id| {
        let split = [Split::Train, Split::Test, Split::Val][(id % 3) as usize];
        image(id + 100, split, shots[id as usize] % 2, shots[id as usize])
    });
    rows.collect()
}

/// The images, with the warning of whoever read them, and what is found among them.
fn folder_with(rows: Vec<Image>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut provenance = Provenance::of_stage("ingest", "0");
    provenance.warnings.push("the test images are not the official ones".to_owned());
    write_manifest(&folder.path().join("images.parquet"), rows, &provenance).unwrap();
    expect_exit(&folder, &["--quiet", "--images", "images.parquet", "--out", "found"], 0);
    folder
}

fn read<R: Row>(folder: &TempDir, path: &str) -> Vec<R> {
    Reader::open(&folder.path().join(path)).unwrap().read_all().unwrap()
}

#[test]
fn no_cluster_lies_in_two_splits_and_nothing_else_is_changed() {
    let folder = folder_with(rows());
    expect_exit(&folder, &["--quiet", "--images", "images.parquet", "--out", "x", "--fail-on-leak"], 3);
    let (stdout, stderr) = split(&folder, &SHARES, 0);
    assert!(stdout.starts_with("16 images in 10 clusters, 4 of two or more images, the largest of 4\n"), "{stdout}");
    assert!(stdout.contains("\ntrain            8     50.0 %     50.0 %\n"), "{stdout}");
    assert!(stdout.ends_with("wrote images.parquet to split\n"), "{stdout}");
    assert_eq!(stderr, "");

    let images: Vec<Image> = read(&folder, "split/images.parquet");
    let as_before: Vec<_> =
        rows().into_iter().zip(&images).map(|(row, new)| Image { split: new.split, ..row }).collect();
    assert_eq!(images, as_before, "rows and their order");
    let splits: BTreeMap<_, _> = images.iter().map(|image| (image.image_id, image.split)).collect();
    let mut of_cluster = BTreeMap::new();
    for row in read::<Cluster>(&folder, "found/clusters.parquet") {
        let split = splits[&row.image_id];
        assert_eq!(*of_cluster.entry(row.cluster_id).or_insert(split), split, "cluster {}", row.cluster_id);
    }
    let again = ["--quiet", "--images", "split/images.parquet", "--out", "again", "--fail-on-leak"];
    expect_exit(&folder, &again, 0);

    let reader = Reader::<Image>::open(&folder.path().join("split/images.parquet")).unwrap();
    let provenance = reader.provenance();
    assert_eq!((provenance.stage.as_str(), provenance.seed), ("neardup", Some(0)));
    assert_eq!(provenance.warnings, ["the test images are not the official ones"]);
    let inputs: Vec<_> = provenance.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["images.parquet", "clusters.parquet"]);
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_does_not() {
    let folder = folder_with(rows());
    let bytes = |seed: &str| {
        split(&folder, &[&SHARES[..], &["--set", seed]].concat(), 0);
        fs::read(folder.path().join("split/images.parquet")).unwrap()
    };
    let first = bytes("seed=5");
    assert!(first == bytes("seed=5"));
    let splits = |folder: &TempDir| -> Vec<_> {
        read::<Image>(folder, "split/images.parquet").iter().map(|image| image.split).collect()
    };
    let of_five = splits(&folder);
    let differs = (6..12).any(|seed| {
        bytes(&format!("seed={seed}"));
        splits(&folder) != of_five
    });
    assert!(differs);
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let refused = |prepare: &dyn Fn(&TempDir), words: &[&str], expected: &str| {
        let folder = folder_with(rows());
        prepare(&folder);
        let (_, stderr) = split(&folder, words, 1);
        assert!(stderr.starts_with(&format!("error: {expected}")), "{stderr}");
        assert!(!folder.path().join("split").exists(), "{expected}");
    };
    let nothing = |_: &TempDir| ();
    refused(&nothing, &[], "--set: key `test`: found 0, expected above 0, or `val` above 0");
    let expected = "--set: key `test`: found 1.5, expected a share from 0 to less than 1";
    refused(&nothing, &["--set", "test=1.5"], expected);
    refused(
        &nothing,
        &["--set", "test=0.5", "--set", "val=0.5"],
        "--set: key `test`: found 0.5, expected less than 1 together with `val`",
    );
    refused(&nothing, &["--set", "train=0.5"], "--set: key `train`: unknown field `train`, expected one of");
    let write = |folder: &TempDir, rows: Vec<Image>| {
        write_manifest(&folder.path().join("images.parquet"), rows, &Provenance::of_stage("ingest", "0")).unwrap();
    };
    let other = |folder: &TempDir| write(folder, rows()[1..].to_vec());
    let expected =
        "failed to read the clusters: `found/clusters.parquet` was made from other images: from `images.parquet`";
    refused(&other, &SHARES, expected);
    let of_nobody = |folder: &TempDir| {
        let clusters = read::<Cluster>(folder, "found/clusters.parquet");
        let clusters = clusters.into_iter().filter(|row| row.image_id != 103);
        write_manifest(&folder.path().join("found/clusters.parquet"), clusters, &Provenance::of_stage("neardup", "0"))
            .unwrap();
    };
    let expected = "failed to use the images and clusters: image 103 has no row in the clusters, expected every image to have \
                    one\nhint: run twinset-neardup on these images\n";
    refused(&of_nobody, &SHARES, expected);
    let one_shot = folder_with((0..4).map(|id| image(id, Split::Train, 0, 3)).collect());
    let (_, stderr) = split(&one_shot, &SHARES, 1);
    let expected = "error: failed to split: no cluster is left for split `val`: 1 cluster holds all 4 images, the largest 4\nhint: ";
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn the_images_that_are_read_are_not_written_over() {
    let folder = folder_with(rows());
    let before = fs::read(folder.path().join("images.parquet")).unwrap();
    let words = [&["split", "--quiet", "--out", "found/.."], &INPUTS[..], &SHARES[..]].concat();
    let (_, stderr) = expect_exit(&folder, &words, 1);
    assert!(stderr.contains("it is the manifest that is split, expected another folder for --out"), "{stderr}");
    assert!(fs::read(folder.path().join("images.parquet")).unwrap() == before);
}

#[test]
fn check_needs_no_images_and_help_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    expect_exit(&folder, &["split", "--check", "--set", "test=0.2"], 0);
    expect_exit(&folder, &["split"], 2);
    let (help, _) = expect_exit(&folder, &["split", "--help"], 0);
    assert!(help.contains("--set test=0.2"), "{help}");
}

#[test]
fn clusters_between_splits_alone_do_not_keep_duplicates_together() {
    let folder = folder_with(rows());
    let words = ["--quiet", "--images", "images.parquet", "--set", "between-splits=true", "--out", "found"];
    expect_exit(&folder, &words, 0);
    let (_, stderr) = split(&folder, &SHARES, 1);
    let expected = "`found/clusters.parquet` is of a search with `between-splits = true`, expected one among all images\n\
                    hint: search anew without it: a cluster may lie within a split\n";
    assert!(stderr.ends_with(expected), "{stderr}");
    assert!(!folder.path().join("split").exists());
}

#[test]
fn images_are_not_written_beside_shards() {
    let folder = folder_with(rows());
    fs::create_dir_all(folder.path().join("split/images")).unwrap();
    fs::copy(folder.path().join("images.parquet"), folder.path().join("split/images/images-00000-of-00001.parquet"))
        .unwrap();
    let (_, stderr) = split(&folder, &SHARES, 1);
    let expected = "error: failed to write `split/images.parquet`: `split/images` holds shards, expected another folder for --out\n";
    assert_eq!(stderr, expected);
    assert!(!folder.path().join("split/images.parquet").exists());
}
