//! `twinset-neardup clean` as a user calls it, on what `twinset-neardup` found.

use std::fs;

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Image, Pair, Removal, Removed, Split};
use twinset_manifest::{Provenance, Reader, Row, shard_name, write_manifest};

use crate::{expect_exit, row};

const INPUTS: [&str; 6] =
    ["--images", "images.parquet", "--pairs", "found/pairs.parquet", "--clusters", "found/clusters.parquet"];

#[track_caller]
fn clean(folder: &TempDir, words: &[&str], code: i32) -> (String, String) {
    expect_exit(folder, &[&["clean", "--quiet", "--out", "clean"], &INPUTS[..], words].concat(), code)
}

/// An image of a shot: those of one shot have identical pixels.
fn image(image_id: u64, split: Split, label: u32, shot: u32) -> Image {
    let wave = |x: u32, y: u32| ((x * (shot % 7 + 1) * 11 + y * (shot % 5 + 1) * 17 + shot * 50) % 256) as u8;
    let image = RgbImage::from_fn(32, 32, |x, y| Rgb([wave(x / 4, y / 4), wave(y / 4, x / 4), 90]));
    Image { source: format!("all.bin#{image_id}"), ..row(image_id, split, label, &image) }
}

/// Rows in no order of ids: shot 1 twice in train and once in test, shot 2 under two labels in train, 4 and 9 once.
fn rows() -> Vec<Image> {
    vec![
        image(20, Split::Test, 0, 1),
        image(12, Split::Train, 0, 1),
        image(10, Split::Train, 0, 1),
        image(13, Split::Train, 1, 2),
        image(11, Split::Train, 0, 2),
        image(21, Split::Test, 1, 4),
        image(14, Split::Train, 1, 9),
    ]
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

fn reader<R: Row>(folder: &TempDir, path: &str) -> Reader<R> {
    Reader::open(&folder.path().join(path)).unwrap()
}

#[test]
fn what_stays_is_unchanged_and_what_goes_is_told() {
    let folder = folder_with(rows());
    let (stdout, stderr) = clean(&folder, &[], 0);
    let expected = "\
2 clusters of two or more images, 1 of them with two labels
split       images       duplicate            leak  label-conflict       kept
train            5               2               0               0          3
test             2               0               1               0          1
exact and near pairs left: 0 within splits, 0 between splits
of duplicates stays the one with the most pixels (`keep`)
the first that are removed:
  `all.bin#12`: duplicate of `all.bin#10`
  `all.bin#13`: duplicate of `all.bin#11`
  `all.bin#20`: leak of `all.bin#10`
wrote images.parquet and removed.parquet to clean
";
    assert_eq!(stdout, expected);
    let conflict = "1 cluster has images of two labels, which cannot both be right; one label of each was kept (`label-conflicts`)";
    let gone = "no test image of class `cat` is left of 1";
    assert_eq!(stderr, format!("warning: {conflict}\nwarning: {gone}\n"));
    let images = reader::<Image>(&folder, "clean/images.parquet");
    assert_eq!(images.provenance().warnings, ["the test images are not the official ones", conflict, gone]);
    let inputs: Vec<_> = images.provenance().inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["images.parquet", "pairs.parquet", "clusters.parquet"]);
    let kept: Vec<_> = rows().into_iter().filter(|row| [10, 11, 14, 21].contains(&row.image_id)).collect();
    assert_eq!(images.read_all().unwrap(), kept);
    let removed: Vec<_> = reader::<Removed>(&folder, "clean/removed.parquet").read_all().unwrap();
    let told = |row: &Removed| (row.image_id, row.split, row.label, row.cluster_id, row.kept_id, row.reason);
    let expected = [
        (12, Split::Train, 0, 10, Some(10), Removal::Duplicate),
        (13, Split::Train, 1, 11, Some(11), Removal::Duplicate),
        (20, Split::Test, 0, 10, Some(10), Removal::Leak),
    ];
    assert_eq!(removed.iter().map(told).collect::<Vec<_>>(), expected);
    let names = |row: &Removed| (row.source.clone(), row.kept_source.clone().unwrap());
    assert_eq!(names(&removed[2]), ("all.bin#20".to_owned(), "all.bin#10".to_owned()));

    let croissant = fs::read_to_string(folder.path().join("clean/croissant.json")).unwrap();
    for part in ["\"contentUrl\": \"images.parquet\"", "\"contentUrl\": \"removed.parquet\"", conflict] {
        assert!(croissant.contains(part), "{croissant}");
    }

    let again = ["--quiet", "--images", "clean/images.parquet", "--out", "again", "--fail-on-leak"];
    let (stdout, _) = expect_exit(&folder, &again, 0);
    assert!(stdout.contains("0 clusters of 0 images"), "cleaned images have no duplicates: {stdout}");
}

#[test]
fn the_test_split_alone_can_be_cleaned() {
    let folder = folder_with(rows());
    let (_, stderr) = clean(&folder, &["--set", "within-splits=false"], 0);
    let conflict =
        "warning: 1 cluster has images of two labels, which cannot both be right; images of both were kept of each";
    assert!(stderr.starts_with(conflict), "{stderr}");
    let kept = reader::<Image>(&folder, "clean/images.parquet").read_all().unwrap();
    let expected: Vec<_> = rows().into_iter().filter(|row| row.image_id != 20).collect();
    assert_eq!(kept, expected);
}

#[test]
fn a_config_file_can_ask_for_the_rest() {
    let folder = folder_with(rows());
    let toml = "[clean]\nkeep = \"largest\"\nleaks = \"keep\"\nwithin-splits = true\nlabel-conflicts = \"remove\"\n";
    fs::write(folder.path().join("c.toml"), toml).unwrap();
    let (stdout, stderr) = clean(&folder, &["--config", "c.toml", "--table", "clean"], 0);
    assert!(stdout.contains("exact and near pairs left: 0 within splits, 1 between splits\n"), "{stdout}");
    assert_eq!(stderr, "", "a leak that was to be kept is nothing to warn of");
    let kept = reader::<Image>(&folder, "clean/images.parquet").read_all().unwrap();
    assert_eq!(kept.iter().map(|row| row.image_id).collect::<Vec<_>>(), [20, 10, 21, 14]);
}

#[test]
fn two_runs_write_the_same_bytes() {
    let folder = folder_with(rows());
    let read = || {
        clean(&folder, &[], 0);
        ["images.parquet", "removed.parquet"].map(|name| fs::read(folder.path().join("clean").join(name)).unwrap())
    };
    assert!(read() == read());
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let refused = |rows: Vec<Image>, prepare: &dyn Fn(&TempDir), words: &[&str], expected: &str| {
        let folder = folder_with(rows);
        prepare(&folder);
        let (_, stderr) = clean(&folder, words, 1);
        assert!(stderr.starts_with(&format!("error: {expected}")), "{stderr}");
        assert!(!folder.path().join("clean").exists(), "{expected}");
    };
    let nothing = |_: &TempDir| ();
    let expected = "--set: key `leaks`: unknown variant `drop`, expected one of `remove-from-test`";
    refused(rows(), &nothing, &["--set", "leaks='drop'"], expected);
    refused(rows(), &nothing, &["--set", "leak='keep'"], "--set: key `leak`: unknown field `leak`");
    let write = |folder: &TempDir, name: &str, rows: Vec<Image>| {
        write_manifest(&folder.path().join(name), rows, &Provenance::of_stage("ingest", "0")).unwrap();
    };
    let other = |folder: &TempDir| write(folder, "images.parquet", rows()[1..].to_vec());
    let expected =
        "failed to read the clusters: `found/clusters.parquet` was made from other images: from `images.parquet`";
    refused(rows(), &other, &[], expected);
    // Clusters and pairs that do not say what they were made from.
    let of_nobody = |folder: &TempDir, leave: &dyn Fn(u64) -> bool| {
        let clusters = reader::<Cluster>(folder, "found/clusters.parquet").read_all().unwrap();
        let pairs = reader::<Pair>(folder, "found/pairs.parquet").read_all().unwrap();
        let found = folder.path().join("found");
        let provenance = Provenance::of_stage("neardup", "0");
        let clusters = clusters.into_iter().filter(|row| leave(row.image_id));
        write_manifest(&found.join("clusters.parquet"), clusters, &provenance).unwrap();
        write_manifest(&found.join("pairs.parquet"), pairs, &provenance).unwrap();
    };
    let partial = |folder: &TempDir| of_nobody(folder, &|image_id| image_id != 13);
    let expected = "failed to use the images and clusters: image 13 has no row in the clusters, expected every image to have \
                    one\nhint: run twinset-neardup on these images\n";
    refused(rows(), &partial, &[], expected);
    let fewer = |folder: &TempDir| {
        of_nobody(folder, &|_| true);
        other(folder);
    };
    let expected = "failed to clean: the clusters tell of image 20, which is not among the images";
    refused(rows(), &fewer, &[], expected);
    let all_leak: Vec<_> = rows().into_iter().filter(|row| row.image_id != 21).collect();
    let expected = "failed to clean: no test image would be left of 1, expected at least one\nhint: ";
    refused(all_leak.clone(), &nothing, &[], expected);
    // What only asks for the plan is warned.
    let folder = folder_with(all_leak);
    let call = ["clean", "--quiet", "--images", "images.parquet", "--pairs", "found/pairs.parquet", "--clusters"];
    let call = [&call[..], &["found/clusters.parquet", "--plan", "plan.parquet"]].concat();
    let (_, stderr) = expect_exit(&folder, &call, 0);
    let warning = "`twinset clean` refuses that without `--set leaks=keep`: no test image would be left of 1, expected at least one";
    assert_eq!(stderr, format!("warning: {warning}\n"));
    assert_eq!(reader::<Removed>(&folder, "plan.parquet").provenance().warnings, [warning]);
}

#[test]
fn the_images_that_are_read_are_not_written_over() {
    let folder = folder_with(rows());
    let before = fs::read(folder.path().join("images.parquet")).unwrap();
    let words = [&["clean", "--quiet", "--out", "found/.."], &INPUTS[..]].concat();
    let (_, stderr) = expect_exit(&folder, &words, 1);
    assert!(stderr.contains("it is the manifest that is cleaned, expected another folder for --out"), "{stderr}");
    assert!(fs::read(folder.path().join("images.parquet")).unwrap() == before);
    assert!(!folder.path().join("removed.parquet").exists());
}

#[test]
fn check_needs_no_images_and_help_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    expect_exit(&folder, &["clean", "--check", "--set", "keep='largest'"], 0);
    expect_exit(&folder, &["clean"], 2);
    let (help, _) = expect_exit(&folder, &["clean", "--help"], 0);
    assert!(help.contains("within-splits=false"), "{help}");
}

#[test]
fn a_manifest_that_stands_near_is_what_was_meant() {
    let folder = folder_with(rows());
    let check = |images: &str, meant: &str| {
        let (_, stderr) = expect_exit(&folder, &["--quiet", "--images", images, "--out", "found"], 1);
        assert!(stderr.ends_with(&format!("\nhint: did you mean `{meant}`?\n")), "{stderr}");
    };
    fs::create_dir_all(folder.path().join("out/images")).unwrap();
    fs::create_dir_all(folder.path().join("shards/images")).unwrap();
    fs::copy(folder.path().join("images.parquet"), folder.path().join("out/images/images.parquet")).unwrap();
    fs::rename(
        folder.path().join("images.parquet"),
        folder.path().join("shards/images").join(shard_name("images", 0, 1)),
    )
    .unwrap();
    check("out/images", "out/images/images.parquet");
    check("shards/images.parquet", "shards/images");
    // A manifest of another schema was not meant.
    let provenance = Provenance::of_stage("test", "0");
    write_manifest::<Pair>(&folder.path().join("out/images/pairs.parquet"), [], &provenance).unwrap();
    check("out/images", "out/images/images.parquet");
}

#[test]
fn pairs_and_clusters_are_of_one_search_and_that_of_all_images() {
    let folder = folder_with(rows());
    let search = |out: &str, set: &str| {
        expect_exit(&folder, &["--quiet", "--images", "images.parquet", "--set", set, "--out", out], 0);
    };
    let with = |pairs: &str, clusters: &str, set: &[&str], code: i32| {
        let words = [
            "clean",
            "--quiet",
            "--out",
            "clean",
            "--images",
            "images.parquet",
            "--pairs",
            pairs,
            "--clusters",
            clusters,
        ];
        expect_exit(&folder, &[&words, set].concat(), code)
    };
    search("mirrored", "orientations='mirrored'");
    let (_, stderr) = with("found/pairs.parquet", "mirrored/clusters.parquet", &[], 1);
    let expected = "error: failed to read the pairs: `found/pairs.parquet` is of a search with `orientations` \"upright\", \
                    expected that of the clusters, with \"mirrored\"\n";
    assert_eq!(stderr, expected);
    search("between", "between-splits=true");
    let (_, stderr) = with("between/pairs.parquet", "between/clusters.parquet", &[], 1);
    let expected = "error: failed to read the clusters: `between/clusters.parquet` is of a search with `between-splits = true`, \
                    expected one among all images\nhint: search anew without it, or clean with --set within-splits=false\n";
    assert_eq!(stderr, expected);
    assert!(!folder.path().join("clean").exists());
    let (stdout, _) = with("between/pairs.parquet", "between/clusters.parquet", &["--set", "within-splits=false"], 0);
    assert!(stdout.contains("pairs left: not searched within splits, 0 between splits\n"), "{stdout}");
}
