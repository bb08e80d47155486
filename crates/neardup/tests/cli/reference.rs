//! `twinset-neardup --reference`: what of a set is in another one.

use std::fs;

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Image, PairKind, ReferencePair, Split};
use twinset_manifest::{Provenance, Reader, write_manifest};

use crate::{expect_exit, row};

/// A picture, made brighter by so much.
fn picture(number: u32, brighter: u8) -> RgbImage {
    let wave = |x: u32, y: u32| ((x * (number % 7 + 1) * 11 + y * (number % 5 + 1) * 17 + number * 50) % 240) as u8;
    RgbImage::from_fn(32, 32, |x, y| Rgb([wave(x / 4, y / 4), wave(y / 4, x / 4), 90].map(|value| value + brighter)))
}

/// Three images, two of them the same; and a reference whose ids are those of the images: a copy of one, an edit of it, two of
/// its own that are the same, in another order than that of ids.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = |set: &str, id, split, number, brighter| Image {
        source: format!("{set}/{id}.png"),
        ..row(id, split, 0, &picture(number, brighter))
    };
    let mine = [
        image("mine", 5, Split::Test, 1, 0),
        image("mine", 6, Split::Train, 1, 0),
        image("mine", 7, Split::Test, 2, 0),
    ];
    let other = [
        image("other", 9, Split::Train, 1, 9),
        image("other", 5, Split::Train, 4, 0),
        image("other", 6, Split::Val, 1, 0),
        image("other", 7, Split::Train, 4, 0),
    ];
    for (name, images) in [("mine.parquet", mine.to_vec()), ("other.parquet", other.to_vec())] {
        write_manifest(&folder.path().join(name), images, &Provenance::of_stage("ingest", "0")).unwrap();
    }
    folder
}

const FIND: [&str; 7] = ["--quiet", "--images", "mine.parquet", "--reference", "other.parquet", "--out", "found"];

fn pairs(folder: &TempDir) -> Vec<ReferencePair> {
    Reader::open(&folder.path().join("found/reference-pairs.parquet")).unwrap().read_all().unwrap()
}

#[test]
fn what_of_a_set_is_in_another_is_found_and_nothing_within_either() {
    let folder = folder();
    let (stdout, stderr) = expect_exit(&folder, &FIND, 0);
    let expected = "\
3 images and 4 of the reference, 0 of one flat colour (compared by their pixels alone)
searched by correlation
mirrored and turned pictures: not searched
pairs within either set: not searched
pairs                       exact      near   similar
  train - train                 0         1         0
  train - val                   1         0         0
  test - train                  0         1         0
  test - val                    1         0         0
1 of 1 train images (1.0000) has a duplicate in the reference
1 of 2 test images (0.5000) has a duplicate in the reference
the first of them, with the most similar one of the reference:
  exact: `mine/5.png` (test) and `other/6.png`
  exact: `mine/6.png` (train) and `other/6.png`
wrote reference-pairs.parquet to found
";
    assert_eq!((stdout.as_str(), stderr.as_str()), (expected, ""));
    let told = |pair: &ReferencePair| (pair.image_id, pair.reference_id, pair.kind, pair.split, pair.reference_split);
    let expected = [
        (5, 6, PairKind::Exact, Split::Test, Split::Val),
        (5, 9, PairKind::Near, Split::Test, Split::Train),
        (6, 6, PairKind::Exact, Split::Train, Split::Val),
        (6, 9, PairKind::Near, Split::Train, Split::Train),
    ];
    let found = pairs(&folder);
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!((found[1].source.as_str(), found[1].reference_source.as_str()), ("mine/5.png", "other/9.png"));
    let names: Vec<_> =
        fs::read_dir(folder.path().join("found")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["reference-pairs.parquet"]);
    let manifest = Reader::<ReferencePair>::open(&folder.path().join("found/reference-pairs.parquet")).unwrap();
    let inputs: Vec<_> = manifest.provenance().inputs.iter().map(|input| input.name.clone()).collect();
    assert_eq!(inputs, ["mine.parquet", "other.parquet"]);
}

#[test]
fn the_search_by_hash_finds_them_too() {
    let folder = folder();
    let (stdout, _) = expect_exit(&folder, &[&FIND[..], &["--set", "search='hash'"]].concat(), 0);
    assert!(
        stdout.contains("searched by hash\ncrops, pictures in frames, mirrored and turned pictures: not searched\n"),
        "{stdout}"
    );
    let found: Vec<_> = pairs(&folder).iter().map(|pair| (pair.image_id, pair.reference_id)).collect();
    assert_eq!(found, [(5, 6), (5, 9), (6, 6), (6, 9)]);
}

#[test]
fn a_duplicate_in_the_reference_can_be_a_gate() {
    let folder = folder();
    let (_, stderr) = expect_exit(&folder, &[&FIND[..], &["--fail-on-leak"]].concat(), 3);
    let expected = "2 images have a duplicate in the reference (--fail-on-leak)\n\
                    the first of them: exact: `mine/5.png` (test) and `other/6.png`\n";
    assert_eq!(stderr, expected);
}

#[test]
fn the_gallery_shows_images_beside_those_of_the_reference() {
    let folder = folder();
    expect_exit(&folder, &FIND, 0);
    let call = [
        "gallery",
        "--quiet",
        "--images",
        "mine.parquet",
        "--pairs",
        "found/reference-pairs.parquet",
        "--out",
        "g.html",
    ];
    let with = ["--reference", "other.parquet"];
    let (stdout, _) = expect_exit(&folder, &[&call[..], &with].concat(), 0);
    assert_eq!(stdout, "wrote 1 group of 4 pairs to g.html\n");
    let page = fs::read_to_string(folder.path().join("g.html")).unwrap().replace("<wbr>", "");
    for expected in ["Duplicates in the reference", "reference · val", "difference of images 5 and 6,", "other/9.png"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    assert_eq!(page.matches("data:image/png").count(), 4, "two of mine and two of the reference");
    let (_, stderr) = expect_exit(&folder, &call, 1);
    assert!(stderr.contains("holds `reference-pairs/1`, expected `pairs/4`"), "{stderr}");
    let swapped = ["gallery", "--quiet", "--images", "other.parquet", "--pairs", "found/reference-pairs.parquet"];
    let (_, stderr) =
        expect_exit(&folder, &[&swapped[..], &["--reference", "mine.parquet", "--out", "h.html"]].concat(), 1);
    let expected = "`found/reference-pairs.parquet` was made from other images than those of `other.parquet`";
    assert!(stderr.contains(expected), "{stderr}");
}

#[test]
fn what_cannot_be_used_with_a_reference_is_said() {
    let folder = folder();
    for words in [&["--truth", "t.csv"][..], &["--cache", "c"], &["--not-duplicates", "n.csv"]] {
        let (_, stderr) = expect_exit(&folder, &[&FIND[..], words].concat(), 2);
        assert!(stderr.contains("cannot be used with"), "{stderr}");
    }
    let call = ["--quiet", "--images", "mine.parquet", "--reference", "gone.parquet", "--out", "found"];
    let (_, stderr) = expect_exit(&folder, &call, 1);
    assert!(stderr.starts_with("error: failed to read the reference: cannot read manifest `gone.parquet`"), "{stderr}");
}
