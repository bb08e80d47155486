//! What cannot be scanned: what was found, what was expected, and what to do.

use std::fs;

use crate::sandbox::{Sandbox, has_programs};

#[test]
fn what_cannot_be_scanned_is_told() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("photos");
    sandbox.write("notes/a.txt", "no picture");
    sandbox.write("notes/b.md", "no picture");
    sandbox.write("busy/thesis.tex", "much work");
    sandbox.write("set.parquet", "none");
    fs::create_dir_all(sandbox.path("empty/within")).unwrap();
    let check = |args: &[&str], expected: &[&str]| {
        let said = sandbox.run(&[&["scan", "--quiet"], args].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{args:?}: {}", said.stderr);
        for part in expected {
            assert!(said.stderr.contains(part), "{args:?}: expected {part:?} in:\n{}", said.stderr);
        }
        assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
    };
    check(
        &["photo"],
        &["there is no folder `photo`, expected a folder of pictures\n", "hint: did you mean `photos`?\n"],
    );
    check(&["nowhere"], &["there is no folder `nowhere`", "hint: name the folder that holds the pictures\n"]);
    check(
        &["photos/00.jpg"],
        &["`photos/00.jpg` is a file, expected a folder of pictures\nhint: name the folder that it is in"],
    );
    check(
        &["set.parquet"],
        &["`set.parquet` is a file", "`twinset ingest --help` says how Parquet, CSV and tar files are read"],
    );
    check(&["empty"], &["`empty` holds no file, expected pictures such as .jpg or .png\nhint: "]);
    check(&["notes"], &["all 2 files of `", "were rejected, for instance", "unsupported"]);
    check(
        &["photos", "--out", "photos/found"],
        &[
            "--out `photos/found` lies in `photos`, all of which is read, expected a folder beside it\nhint: for instance --out",
        ],
    );
    check(&["photos", "--out", "."], &["lies in --out `.`, expected a folder beside it"]);
    check(
        &["photos", "--out", "busy"],
        &["--out `busy` holds `thesis.tex` and no scan, expected a new or empty folder", "hint: name another --out\n"],
    );
    check(&["photos", "--out", "set.parquet"], &["--out `set.parquet` is a file, expected a folder"]);
    check(&["photos", "--reference", "nothing"], &["failed to use the reference", "there is no folder `nothing`"]);
    check(&["photos", "--reference", "set.parquet"], &["failed to use the reference `set.parquet`", "set.parquet"]);
    check(&["photos", "--not-duplicates", "no.csv"], &["cannot read `no.csv`"]);
    assert_eq!(fs::read_dir(sandbox.path("busy")).unwrap().count(), 1, "what is there is left alone");
    // Where nothing was found nothing is left, but for a folder that was there.
    assert!(!sandbox.path("notes-duplicates").exists());
    fs::create_dir(sandbox.path("mine")).unwrap();
    check(&["notes", "--out", "mine"], &["were rejected"]);
    assert_eq!(fs::read_dir(sandbox.path("mine")).unwrap().count(), 0);

    sandbox.scan(&["photos", "--out", "found"]);
    sandbox.write_photos("others");
    check(
        &["others", "--out", "found"],
        &[
            "`found` holds the scan of `",
            "photos`, expected that of `",
            "hint: name another --out, or remove that folder\n",
        ],
    );
    let said = sandbox.run(&["scan", "photos", "--out", "found", "--quiet", "--fail-on-leak"]);
    assert_eq!(said.code, Some(1));
    let expected = "error: --fail-on-leak: `photos` has one split, expected two or more, such as folders `train` and `test`\n\
                    hint: or name another set with --reference\n";
    assert_eq!(said.stderr, expected);
    sandbox.write("found/scan.json", "{}");
    check(&["photos", "--out", "found"], &["`found/scan.json` is no record of a scan that can be gone on with"]);
    let said = sandbox.run(&["scan"]);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
}

#[test]
fn splits_with_other_classes_can_be_scanned_flat() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("data/train/cat");
    sandbox.write_photos("data/test/dog");
    let said = sandbox.run(&["scan", "data", "--quiet"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("have different classes: only `train` has cat, only `test` has dog"),
        "{}",
        said.stderr
    );
    // The two small copies are the same, but none with their pixels stays.
    let json = sandbox.scan(&["data", "--layout", "flat"]);
    assert_eq!((json["n_images"].as_u64(), json["duplicates"]["n_exact_copies"].as_u64()), (Some(28), Some(14)));
}
