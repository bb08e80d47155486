//! A sound tree has no violation; a tree that is broken in one way has that violation and no other.

mod study;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, UInt32Type};
use study::{Runs, Study, as_it_was, audit, expect_exit, rewrite, sound};
use twinset_audit::{Options, Tree, Validation, validate};
use twinset_manifest::Reader;
use twinset_manifest::rows::{Rule, Violation};

const OPTIONS: Options = Options { pixels: true, folder: None, max_per_rule: 100 };

fn validated(root: &Path) -> Validation {
    validate(&Tree::open(root, None).unwrap(), &OPTIONS, || ())
}

#[test]
fn a_sound_tree_has_no_violation() {
    let (root, _) = sound();
    let found = validated(root.path());
    assert_eq!(found.violations, []);
    assert_eq!((found.n_manifests, found.n_rows, found.n_images), (10, 12 + 1 + 12 + 1 + 12 + 1 + 11 + 2 + 4 + 1, 13));
    assert_eq!(found.notes, Vec::<String>::new());
}

/// Breaks the rows of a study before they are written, or the files of one that was; then exactly this is found: so many
/// violations, all of one rule, the first of them so.
#[track_caller]
fn check(break_rows: fn(&mut Study), break_files: fn(&Runs), rule: Rule, n: usize, first: &str) {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    break_rows(&mut study);
    let runs = study.write(root.path());
    break_files(&runs);
    let found = validated(root.path()).violations;
    assert!(found.iter().all(|violation| violation.rule == rule) && found.len() == n, "{found:#?}");
    let Violation { path, row, column, found, expected, .. } = &found[0];
    let path = path.rsplit('/').next().unwrap();
    let row = row.map_or_else(String::new, |row| format!(" row {row}"));
    let column = column.as_ref().map_or_else(String::new, |column| format!(" {column}"));
    assert_eq!(format!("{path}{row}{column}: {found}, not {expected}"), first);
}

fn nothing(_: &mut Study) {}

/// Breaks a file that nothing was made from, and writes down its new digest.
fn rewrite_recorded(
    runs: &Runs,
    (stage, name): (&str, &str),
    change: impl Fn(Vec<(Field, ArrayRef)>) -> Vec<(Field, ArrayRef)>,
    entry: impl Fn(&str, &str) -> Option<String>,
) {
    rewrite(&runs.of(stage).join(name), change, entry);
    runs.record();
}

#[test]
fn rows_that_break_a_rule() {
    let none = |_: &Runs| ();
    check(
        |study| study.cells[0].estimate = 1.5,
        none,
        Rule::Range,
        1,
        "cells.parquet row 0 estimate: 1.5, not estimate BETWEEN 0 AND 1",
    );
    check(
        |study| study.pairs[0].label_conflict = true,
        none,
        Rule::Consistency,
        1,
        "pairs.parquet row 0 label_conflict: true, not label_conflict = (left_label <> right_label)",
    );
    check(
        |study| study.trainset[9].duplicate_of = None,
        none,
        Rule::Consistency,
        1,
        "trainset.parquet row 9 duplicate_of: null, not (origin = 'original') = (duplicate_of IS NULL)",
    );
    check(
        |study| study.hashes.push(study.hashes[4].clone()),
        none,
        Rule::Unique,
        1,
        "hashes.parquet row 12 image_id: image_id 4 again, not no two rows alike",
    );
    check(
        |study| (7..11).for_each(|i| study.trainset[i].position += 1),
        none,
        Rule::Count,
        1,
        "trainset.parquet row 7 position: 8, not 7",
    );
    check(
        |study| study.clusters[7].cluster_size = 3,
        none,
        Rule::Count,
        1,
        "clusters.parquet row 7 cluster_size: 3, not 1, the rows of cluster_id 7",
    );
    check(
        |study| study.images[7].class_name = "cow".to_owned(),
        none,
        Rule::Class,
        1,
        "images.parquet row 7 class_name: `cow`, not `dog`, the name of class 1",
    );
    check(
        |study| (study.predictions[1].predicted, study.predictions[1].is_correct) = (2, false),
        none,
        Rule::Class,
        1,
        "predictions.parquet row 1 predicted: 2, not less than 2, the number of classes",
    );
    check(
        |study| study.trainset[7].label = 0,
        none,
        Rule::Agreement,
        1,
        "trainset.parquet row 7 label: 0, not 1, the label of image 7",
    );
    check(
        |study| study.images[7].image.bytes = study.images[6].image.bytes.clone(),
        none,
        Rule::Pixels,
        1,
        &format!(
            "images.parquet row 7 image: pixels of another digest, or more than its width and height, not BLAKE3 {}",
            Study::sound().images[7].pixels_blake3
        ),
    );
}

#[test]
fn an_image_that_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.predictions[3].image_id = 999;
    study.write(root.path());
    let found = validated(root.path()).violations;
    let images = format!("stages/ingest/{}/images.parquet", "a".repeat(64));
    let [Violation { rule: Rule::ForeignKey, image_id: Some(999), row: Some(3), expected, .. }] = &found[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(*expected, format!("an image of `{images}`"));
}

#[test]
fn files_of_another_layout() {
    let rejects = ("ingest", "rejects.parquet");
    check(
        nothing,
        |runs| {
            let without =
                |columns: Vec<(Field, ArrayRef)>| columns.into_iter().filter(|(f, _)| f.name() != "detail").collect();
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), without, as_it_was);
        },
        Rule::Columns,
        1,
        "rejects.parquet detail: no such column, not text",
    );
    check(
        nothing,
        |runs| {
            let number = |columns: Vec<(Field, ArrayRef)>| {
                let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                    "reason" => {
                        (field.with_data_type(DataType::UInt32), Arc::new(UInt32Array::from(vec![7])) as ArrayRef)
                    }
                    _ => (field, array),
                };
                columns.into_iter().map(change).collect()
            };
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), number, as_it_was);
        },
        Rule::Columns,
        1,
        "rejects.parquet reason: uint32, not text",
    );
    check(
        nothing,
        |runs| {
            let null = |columns: Vec<(Field, ArrayRef)>| {
                let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                    "reason" => {
                        (field.with_nullable(true), arrow::array::new_null_array(array.data_type(), array.len()))
                    }
                    _ => (field, array),
                };
                columns.into_iter().map(change).collect()
            };
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), null, as_it_was);
        },
        Rule::Null,
        1,
        "rejects.parquet row 0 reason: null, not a value",
    );
    check(
        nothing,
        |runs| {
            let typo = |columns: Vec<(Field, ArrayRef)>| {
                let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                    "interval_method" => (field, Arc::new(StringArray::from(vec!["wilsom"])) as ArrayRef),
                    _ => (field, array),
                };
                columns.into_iter().map(change).collect()
            };
            rewrite_recorded(runs, ("report", "cells.parquet"), typo, as_it_was);
        },
        Rule::Value,
        1,
        "cells.parquet row 0 interval_method: `wilsom`, not one of `wilson`, `t`",
    );
    check(
        nothing,
        |runs| {
            let older =
                |key: &str, value: &str| Some(if key == "twinset.schema" { "rejects/0".into() } else { value.into() });
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), |columns| columns, older);
        },
        Rule::Schema,
        1,
        "rejects.parquet twinset.schema: rejects/0, not rejects/1",
    );
    check(
        nothing,
        |runs| {
            let without = |key: &str, value: &str| (key != "twinset.provenance").then(|| value.to_owned());
            rewrite_recorded(runs, ("ingest", "rejects.parquet"), |columns| columns, without);
        },
        Rule::Provenance,
        1,
        "rejects.parquet twinset.provenance: it is missing, not a stage, its config and inputs",
    );
    assert_eq!(rejects.0, "ingest");
}

#[test]
fn files_with_other_bytes() {
    let root = tempfile::tempdir().unwrap();
    let runs = Study::sound().write(root.path());
    let path = runs.of("evaluate").join("predictions.parquet");
    let before = twinset_manifest::digest_file(&path).unwrap();
    // By hand: one more query for each image, which breaks no rule of the rows.
    rewrite(
        &path,
        |columns| {
            let more = |array: &ArrayRef| -> ArrayRef {
                Arc::new(array.as_primitive::<UInt32Type>().iter().map(|n| n.map(|n| n + 1)).collect::<UInt32Array>())
            };
            let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                "n_queries" => (field, more(&array)),
                _ => (field, array),
            };
            columns.into_iter().map(change).collect()
        },
        as_it_was,
    );
    let found = validated(root.path()).violations;
    let [violation] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(violation.rule, Rule::FileDigest);
    assert_eq!(violation.made_by.as_deref(), Some("evaluate 0.1.0"));
    let made_from_it = format!("`stages/report/{}/cells.parquet`", "f".repeat(64));
    assert_eq!(violation.expected, format!("BLAKE3 {before}, as its run wrote it; {made_from_it} was made from that"));

    check(
        nothing,
        |runs| fs::remove_file(runs.of("ingest").join("rejects.parquet")).unwrap(),
        Rule::MissingFile,
        1,
        &format!(
            "rejects.parquet: no such file, not BLAKE3 {}, as its run wrote it",
            twinset_manifest::digest_file(&runs.of("ingest").join("rejects.parquet")).unwrap()
        ),
    );
    // Of the network and the epochs that were made from it nothing is said: they are what they were.
    check(
        nothing,
        |runs| {
            let path = runs.of("inject").join("trainset.parquet");
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        },
        Rule::Unreadable,
        1,
        "trainset.parquet: Parquet error: Invalid Parquet file. Corrupt footer, not a whole Parquet file",
    );
    check(
        nothing,
        |runs| fs::write(runs.stages.with_file_name("source").join("batch.bin"), "other bytes").unwrap(),
        Rule::InputDigest,
        1,
        &format!(
            "images.parquet twinset.provenance: `source/batch.bin`, with BLAKE3 {}, not `batch.bin` with BLAKE3 {}; \
             `stages/ingest/{}/rejects.parquet` was made from that, too",
            blake3::hash(b"other bytes"),
            blake3::hash(b"the bytes of twelve images"),
            "a".repeat(64)
        ),
    );
}

#[test]
fn a_manifest_edited_by_hand_is_named_where_no_run_wrote_it_down() {
    let (root, runs) = sound();
    for stage in ["ingest", "neardup", "inject", "train", "evaluate", "report"] {
        fs::remove_file(runs.of(stage).join("digests.json")).unwrap();
    }
    rewrite(
        &runs.of("report").join("cells.parquet"),
        |columns| {
            let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                "estimate" => (field, Arc::new(Float64Array::from(vec![0.99])) as ArrayRef),
                _ => (field, array),
            };
            columns.into_iter().map(change).collect()
        },
        as_it_was,
    );
    assert_eq!(validated(root.path()).violations, [], "nothing was made from it, and nothing tells what it was");
    rewrite(&runs.of("evaluate").join("predictions.parquet"), |columns| columns, as_it_was);
    let found = validated(root.path()).violations;
    let [Violation { rule: Rule::InputDigest, path, found, .. }] = &found[..] else { panic!("{found:#?}") };
    assert!(path.ends_with("cells.parquet"), "{path}");
    let changed =
        format!("`stages/evaluate/{}/predictions.parquet`, made by evaluate 0.1.0, with BLAKE3 ", "e".repeat(64));
    assert!(found.starts_with(&changed), "{found}");
}

#[test]
fn images_that_were_made_anew_are_one_violation_and_no_reference_is_checked() {
    let root = tempfile::tempdir().unwrap();
    let runs = Study::sound().write(root.path());
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    for (stage, name) in [
        ("ingest", "images.parquet"),
        ("neardup", "hashes.parquet"),
        ("neardup", "pairs.parquet"),
        ("neardup", "clusters.parquet"),
    ] {
        fs::copy(runs.of(stage).join(name), out.join(name)).unwrap();
    }
    let before = twinset_manifest::digest_file(&out.join("images.parquet")).unwrap();
    assert_eq!(validated(&out).violations, []);
    // Half of the images, all under other ids.
    let mut half = Study::sound();
    half.images.truncate(6);
    half.images.iter_mut().for_each(|image| image.image_id += 100);
    let again = tempfile::tempdir().unwrap();
    let runs = half.write(again.path());
    fs::copy(runs.of("ingest").join("images.parquet"), out.join("images.parquet")).unwrap();
    let found = validated(&out);
    let [Violation { rule: Rule::InputDigest, path, expected, .. }] = &found.violations[..] else {
        panic!("{found:#?}")
    };
    let others = "`hashes.parquet` and `pairs.parquet` were made from that, too";
    assert_eq!(
        (path.as_str(), expected),
        ("clusters.parquet", &format!("`images.parquet` with BLAKE3 {before}; {others}"))
    );
    let note = format!(
        "`clusters.parquet`, `hashes.parquet` and `pairs.parquet` refer to images of `images.parquet` with BLAKE3 {before}, \
         which is not in the tree with these bytes: not checked"
    );
    assert_eq!(found.notes, [note]);
}

#[test]
fn referenced_images_are_decoded_where_their_folder_is_named() {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    fs::create_dir(root.path().join("pictures")).unwrap();
    for image in &mut study.images {
        let name = format!("{}.png", image.image_id);
        fs::write(root.path().join("pictures").join(&name), image.image.bytes.take().unwrap()).unwrap();
        image.image.path = Some(name);
    }
    let runs = study.write(root.path());
    let tree = Tree::open(&runs.stages, None).unwrap();
    let found = validate(&tree, &OPTIONS, || ());
    assert_eq!((found.violations.len(), found.n_images), (0, 1));
    let note = "12 images of `images.parquet` are files elsewhere: not decoded, as --folder names no folder";
    assert_eq!(found.notes, [note]);

    let pictures = root.path().join("pictures");
    fs::remove_file(pictures.join("3.png")).unwrap();
    let found = validate(&tree, &Options { folder: Some(&pictures), ..OPTIONS }, || ());
    assert_eq!(found.n_images, 13);
    let [Violation { rule: Rule::Pixels, image_id: Some(3), found, .. }] = &found.violations[..] else {
        panic!("{:#?}", found.violations);
    };
    assert!(found.ends_with("3.png`: No such file or directory (os error 2)"), "{found}");
}

#[test]
fn the_command_tells_lines_writes_a_manifest_and_ends_with_3() {
    let (root, _) = sound();
    let (stdout, _) = expect_exit(audit(root.path()).args(["validate", ".", "--quiet"]), 0);
    assert_eq!(stdout, "10 manifests, 57 rows, 13 images decoded: no violations\n");
    let (stdout, _) = expect_exit(audit(root.path()).args(["validate", ".", "--no-pixels", "--quiet"]), 0);
    assert_eq!(stdout, "10 manifests, 57 rows, 0 images decoded: no violations\n");

    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.predictions.iter_mut().for_each(|row| row.linf = 2.0);
    study.write(root.path());
    let (stdout, _) =
        expect_exit(audit(root.path()).args(["validate", "stages", "--quiet", "--out", "found", "--max", "2"]), 3);
    let path = format!("evaluate/{}/predictions.parquet", "e".repeat(64));
    assert_eq!(
        stdout,
        format!(
            "{path}, row 0, image 8, linf: range: found 2.0, expected linf BETWEEN 0 AND 1\n\
             {path}, row 1, image 9, linf: range: found 2.0, expected linf BETWEEN 0 AND 1\n\
             {path}, row 0, image 8, linf: consistency: found 2.0, expected attack <> 'clean' OR linf = 0\n\
             {path}, row 1, image 9, linf: consistency: found 2.0, expected attack <> 'clean' OR linf = 0\n\
             10 manifests, 57 rows, 13 images decoded: 8 violations, 4 of them shown\n"
        )
    );
    let written = Reader::<Violation>::open(&root.path().join("found/violations.parquet")).unwrap();
    assert_eq!(written.provenance().inputs.len(), 10);
    let rows = written.read_all().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!((rows[0].schema.as_deref(), rows[0].image_id), (Some("predictions/1"), Some(8)));
}

#[test]
fn a_run_alone_is_checked_against_the_store_around_it() {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.trainset[0].label = 1;
    let runs = study.write(root.path());
    let line = format!(
        "inject/{}/trainset.parquet, row 0, image 0, label: agreement: found 1, expected 0, the label of image 0\n",
        "c".repeat(64)
    );
    for path in [runs.of("inject"), runs.of("inject").join("trainset.parquet")] {
        let (stdout, _) = expect_exit(audit(root.path()).arg("validate").arg(path).arg("--quiet"), 3);
        assert!(stdout.starts_with(&line), "{stdout}");
    }
    // Elsewhere nothing can be said of what it refers to.
    let alone = root.path().join("alone");
    fs::create_dir(&alone).unwrap();
    fs::copy(runs.of("inject").join("trainset.parquet"), alone.join("trainset.parquet")).unwrap();
    let (stdout, stderr) = expect_exit(audit(root.path()).args(["validate", "alone"]), 0);
    assert_eq!(stdout, "1 manifests, 11 rows, 0 images decoded: no violations\n");
    assert!(stderr.contains("note: `trainset.parquet` refers to images of `images.parquet` with BLAKE3 "), "{stderr}");
}
