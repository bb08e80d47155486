//! What differs between two manifests or trees.

use std::fs;
use std::path::Path;

use serde_json::Value;
use twinset_manifest::rows::Image;
use twinset_manifest::{Provenance, Writer};

use crate::study::{CLASSES, Study, audit, expect_exit, sound};
use crate::{refusal, short};

#[test]
fn diff_tells_rows_columns_and_provenance() {
    let (left, left_runs) = sound();
    let right = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.trainset[0].label = 1;
    study.trainset[3].label = 0;
    study.trainset.remove(10);
    study.trainset.push(study.trainset[9].clone());
    study.trainset[10].copy = 9;
    let right_runs = study.write(right.path());
    let [left_path, right_path] =
        [&left_runs, &right_runs].map(|runs| runs.of("inject").join("trainset.parquet").display().to_string());
    let (stdout, _) = expect_exit(audit(left.path()).args(["diff", &left_path, &right_path, "--examples", "1"]), 3);
    assert_eq!(
        stdout,
        "rows by image_id, copy: 8 the same, 1 added, 1 removed, 2 changed\n  \
         label: 2 changed\n\
         changed copy 0, image_id 0: label 0 → 1\n\
         removed copy 3, image_id 12\n\
         added copy 9, image_id 5\n"
    );
    let (json, _) = expect_exit(audit(left.path()).args(["diff", &left_path, &right_path, "--format", "json"]), 3);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["n_changed"], &json["changed_columns"]["label"]), (&2.into(), &2.into()));
    assert_eq!(json["examples"].as_array().unwrap().len(), 4);

    expect_exit(audit(left.path()).args(["diff", &left_path, &left_path]), 0);
    let [left_stages, right_stages] = [&left_runs, &right_runs].map(|runs| runs.stages.display().to_string());
    let (stdout, _) = expect_exit(audit(left.path()).args(["diff", &left_stages, &left_stages]), 0);
    assert_eq!(stdout, "11 files the same, 0 differ\n");
    let (stdout, _) = expect_exit(audit(left.path()).args(["diff", &left_stages, &right_stages]), 3);
    let stdout = short(&stdout);
    // What was made from another training set says so in its provenance, whether its rows differ or not.
    for line in ["inject/c/trainset.parquet:", "train/d/epochs.parquet:", "6 files the same, 5 differ"] {
        assert!(stdout.lines().any(|found| found == line) || stdout.contains(line), "{line} is not in\n{stdout}");
    }
    assert!(stdout.contains("  inputs.trainset.parquet: "), "{stdout}");
    fs::remove_file(right_runs.of("ingest").join("rejects.parquet")).unwrap();
    let (stdout, _) = expect_exit(audit(left.path()).args(["diff", &left_stages, &right_stages]), 3);
    assert!(short(&stdout).starts_with("only left: ingest/a/rejects.parquet\n"), "{stdout}");
    assert_eq!(
        refusal(left.path(), &["diff", &left_path, "stages"], 1),
        short(&format!("error: failed to compare: `stages` is a folder, and `{left_path}` is none\n"))
    );
}

fn write_images(path: &Path, images: Vec<Image>) {
    let mut writer = Writer::create(path).unwrap();
    writer.extend(images).unwrap();
    writer.finish_images(&Provenance::of_stage("ingest", "0.1.0"), &CLASSES.map(str::to_owned)).unwrap();
}

#[test]
fn images_whose_ids_shifted_are_matched_by_source() {
    let root = tempfile::tempdir().unwrap();
    let images = Study::sound().images;
    write_images(&root.path().join("left.parquet"), images.clone());
    // One file less in the folder, and all after it move up; one has another label.
    let mut shifted: Vec<Image> = images.into_iter().skip(1).collect();
    shifted.iter_mut().for_each(|image| image.image_id -= 1);
    (shifted[4].label, shifted[4].class_name) = (0, CLASSES[0].to_owned());
    write_images(&root.path().join("right.parquet"), shifted);
    let diff = |args: &[&str]| {
        let mut command = audit(root.path());
        expect_exit(command.args(["diff", "left.parquet", "right.parquet", "--examples", "1"]).args(args), 3)
    };
    let (by_id, hint) = diff(&[]);
    assert!(by_id.starts_with("rows by image_id: 0 the same, 0 added, 1 removed, 11 changed\n"), "{by_id}");
    assert_eq!(hint, "hint: 10 rows are the same but for their image_id: `--by source` matches them\n");
    let by_source = "\
rows by source: 10 the same, 0 added, 1 removed, 1 changed; image_id differs in 11, which is not counted as changed
  class_name: 1 changed
  label: 1 changed
changed source batch.bin#5: class_name dog → cat, label 1 → 0
removed source batch.bin#0
";
    assert_eq!(diff(&["--by", "source"]), (by_source.to_owned(), String::new()));
    assert_eq!(
        refusal(root.path(), &["diff", "left.parquet", "right.parquet", "--by", "sources"], 1),
        "error: failed to compare: `left.parquet` has no column `sources`\n"
    );
}
