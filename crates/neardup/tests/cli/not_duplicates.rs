//! Pairs that a file says are no duplicates.

use std::fs;

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Image, Pair, Removed, Split};
use twinset_manifest::{Provenance, Reader, write_manifest};

use crate::{expect_exit, row};

/// A picture, made brighter by so much.
pub(crate) fn picture(number: u32, brighter: u8) -> RgbImage {
    let wave = |x: u32, y: u32| ((x * (number % 7 + 1) * 11 + y * (number % 5 + 1) * 17 + number * 50) % 240) as u8;
    RgbImage::from_fn(32, 32, |x, y| Rgb([wave(x / 4, y / 4), wave(y / 4, x / 4), 90].map(|value| value + brighter)))
}

/// Two versions of a picture, the first of them twice, and two of another; in train.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = |id, number, brighter| row(id, Split::Train, 0, &picture(number, brighter));
    let images: Vec<Image> = vec![image(1, 1, 0), image(2, 1, 9), image(3, 1, 0), image(4, 2, 0), image(5, 2, 9)];
    write_manifest(&folder.path().join("images.parquet"), images, &Provenance::of_stage("ingest", "0")).unwrap();
    fs::write(folder.path().join("no.csv"), "left,right\ntrain/2.png,train/3.png\n").unwrap();
    folder
}

fn find(folder: &TempDir, words: &[&str], code: i32) -> (String, String) {
    expect_exit(folder, &[&["--quiet", "--images", "images.parquet", "--out", "found"], words].concat(), code)
}

fn clusters(folder: &TempDir) -> Vec<u64> {
    let clusters = Reader::<Cluster>::open(&folder.path().join("found/clusters.parquet")).unwrap();
    clusters.read_all().unwrap().iter().map(|row| row.cluster_id).collect()
}

#[test]
fn the_search_leaves_them_out_and_those_of_identical_images() {
    let folder = folder();
    find(&folder, &[], 0);
    assert_eq!(clusters(&folder), [1, 1, 1, 4, 4]);
    let (stdout, _) = find(&folder, &["--not-duplicates", "no.csv"], 0);
    assert!(stdout.contains("2 pairs are left out: no duplicates by the file, which tells of 1 pair\n"), "{stdout}");
    assert_eq!(clusters(&folder), [1, 2, 1, 4, 4]);
    let pairs = Reader::<Pair>::open(&folder.path().join("found/pairs.parquet")).unwrap();
    let inputs: Vec<_> = pairs.provenance().inputs.iter().map(|input| input.name.clone()).collect();
    assert_eq!(inputs, ["images.parquet", "no.csv"]);
    let pairs: Vec<_> = pairs.read_all().unwrap().iter().map(|pair| (pair.left_id, pair.right_id)).collect();
    assert_eq!(pairs, [(1, 3), (4, 5)]);
}

#[test]
fn a_parquet_file_of_pairs_will_do() {
    let folder = folder();
    find(&folder, &[], 0);
    let pairs = Reader::<Pair>::open(&folder.path().join("found/pairs.parquet")).unwrap().read_all().unwrap();
    let rejected = pairs.into_iter().filter(|pair| pair.left_id == 4);
    write_manifest(&folder.path().join("no.parquet"), rejected, &Provenance::of_stage("test", "0")).unwrap();
    let (stdout, _) = find(&folder, &["--not-duplicates", "no.parquet"], 0);
    assert!(stdout.contains("1 pair is left out: no duplicate by the file, which tells of 1 pair\n"), "{stdout}");
    assert_eq!(clusters(&folder), [1, 1, 1, 4, 5]);
}

#[test]
fn clean_keeps_both_images_of_such_a_pair() {
    let folder = folder();
    find(&folder, &[], 0);
    let call = ["clean", "--quiet", "--images", "images.parquet", "--pairs", "found/pairs.parquet", "--clusters"];
    let call = [&call[..], &["found/clusters.parquet", "--out", "clean", "--not-duplicates", "no.csv"]].concat();
    let (stdout, _) = expect_exit(&folder, &call, 0);
    assert!(stdout.contains("exact and near pairs left: 0 within splits"), "{stdout}");
    assert!(stdout.contains("2 pairs are left out: no duplicates by the file, which tells of 1 pair\n"), "{stdout}");
    let removed = Reader::<Removed>::open(&folder.path().join("clean/removed.parquet")).unwrap();
    let inputs: Vec<_> = removed.provenance().inputs.iter().map(|input| input.name.clone()).collect();
    assert_eq!(inputs, ["images.parquet", "pairs.parquet", "clusters.parquet", "no.csv"]);
    let removed: Vec<_> = removed.read_all().unwrap().iter().map(|row| (row.image_id, row.kept_id)).collect();
    assert_eq!(removed, [(3, Some(1)), (5, Some(4))]);
}

#[test]
fn split_ties_nothing_together_by_them() {
    let folder = folder();
    find(&folder, &[], 0);
    let call =
        ["split", "--quiet", "--images", "images.parquet", "--clusters", "found/clusters.parquet", "--out", "split"];
    let call = [&call[..], &["--set", "test=0.4"]].concat();
    let (stdout, _) = expect_exit(&folder, &call, 0);
    assert!(stdout.starts_with("5 images in 2 clusters, 2 of two or more images, the largest of 3\n"), "{stdout}");
    let told = ["--not-duplicates", "no.csv"];
    let (stdout, _) = expect_exit(&folder, &[&call[..], &told, &["--pairs", "found/pairs.parquet"]].concat(), 0);
    assert!(stdout.starts_with("5 images in 3 clusters, 2 of two or more images, the largest of 2\n"), "{stdout}");
    let (_, stderr) = expect_exit(&folder, &[&call[..], &told].concat(), 2);
    assert!(stderr.contains("--pairs <FILE>"), "{stderr}");
}

#[test]
fn a_name_that_no_image_has_is_an_error() {
    let folder = folder();
    let refused = |text: &str, expected: &str| {
        fs::write(folder.path().join("no.csv"), text).unwrap();
        let (_, stderr) = find(&folder, &["--not-duplicates", "no.csv"], 1);
        assert_eq!(stderr, format!("error: failed to use the file `no.csv`: {expected}\n"));
        assert!(!folder.path().join("found/hashes.parquet").exists(), "the images are hashed before the file is read");
    };
    let unknown = "line 3: found `train/9.png` in `right`, expected the `source` of an image (5 images)";
    refused("left,right\ntrain/1.png,train/2.png\ntrain/1.png,train/9.png\n", unknown);
    refused("left_id,right_id\n1,3\n", "line 2: says that 1 and 3 are no duplicates, but their pixels are identical");
    refused("a.png,b.png\n", "line 1: found the columns `a.png`, `b.png`, expected the header `left,right`");
    let near =
        "line 2: found `2.png` in `right`, expected the `source` of an image (5 images); did you mean `train/2.png`?";
    refused("left,right\ntrain/1.png,2.png\n", near);
    // A file that is kept while images come and go.
    fs::write(folder.path().join("no.csv"), "left,right\ntrain/1.png,train/2.png\ntrain/1.png,train/9.png\n").unwrap();
    let (stdout, _) = find(&folder, &["--not-duplicates", "no.csv", "--skip-missing"], 0);
    let expected = "2 pairs are left out: no duplicates by the file, which tells of 1 pair\n\
                    1 pair of the file names an image that is not there, and did nothing\n";
    assert!(stdout.contains(expected), "{stdout}");
    assert_eq!(clusters(&folder), [1, 2, 1, 4, 4]);
    let (_, stderr) = find(&folder, &["--not-duplicates", "gone.csv"], 1);
    assert!(stderr.starts_with("error: failed to read the file `gone.csv`: "), "{stderr}");
}
