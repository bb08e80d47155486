//! `--cache`, and the folder as an argument: a run that knows the last one's files writes the bytes of a run that knows nothing.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::{Sandbox, binary, png};

fn write_photos(sandbox: &Sandbox, n: u32) {
    for at in 0..n {
        let pixels = png(3, 2, [(at % 256) as u8, (at / 256) as u8, 0]);
        sandbox.write(&format!("photos/train/c{}/{at:04}.png", at % 2), pixels);
    }
}

/// Ingests with the cache and without, expects the same bytes, and says how many files were known.
#[track_caller]
fn n_known(sandbox: &Sandbox, args: &[&str]) -> u64 {
    let run = |more: &[&str]| {
        let said = sandbox.run(&[&["photos", "--quiet"], args, more].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.stdout
    };
    let stdout = run(&["--cache", "cache", "--out", "known"]);
    run(&["--out", "anew"]);
    for name in ["images.parquet", "rejects.parquet"] {
        let read = |out: &str| fs::read(sandbox.path(out).join(name)).unwrap();
        assert!(read("known") == read("anew"), "{name} with a cache is not that without one");
    }
    let line = stdout.lines().find_map(|line| line.strip_prefix("  known    ")).expect("the summary says it");
    line.strip_suffix(" files of an earlier run, which were not decoded again").unwrap().parse().unwrap()
}

#[test]
fn only_new_files_are_decoded() {
    for args in [&[][..], &["--set", "embed=false"]] {
        let sandbox = Sandbox::new();
        write_photos(&sandbox, 20);
        sandbox.write("photos/train/c0/broken.png", "no picture");
        assert_eq!(n_known(&sandbox, args), 0);
        assert_eq!(n_known(&sandbox, args), 20);
        // One more, one fewer, one changed, one under another name.
        write_photos(&sandbox, 21);
        fs::remove_file(sandbox.path("photos/train/c0/0002.png")).unwrap();
        sandbox.write_png("photos/train/c0/0004.png", [9, 9, 9]);
        fs::rename(sandbox.path("photos/train/c1/0001.png"), sandbox.path("photos/train/c1/moved.png")).unwrap();
        assert_eq!(n_known(&sandbox, args), 18);
        // What is gone is forgotten.
        let cache = fs::read_to_string(sandbox.path("cache/files-v1.jsonl")).unwrap();
        assert_eq!(cache.lines().count(), 20);
    }
}

#[test]
fn a_file_with_too_many_pixels_is_rejected_though_it_is_known() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox, 4);
    sandbox.write("photos/train/c0/large.png", png(40, 40, [1, 1, 1]));
    assert_eq!(n_known(&sandbox, &[]), 0);
    assert_eq!(n_known(&sandbox, &["--set", "max-pixels=100"]), 4);
}

#[test]
fn a_killed_run_is_gone_on_with() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox, 3000);
    let mut command = Command::new(binary());
    command.args(["photos", "--quiet", "--cache", "cache", "--out", "killed"]).current_dir(sandbox.path(""));
    let mut child = command.env("RAYON_NUM_THREADS", "1").stdout(Stdio::null()).spawn().unwrap();
    let (cache, begin) = (sandbox.path("cache/files-v1.jsonl"), Instant::now());
    while fs::metadata(&cache).map_or(0, |metadata| metadata.len()) < 20_000 {
        assert!(begin.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let noted = fs::read_to_string(&cache).unwrap();
    // The last line may be torn.
    fs::write(&cache, &noted[..noted.len() - 40]).unwrap();
    let n = n_known(&sandbox, &[]);
    assert!((50..3000).contains(&n), "{n} files were known");
    assert_eq!(n_known(&sandbox, &[]), 3000);
}

#[test]
fn a_folder_is_enough_to_say_what_is_read() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox, 4);
    let check = |args: &[&str]| {
        let said = sandbox.run(&[args, &["--list-inputs"]].concat());
        assert_eq!((said.code, said.stdout.lines().count()), (Some(0), 4), "{args:?}: {}{}", said.stdout, said.stderr);
    };
    check(&["photos"]);
    check(&["./photos/"]);
    check(&[sandbox.path("photos").to_str().unwrap()]);
    check(&["photos/train/.."]);
    check(&["--data", ".", "--dataset", "image-folder", "--set", "path=photos"]);
    check(&["photos", "--set", "layout=flat"]);
    check(&["photos/train", "--set", "split=test"]);
    let refused = |args: &[&str], code: i32, expected: &str| {
        let said = sandbox.run(args);
        assert_eq!(said.code, Some(code), "{}", said.stderr);
        assert!(said.stderr.contains(expected), "expected {expected:?} in:\n{}", said.stderr);
    };
    refused(&["photos", "--data", ".", "--out", "out"], 2, "cannot be used with");
    refused(&["/", "--out", "out"], 1, "`/` has no name, expected a folder below the root");
    refused(&["none", "--out", "out"], 1, "none");
    let resized = ["photos", "--set", "resize={ width = 2, height = 2 }", "--cache", "cache", "--out", "out"];
    let expected = "a cache, `cache`, is of no use for images that are resized, expected an image folder or a table, without `resize`";
    refused(&resized, 1, expected);
    refused(&["--dataset", "shapes", "--cache", "cache", "--out", "out"], 1, "is of no use for shapes, expected");
}
