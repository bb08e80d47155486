//! `twinset new-study`: what it writes is accepted by `cargo xtask plan`.

use std::fs;
use std::process::Command;

use crate::pictures::{jpeg, picture};
use crate::sandbox::{Sandbox, binary, has_programs};

fn write_classes(sandbox: &Sandbox, folder: &str, n: u32) {
    for (c, class) in ["cat", "dog with \"quotes\""].into_iter().enumerate() {
        for i in 0..n {
            sandbox.write(&format!("{folder}/{class}/{i}.jpg"), jpeg(&picture(100 * c as u32 + i), 90));
        }
    }
}

/// Plans a study with the real programs, all of which have to be built.
#[track_caller]
fn plan(sandbox: &Sandbox, file: &str, data: &str) {
    let programs = binary().parent().unwrap();
    let all = ["xtask", "twinset-inject", "twinset-train", "twinset-evaluate", "twinset-report"];
    if let Some(missing) = all.iter().find(|name| !programs.join(name).is_file()) {
        println!("not planned: there is no `{missing}`; `cargo xtask test` builds all");
        return;
    }
    sandbox.write("Cargo.toml", "[workspace]\n");
    let mut command = Command::new(programs.join("xtask"));
    command
        .args(["--root", ".", "plan", file, "--data", data, "--device", "cpu", "--json"])
        .current_dir(sandbox.path(""));
    let output = command.env("TWINSET_STAGE_BIN_DIR", programs).env_remove("CARGO_MANIFEST_DIR").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["arms"].as_array().unwrap().len(), 2, "{plan}");
    assert!(plan["unknown"].is_null(), "{plan}");
}

#[test]
fn a_study_of_a_folder_is_planned_as_it_is() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    write_classes(&sandbox, "home/my data/Training", 12);
    write_classes(&sandbox, "home/my data/test", 6);
    write_classes(&sandbox, "home/by-class", 10);
    write_classes(&sandbox, "home/one-split/train", 10);
    write_classes(&sandbox, "home/with-val/train", 10);
    write_classes(&sandbox, "home/with-val/val", 4);
    let check = |folder: &str, file: &str, said: &[&str], lines: &[&str]| {
        let stdout = sandbox.expect(&["new-study", &format!("home/{folder}")]);
        said.iter().for_each(|part| assert!(stdout.contains(part), "expected {part:?} in:\n{stdout}"));
        let text = fs::read_to_string(sandbox.path(file)).unwrap();
        lines.iter().for_each(|part| assert!(text.contains(part), "expected {part:?} in:\n{text}"));
        assert!(
            stdout.contains(&format!("cargo xtask plan {file} --data {}\n", sandbox.path("home").display())),
            "{stdout}"
        );
        plan(&sandbox, file, "home");
    };
    check(
        "my data",
        "my-data-study.toml",
        &["24 training images and 12 test images of 2 classes\nall of 120×96 pixels\n"],
        &["path = \"my data\" ", "resize = {", "splits = [\"test\"]", "single-class = \"cat\""],
    );
    check(
        "by-class",
        "by-class-study.toml",
        &[
            "16 training images and 4 test images of 2 classes",
            "note: there is no test split: a fifth of each class is held out, with draw-split = { test = 0.2, seed = 0 }\n",
            "note: the folders are taken for classes: cat, dog",
        ],
        &["draw-split = { test = 0.2, seed = 0 }", "layout = \"classes\""],
    );
    check(
        "one-split",
        "one-split-study.toml",
        &["16 training images and 4 test images"],
        &["path = \"one-split/train\""],
    );
    check(
        "with-val",
        "with-val-study.toml",
        &["note: there is no test split: networks are judged on val"],
        &["splits = [\"val\"]"],
    );
}

#[test]
fn a_study_of_a_manifest_begins_from_its_dataset() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    write_classes(&sandbox, "home/by-class", 10);
    let ingest = ["ingest", "home/by-class", "--set", "draw-split={ test = 0.3, seed = 2 }", "--quiet", "--out"];
    sandbox.expect(&[&ingest[..], &["images", "--set", "embed=false"]].concat());
    let stdout = sandbox.expect(&["new-study", "images/images.parquet", "--out", "mine.toml"]);
    assert!(
        stdout.starts_with("14 training images and 6 test images of 2 classes\nall of 120×96 pixels\n"),
        "{stdout}"
    );
    assert!(stdout.contains("cargo xtask plan mine.toml --data DIR\n"), "{stdout}");
    let text = fs::read_to_string(sandbox.path("mine.toml")).unwrap();
    let lines = "dataset = \"image-folder\"\ndraw-split = { \"seed\" = 2, \"test\" = 0.3, \"val\" = 0.0 }\npath = \"by-class\"\n";
    assert!(text.contains(lines), "{text}");
    plan(&sandbox, "mine.toml", "home");
    // Shapes have no files and one size.
    sandbox.expect(&[
        "ingest",
        "--dataset",
        "shapes",
        "--set",
        "n-train=50",
        "--set",
        "n-test=20",
        "--quiet",
        "--out",
        "shapes",
    ]);
    sandbox.expect(&["new-study", "shapes", "--out", "shapes.toml"]);
    plan(&sandbox, "shapes.toml", ".");
}

#[test]
fn what_cannot_be_studied_is_told() {
    if !has_programs() {
        return;
    }
    let sandbox = Sandbox::new();
    for split in ["train", "test"] {
        sandbox.write(&format!("flat/{split}/0.jpg"), jpeg(&picture(0), 90));
    }
    sandbox.write_photos("one/cat");
    sandbox.write("labels.csv", "image,label\n");
    for i in 0..3 {
        sandbox.write(&format!("photos/{i}.jpg"), jpeg(&picture(i), 90));
    }
    write_classes(&sandbox, "broken/train", 2);
    sandbox.write("broken/test/bird/0.jpg", jpeg(&picture(9), 90));
    write_classes(&sandbox, "few", 1);
    let check = |args: &[&str], expected: &[&str]| {
        let said = sandbox.run(&[&["new-study"], args].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{args:?}: {}", said.stderr);
        for part in expected {
            assert!(said.stderr.contains(part), "{args:?}: expected {part:?} in:\n{}", said.stderr);
        }
    };
    let unlabelled = "`photos` cannot be studied: it has no folders of classes, so its images have no labels\nhint: expected <class>/";
    check(&["photos"], &[unlabelled]);
    check(
        &["flat"],
        &["`flat` cannot be studied: its splits have no folders of classes", "hint: expected <split>/<class>/<image>"],
    );
    check(&["one"], &["`one` cannot be studied: it has one class, `cat`, expected two or more\n"]);
    check(&["broken"], &["`broken` cannot be studied: ", "have different classes"]);
    check(&["few"], &["`few` cannot be studied: no image is left to judge networks on, expected a folder `test`"]);
    check(&["none"], &["cannot read `none`: "]);
    check(&["labels.csv"], &["`labels.csv` is a file, expected a folder of images or an images.parquet"]);
    sandbox.expect(&["ingest", "photos", "--quiet", "--out", "images"]);
    check(&["images"], &["`images` cannot be studied: its images have no labels, expected two classes or more\n"]);
    sandbox.write("taken.toml", "mine");
    write_classes(&sandbox, "good/train", 5);
    write_classes(&sandbox, "good/test", 2);
    check(
        &["good", "--out", "taken.toml"],
        &["`taken.toml` is there already\nhint: name another file with --out, or remove it\n"],
    );
    check(&["good", "--out", "study.txt"], &["--out is `study.txt`, expected a file that ends in .toml"]);
    assert_eq!(fs::read_to_string(sandbox.path("taken.toml")).unwrap(), "mine");
}
