//! `twinset-neardup clean` on the files themselves: `--list`, `--copy-to`, and rules that ask for the files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage, imageops};
use tempfile::TempDir;
use twinset_manifest::rows::{Image, ImageData, Reject, Removed, Split};
use twinset_manifest::{Provenance, Reader, write_manifest};
use twinset_pixels::{Limits, decode, digest, encode_png};

use crate::{expect_exit, row};

const CLEAN: [&str; 8] = [
    "clean",
    "--quiet",
    "--images",
    "images.parquet",
    "--pairs",
    "found/pairs.parquet",
    "--clusters",
    "found/clusters.parquet",
];

fn picture(number: u32) -> RgbImage {
    let wave = |x: u32, y: u32| ((x * (number % 7 + 1) * 11 + y * (number % 5 + 1) * 17 + number * 50) % 256) as u8;
    RgbImage::from_fn(64, 64, |x, y| Rgb([wave(x / 8, y / 8), wave(y / 8, x / 8), 90]))
}

fn jpeg(image: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).unwrap();
    bytes
}

/// The files of the dataset `set`: a large JPEG, the same as a small PNG, a heavier JPEG of the small one; and one that is alone.
fn files() -> BTreeMap<&'static str, Vec<u8>> {
    let large = imageops::resize(&picture(1), 96, 96, imageops::FilterType::Triangle);
    BTreeMap::from([
        ("cat/large.jpg", jpeg(&large, 60)),
        ("cat/small.png", encode_png(&picture(1))),
        // What follows the end of a JPEG is no part of the picture.
        ("dog/z heavy.jpg", [jpeg(&picture(1), 95), vec![0; 20_000]].concat()),
        ("dog/alone.png", encode_png(&picture(4))),
    ])
}

/// `data/set` with the files, the images, embedded or referenced, and what is found among them.
fn folder(is_embedded: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut images = Vec::new();
    for (id, (name, bytes)) in (1..).zip(files()) {
        let file = folder.path().join("data/set").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &bytes).unwrap();
        let pixels = decode(&bytes, &Limits::default()).unwrap();
        let image = match is_embedded {
            true => ImageData { bytes: Some(bytes.into()), path: None },
            false => ImageData { bytes: None, path: Some(format!("set/{name}")) },
        };
        let label = u32::from(name.starts_with("dog"));
        images.push(Image {
            source: name.to_owned(),
            image,
            pixels_blake3: digest(&pixels),
            ..row(id, Split::Train, label, &pixels)
        });
    }
    write_manifest(&folder.path().join("images.parquet"), images, &Provenance::of_stage("ingest", "0")).unwrap();
    let call = ["--quiet", "--images", "images.parquet", "--folder", "data", "--out", "found"];
    expect_exit(&folder, &call, 0);
    folder
}

fn clean(folder: &TempDir, words: &[&str], code: i32) -> (String, String) {
    expect_exit(folder, &[&CLEAN[..], words].concat(), code)
}

/// The files of a folder, by their paths within it.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(tree(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

fn kept() -> BTreeMap<String, Vec<u8>> {
    let kept = files().into_iter().filter(|(name, _)| ["cat/large.jpg", "dog/alone.png"].contains(name));
    kept.map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

#[test]
fn the_list_has_the_files_to_delete_and_nothing_else() {
    for is_embedded in [true, false] {
        let folder = folder(is_embedded);
        let (stdout, stderr) = clean(&folder, &["--list"], 0);
        let expected = if is_embedded {
            ["cat/small.png", "dog/z heavy.jpg"]
        } else {
            ["set/cat/small.png", "set/dog/z heavy.jpg"]
        };
        assert_eq!(stdout, format!("{}\n{}\n", expected[0], expected[1]));
        assert!(stderr.contains("`cat/small.png`: duplicate of `cat/large.jpg`\n"), "{stderr}");
        let from = if is_embedded { "data/set" } else { "data" };
        let (stdout, _) = clean(&folder, &["--list", "--folder", from, "--out", "clean"], 0);
        assert_eq!(stdout, "data/set/cat/small.png\ndata/set/dog/z heavy.jpg\n");
        for file in stdout.lines() {
            assert!(folder.path().join(file).is_file(), "{file}");
        }
        assert!(folder.path().join("clean/removed.parquet").is_file());
        let (_, stderr) = clean(&folder, &["--list", "--folder", "found"], 1);
        assert!(stderr.contains("small.png` is no file\nhint: --folder is the dataset's own folder"), "{stderr}");
    }
    let (_, stderr) = clean(&folder(true), &[], 2);
    assert!(stderr.contains("--out <DIR>"), "{stderr}");
}

#[test]
fn the_clean_folder_has_the_files_that_stay_in_their_folders() {
    for is_embedded in [true, false] {
        let folder = folder(is_embedded);
        let (stdout, _) = clean(&folder, &["--folder", "data", "--copy-to", "copy"], 0);
        assert!(stdout.ends_with("copied 2 images to copy\n"), "{stdout}");
        assert_eq!(tree(&folder.path().join("copy")), kept());
        let (_, stderr) = clean(&folder, &["--folder", "data", "--copy-to", "copy"], 1);
        assert_eq!(
            stderr.lines().last(),
            Some("error: failed to copy the images: `copy` is not empty, expected an empty folder, or none")
        );
    }
}

#[test]
fn a_copy_has_the_time_of_its_file_and_what_is_no_picture_is_counted() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (is_embedded, from) in [(true, "data/set"), (false, "data")] {
        let folder = folder(is_embedded);
        File::open(folder.path().join("data/set/cat/large.jpg")).unwrap().set_modified(time).unwrap();
        let reject = |source: &str| Reject {
            source: source.to_owned(),
            reason: "unsupported".to_owned(),
            detail: "no picture".to_owned(),
        };
        let rejects = |sources: &[&str]| {
            let rejects = sources.iter().map(|source| reject(source));
            let path = folder.path().join("rejects.parquet");
            write_manifest(&path, rejects, &Provenance::of_stage("ingest", "0")).unwrap();
        };
        rejects(&["notes.txt"]);
        let (stdout, _) = clean(&folder, &["--folder", from, "--copy-to", "copy"], 0);
        let expected = "copied 2 images to copy\n\
                        not copied: 1 file that is no picture or cannot be read (listed in rejects.parquet)\n";
        assert!(stdout.ends_with(expected), "{stdout}");
        let copied = fs::metadata(folder.path().join("copy/cat/large.jpg")).unwrap();
        assert_eq!(copied.modified().unwrap(), time, "{from}");
        rejects(&["notes.txt", "a.mov"]);
        let (stdout, _) = clean(&folder, &["--folder", from, "--copy-to", "second"], 0);
        let expected = "not copied: 2 files that are no pictures or cannot be read (listed in rejects.parquet)\n";
        assert!(stdout.ends_with(expected), "{stdout}");
        rejects(&[]);
        let (stdout, _) = clean(&folder, &["--folder", from, "--copy-to", "third"], 0);
        assert!(stdout.ends_with("copied 2 images to third\n"), "{stdout}");
    }
}

#[test]
fn a_plan_is_what_would_be_removed_and_nothing_else() {
    let folder = folder(false);
    let (stdout, stderr) = clean(&folder, &["--plan", "plan.parquet"], 0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));
    let plan = Reader::<Removed>::open(&folder.path().join("plan.parquet")).unwrap().read_all().unwrap();
    clean(&folder, &["--out", "clean"], 0);
    let removed = Reader::<Removed>::open(&folder.path().join("clean/removed.parquet")).unwrap().read_all().unwrap();
    assert_eq!((plan.len(), plan), (2, removed));
}

#[test]
fn a_copy_that_ended_early_is_gone_on_with() {
    let folder = folder(false);
    let alone = folder.path().join("data/set/dog/alone.png");
    let bytes = fs::read(&alone).unwrap();
    fs::remove_file(&alone).unwrap();
    let (_, stderr) = clean(&folder, &["--folder", "data", "--copy-to", "copy"], 1);
    assert!(stderr.contains("cannot copy to `copy/dog/alone.png`: cannot read `data/set/dog/alone.png`: "), "{stderr}");
    let copy = folder.path().join("copy");
    assert!(copy.join("cat/large.jpg").is_file());
    // As a process that was killed while it wrote leaves it.
    fs::write(copy.join(".twinset-copy/part"), b"half a fi").unwrap();

    fs::write(&alone, bytes).unwrap();
    let (_, stderr) = clean(&folder, &["--folder", "data", "--copy-to", "copy", "--set", "keep='first'"], 1);
    assert!(
        stderr.ends_with("`copy` holds an unfinished copy of another clean, expected an empty folder, or none\n"),
        "{stderr}"
    );
    let (stdout, _) = clean(&folder, &["--folder", "data", "--copy-to", "copy"], 0);
    assert!(stdout.ends_with("copied 2 images to copy, 1 of them before\n"), "{stdout}");
    assert_eq!(tree(&copy), kept());
}

#[test]
fn a_record_of_a_file_is_no_file_to_delete_and_a_copy_gives_it_one() {
    let folder = tempfile::tempdir().unwrap();
    let image = |id, shot| Image { source: format!("all.bin#{id}"), ..row(id, Split::Test, 0, &picture(shot)) };
    let images = [image(1, 1), image(2, 1), image(3, 4)];
    write_manifest(&folder.path().join("images.parquet"), images, &Provenance::of_stage("ingest", "0")).unwrap();
    expect_exit(&folder, &["--quiet", "--images", "images.parquet", "--out", "found"], 0);
    let (stdout, stderr) = clean(&folder, &["--list"], 1);
    assert_eq!(stdout, "");
    let expected = "error: failed to list the files: image 2 (`all.bin#2`) is a record of a file, expected a file of its own\nhint: ";
    assert!(stderr.contains(expected), "{stderr}");
    clean(&folder, &["--copy-to", "copy"], 0);
    let found = tree(&folder.path().join("copy"));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["test/cat/all.bin#1.png", "test/cat/all.bin#3.png"]);
    assert_eq!(found["test/cat/all.bin#3.png"], encode_png(&picture(4)));
}

#[test]
fn the_rule_says_which_duplicate_stays() {
    for is_embedded in [true, false] {
        let folder = folder(is_embedded);
        let check = |words: &[&str], expected: &str, rule: &str| {
            let (stdout, _) = clean(&folder, &[&["--folder", "data", "--out", "clean"], words].concat(), 0);
            assert!(stdout.contains(&format!("of duplicates stays {rule} (`keep`)\n")), "{stdout}");
            let removed = Reader::<Removed>::open(&folder.path().join("clean/removed.parquet")).unwrap();
            let asked = removed.provenance().config["keep"].clone();
            let kept: Vec<_> = removed.read_all().unwrap().into_iter().map(|row| row.kept_source.unwrap()).collect();
            assert_eq!(kept, [expected; 2], "{words:?}");
            asked
        };
        assert_eq!(check(&[], "cat/large.jpg", "the one with the most pixels"), "largest");
        let lossless = "one without loss (PNG, BMP, TIFF), then the one with the most pixels";
        assert_eq!(check(&["--set", "keep='lossless-first'"], "cat/small.png", lossless), "lossless-first");
        check(&["--set", "keep='file-size'"], "dog/z heavy.jpg", "the one with the largest file");
        check(&["--set", "keep='first'"], "cat/large.jpg", "the one with the smallest id");
    }
    let folder = folder(false);
    let (_, stderr) = clean(&folder, &["--out", "clean", "--set", "keep='file-size'"], 1);
    assert!(stderr.contains("image 1: cannot read `./set/cat/large.jpg`: No such file"), "{stderr}");
}
