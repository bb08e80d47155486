//! `twinset-neardup gallery` as a user calls it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Image, ImageData, Pair, PairKind, Split};
use twinset_manifest::{Input, Provenance, Reader, digest_file, write_manifest};
use twinset_neardup::{Config, Orientations};

use crate::not_duplicates::picture;
use crate::{expect_exit, row};

const CALL: [&str; 7] = ["gallery", "--images", "images.parquet", "--pairs", "pairs.parquet", "--out", "pages/g.html"];

fn image(image_id: u64) -> Image {
    let image = RgbImage::from_fn(32, 32, |x, y| Rgb([(x * 7) as u8, (y * 7) as u8, image_id as u8]));
    let split = if image_id < 10 { Split::Train } else { Split::Test };
    Image { source: format!("all.bin#{image_id}"), ..row(image_id, split, (image_id % 2) as u32, &image) }
}

fn pair(left_id: u64, right_id: u64, similarity: Option<f32>, bits: u32) -> Pair {
    let split = |id| if id < 10 { Split::Train } else { Split::Test };
    let labels = [left_id, right_id].map(|id| (id % 2) as u32);
    Pair {
        left_id,
        right_id,
        kind: PairKind::Near,
        found_by: "dct".to_owned(),
        hash_distance_bits: Some(bits),
        left_split: split(left_id),
        right_split: split(right_id),
        left_label: labels[0],
        right_label: labels[1],
        label_conflict: labels[0] != labels[1],
        similarity,
        expected_false_pairs: None,
        alignment: None,
        left_source: String::new(),
        right_source: String::new(),
    }
}

/// Images 0 to 19 and these pairs, made from them.
fn folder_with(pairs: &[Pair]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_manifest(&path("images.parquet"), (0..20).map(image), &Provenance::of_stage("ingest", "0")).unwrap();
    write_pairs(&folder, pairs, &path("images.parquet"));
    folder
}

fn write_pairs(folder: &TempDir, pairs: &[Pair], made_from: &Path) {
    let images = Input {
        name: "images.parquet".to_owned(),
        schema: Some("images/3".to_owned()),
        blake3: digest_file(made_from).unwrap(),
    };
    let provenance = Provenance::of_stage("neardup", "0").with_inputs([images]);
    write_manifest(&folder.path().join("pairs.parquet"), pairs.iter().cloned(), &provenance).unwrap();
}

/// The ids of the pairs on the page, in its order.
fn shown(folder: &TempDir) -> Vec<(u64, u64)> {
    let page = fs::read_to_string(folder.path().join("pages/g.html")).unwrap();
    let ids = page.split("difference of images ").skip(1).map(|rest| rest.split_once(',').unwrap().0);
    let ids = ids.map(|ids| ids.split_once(" and ").unwrap());
    ids.map(|(left, right)| (left.parse().unwrap(), right.parse().unwrap())).collect()
}

fn pairs() -> Vec<Pair> {
    vec![
        pair(0, 1, None, 9),
        pair(0, 2, Some(0.91), 8),
        pair(0, 12, Some(0.99), 4),
        pair(3, 4, None, 2),
        pair(5, 6, Some(0.91), 3),
        pair(7, 8, Some(1.0), 0),
    ]
}

#[test]
fn the_page_shows_every_group_the_most_similar_first_and_unverified_ones_last() {
    let folder = folder_with(&pairs());
    let (stdout, stderr) = expect_exit(&folder, &[&CALL[..], &["--quiet"]].concat(), 0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("wrote 4 groups of 6 pairs to pages/g.html\n", ""));
    // Images 0, 1, 2 and 12 are one group.
    assert_eq!(shown(&folder), [(7, 8), (0, 12), (0, 2), (0, 1), (5, 6), (3, 4)]);
    let page = fs::read_to_string(folder.path().join("pages/g.html")).unwrap();
    assert_eq!(page.matches("data:image/png").count(), 10, "each picture once");
    let told = ["test · cat", "title=\"id 12\"", "data-source=\"all.bin#12\">all.bin row 12<", "similarity 0.990"];
    for expected in told.into_iter().chain(["differs in 4 bits", "label conflict", "leak"]) {
        assert!(page.contains(expected), "{expected}");
    }
    expect_exit(&folder, &CALL, 0);
    assert_eq!(page, fs::read_to_string(folder.path().join("pages/g.html")).unwrap(), "the same inputs, the same page");
}

#[test]
fn of_more_pairs_than_asked_for_the_most_similar_are_shown_and_the_rest_is_counted() {
    let folder = folder_with(&pairs());
    let (_, stderr) = expect_exit(&folder, &[&CALL[..], &["--quiet", "--max-pairs", "4"]].concat(), 0);
    let expected = "warning: 2 less similar pairs are left out, the gallery shows 4 (`--max-pairs`)\n";
    assert_eq!(stderr, expected);
    assert_eq!(shown(&folder), [(7, 8), (0, 12), (0, 2), (5, 6)]);
    assert!(fs::read_to_string(folder.path().join("pages/g.html")).unwrap().contains("2 pairs are not shown"));
}

#[test]
fn no_pairs_make_a_page_that_says_so() {
    let folder = folder_with(&[]);
    expect_exit(&folder, &CALL, 0);
    assert!(fs::read_to_string(folder.path().join("pages/g.html")).unwrap().contains("No duplicates were found."));
}

#[track_caller]
fn refused(folder: &TempDir, expected: &str) {
    let (_, stderr) = expect_exit(folder, &[&CALL[..], &["--quiet"]].concat(), 1);
    assert_eq!(stderr.trim_end(), format!("error: failed to make the gallery: {expected}"));
    assert!(!folder.path().join("pages").exists(), "a failed run leaves nothing");
}

#[test]
fn manifests_that_do_not_belong_together_are_refused() {
    let folder = folder_with(&[pair(3, 4, None, 1), pair(7, 99, None, 2)]);
    refused(&folder, "`pairs.parquet`, `right_id`: image 99 is not among the images of `images.parquet`");

    let folder = folder_with(&[pair(3, 4, Some(1.5), 1)]);
    refused(&folder, "`pairs.parquet`, pair (3, 4): `similarity` is 1.5, expected 0 to 1");

    let folder = folder_with(&[]);
    let other = folder.path().join("other.parquet");
    fs::write(&other, "other").unwrap();
    write_pairs(&folder, &pairs(), &other);
    let [found, expected] = ["other.parquet", "images.parquet"].map(|name| digest_file(&folder.path().join(name)));
    let message = format!(
        "`pairs.parquet` was made from other images: from `images.parquet` with BLAKE3 {}, expected {}\n\
         hint: run twinset-neardup again, on these images",
        found.unwrap(),
        expected.unwrap()
    );
    refused(&folder, &message);

    let folder = folder_with(&[]);
    fs::copy(folder.path().join("images.parquet"), folder.path().join("pairs.parquet")).unwrap();
    refused(&folder, "manifest `pairs.parquet` holds `images/3`, expected `pairs/4`");
}

#[test]
fn the_stage_itself_still_wants_its_arguments() {
    let folder = folder_with(&[]);
    for (words, expected) in [
        (&["--out", "x"][..], "--images <FILE>"),
        (&["--images", "images.parquet"], "--out <DIR>"),
        (&["gallery", "--images", "images.parquet"], "--pairs <FILE>"),
        (&[&CALL[..], &["--max-pairs", "0"]].concat(), "0 is not in 1..=100000"),
        (&["--images", "images.parquet", "--out", "x", "gallery"], "cannot be used with"),
    ] {
        let (_, stderr) = expect_exit(&folder, words, 2);
        assert!(stderr.contains(expected), "{words:?}: {stderr}");
    }
    expect_exit(&folder, &["--check"], 0);
}

#[test]
fn a_page_takes_the_place_of_no_manifest() {
    let folder = folder_with(&pairs());
    let before = fs::read(folder.path().join("images.parquet")).unwrap();
    let check = |out: &str, found: &str| {
        let (_, stderr) = expect_exit(&folder, &[&CALL[..6], &[out, "--quiet"]].concat(), 1);
        let expected =
            format!("error: failed to write the gallery: `{out}` {found}, expected another file for --out\n");
        assert_eq!(stderr, expected);
    };
    check("images.parquet", "is what the page is made from");
    fs::copy(folder.path().join("images.parquet"), folder.path().join("other.parquet")).unwrap();
    check("other.parquet", "is a Parquet file");
    assert_eq!(fs::read(folder.path().join("images.parquet")).unwrap(), before);
    assert_eq!(fs::read(folder.path().join("other.parquet")).unwrap(), before);
}

#[test]
fn pictures_that_cannot_be_shown_are_counted_and_none_at_all_is_an_error() {
    let folder = folder_with(&[]);
    let without = |is_without: fn(&Image) -> bool| {
        let images = (0..20).map(image).map(|mut image| {
            if is_without(&image) {
                image.image = ImageData { bytes: None, path: Some(format!("{}.png", image.image_id)) };
            }
            image
        });
        let path = folder.path().join("images.parquet");
        write_manifest(&path, images, &Provenance::of_stage("ingest", "0")).unwrap();
        write_pairs(&folder, &pairs(), &path);
    };
    without(|image| image.image_id < 3);
    let (_, stderr) = expect_exit(&folder, &[&CALL[..], &["--quiet"]].concat(), 0);
    assert_eq!(stderr, "warning: 3 of 10 images cannot be shown; the gallery says why in their place\n");

    fs::remove_dir_all(folder.path().join("pages")).unwrap();
    without(|_| true);
    let (_, stderr) = expect_exit(&folder, &[&CALL[..], &["--quiet"]].concat(), 1);
    let expected =
        "error: failed to make the gallery: none of the 10 images of these pairs can be shown: cannot decode image 0";
    assert!(stderr.starts_with(expected), "{stderr}");
    assert!(stderr.contains("\nhint: --folder is what twinset-ingest had as --data"), "{stderr}");
    assert!(!folder.path().join("pages").exists());
}

/// The ids with the tag that says that cleaning keeps the image.
fn told_to_stay(folder: &TempDir) -> BTreeSet<u64> {
    let page = fs::read_to_string(folder.path().join("g.html")).unwrap();
    let sides = page.split("<div class=\"side").skip(1).map(|side| side.split("</div>").next().unwrap());
    let id = |side: &str| {
        let (_, rest) = side.split_once("title=\"id ")?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    sides.filter(|side| side.contains(">stays<")).filter_map(id).collect()
}

#[test]
fn the_page_tells_which_images_clean_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let large = |number, side| resize(&picture(number, 0), side, side, FilterType::CatmullRom);
    let [train, test] = [Split::Train, Split::Test];
    // A larger copy in training; a larger copy in test, which leaks; three identical ones; one that is alone.
    let images = [
        (train, picture(1, 0)),
        (train, large(1, 64)),
        (test, large(2, 64)),
        (train, picture(2, 0)),
        (test, picture(2, 9)),
        (test, picture(3, 0)),
        (test, picture(3, 0)),
        (test, picture(3, 0)),
        (train, picture(5, 0)),
    ];
    let images: Vec<_> =
        images.into_iter().enumerate().map(|(id, (split, image))| row(id as u64, split, 0, &image)).collect();
    write_manifest(&folder.path().join("images.parquet"), images, &Provenance::of_stage("ingest", "0")).unwrap();
    let found = ["--images", "images.parquet", "--pairs", "found/pairs.parquet"];
    for (words, in_clusters) in [(&[][..], 8), (&["--set", "between-splits=true"], 3)] {
        let search = ["--quiet", "--images", "images.parquet", "--out", "found"];
        expect_exit(&folder, &[&search[..], words].concat(), 0);
        expect_exit(&folder, &[&["gallery", "--quiet", "--out", "g.html"], &found[..]].concat(), 0);
        let clean = ["clean", "--quiet", "--clusters", "found/clusters.parquet", "--out", "clean"];
        let within: &[&str] = if words.is_empty() { &[] } else { &["--set", "within-splits=false"] };
        expect_exit(&folder, &[&clean[..], &found, within].concat(), 0);
        let kept = Reader::<Image>::open(&folder.path().join("clean/images.parquet")).unwrap().read_all().unwrap();
        let kept: BTreeSet<u64> = kept.iter().map(|image| image.image_id).collect();
        let pairs = Reader::<Pair>::open(&folder.path().join("found/pairs.parquet")).unwrap().read_all().unwrap();
        let ends: BTreeSet<u64> = pairs.iter().flat_map(|pair| [pair.left_id, pair.right_id]).collect();
        assert_eq!(ends.len(), in_clusters, "{ends:?}");
        assert_eq!(told_to_stay(&folder), &kept & &ends, "{words:?}");
    }
}

#[test]
fn the_tag_is_that_of_clean_where_near_and_similar_pairs_mix_and_where_not_all_are_shown() {
    let similar = |left, right| Pair { kind: PairKind::Similar, ..pair(left, right, Some(0.95), 9) };
    // A chain of near pairs with a similar one across it; a leak; a similar pair of two groups; one that is similar alone.
    let pairs = [
        pair(0, 1, Some(0.9), 1),
        pair(1, 2, Some(0.8), 1),
        similar(0, 2),
        pair(3, 13, Some(0.7), 1),
        similar(2, 3),
        similar(8, 19),
    ];
    let folder = folder_with(&pairs);
    let cluster = |image_id: u64| {
        let members: &[u64] = [&[0, 1, 2][..], &[3, 13]].into_iter().find(|ids| ids.contains(&image_id)).unwrap_or(&[]);
        let cluster_id = members.first().copied().unwrap_or(image_id);
        let (cluster_size, source) = (members.len().max(1) as u32, format!("all.bin#{image_id}"));
        Cluster { image_id, cluster_id, cluster_size, is_representative: image_id == cluster_id, source }
    };
    let provenance = Reader::<Pair>::open(&folder.path().join("pairs.parquet")).unwrap().provenance().clone();
    write_manifest(&folder.path().join("clusters.parquet"), (0..20).map(cluster), &provenance).unwrap();
    let clean = ["clean", "--quiet", "--images", "images.parquet", "--pairs", "pairs.parquet"];
    expect_exit(&folder, &[&clean[..], &["--clusters", "clusters.parquet", "--out", "clean"]].concat(), 0);
    let kept = Reader::<Image>::open(&folder.path().join("clean/images.parquet")).unwrap().read_all().unwrap();
    let kept: BTreeSet<u64> = kept.iter().map(|image| image.image_id).collect();
    let gallery = ["gallery", "--quiet", "--images", "images.parquet", "--pairs", "pairs.parquet", "--out", "g.html"];
    for (words, shown) in [(&[][..], &[0, 1, 2, 3, 13, 8, 19][..]), (&["--max-pairs", "2"], &[0, 1, 2])] {
        let (stdout, _) = expect_exit(&folder, &[&gallery[..], words].concat(), 0);
        let shown: BTreeSet<u64> = shown.iter().copied().collect();
        assert_eq!(told_to_stay(&folder), &kept & &shown, "{words:?}");
        let expected = if words.is_empty() { "2 groups of 3 pairs, and 3 similar pairs" } else { "1 group of 2 pairs" };
        assert_eq!(stdout, format!("wrote {expected} to g.html\n"));
    }
    assert_eq!(kept.len(), 18, "1 and 13 go: {kept:?}");
    let page = fs::read_to_string(folder.path().join("g.html")).unwrap();
    for expected in [
        "<b>2 groups of duplicates</b>, 5 images in all. They are tied by 3 near pairs (the same shot, changed).",
        "<b>1 of 10 test images (10.0 %) leaks</b>: it has a duplicate in train.",
        "3 similar pairs are no duplicates",
        "<b>4 pairs are not shown</b>: the page has 2, exact and near ones first",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[test]
fn the_page_says_how_to_search_again_without_the_marks() {
    let folder = folder_with(&pairs());
    let told = |words: &[&str]| {
        expect_exit(&folder, &[&CALL[..], &["--quiet"], words].concat(), 0);
        let page = fs::read_to_string(folder.path().join("pages/g.html")).unwrap();
        let (_, rest) = page.split_once("<code id=\"again\">").unwrap();
        rest.split_once("</code>").unwrap().0.to_owned()
    };
    let expected = "twinset neardup --images images.parquet --not-duplicates not-duplicates.csv --out .";
    assert_eq!(told(&[]), expected);
    let expected = "twinset neardup --images images.parquet --folder &#39;my folder&#39; \
                    --not-duplicates not-duplicates.csv --out .";
    assert_eq!(told(&["--folder", "my folder"]), expected);
    let command = "twinset scan 'a b' --not-duplicates not-duplicates.csv";
    assert_eq!(told(&["--search-again", command]), command.replace('\'', "&#39;"));
    // Settings that are not the default ones are those of the search.
    let path = folder.path().join("pairs.parquet");
    let mut provenance = Reader::<Pair>::open(&path).unwrap().provenance().clone();
    let config = Config { orientations: Orientations::Mirrored, max_distance: 4, ..Config::default() };
    provenance = provenance.with_config(&config.resolved(20));
    write_manifest(&path, pairs(), &provenance).unwrap();
    let expected = "twinset neardup --images images.parquet --set max-distance=4 --set orientations=mirrored \
                    --not-duplicates not-duplicates.csv --out .";
    let found = told(&[]).replace("&#39;", "'").replace("&#34;", "\"");
    assert_eq!(found, expected);
}
