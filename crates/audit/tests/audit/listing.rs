//! What `ls` tells of the runs of a store.

use std::fs;

use serde_json::{Value, json};

use crate::study::store::Store;
use crate::study::{audit, expect_exit};

/// What `ls` tells of a stage's file, as JSON.
fn row(store: &Store, file: &str, more: &[&str]) -> Value {
    let words = ["ls", "stages", "--format", "json"];
    let (stdout, _) = expect_exit(audit(store.root.path()).args(words).args(more), 0);
    let rows: Vec<Value> = serde_json::from_str(&stdout).unwrap();
    rows.into_iter().find(|row| row["path"].as_str().unwrap().ends_with(file)).unwrap()
}

fn cell(row: &Value) -> [&Value; 3] {
    ["arm", "rate", "seed"].map(|name| &row[name])
}

#[test]
fn arm_rate_and_seed_stand_beside_short_keys_and_json_has_all_of_it() {
    let store = Store::sound();
    // Before a report is written the keys tell: of a network the rate of the injection that it was trained on.
    assert_eq!(cell(&row(&store, "trainset.parquet", &[])), [&json!(null), &json!(0.375), &json!(3)]);
    for file in ["epochs.parquet", "predictions.parquet"] {
        assert_eq!(cell(&row(&store, file, &[])), [&json!(null), &json!(0.375), &json!(null)], "{file}");
    }
    let path = |stage: &str, file: &str| format!("data/stages/{stage}/{}/{file}", store.key(stage));
    let cell_of = |arm: &str| {
        json!({
            "arm": arm, "rate": 0.375, "seed": 3, "status": "done", "failed_stage": null,
            "trainset": path("inject", "trainset.parquet"), "weights": path("train", "model.safetensors"),
            "epochs": path("train", "epochs.parquet"), "predictions": path("evaluate", "predictions.parquet"),
        })
    };
    let study = json!({ "pipeline": "p", "cells": [cell_of("uniform"), cell_of("again"), cell_of("third")] });
    fs::write(store.of_stage("report").join("study.json"), study.to_string()).unwrap();
    let trained = row(&store, "epochs.parquet", &[]);
    assert_eq!(cell(&trained), [&json!(["again", "third", "uniform"]), &json!(0.375), &json!(3)]);
    assert_eq!(trained["path"], format!("train/{}/epochs.parquet", store.key("train")));
    assert_eq!(trained["blake3"].as_str().unwrap().len(), 64);
    assert_eq!(cell(&row(&store, "images.parquet", &[])), [&json!(null); 3]);

    let (stdout, _) = expect_exit(audit(store.root.path()).args(["ls", "stages"]), 0);
    let line = stdout.lines().find(|line| line.contains("epochs.parquet")).unwrap();
    assert!(line.starts_with(&format!("train/{}*/epochs.parquet ", &store.key("train")[..12])), "{line}");
    assert!(line.contains("  again, third and 1 more  0.375     3"), "{line}");
    assert!(!stdout.contains(store.key("train")));
    // Where no run is, there are no columns of runs.
    fs::copy(store.of_stage("report").join("cells.parquet"), store.root.path().join("cells.parquet")).unwrap();
    let (stdout, stderr) = expect_exit(audit(store.root.path()).args(["ls", "cells.parquet"]), 0);
    assert!(stdout.lines().next().unwrap().ends_with("blake3") && stderr.is_empty(), "{stdout}{stderr}");
}

#[test]
fn digests_are_those_of_the_record_unless_files_are_to_be_read() {
    let store = Store::sound();
    let folder = store.of_stage("report");
    let blake3 = twinset_manifest::digest_file(&folder.join("cells.parquet")).unwrap().to_string();
    let record = fs::read_to_string(folder.join("digests.json")).unwrap();
    fs::write(folder.join("digests.json"), record.replace(&blake3, &"0".repeat(64))).unwrap();
    assert_eq!(row(&store, "cells.parquet", &[])["blake3"], "0".repeat(64));
    assert_eq!(row(&store, "cells.parquet", &["--deep"])["blake3"], blake3.as_str());
    let file = folder.join("cells.parquet");
    for (more, note) in
        [(&[][..], "note: 1 digest is taken from digests.json; --deep reads the file\n"), (&["--deep"], "")]
    {
        let (_, stderr) = expect_exit(audit(store.root.path()).arg("ls").arg(&file).args(more), 0);
        assert_eq!(stderr, note);
    }
    // Of a file that has another size the record says nothing.
    fs::write(folder.join("digests.json"), record.replace("\"n-bytes\": ", "\"n-bytes\": 9")).unwrap();
    assert_eq!(row(&store, "cells.parquet", &[])["blake3"], blake3.as_str());
}
