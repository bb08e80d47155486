//! SQL over manifests by name.

use std::fs;

use crate::study::{audit, expect_exit, sound};
use crate::{refusal, stdout};

#[test]
fn sql_answers_over_manifests_by_name() {
    let (root, _) = sound();
    let check = |query: &str, expected: &str| {
        assert_eq!(stdout(root.path(), &["sql", query, "stages", "--format", "csv"]), expected, "{query}");
    };
    check("SELECT split, COUNT(*) AS n FROM images GROUP BY split ORDER BY n DESC", "split,n\ntrain,8\ntest,4\n");
    check(
        "SELECT i.class_name, COUNT(*) AS n FROM trainset AS t JOIN images AS i ON i.image_id = t.duplicate_of \
         GROUP BY i.class_name",
        "class_name,n\ndog,3\n",
    );
    // No number is unsigned: what is less than nothing is told as that.
    check("SELECT MIN(label - image_id) AS d FROM images", "d\n-10\n");
    // The one is signed, the other not.
    check(
        "SELECT i.class_name, COUNT(*) AS n FROM images AS i JOIN trainset AS t ON i.label = t.label AND i.image_id = t.image_id \
         WHERE i.label = 1 GROUP BY i.class_name",
        "class_name,n\ndog,6\n",
    );
    check("SELECT COUNT(*) AS n FROM clusters WHERE cluster_size > 1", "n\n2\n");
    check("SELECT image.path FROM images WHERE image_id = 3", "path\n\n");
    check("SELECT transform FROM injected_images", "transform\nshift(right=-1 down=0)\n");
    check("SELECT image_id FROM images ORDER BY image_id DESC LIMIT 2", "image_id\n11\n10\n");
    check(
        "SELECT label, MAX(linf) AS worst FROM predictions GROUP BY label ORDER BY label",
        "label,worst\n0,0.0\n1,0.0\n",
    );

    assert_eq!(
        refusal(root.path(), &["sql", "SELECT split,\n  COUNT(* FROM images", "stages"], 1),
        "error: failed to query: cannot parse the SQL, line 2, column 11: expected: ), found: FROM\n    \
         COUNT(* FROM images\n            ^\n"
    );
    assert_eq!(
        refusal(root.path(), &["sql", "SELECT * FROM image", "stages"], 1),
        "error: failed to query: cannot answer the query: relation 'image' was not found\n\
         hint: the tables are cells, clusters, epochs, hashes, images, injected_images, pairs, predictions, rejects, trainset\n"
    );
    let error = refusal(root.path(), &["sql", "SELECT labels FROM images", "stages"], 1);
    assert!(
        error.starts_with("error: failed to query: cannot answer the query: ") && error.contains("labels"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn manifests_of_one_name_are_tables_of_their_own_and_one() {
    let (root, runs) = sound();
    let other = runs.stages.join("report").join("9".repeat(64));
    fs::create_dir(&other).unwrap();
    fs::copy(runs.of("report").join("cells.parquet"), other.join("cells.parquet")).unwrap();
    let list =
        stdout(root.path(), &["sql", "--list", "stages/report", "--format", "csv"]).replace(&"9".repeat(64), "9");
    let columns = "\"arm, rate, seed, metric, split, attack, label, class_name, estimate, interval_low, interval_high, \
                   interval_method, confidence, n_images, n_seeds";
    assert_eq!(
        list,
        format!(
            "table,schema,rows,files,manifests,columns\ncells,cells/1,2,2,2 as one,{columns}, manifest\"\n\
             cells_99999999,cells/1,1,1,9/cells.parquet,{columns}\"\n\
             cells_ffffffff,cells/1,1,1,f/cells.parquet,{columns}\"\n"
        )
    );
    let check = |query: &str, expected: &str| {
        let found = stdout(root.path(), &["sql", query, "stages/report", "--format", "csv"]);
        assert_eq!(found.replace(&"9".repeat(64), "9"), expected, "{query}");
    };
    check("SELECT COUNT(*) AS n FROM cells", "n\n2\n");
    check("SELECT manifest, estimate FROM cells", "manifest,estimate\n9/cells.parquet,0.75\nf/cells.parquet,0.75\n");
    check("SELECT COUNT(*) AS n FROM cells WHERE manifest LIKE 'f%'", "n\n1\n");
    check("SELECT arm FROM cells_ffffffff", "arm\nstandard\n");
    assert_eq!(
        refusal(root.path(), &["sql", "--list", "SELECT 1", "stages"], 1),
        "error: failed to list: expected paths alone\n"
    );
}

#[test]
fn several_manifests_as_one_are_told_with_the_name_of_each_alone() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["a", "b"] {
        let (study, runs) = sound();
        fs::create_dir(root.path().join(folder)).unwrap();
        fs::copy(runs.of("ingest").join("images.parquet"), root.path().join(folder).join("images.parquet")).unwrap();
        drop(study);
    }
    fs::copy(root.path().join("a/images.parquet"), root.path().join("images_a.parquet")).unwrap();
    let ask = |query: &str| expect_exit(audit(root.path()).args(["sql", query, ".", "--format", "csv"]), 0);
    assert_eq!(
        ask("SELECT manifest, COUNT(*) AS n FROM images GROUP BY manifest ORDER BY manifest"),
        (
            "manifest,n\na/images.parquet,12\nb/images.parquet,12\n".to_owned(),
            "note: `images` is 2 manifests as one, 24 rows; its column `manifest` tells them apart; each alone:\n  \
             images_a_: `a/images.parquet`, 12 rows\n  images_b: `b/images.parquet`, 12 rows\n"
                .to_owned()
        )
    );
    for name in ["images_a", "images_a_", "images_b"] {
        assert_eq!(ask(&format!("SELECT COUNT(*) AS n FROM {name}")), ("n\n12\n".to_owned(), String::new()), "{name}");
    }
    let (tables, _) = expect_exit(audit(root.path()).args(["sql", "--tables", "."]), 0);
    assert_eq!(tables.lines().count(), 5, "{tables}");
}

#[test]
fn a_query_in_the_place_of_a_path_is_told() {
    let (root, _) = sound();
    let check = |args: &[&str], expected: &str| {
        assert_eq!(refusal(root.path(), args, 1), format!("error: failed to query: {expected}\n"));
    };
    let swapped = "`stages` is a path, and `SELECT 1` is none: the query comes first, then the path";
    check(&["sql", "stages", "SELECT 1"], swapped);
    check(&["sql", "SELECT 1"], "expected a path after the query `SELECT 1`");
    check(&["sql", "stages"], "expected a query before the path `stages`");
    check(&["sql", "SELECT 1", "source"], "`source` holds no manifest");
    let (help, _) = expect_exit(audit(root.path()).args(["sql", "--help"]), 0);
    assert!(help.contains("Usage: twinset-audit sql [OPTIONS] <QUERY> <PATH>"), "{help}");
    assert!(help.contains("First the query, in quotes; then a manifest or a folder"), "{help}");
}

#[test]
fn what_was_meant_is_told() {
    let (root, _) = sound();
    let check = |query: &str, expected: &str| {
        let stderr = refusal(root.path(), &["sql", query, "stages"], 1);
        assert!(stderr.contains(expected), "{stderr}");
    };
    check("SELECT * FROM images WHERE class_name = \"dog\"", "\nhint: text stands in single quotes: 'dog'\n");
    check(
        "SELECT * FROM 'out/duplicates/pairs.parquet'",
        "\nhint: a table is called as its file: write `pairs` for 'out/duplicates/pairs.parquet'\n",
    );
    check(
        "DELETE FROM images WHERE label = 1",
        "error: failed to query: cannot answer `DELETE`, expected SELECT: an audit changes nothing\n",
    );
    fs::write(root.path().join("stages/half.parquet"), "PAR1").unwrap();
    check("SELECT * FROM half", "\nhint: `half.parquet` is damaged: ");
}

#[test]
fn several_folders_and_a_csv_file_are_asked_together() {
    let (root, runs) = sound();
    fs::write(root.path().join("my scores.csv"), "image_id;score;word\n3;0.5;a\n5;1;\n").unwrap();
    let [images, trainset] = [("ingest", "images.parquet"), ("inject", "trainset.parquet")]
        .map(|(stage, name)| runs.of(stage).join(name).display().to_string());
    let ask = |query: &str, paths: &[&str]| {
        let args = [&["sql", query][..], paths, &["--format", "csv"]].concat();
        stdout(root.path(), &args)
    };
    let folders = [runs.of("ingest"), runs.of("inject")].map(|folder| folder.display().to_string());
    let joined = "SELECT COUNT(*) AS n FROM trainset t JOIN images i ON i.image_id = t.image_id";
    for paths in [[images.as_str(), &trainset], folders.each_ref().map(String::as_str), [&images, &folders[1]]] {
        assert_eq!(ask(joined, &paths), "n\n10\n");
    }
    let scored =
        "SELECT i.source, s.score, s.word FROM images i JOIN my_scores s ON s.image_id = i.image_id ORDER BY 1";
    assert_eq!(
        ask(scored, &[images.as_str(), "my scores.csv"]),
        "source,score,word\nbatch.bin#3,0.5,a\nbatch.bin#5,1.0,\n"
    );
    assert_eq!(ask("SELECT SUM(image_id) AS n FROM my_scores", &["my scores.csv"]), "n\n8\n");
    // Folders may lie in one another: each file is one table.
    let nested = ask("SELECT COUNT(*) AS n FROM trainset", &["stages", &folders[1]]);
    assert_eq!(nested, "n\n11\n");
    fs::write(root.path().join("cut.csv"), "a,b\n1\n").unwrap();
    assert_eq!(
        refusal(root.path(), &["sql", "SELECT * FROM cut", "cut.csv"], 1),
        "error: failed to read `cut.csv`: line 2: found 1 fields, expected 2 as in the header\n"
    );
}

/// What the runner writes beside a run's manifests, and what it cost.
fn record_runs(root: &std::path::Path, runs: &crate::study::Runs) {
    let key = |digit: &str| digit.repeat(64);
    let record = |stage: &str, digit: &str, config: serde_json::Value| {
        let record = serde_json::json!({
            "key": key(digit), "stage": stage, "program": "p", "libtorch": null, "device": null, "same-processor": null,
            "inputs": [], "config": config, "processor": null,
        });
        fs::write(runs.of(stage).join("key.json"), record.to_string()).unwrap();
    };
    record("ingest", "a", serde_json::json!({ "dataset": "drawn" }));
    record("inject", "c", serde_json::json!({ "rate": 0.375, "seed": 3 }));
    record("train", "d", serde_json::json!({ "seed": 3, "model": "paper-standard" }));
    let line = |stage: &str, digit: &str, cells: &[&str], status: &str, wall_s: f64, second: u32| {
        serde_json::json!({
            "started_at": format!("2026-11-30T00:00:{second:02}Z"), "stage": stage, "key": key(digit), "cells": cells,
            "command": [], "exit_status": status, "wall_s": wall_s, "cpu_s": 1.0, "peak_memory_bytes": 1,
        })
        .to_string()
    };
    let cells = ["standard rate 0.375 seed 3"];
    let lines = [
        r#"{"registered_at":"2026-11-30T00:00:00Z","pipeline":"p","seeds":[3],"claims":{}}"#.to_owned(),
        line("ingest", "a", &["the images"], "exit status 0", 2.5, 1),
        line("train", "d", &cells, "signal 9", 8.0, 2),
        line("train", "d", &["standard rate 0.375 seed 3", "robust rate 0.375 seed 3"], "exit status 0", 7.25, 3),
        line("train", "0", &["robust rate 1 seed 4"], "exit status 0", 1.5, 4),
        "{\"started_at".to_owned(),
    ];
    let reports = root.join("reports/p");
    fs::create_dir_all(&reports).unwrap();
    fs::write(reports.join("ledger.jsonl"), lines.join("\n")).unwrap();
}

#[test]
fn the_runs_of_a_store_are_a_table() {
    let (root, runs) = sound();
    record_runs(root.path(), &runs);
    let ask = |query: &str, paths: &[&str]| {
        let args = [&["sql", query][..], paths, &["--format", "csv"]].concat();
        stdout(root.path(), &args).replace(&"0".repeat(64), "0")
    };
    assert_eq!(
        ask("SELECT key, stage, arm, rate, seed, seconds, folder FROM runs", &["stages", "reports"]),
        "key,stage,arm,rate,seed,seconds,folder\n\
         a,ingest,,,,2.5,stages/ingest/a\n\
         c,inject,,0.375,3,,stages/inject/c\n\
         0,train,robust,1.0,4,1.5,\n\
         d,train,\"robust, standard\",0.375,3,7.25,stages/train/d\n"
    );
    // A file of somebody else's that has such a name.
    fs::write(root.path().join("stages/key.json"), "{}").unwrap();
    fs::write(root.path().join("stages/study.json"), "[]").unwrap();
    // Without the ledger nobody knows of arms and seconds.
    assert_eq!(
        ask("SELECT arm, seed, seconds, config FROM runs WHERE stage = 'train'", &["stages"]),
        "arm,seed,seconds,config\n,3,,\"{\"\"model\"\":\"\"paper-standard\"\",\"\"seed\"\":3}\"\n"
    );
    let study = serde_json::json!({ "cells": [
        { "arm": "standard", "rate": 0.375, "seed": 3, "status": "done",
          "weights": format!("data/stages/train/{}/model.safetensors", "d".repeat(64)) },
    ] });
    fs::write(runs.of("report").join("study.json"), study.to_string()).unwrap();
    assert_eq!(ask("SELECT arm, rate FROM runs WHERE stage = 'train'", &["stages"]), "arm,rate\nstandard,0.375\n");
    fs::write(runs.of("train").join("key.json"), "{").unwrap();
    let stderr = refusal(root.path(), &["sql", "SELECT * FROM runs", "stages"], 1);
    assert!(stderr.starts_with("error: failed to list the runs: cannot read `stages/train/d/key.json`: "), "{stderr}");
}
