//! `hash`, `search`, `verify` and `cluster`: however many parts there are, the bytes are those of the one command.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;
use tempfile::TempDir;

use crate::cache::{expect_same, pictures, write_images};
use crate::expect_exit;

/// The four steps, with so many parts of `hash`, `search` and `verify`.
pub(crate) fn in_parts(folder: &TempDir, counts: [u32; 3], settings: &[&str], out: &str) {
    let set: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let parts = format!("parts-of-{out}");
    let each = |words: &[&str], count: u32| {
        for number in 1..=count {
            expect_exit(folder, &[words, &["--quiet", "--part", &format!("{number}/{count}")]].concat(), 0);
        }
    };
    each(&[&["hash", "--images", "images.parquet", "--out", &parts], &set[..]].concat(), counts[0]);
    each(&["search", "--parts", &parts], counts[1]);
    each(&["verify", "--parts", &parts], counts[2]);
    expect_exit(folder, &["cluster", "--quiet", "--parts", &parts, "--out", out], 0);
}

/// The same bytes as the one command, for several numbers of parts.
#[track_caller]
pub(crate) fn check(folder: &TempDir, settings: &[&str], counts: &[[u32; 3]]) {
    let set: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let (at_once, _) =
        expect_exit(folder, &[&["--quiet", "--images", "images.parquet", "--out", "at-once"], &set[..]].concat(), 0);
    for counts in counts {
        let out = counts.map(|count| count.to_string()).join("-");
        in_parts(folder, *counts, settings, &out);
        expect_same(folder.path(), &out, "at-once");
        // What is printed is the same, too.
        let again = ["cluster", "--quiet", "--parts", &format!("parts-of-{out}"), "--out", "at-once"];
        assert_eq!(expect_exit(folder, &again, 0).0, at_once, "{settings:?}");
        fs::remove_dir_all(folder.path().join(format!("parts-of-{out}"))).unwrap();
    }
}

/// Made pictures as `images.parquet`.
pub(crate) fn folder_with_pictures(n: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    let pictures = pictures(n);
    // In no order of ids.
    let images: Vec<(u64, &RgbImage)> = pictures.iter().enumerate().map(|(id, image)| (id as u64 ^ 5, image)).collect();
    write_images(&folder.path().join("images.parquet"), &images);
    folder
}

#[test]
fn a_search_by_correlation_has_the_same_bytes_in_parts() {
    check(&folder_with_pictures(140), &[], &[[1, 1, 1], [2, 1, 2], [7, 3, 2], [2, 7, 7]]);
}

#[test]
fn a_search_in_several_orientations_has_the_same_bytes_in_parts() {
    check(&folder_with_pictures(90), &["orientations='any'"], &[[2, 2, 3]]);
}

#[test]
fn a_search_between_splits_has_the_same_bytes_in_parts() {
    check(&folder_with_pictures(140), &["between-splits=true"], &[[2, 3, 2]]);
}

#[test]
fn a_search_by_hash_has_the_same_bytes_in_parts() {
    let folder = folder_with_pictures(140);
    check(&folder, &["search='hash'", "max-distance=60"], &[[1, 1, 1], [2, 2, 2], [7, 3, 7]]);
    check(&folder, &["search='hash'", "max-distance=60", "between-splits=true"], &[[2, 2, 2]]);
    let unverified = ["search='hash'", "hash='dct'", "hash-bits=64", "max-distance=6", "verify=false"];
    check(&folder, &unverified, &[[2, 1, 2]]);
    check(&folder, &["hash='pdq'", "near-similarity=0.8"], &[[2, 1, 2]]);
}

#[test]
fn more_parts_than_images_and_no_images_at_all_are_as_good() {
    check(&folder_with_pictures(3), &[], &[[7, 7, 7]]);
    check(&folder_with_pictures(0), &[], &[[2, 2, 2]]);
}

#[test]
fn the_last_step_takes_the_files_that_the_one_command_takes() {
    let folder = folder_with_pictures(60);
    in_parts(&folder, [2, 1, 2], &[], "found");
    let pairs =
        twinset_manifest::Reader::<twinset_manifest::rows::Pair>::open(&folder.path().join("found/pairs.parquet"));
    let pair = pairs.unwrap().read_all().unwrap().swap_remove(0);
    let lines = format!("left_id,right_id\n{},{}\n", pair.left_id, pair.right_id);
    fs::write(folder.path().join("no.csv"), lines).unwrap();
    let also = ["--not-duplicates", "no.csv", "--fail-on-leak"];
    let one = [&["--quiet", "--images", "images.parquet", "--out", "at-once"], &also[..]].concat();
    let (stdout, stderr) = expect_exit(&folder, &one, 3);
    assert!(stdout.contains("1 pair is left out"), "{stdout}");
    let cluster = ["cluster", "--quiet", "--parts", "parts-of-found", "--out", "found"];
    let (in_parts, also_told) = expect_exit(&folder, &[&cluster, &also[..]].concat(), 3);
    assert_eq!((in_parts, also_told), (stdout.replace("at-once", "found"), stderr));
    expect_same(folder.path(), "found", "at-once");
}

#[test]
fn a_part_that_is_there_is_not_made_again_unless_it_is_of_something_else() {
    let folder = folder_with_pictures(40);
    let hash = |also: &[&str]| {
        let words = ["hash", "--quiet", "--images", "images.parquet", "--part", "1/2", "--out", "parts"];
        expect_exit(&folder, &[&words, also].concat(), 0)
    };
    let file = folder.path().join("parts/hash-1-of-2.parquet");
    let (wrote, there) =
        ("wrote 20 images to parts/hash-1-of-2.parquet\n", "parts/hash-1-of-2.parquet is there already\n");
    assert_eq!(hash(&[]), (wrote.to_owned(), String::new()));
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(hash(&[]), (there.to_owned(), String::new()));
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    let anew = "parts/hash-1-of-2.parquet is made anew:";
    let expected = "of the part that stands there, `config.search.max-distance` was 30 there and is 36 here";
    let (stdout, stderr) = hash(&["--set", "max-distance=30"]);
    assert_eq!((stdout.as_str(), stderr), (wrote, format!("{anew} {expected}\n")));
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let (stdout, stderr) = hash(&["--set", "max-distance=30"]);
    assert!(stdout == wrote && stderr.starts_with(&format!("{anew} manifest `parts/hash-1")), "{stderr}");
    assert!(fs::read(&file).unwrap() == whole);
}

/// Kills the command as soon as it writes a part; whether it did so in time.
fn kill_while_writing(folder: &Path, words: &[&str], part: &str) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-neardup"));
    let mut child: Child = command.current_dir(folder).args(words).stdout(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let is_written = || {
        let names = fs::read_dir(folder.join("parts")).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.map(|name| name.to_string_lossy().into_owned()).any(|name| name.starts_with(&format!(".{part}")))
    };
    while !is_written() && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing was written");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    !folder.join("parts").join(part).exists()
}

#[test]
fn a_part_that_was_killed_is_made_by_the_next_call() {
    let folder = folder_with_pictures(1500);
    let hash = ["hash", "--quiet", "--images", "images.parquet", "--part", "2/2", "--out", "parts"];
    let search = ["search", "--quiet", "--parts", "parts"];
    let verify = ["verify", "--quiet", "--parts", "parts", "--part", "1/1"];
    let first = ["hash", "--quiet", "--images", "images.parquet", "--part", "1/2", "--out", "parts"];
    expect_exit(&folder, &first, 0);
    let n_killed =
        [(&hash[..], "hash-2-of-2.parquet"), (&search, "search-1-of-1.parquet"), (&verify, "verify-1-of-1.parquet")]
            .into_iter()
            .filter(|(words, part)| {
                let is_killed = kill_while_writing(folder.path(), words, part);
                expect_exit(&folder, words, 0);
                is_killed
            })
            .count();
    assert!(n_killed > 0, "no part was killed in time");
    let left = fs::read_dir(folder.path().join("parts")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.count(), 4, "what was killed left something behind");
    expect_exit(&folder, &["cluster", "--quiet", "--parts", "parts", "--out", "found"], 0);
    expect_exit(&folder, &["--quiet", "--images", "images.parquet", "--out", "at-once"], 0);
    expect_same(folder.path(), "found", "at-once");
}
