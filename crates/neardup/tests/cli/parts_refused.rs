//! Parts that do not belong together, and wrong numbers of parts: one clear error each.

use std::fs;

use tempfile::TempDir;

use crate::expect_exit;
use crate::parts::{folder_with_pictures, in_parts};

/// What a command says on stderr, which ends with exit code 1.
#[track_caller]
fn refused(folder: &TempDir, words: &[&str]) -> String {
    expect_exit(folder, words, 1).1
}

/// Three parts of `hash`, one of `search`, two of `verify`, in `parts-of-found`.
fn found() -> TempDir {
    let folder = folder_with_pictures(60);
    in_parts(&folder, [3, 1, 2], &[], "found");
    folder
}

const SEARCH: [&str; 4] = ["search", "--quiet", "--parts", "parts-of-found"];
const VERIFY: [&str; 4] = ["verify", "--quiet", "--parts", "parts-of-found"];
const CLUSTER: [&str; 6] = ["cluster", "--quiet", "--parts", "parts-of-found", "--out", "again"];

/// After a change to the parts a command is refused with these words, and writes nothing.
#[track_caller]
fn check(change: impl Fn(&TempDir), words: &[&str], expected: &str) {
    let folder = found();
    change(&folder);
    let stderr = refused(&folder, words).replace("parts-of-found/", "");
    assert_eq!(stderr, expected);
    assert!(!folder.path().join("again").exists(), "{expected}");
}

fn remove(folder: &TempDir, name: &str) {
    fs::remove_file(folder.path().join("parts-of-found").join(name)).unwrap();
}

fn copy(folder: &TempDir, from: &str, to: &str) {
    let parts = folder.path().join("parts-of-found");
    fs::copy(parts.join(from), parts.join(to)).unwrap();
}

#[test]
fn a_part_that_is_missing_is_named() {
    let hash = "failed to use the parts of `hash`: `hash-2-of-3.parquet` is not there, expected all 3 parts of `hash`\n\
                hint: run `twinset-neardup hash --part 2/3`\n";
    for words in [&SEARCH[..], &VERIFY, &CLUSTER] {
        check(|folder| remove(folder, "hash-2-of-3.parquet"), words, &format!("error: {hash}"));
    }
    let expected = "error: failed to use the parts of `search`: `parts-of-found` holds no part of `search`, expected \
                    `search-1-of-N.parquet` and so on\nhint: run `twinset-neardup search --part 1/N` first, and so on\n";
    check(|folder| remove(folder, "search-1-of-1.parquet"), &VERIFY, expected);
    let expected = "error: failed to use the parts of `verify`: `verify-1-of-2.parquet` is not there, expected all 2 \
                    parts of `verify`\nhint: run `twinset-neardup verify --part 1/2`\n";
    check(|folder| remove(folder, "verify-1-of-2.parquet"), &CLUSTER, expected);
    let folder = TempDir::new().unwrap();
    let stderr = refused(&folder, &SEARCH);
    assert!(stderr.contains("cannot read the folder of parts `parts-of-found`: No such file or directory"), "{stderr}");
}

#[test]
fn a_part_that_is_there_twice_is_named() {
    let expected = "error: failed to use the parts of `hash`: `hash-3-of-3.parquet` holds part 2/3, expected part 3/3\n\
                    hint: run its command again with the arguments that the others were run with\n";
    check(|folder| copy(folder, "hash-2-of-3.parquet", "hash-3-of-3.parquet"), &SEARCH, expected);
    let expected = expected.replace("hash", "verify").replace("3-of-3", "2-of-2");
    let expected = expected.replace("2/3", "1/2").replace("3/3", "2/2");
    check(|folder| copy(folder, "verify-1-of-2.parquet", "verify-2-of-2.parquet"), &CLUSTER, &expected);
}

#[test]
fn parts_of_another_number_are_named_before_anything_is_done() {
    let hint = "hint: delete the parts that are not wanted, or use another folder\n";
    let expected = "`hash-1-of-3.parquet` is one of 3 parts, expected parts of 4 alone in a folder\n";
    let hash = ["hash", "--quiet", "--images", "images.parquet", "--out", "parts-of-found", "--part", "2/4"];
    check(|_| (), &hash, &format!("error: {expected}{hint}"));
    let expected = "`verify-1-of-2.parquet` is one of 2 parts, expected parts of 3 alone in a folder\n";
    check(|_| (), &[&VERIFY[..], &["--part", "1/3"]].concat(), &format!("error: {expected}{hint}"));
    let expected = "error: failed to use the parts of `hash`: `hash-1-of-4.parquet` is one of 4 parts, expected parts of 3 \
                    alone in a folder\n";
    check(|folder| copy(folder, "hash-1-of-3.parquet", "hash-1-of-4.parquet"), &SEARCH, &format!("{expected}{hint}"));
}

/// Makes one part of `hash` anew.
fn hash_again(folder: &TempDir, images: &str, settings: &[&str]) {
    let words = ["hash", "--quiet", "--images", images, "--part", "2/3", "--out", "parts-of-found"];
    expect_exit(folder, &[&words, settings].concat(), 0);
}

#[test]
fn a_part_of_other_images_or_another_config_is_named() {
    let hint = "hint: run its command again with the arguments that the others were run with\n";
    let start =
        "error: failed to use the parts of `hash`: `hash-2-of-3.parquet` does not go with `hash-1-of-3.parquet`:";
    let expected = format!("{start} `config.search.max-distance` was 36 there and is 40 here\n{hint}");
    for words in [&SEARCH[..], &VERIFY, &CLUSTER] {
        check(|folder| hash_again(folder, "images.parquet", &["--set", "max-distance=40"]), words, &expected);
    }
    let folder = found();
    let others = folder_with_pictures(59);
    fs::copy(others.path().join("images.parquet"), folder.path().join("others.parquet")).unwrap();
    hash_again(&folder, "others.parquet", &[]);
    let stderr = refused(&folder, &SEARCH).replace("parts-of-found/", "");
    assert!(stderr.starts_with(&format!("{start} `config.n-images` was 60 there and is 59 here")), "{stderr}");

    // All of `hash` anew, and the later steps not.
    let change = |folder: &TempDir| {
        for part in ["1/3", "2/3", "3/3"] {
            let words = ["hash", "--quiet", "--images", "images.parquet", "--out", "parts-of-found", "--part", part];
            expect_exit(folder, &[&words, &["--set", "max-distance=40"][..]].concat(), 0);
        }
    };
    let expected = format!(
        "error: failed to use the parts of `verify`: `verify-1-of-2.parquet` does not go with `hash-1-of-3.parquet`: \
         `config.search.max-distance` was 40 there and is 36 here\n{hint}"
    );
    check(change, &CLUSTER, &expected);
    check(change, &VERIFY, &expected.replace("verify`", "search`").replace("verify-1-of-2", "search-1-of-1"));
    // The steps that follow make theirs anew.
    let folder = found();
    change(&folder);
    let (_, stderr) = expect_exit(&folder, &SEARCH, 0);
    assert!(stderr.contains("search-1-of-1.parquet is made anew"), "{stderr}");
}

#[test]
fn a_part_that_is_cut_short_is_named() {
    let cut = |folder: &TempDir, name: &str| {
        let path = folder.path().join("parts-of-found").join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    };
    for (name, words, step, part) in [
        ("hash-3-of-3.parquet", &SEARCH[..], "hash", "3/3"),
        ("search-1-of-1.parquet", &VERIFY, "search", "1/1"),
        ("verify-2-of-2.parquet", &CLUSTER, "verify", "2/2"),
    ] {
        let folder = found();
        cut(&folder, name);
        let stderr = refused(&folder, words);
        let start = format!(
            "error: failed to use the parts of `{step}`: manifest `parts-of-found/{name}` is not a whole Parquet file: "
        );
        assert!(stderr.starts_with(&start), "{stderr}");
        let hint = format!("hint: delete it and run `twinset-neardup {step} --part {part}` again\n");
        assert!(stderr.ends_with(&hint), "{stderr}");
    }
}

#[test]
fn a_manifest_that_is_no_part_is_named() {
    let change = |folder: &TempDir| {
        let path = folder.path().join("parts-of-found");
        fs::copy(folder.path().join("found/hashes.parquet"), path.join("hash-2-of-3.parquet")).unwrap();
    };
    let folder = found();
    change(&folder);
    let stderr = refused(&folder, &SEARCH);
    assert!(stderr.contains("hash-2-of-3.parquet` holds `hashes/"), "{stderr}");
    assert!(stderr.contains("expected `neardup-part-images/1`"), "{stderr}");
    // A part of `search` under the name of one of `verify` is one, but has other rows.
    let expected = "error: failed to use the parts of `verify`: `verify-1-of-2.parquet` holds part 1/1, expected part 1/2\n\
                    hint: run its command again with the arguments that the others were run with\n";
    check(|folder| copy(folder, "search-1-of-1.parquet", "verify-1-of-2.parquet"), &CLUSTER, expected);
}

#[test]
fn a_part_that_cannot_be_is_a_usage_error() {
    let folder = TempDir::new().unwrap();
    let check = |part: &str, expected: &str| {
        let words = ["hash", "--images", "images.parquet", "--out", "parts", "--part", part];
        let (_, stderr) = expect_exit(&folder, &words, 2);
        let expected = format!("error: invalid value '{part}' for '--part <I/N>': {expected}\n");
        assert!(stderr.starts_with(&expected), "{stderr}");
    };
    check("0/4", "found part 0, expected 1 to 4: parts are numbered from 1");
    check("5/4", "found part 5, expected 1 to 4");
    check("/8", "found `/8`, expected two whole numbers such as `1/4`, the first part of four");
    assert!(!folder.path().join("parts").exists());
    expect_exit(&folder, &["hash", "--check", "--set", "max-distance=30"], 0);
    expect_exit(&folder, &["hash", "--check", "--set", "max-distance=300"], 1);
}
