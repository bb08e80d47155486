//! `twinset scan`: real files, real programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::pictures::{jpeg, picture};
use crate::sandbox::{Sandbox, has_programs};

fn duplicates(found: &Value) -> (u64, u64, u64) {
    let n = |key: &str| found["duplicates"][key].as_u64().unwrap();
    (n("n_groups"), n("n_exact_copies"), n("n_near_copies"))
}

fn time_of(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

#[test]
fn duplicates_are_found_and_shown() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("my photos");
    let text = sandbox.expect(&["scan", "my photos", "--quiet"]);
    let expected = "14 pictures
1 file could not be read as pictures: 1 unsupported
  notes.txt (unsupported)

2 groups of duplicates, 4 pictures in all. `clean` removes 2:
        1 exact: the pixels are those of a picture that stays
        1 near: the same shot as a picture that stays, changed
        2 stay: no duplicate of another one that stays

The groups:
  03.jpg, album/copy of 03.jpg
  05.jpg, album/small.jpg

album/: 2 of 2 pictures have a copy elsewhere

Look at them:        my photos-duplicates/gallery.html
";
    assert!(text.starts_with(expected), "{text}");
    let page = fs::read_to_string(sandbox.path("my photos-duplicates/gallery.html")).unwrap();
    assert!(page.replace("<wbr>", "").contains("album/small.jpg"));
    // The commands that it prints can be pasted.
    let command = |begin: &str| text.lines().find_map(|line| line.strip_prefix(begin)).unwrap().trim().to_owned();
    for command in [command("Copy what stays:"), command("List what goes:")] {
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &command]).current_dir(sandbox.path("")).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let copied = fs::read_dir(sandbox.path("my photos-clean")).unwrap().count();
    assert_eq!(copied, 12, "pictures that stay, all of them outside of the album");
    let listed = fs::read_to_string(sandbox.path("remove.txt")).unwrap();
    let expected = ["album/copy of 03.jpg", "album/small.jpg"].map(|name| sandbox.path("my photos").join(name));
    let listed: Vec<_> = listed.lines().map(Path::new).collect();
    assert_eq!(listed, expected);
}

#[test]
fn a_scan_does_only_what_is_new() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("photos");
    let check = |what: &str, n_new: u64, n_images: u64, found: (u64, u64, u64)| {
        let json = sandbox.scan(&["photos"]);
        assert_eq!(json["is_unchanged"], false, "{what}");
        assert_eq!((json["n_new"].as_u64(), json["n_images"].as_u64()), (Some(n_new), Some(n_images)), "{what}");
        assert_eq!(duplicates(&json), found, "{what}");
        // What a scan knows does not change what it finds.
        let anew = format!("anew-{what}");
        sandbox.scan(&["photos", "--out", &anew]);
        let names = ["images/images.parquet", "duplicates/pairs.parquet", "duplicates/clusters.parquet"];
        for name in names.into_iter().chain(["duplicates/removed.parquet"]) {
            let read = |out: &str| fs::read(sandbox.path(out).join(name)).unwrap();
            assert!(read("photos-duplicates") == read(&anew), "{what}: {name}");
        }
        let page = |out: &str| fs::read_to_string(sandbox.path(out).join("gallery.html")).unwrap();
        // The page tells the command that searches again.
        assert!(
            page("photos-duplicates") == page(&anew).replace(&format!(" --out {anew}"), ""),
            "{what}: gallery.html"
        );
        // And nothing runs where nothing has changed.
        let gallery = sandbox.path("photos-duplicates/gallery.html");
        let before = time_of(&gallery);
        let again = sandbox.scan(&["photos"]);
        assert_eq!((&again["is_unchanged"], &again["n_new"]), (&json!(true), &json!(0)), "{what}");
        assert_eq!(again["duplicates"], json["duplicates"], "{what}");
        assert_eq!(time_of(&gallery), before, "{what}");
    };
    check("first", 14, 14, (2, 1, 1));
    sandbox.write("photos/album/another copy.jpg", jpeg(&picture(7), 80));
    check("added", 1, 15, (3, 1, 2));
    fs::remove_file(sandbox.path("photos/03.jpg")).unwrap();
    check("removed", 0, 14, (2, 0, 2));
    sandbox.write("photos/05.jpg", jpeg(&picture(99), 90));
    check("changed", 1, 14, (1, 0, 1));
    fs::rename(sandbox.path("photos/00.jpg"), sandbox.path("photos/album/99.jpg")).unwrap();
    check("renamed", 0, 14, (1, 0, 1));
    let text = sandbox.expect(&["scan", "photos"]);
    assert!(
        text.starts_with("Nothing was added, removed or changed since the last scan, so nothing was done."),
        "{text}"
    );
    // Another setting is another search.
    sandbox.write("photos/mirrored.jpg", jpeg(&image::imageops::flip_horizontal(&picture(8)), 90));
    assert_eq!(duplicates(&sandbox.scan(&["photos"])), (1, 0, 1));
    let mirrored = sandbox.scan(&["photos", "--orientations", "mirrored"]);
    assert_eq!((&mirrored["is_unchanged"], duplicates(&mirrored)), (&json!(false), (2, 0, 2)));
    // An output that is gone is made again.
    fs::remove_file(sandbox.path("photos-duplicates/gallery.html")).unwrap();
    sandbox.scan(&["photos", "--orientations", "mirrored"]);
    assert!(sandbox.path("photos-duplicates/gallery.html").exists());
}

#[test]
fn pairs_that_are_no_duplicates_are_remembered() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("photos");
    sandbox.write("no.csv", "left,right\n05.jpg,album/small.jpg\n");
    assert!(sandbox.scan(&["photos"])["not_duplicates"].is_null());
    let check = |args: &[&str], is_unchanged: bool, n_groups: u64, left_out: Value| {
        let json = sandbox.scan(&[&["photos"], args].concat());
        assert_eq!((&json["is_unchanged"], duplicates(&json).0), (&json!(is_unchanged), n_groups), "{args:?}");
        assert_eq!(json["not_duplicates"], left_out, "{args:?}");
    };
    let file = "photos-duplicates/not-duplicates.csv";
    let left_out = json!({"file": file, "n_left_out": 1, "n_told": 1, "n_missing": 0});
    check(&["--not-duplicates", "no.csv"], false, 1, left_out.clone());
    check(&[], true, 1, left_out.clone());
    check(&["--not-duplicates", "no.csv"], true, 1, left_out);
    let text = sandbox.expect(&["scan", "photos", "--quiet"]);
    let line = "\n1 pair is left out: no duplicate by photos-duplicates/not-duplicates.csv\n";
    assert!(text.contains(line), "{text}");
    // Each time, whatever else has changed; a picture of a pair may go.
    sandbox.write("photos/album/another copy.jpg", jpeg(&picture(7), 80));
    fs::remove_file(sandbox.path("photos/album/small.jpg")).unwrap();
    check(&[], false, 2, json!({"file": file, "n_left_out": 0, "n_told": 0, "n_missing": 1}));
    let text = sandbox.expect(&["scan", "photos", "--quiet"]);
    assert!(text.contains("  1 pair of that file names a picture that is not there\n"), "{text}");
    // Another file takes the place of the first, also one that the user puts there. One that is wrong changes nothing.
    let marks = "left,right\n07.jpg,album/another copy.jpg\n";
    sandbox.write("other.csv", marks);
    check(
        &["--not-duplicates", "other.csv"],
        false,
        1,
        json!({"file": file, "n_left_out": 1, "n_told": 1, "n_missing": 0}),
    );
    sandbox.write("wrong.csv", "left,right\n07.jpg,another copy.jpg\n");
    let said = sandbox.run(&["scan", "photos", "--not-duplicates", "wrong.csv", "--quiet"]);
    assert!(said.stderr.contains("`another copy.jpg` in `right`, expected the `source` of an image (14 images); did you mean `album/another copy.jpg`?"), "{}", said.stderr);
    assert_eq!(fs::read_to_string(sandbox.path(file)).unwrap(), marks);
    sandbox.write(file, "left,right\n03.jpg,04.jpg\n");
    check(&[], false, 2, json!({"file": file, "n_left_out": 0, "n_told": 1, "n_missing": 0}));
    // Ids are other pictures' in a later scan.
    sandbox.write("ids.csv", "left_id,right_id\n0,1\n");
    check(
        &["--not-duplicates", "ids.csv"],
        false,
        2,
        json!({"file": "ids.csv", "n_left_out": 0, "n_told": 1, "n_missing": 0}),
    );
    fs::remove_file(sandbox.path(file)).unwrap();
    check(&[], false, 2, Value::Null);
}

/// PNGs of windows of one wide picture, each with most of the one before: a chain.
fn windows() -> Vec<Vec<u8>> {
    let wide = image::imageops::resize(&picture(3), 480, 96, image::imageops::FilterType::Triangle);
    let window = |x| image::imageops::crop_imm(&wide, x, 0, 120, 96).to_image();
    (0..=280).step_by(28).map(|x| twinset_pixels::encode_png(&window(x))).collect()
}

/// A picture leaks that is in a pair with one of an earlier split; being in a group with one is not enough.
#[test]
fn leaks_are_counted_by_pairs_and_not_by_groups() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    for (at, window) in windows().iter().enumerate() {
        sandbox.write(&format!("pan/{}/{at:02}.png", if at == 0 { "train" } else { "test" }), window);
    }
    for seed in 20..40 {
        sandbox.write(&format!("pan/train/{seed}.jpg"), jpeg(&picture(seed), 90));
    }
    let json = sandbox.scan(&["pan"]);
    let pairs = json["leaks"]["pairs"].as_array().unwrap();
    let leaked = pairs.iter().flat_map(|pair| [&pair["left"], &pair["right"]]).filter_map(Value::as_str);
    let n_leaked = leaked.filter(|name| name.starts_with("test/")).collect::<BTreeSet<_>>().len();
    assert_eq!(json["leaks"]["n_images"], json!({"test": n_leaked}));
    let group = json["duplicates"]["groups"][0]["files"].as_array().unwrap();
    assert!(group.len() > n_leaked + 1, "others of the group are tied to train through them: {json:#}");
    // The search's own summary has the same number.
    let call = ["neardup", "--images", "pan-duplicates/images/images.parquet", "--out", "found", "--quiet"];
    let text = sandbox.expect(&call);
    let line = text.lines().find(|line| line.starts_with(&format!("  {n_leaked} of 10 test images")));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    let n_more = group.len() - 1 - n_leaked;
    assert!(line.ends_with(&format!(" a duplicate in train, {n_more} more through other images")), "{text}");
}

/// What a scan says is removed is what `clean` removes, also of a group whose pictures are not all duplicates of one another.
#[test]
fn clean_removes_what_the_scan_says() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    for (at, window) in windows().iter().enumerate() {
        sandbox.write(&format!("pan/{at:02}.png"), window);
    }
    sandbox.write("pan/copy.png", &windows()[0]);
    for seed in 20..40 {
        sandbox.write(&format!("pan/{seed}.jpg"), jpeg(&picture(seed), 90));
    }
    let json = sandbox.scan(&["pan"]);
    let n = |key: &str| json["duplicates"][key].as_u64().unwrap();
    let removed = sandbox.expect(&["clean", "pan-duplicates", "--list"]).lines().count() as u64;
    assert_eq!(n("n_exact_copies") + n("n_near_copies"), removed, "{json:#}");
    assert_eq!(n("n_exact_copies"), 1, "{json:#}");
    assert!(removed < n("n_images") - n("n_groups"), "more than one of a group stays: {json:#}");
    let text = sandbox.expect(&["scan", "pan", "--quiet"]);
    assert!(text.contains(&format!("`clean` removes {removed}:\n")), "{text}");
}

#[test]
fn leaks_between_splits_are_told() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_splits("data");
    let text = sandbox.expect(&["scan", "data", "--quiet"]);
    let expected = "2 of 4 test pictures (50.0 %) leak: they have a duplicate in train
  exact: `train/22.jpg` (train) and `test/22.jpg` (test)
  near: `train/25.jpg` (train) and `test/near.jpg` (test), similarity ";
    assert!(text.contains(expected), "{text}");
    let said = sandbox.run(&["scan", "data", "--quiet", "--fail-on-leak", "--json"]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    let begin =
        "2 pairs of duplicates leak (--fail-on-leak)\n  exact: `train/22.jpg` (train) and `test/22.jpg` (test)\n";
    assert!(said.stderr.starts_with(begin), "{}", said.stderr);
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(json["leaks"]["n_images"], json!({"test": 2}));
    assert_eq!(json["leaks"]["n_pairs"], 2);
    assert_eq!(json["leaks"]["pairs"][0]["right"], "test/22.jpg");
    // Without the leaks it is content.
    fs::remove_file(sandbox.path("data/test/22.jpg")).unwrap();
    fs::remove_file(sandbox.path("data/test/near.jpg")).unwrap();
    let text = sandbox.expect(&["scan", "data", "--quiet", "--fail-on-leak"]);
    assert!(
        text.contains("No duplicates.\n") && text.contains("No picture leaks from one split into another.\n"),
        "{text}"
    );
}

#[test]
fn json_has_the_keys_that_the_book_names() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("photos");
    let json = sandbox.scan(&["photos", "--out", "out"]);
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference.md");
    let book = fs::read_to_string(book).unwrap();
    for key in json.as_object().unwrap().keys() {
        assert!(book.contains(&format!("`{key}`")), "docs/src/reference.md does not name the key `{key}`");
    }
    assert_eq!(json["duplicates"]["folders"], json!([{"folder": "album", "n_images": 2, "n_elsewhere": 2}]));
    assert_eq!(json["format"], 2);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["folder"], sandbox.path("photos").to_str().unwrap());
    assert_eq!(json["gallery"], "out/gallery.html");
    assert_eq!(json["n_images_of_split"], json!({"train": 14}));
    assert_eq!(json["unreadable"]["by_reason"], json!({"unsupported": 1}));
    assert_eq!(json["unreadable"]["files"][0]["file"], "notes.txt");
    assert_eq!(json["duplicates"]["n_pairs"], json!({"exact": 1, "near": 1, "similar": 0}));
    let groups = json!([
        {"n_images": 2, "files": ["03.jpg", "album/copy of 03.jpg"]},
        {"n_images": 2, "files": ["05.jpg", "album/small.jpg"]}
    ]);
    assert_eq!(json["duplicates"]["groups"], groups);
    assert!(json["leaks"].is_null() && json["reference"].is_null());
}

#[test]
fn another_set_is_looked_into() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("mine");
    for seed in [4, 9, 50, 51] {
        sandbox.write(&format!("other/{seed}.png"), twinset_pixels::encode_png(&picture(seed)));
    }
    let text = sandbox.expect(&["scan", "mine", "--reference", "other", "--quiet"]);
    assert!(text.starts_with("14 pictures\n"), "{text}");
    assert!(text.contains("2 of them (14.3 %) have a duplicate in /"), "{text}");
    assert!(text.contains("near: `04.jpg` (train) and `4.png` (train)"), "{text}");
    assert!(text.ends_with("Look at them:        mine-in-other/gallery.html\n"), "{text}");
    let json = sandbox.scan(&["mine", "--reference", "other"]);
    assert_eq!((&json["is_unchanged"], &json["leaks"]["n_images"]), (&json!(true), &json!({"train": 2})));
    assert!(json["duplicates"].is_null());
    let said = sandbox.run(&["scan", "mine", "--reference", "other", "--quiet", "--fail-on-leak"]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    // A manifest, and a folder that holds one.
    sandbox.expect(&["ingest", "other", "--out", "ingested", "--quiet"]);
    for (reference, out) in [("ingested/images.parquet", "mine-in-ingested"), ("ingested", "second")] {
        let json = sandbox.scan(&["mine", "--reference", reference, "--out", out]);
        assert_eq!(json["leaks"]["n_pairs"], 2, "{reference}");
    }
    // The set that grows is read again.
    sandbox.write("other/11.png", twinset_pixels::encode_png(&picture(11)));
    assert_eq!(sandbox.scan(&["mine", "--reference", "other"])["leaks"]["n_images"], json!({"train": 3}));
    let said = sandbox.run(&["clean", "mine-in-other", "--list"]);
    assert!(said.stderr.contains("is a scan with --reference, expected one without"), "{}", said.stderr);
}

#[test]
fn the_current_folder_is_scanned_from_within() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write_photos("photos");
    let mut command = sandbox.command(&["scan", ".", "--quiet"]);
    let output = command.current_dir(sandbox.path("photos")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(sandbox.path("photos-duplicates/gallery.html").exists());
}

/// Starts a scan of many pictures and waits until some are known.
fn begin(sandbox: &Sandbox) -> Child {
    let mut command = sandbox.command(&["scan", "photos", "--quiet"]);
    let mut child = command.env("RAYON_NUM_THREADS", "1").stdout(Stdio::null()).spawn().unwrap();
    let (cache, begin) = (sandbox.path("photos-duplicates/cache/files"), Instant::now());
    let n_bytes = || {
        let files = fs::read_dir(&cache).into_iter().flatten().flatten();
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum::<u64>()
    };
    while n_bytes() < 4_000 {
        assert!(begin.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
    }
    child
}

#[test]
fn a_scan_that_was_killed_goes_on() {
    if !has_programs() {
        return;
    }
    // A background job ignores SIGINT, and so would what it starts.
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let sandbox = Sandbox::new();
        for seed in 0..600 {
            sandbox.write(&format!("photos/{seed}.jpg"), jpeg(&picture(seed % 300), 90));
        }
        let mut child = begin(&sandbox);
        let said = sandbox.run(&["scan", "photos", "--quiet"]);
        assert_eq!(said.code, Some(1));
        assert!(
            said.stderr.starts_with("error: another `twinset scan` writes to `photos-duplicates`"),
            "{}",
            said.stderr
        );
        let said = sandbox.run(&["clean", "photos-duplicates", "--list"]);
        assert!(
            said.stderr.starts_with("error: the scan in `photos-duplicates` did not come to its end\n"),
            "{}",
            said.stderr
        );
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(signal as i32));
        let json = sandbox.scan(&["photos"]);
        assert_eq!((json["n_images"].as_u64(), duplicates(&json)), (Some(600), (300, 300, 0)));
        let n_new = json["n_new"].as_u64().unwrap();
        assert!(n_new < 600, "{n_new} of 600 were decoded after {signal}");
    }
}

#[test]
fn a_hugging_face_dataset_is_recognised_and_scanned() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    for (split, seeds) in [("train", &[20, 21, 22, 23][..]), ("test", &[30, 22])] {
        for seed in seeds {
            sandbox.write(&format!("{split}/cat/{seed}.jpg"), jpeg(&picture(*seed), 90));
        }
        sandbox.expect(&["ingest", split, "--quiet", "--set", &format!("split={split}"), "--out", "made"]);
        let bytes = fs::read(sandbox.path("made/images.parquet")).unwrap();
        sandbox.write(&format!("hub/data/{split}-00000-of-00001.parquet"), bytes);
    }
    let said = sandbox.run(&["scan", "hub", "--quiet"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(
        said.stderr.contains("look like those of the dataset `hugging-face`: add --dataset hugging-face"),
        "{}",
        said.stderr
    );
    assert!(!sandbox.path("hub-duplicates").exists());
    let found = sandbox.scan(&["hub", "--dataset", "hugging-face"]);
    assert_eq!((&found["n_images"], &found["leaks"]["n_pairs"]), (&6.into(), &1.into()), "{found}");
    let page = fs::read_to_string(sandbox.path("hub-duplicates/gallery.html")).unwrap();
    assert!(page.contains("--dataset hugging-face --not-duplicates not-duplicates.csv"));
    assert_eq!(sandbox.scan(&["hub", "--dataset", "hugging-face"])["is_unchanged"], true);
    // Its pictures are no files that could be listed.
    let text = sandbox.expect(&["scan", "hub", "--dataset", "hugging-face", "--quiet"]);
    assert!(text.contains("What goes, by row:   hub-duplicates/duplicates/removed.parquet\n"), "{text}");
    assert!(!text.contains("--list") && sandbox.path("hub-duplicates/duplicates/removed.parquet").is_file(), "{text}");
}
