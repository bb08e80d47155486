//! Why is this image in the training set four times? Back to the source.

mod study;

use std::fs;
use std::path::Path;

use serde_json::Value;
use study::{CLASSES, Runs, Study, audit, expect_exit, rewrite, sound};
use tempfile::TempDir;
use twinset_manifest::rows::{Image, Removal, Removed, TrainsetRow};
use twinset_manifest::{Input, Provenance, Writer, write_manifest};

fn lineage(root: &TempDir, runs: &Runs, (stage, name): (&str, &str), args: &[&str]) -> String {
    let path = runs.of(stage).join(name);
    let (stdout, _) = expect_exit(audit(root.path()).arg("lineage").arg(path).args(args), 0);
    ["a", "b", "c", "d", "e", "f"].iter().fold(stdout, |text, digit| text.replace(&digit.repeat(64), digit))
}

/// Digests stand for themselves: each is twelve digits here.
fn without_digests(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("BLAKE3 ") {
        shown += before;
        shown += "BLAKE3 …";
        rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    shown + rest
}

#[test]
fn an_image_is_followed_from_all_its_positions_to_its_source() {
    let (root, runs) = sound();
    let expected = "\
image 5 stands 4 times in `inject/c/trainset.parquet`
├─ position 5: image 5, original
├─ position 8: image 5, injected, copy 1 of image 5
├─ position 9: image 5, injected, copy 2 of image 5
├─ position 10: image 12, injected, copy 3 of image 5
│  └─ image 12 of `inject/c/injected-images.parquet`: dog (class 1), train, 8x8, pixels BLAKE3 …, source `batch.bin#5`, made from image 5: by shift(right=-1 down=0)
├─ duplicates injected: made by inject 0.1.0: rate 0.375, seed 3, selection.kind \"uniform\"
├─ the same pixels stand 3 times here: 1 in the dataset, 2 injected
└─ image 5 of `ingest/a/images.parquet`: dog (class 1), train, 8x8, pixels BLAKE3 …, source `batch.bin#5`
   └─ made by ingest 0.1.0: dataset \"drawn\"
      └─ `source/batch.bin` (BLAKE3 …): a source, made by no stage
";
    let tree = root.path().join("source");
    fs::rename(tree, runs.stages.join("source")).unwrap();
    let trainset = ("inject", "trainset.parquet");
    let found = lineage(&root, &runs, trainset, &["--image-id", "5"]);
    assert_eq!(without_digests(&found), expected);
    let of_copy = lineage(&root, &runs, trainset, &["--position", "10"]);
    let asked = "image 5 (of which image 12 is a duplicate) stands 4 times";
    assert_eq!(without_digests(&of_copy), expected.replace("image 5 stands 4 times", asked));

    let json = lineage(&root, &runs, trainset, &["--image-id", "5", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["details"]["n_positions"], 4);
    assert_eq!(json["from"][3]["details"]["position"], 10);
    assert_eq!(json["from"][3]["from"][0]["details"]["derived_from"], 5);
}

#[test]
fn duplicates_of_the_dataset_itself_are_told() {
    let (root, runs) = sound();
    let found = lineage(&root, &runs, ("inject", "trainset.parquet"), &["--image-id", "2"]);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines[0], "image 2 stands once in `inject/c/trainset.parquet`");
    assert_eq!(lines[2], "├─ found to be one of 2 duplicates: cluster 0 of `neardup/b/clusters.parquet`, images 0, 2");
    assert_eq!(lines[3], "│  └─ images 0 and 2: exact, found by pixels");
    assert_eq!(lines[4], "├─ identical pixels in the dataset itself: image 0; at positions 0 (image 0)");
    assert_eq!(lines[5], "├─ the same pixels stand 2 times here: 2 in the dataset, 0 injected");
    let found = lineage(&root, &runs, ("ingest", "images.parquet"), &["--image-id", "2"]);
    let line = "└─ the same pixels stand 2 times in `ingest/a/images.parquet`: also as image 0\n";
    assert!(found.ends_with(line), "{found}");
}

#[test]
fn all_copies_of_the_same_pixels_are_counted() {
    // Image 0 is injected twice, image 2 has its pixels, and image 12 was to be changed, and was not.
    let mut study = Study::sound();
    for row in &mut study.trainset[8..] {
        row.duplicate_of = Some(0);
        row.label = 0;
        row.image_id = if row.position == 10 { 12 } else { 0 };
    }
    study.injected[0] = Image {
        image_id: 12,
        derived_from: Some(0),
        transform: Some("none".to_owned()),
        split: study.images[0].split,
        ..study.images[0].clone()
    };
    let root = tempfile::tempdir().unwrap();
    let runs = study.write(root.path());
    for image_id in ["0", "2"] {
        let found = lineage(&root, &runs, ("inject", "trainset.parquet"), &["--image-id", image_id]);
        let line = "├─ the same pixels stand 5 times here: 2 in the dataset, 3 injected\n";
        assert!(found.contains(line), "{found}");
    }
}

#[test]
fn a_folder_is_followed_file_by_file() {
    let (root, runs) = sound();
    let ask = |path: &Path, args: &[&str]| {
        let (stdout, _) = expect_exit(audit(root.path()).arg("lineage").arg(path).args(args), 0);
        without_digests(&["a", "b", "c"].iter().fold(stdout, |text, digit| text.replace(&digit.repeat(64), digit)))
    };
    let folder = runs.of("inject");
    let found = ask(&folder, &[]);
    let lines: Vec<&str> = found.lines().collect();
    assert!(lines[0].ends_with("`: 2 files"), "{found}");
    for line in [
        "├─ `inject/c/injected-images.parquet` (images/3, BLAKE3 …)",
        "└─ `inject/c/trainset.parquet` (trainset/1, BLAKE3 …)",
    ] {
        assert!(lines.contains(&line), "{line} is not in\n{found}");
    }
    assert_eq!(ask(&folder, &["--image-id", "5"]), ask(&folder.join("trainset.parquet"), &["--image-id", "5"]));
    let (_, stderr) = expect_exit(audit(root.path()).args(["lineage", "source"]), 1);
    assert_eq!(stderr, "error: failed to follow it back: `source` has no manifest\n");
}

#[test]
fn a_prediction_is_followed_to_the_network_and_what_it_was_trained_on() {
    let (root, runs) = sound();
    let found = lineage(&root, &runs, ("evaluate", "predictions.parquet"), &["--image-id", "8"]);
    let found = without_digests(&found);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "image 8 in `evaluate/e/predictions.parquet`: under `clean` as class 0, rightly",
            "├─ classified by `train/d/model.safetensors` (weights/1, BLAKE3 …)",
            "│  ├─ made by train 0.1.0: model \"paper-standard\"",
            "│  └─ image 8 does not stand in `inject/c/trainset.parquet`",
        ]
    );
    assert!(lines[4].starts_with("└─ image 8 of `ingest/a/images.parquet`: cat (class 0), test"), "{found}");
}

#[test]
fn a_file_is_followed_through_all_that_made_it() {
    let (root, runs) = sound();
    let found = without_digests(&lineage(&root, &runs, ("report", "cells.parquet"), &[]));
    for step in [
        "`report/f/cells.parquet` (cells/1, BLAKE3 …)",
        "└─ made by report 0.1.0",
        "   └─ `evaluate/e/predictions.parquet` (predictions/2, BLAKE3 …)",
        "         ├─ `ingest/a/images.parquet` (images/3, BLAKE3 …)",
        "         │     └─ `batch.bin` (BLAKE3 …): a source, outside of what was searched",
        "         └─ `train/d/model.safetensors` (weights/1, BLAKE3 …)",
        "            └─ made by train 0.1.0: model \"paper-standard\"",
        "               ├─ `ingest/a/images.parquet` (images/3, BLAKE3 …) (as above)",
    ] {
        assert!(found.lines().any(|line| line == step), "{step} is not in\n{found}");
    }
    // What is no longer what it was is told.
    rewrite(&runs.of("ingest").join("images.parquet"), |columns| columns, study::as_it_was);
    let found = without_digests(&lineage(&root, &runs, ("evaluate", "predictions.parquet"), &[]));
    let line = "`images.parquet` (images/3, BLAKE3 …): not in the tree with these bytes, but `ingest/a/images.parquet` with others";
    assert!(found.contains(line), "{found}");
    let found = without_digests(&lineage(&root, &runs, ("ingest", "images.parquet"), &[]));
    assert!(
        found.starts_with("`ingest/a/images.parquet` (images/3, BLAKE3 …): changed since its run wrote it\n"),
        "{found}"
    );
}

fn write_images(path: &Path, images: Vec<Image>, provenance: &Provenance) -> Input {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = Writer::create(path).unwrap();
    writer.extend(images).unwrap();
    writer.finish_images(provenance, &CLASSES.map(str::to_owned)).unwrap().as_input::<Image>()
}

/// `out/images`, `out/clean` without three of them, `out/mix` with a training set of the others.
fn cleaned() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let study = Study::sound();
    let ingest = Provenance::of_stage("ingest", "0.1.0");
    let images = write_images(&out.join("images/images.parquet"), study.images.clone(), &ingest);
    let neardup = Provenance::of_stage("neardup", "0.1.0").with_inputs([images]);
    let removed = |image_id: u64, reason: Removal, kept_id: Option<u64>| {
        let Image { split, label, ref source, .. } = study.images[image_id as usize];
        let kept_source = kept_id.map(|kept| study.images[kept as usize].source.clone());
        Removed { image_id, split, label, cluster_id: 0, kept_id, reason, source: source.clone(), kept_source }
    };
    let rows = [
        removed(2, Removal::Duplicate, Some(0)),
        removed(4, Removal::LabelConflict, None),
        removed(9, Removal::Leak, Some(1)),
    ];
    let kept = study.images.iter().filter(|image| ![2, 4, 9].contains(&image.image_id)).cloned().collect();
    let kept = write_images(&out.join("clean/images.parquet"), kept, &neardup);
    write_manifest::<Removed>(&out.join("clean/removed.parquet"), rows, &neardup).unwrap();
    let inject = Provenance::of_stage("inject", "0.1.0").with_inputs([kept]);
    fs::create_dir(out.join("mix")).unwrap();
    write_manifest::<TrainsetRow>(&out.join("mix/trainset.parquet"), [study.trainset[0].clone()], &inject).unwrap();
    root
}

#[test]
fn an_image_that_a_cleaning_removed_is_told_with_the_reason_and_what_stands_for_it() {
    let root = cleaned();
    let told = |path: &str, image_id: &str| {
        let (found, stderr) = expect_exit(audit(root.path()).args(["lineage", path, "--image-id", image_id]), 0);
        assert_eq!(stderr, "");
        without_digests(&found)
    };
    let expected = "\
image 2 is not in `images.parquet`: removed as a duplicate within train of image 0, which stands for it
├─ it stands for image 2: image 0 of `images.parquet`: cat (class 0), train, 8x8, pixels BLAKE3 …, source `batch.bin#0`
├─ `removed.parquet`: made by neardup 0.1.0
└─ image 2 of `out/images/images.parquet`: cat (class 0), train, 8x8, pixels BLAKE3 …, source `batch.bin#2`
   └─ made by ingest 0.1.0
";
    assert_eq!(told("out/clean/images.parquet", "2"), expected);
    let first = |image_id: &str| told("out/clean/images.parquet", image_id).lines().next().unwrap().to_owned();
    assert_eq!(
        first("4"),
        "image 4 is not in `images.parquet`: removed as cluster 0 has images of two labels, of which none was kept"
    );
    assert_eq!(
        first("9"),
        "image 9 is not in `images.parquet`: removed from test as a leak: its duplicate in another split, image 1, stands for it"
    );
    let of_trainset = told("out/mix/trainset.parquet", "2");
    assert!(
        of_trainset.starts_with(
            "image 2 is not in `trainset.parquet`\n└─ image 2 is not in `out/clean/images.parquet`: removed as a duplicate"
        ),
        "{of_trainset}"
    );
    let mut command = audit(root.path());
    let (_, stderr) = expect_exit(command.args(["lineage", "out/clean/images.parquet", "--image-id", "99"]), 1);
    assert_eq!(stderr, "error: failed to follow it back: `images.parquet` has no image 99\n");
}

#[test]
fn a_removed_file_is_told_with_what_stays() {
    let root = cleaned();
    let ask = |args: &[&str]| without_digests(&expect_exit(audit(root.path()).arg("lineage").args(args), 0).0);
    let expected = ask(&["out/clean/images.parquet", "--image-id", "2"]);
    assert_eq!(ask(&["out/clean/images.parquet", "--source", "batch.bin#2"]), expected);
    let removed = "removed as a duplicate within train of image 0, which stands for it";
    // The file is not there: the folder is, or `--tree` names one.
    for args in [&["out/clean/batch.bin#2"][..], &["batch.bin#2", "--tree", "out"]] {
        let found = ask(args);
        assert!(found.contains(removed) && found.contains("image 0 of `"), "{found}");
        assert!(found.lines().next().unwrap().starts_with("image 2 is not in `"), "{found}");
    }
    let (_, stderr) = expect_exit(audit(root.path()).args(["lineage", "out/clean/nowhere.png"]), 1);
    assert_eq!(
        stderr,
        "error: failed to follow it back: `out/clean` has no image of source `out/clean/nowhere.png` in its manifests\n"
    );
}

#[test]
fn inputs_are_looked_for_beside_the_folder_and_what_is_not_found_is_named() {
    let root = cleaned();
    let ask = |folder: &str, args: &[&str]| {
        let mut command = audit(&root.path().join(folder));
        let (found, stderr) = expect_exit(command.arg("lineage").args(args), 0);
        (without_digests(&found), without_digests(&stderr))
    };
    let (found, stderr) = ask("out/clean", &["images.parquet"]);
    assert!(found.contains("   └─ `../images/images.parquet` (images/3, BLAKE3 …)\n"), "{found}");
    assert_eq!(stderr, "");

    fs::create_dir(root.path().join("far")).unwrap();
    fs::rename(root.path().join("out/images"), root.path().join("far/images")).unwrap();
    let (found, stderr) = ask(".", &["out/clean/images.parquet"]);
    assert!(found.ends_with("   └─ `images.parquet` (images/3, BLAKE3 …): not in the tree\n"), "{found}");
    assert_eq!(
        stderr,
        "note: not found: `images.parquet` (images/3, BLAKE3 …); looked for in `out/clean` and below, in `out`, and in the \
         other folder there\nhint: --tree <folder that holds it> looks in another folder, and below\n"
    );
    let (found, stderr) = ask(".", &["out/clean/images.parquet", "--tree", "far"]);
    assert!(found.contains("   └─ `images/images.parquet` (images/3, BLAKE3 …)\n"), "{found}");
    assert_eq!(stderr, "");
}

#[test]
fn what_is_not_there_is_refused() {
    let (root, runs) = sound();
    let check = |(stage, name): (&str, &str), args: &[&str], expected: &str| {
        let path = runs.of(stage).join(name);
        let (_, stderr) = expect_exit(audit(root.path()).arg("lineage").arg(&path).args(args), 1);
        let stderr = ["a", "b", "c"].iter().fold(stderr, |text, digit| text.replace(&digit.repeat(64), digit));
        assert_eq!(stderr, format!("error: failed to follow it back: {expected}\n"));
    };
    let trainset = ("inject", "trainset.parquet");
    check(trainset, &["--image-id", "99"], "`inject/c/trainset.parquet` has no image 99");
    check(trainset, &["--position", "11"], "`inject/c/trainset.parquet` has no position 11");
    check(
        ("neardup", "pairs.parquet"),
        &["--position", "1"],
        "`neardup/b/pairs.parquet` holds `pairs/4`, which has no column `position`",
    );
    check(
        ("ingest", "rejects.parquet"),
        &["--image-id", "1"],
        "`ingest/a/rejects.parquet` holds `rejects/1`, which has no column `image_id`",
    );
    let clusters = runs.of("neardup").join("clusters.parquet");
    let bytes = std::fs::read(&clusters).unwrap();
    std::fs::write(&clusters, &bytes[..bytes.len() / 2]).unwrap();
    let (_, stderr) = expect_exit(audit(root.path()).arg("lineage").arg(&clusters), 1);
    assert!(stderr.contains("clusters.parquet` is damaged: "), "{stderr}");
}

#[test]
fn an_image_is_found_by_its_source() {
    let (root, runs) = sound();
    let images = ("ingest", "images.parquet");
    let by_source = lineage(&root, &runs, images, &["--source", "batch.bin#5"]);
    assert_eq!(by_source, lineage(&root, &runs, images, &["--image-id", "5"]));
    let refused = |args: &[&str]| {
        let path = runs.of("ingest").join("images.parquet");
        let (_, stderr) = expect_exit(audit(root.path()).arg("lineage").arg(path).args(args), 1);
        stderr.replace(&"a".repeat(64), "a").replace(&root.path().display().to_string(), "R")
    };
    let stderr = refused(&["--source", "bin#1"]);
    assert_eq!(
        stderr,
        "error: failed to follow it back: `ingest/a/images.parquet` has no image of source `bin#1`; in its sources there is \
         `batch.bin#1`, `batch.bin#10`, `batch.bin#11`\n"
    );
    let stderr = refused(&["--image-id", "63"]);
    assert_eq!(
        stderr,
        "error: failed to follow it back: `ingest/a/images.parquet` has no image 63\nhint: ids without an image may be \
         rejects: `twinset-audit show R/stages/ingest/a/rejects.parquet` lists what was rejected and why\n"
    );
}

#[test]
fn a_source_outside_is_told_once_for_all_shards() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("images");
    for (at, images) in Study::sound().images.chunks(4).enumerate() {
        let blake3 = twinset_manifest::Digest([at as u8; 32]);
        let source = Input { name: "My Fotos".to_owned(), schema: None, blake3 };
        let ingest = Provenance::of_stage("ingest", "0.1.0").with_inputs([source]);
        write_images(&folder.join(twinset_manifest::shard_name("images", at, 3)), images.to_vec(), &ingest);
    }
    let (found, stderr) = expect_exit(audit(root.path()).args(["lineage", "images"]), 0);
    let line = "   └─ `My Fotos` (BLAKE3 …): a source, outside of what was searched; with 3 digests, of what each shard was \
                made from\n";
    assert!(without_digests(&found).ends_with(line), "{found}");
    assert_eq!(found.matches("My Fotos").count(), 1);
    assert_eq!(stderr, "");
}
