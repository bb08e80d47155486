//! `twinset-audit` as a user calls it: what is here, rows, schemas, statistics, the page.

mod diff;
mod exact;
mod foreign;
mod listing;
mod nested_types;
mod odd_files;
mod shards;
mod skip;
mod sql;
#[path = "../study/mod.rs"]
mod study;
mod types;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use parquet::arrow::ArrowWriter;
use serde_json::Value;
use study::{Study, audit, expect_exit, sound};

/// What a command prints that ends well, with folders named after keys by their digit alone.
#[track_caller]
fn stdout(folder: &Path, args: &[&str]) -> String {
    short(&expect_exit(audit(folder).args(args), 0).0)
}

fn short(text: &str) -> String {
    ["a", "b", "c", "d", "e", "f"].iter().fold(text.to_owned(), |text, digit| text.replace(&digit.repeat(64), digit))
}

#[track_caller]
fn refusal(folder: &Path, args: &[&str], code: i32) -> String {
    short(&expect_exit(audit(folder).args(args), code).1)
}

fn foreign(path: &Path) {
    let ids: ArrayRef = Arc::new(UInt64Array::from(vec![1, 2]));
    let batch = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// What `ls` tells of each file, as JSON; and path, schema, rows and one more column on a line.
fn ls(folder: &Path, path: &str, column: &str) -> (Value, Vec<String>) {
    let json: Value = serde_json::from_str(&stdout(folder, &["ls", path, "--format", "json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |row: &Value| format!("{} {} {} {}", text(&row["path"]), text(&row["schema"]), row["rows"], row[column]);
    let lines = json.as_array().unwrap().iter().map(line).collect();
    (json, lines)
}

#[test]
fn ls_tells_what_is_here() {
    let (root, runs) = sound();
    foreign(&root.path().join("other.parquet"));
    fs::write(root.path().join("half.parquet"), "PAR1").unwrap();
    fs::create_dir(root.path().join("stages/train").join("9.partial")).unwrap();
    fs::write(root.path().join("stages/train/9.partial/epochs.parquet"), "PAR1").unwrap();
    let (_, rows) = ls(root.path(), ".", "made_by");
    assert_eq!(
        rows,
        [
            "half.parquet damaged null null",
            "other.parquet foreign 2 null",
            "stages/evaluate/e/predictions.parquet predictions/2 4 \"evaluate 0.1.0\"",
            "stages/ingest/a/images.parquet images/3 12 \"ingest 0.1.0\"",
            "stages/ingest/a/rejects.parquet rejects/1 1 \"ingest 0.1.0\"",
            "stages/inject/c/injected-images.parquet images/3 1 \"inject 0.1.0\"",
            "stages/inject/c/trainset.parquet trainset/1 11 \"inject 0.1.0\"",
            "stages/neardup/b/clusters.parquet clusters/2 12 \"neardup 0.1.0\"",
            "stages/neardup/b/hashes.parquet hashes/1 12 \"neardup 0.1.0\"",
            "stages/neardup/b/pairs.parquet pairs/4 1 \"neardup 0.1.0\"",
            "stages/report/f/cells.parquet cells/1 1 \"report 0.1.0\"",
            "stages/train/d/epochs.parquet epochs/2 2 \"train 0.1.0\"",
            "stages/train/d/model.safetensors weights/1 null \"train 0.1.0\"",
        ]
    );
    let path = runs.of("report").join("cells.parquet");
    let digest = twinset_manifest::digest_file(&path).unwrap().to_string();
    let n_bytes = fs::metadata(&path).unwrap().len();
    let line = stdout(root.path(), &["ls", path.to_str().unwrap(), "--format", "csv"]);
    assert_eq!(
        line,
        format!(
            "path,schema,rows,files,bytes,made_by,blake3,arm,rate,seed\ncells.parquet,cells/1,1,1,{n_bytes},report 0.1.0,{digest},,,\n"
        )
    );
    assert_eq!(
        refusal(root.path(), &["ls", "nowhere"], 1),
        "error: failed to look around: cannot read `nowhere`: No such file or directory (os error 2)\n"
    );
}

#[test]
fn show_tells_rows_and_never_bytes() {
    let (root, runs) = sound();
    let images = runs.of("ingest").join("images.parquet");
    let images = images.to_str().unwrap();
    assert_eq!(
        stdout(
            root.path(),
            &["show", images, "--where", "label = 1 AND split = 'train'", "--columns", "source,image_id"]
        ),
        "source       image_id\nbatch.bin#1         1\nbatch.bin#3         3\nbatch.bin#5         5\nbatch.bin#7         7\n"
    );
    let bytes = Study::sound().images[0].image.bytes.clone().unwrap();
    let digest = blake3::hash(&bytes).to_hex();
    assert_eq!(
        stdout(root.path(), &["show", images, "--columns", "image", "--limit", "1", "--format", "csv"]),
        format!("image.bytes,image.path\n{} bytes {},\n", bytes.len(), &digest[..12])
    );
    assert_eq!(
        stdout(
            root.path(),
            &["show", images, "--columns", "image.bytes,derived_from", "--limit", "1", "--format", "json"]
        ),
        format!(
            "[{{\"image.bytes\": {{\"blake3\":\"{digest}\",\"n_bytes\":{}}}, \"derived_from\": null}}]\n",
            bytes.len()
        )
    );
    assert_eq!(stdout(root.path(), &["show", images, "--limit", "0", "--columns", "label"]), "label\n");
    assert_eq!(
        refusal(root.path(), &["show", images, "--columns", "labels"], 1).replace(&short(images), "images.parquet"),
        "error: failed to show the rows: `images.parquet` has no column `labels`, only image.bytes, image.path, image_id, \
         split, label, class_name, width, height, pixels_blake3, source, derived_from, transform, lost\n"
    );
    assert_eq!(
        refusal(root.path(), &["show", images, "--where", "label = = 3"], 1),
        "error: failed to show the rows: cannot parse the SQL, line 1, column 9: expected: an expression, found: =\n  \
         label = = 3\n          ^\n"
    );
    assert_eq!(
        refusal(root.path(), &["show", images, "--where", "label + 1"], 1),
        "error: failed to show the rows: cannot answer the query: `label + 1` is no condition\n"
    );
    fs::write(root.path().join("half.parquet"), "PAR1").unwrap();
    assert_eq!(
        refusal(root.path(), &["show", "half.parquet"], 1),
        "error: failed to read: manifest `half.parquet` is not a whole Parquet file: EOF: Parquet file too small. Size is 4 but need 8\n"
    );
}

#[test]
fn schema_tells_columns_rules_and_provenance() {
    let (root, runs) = sound();
    let path = runs.of("inject").join("trainset.parquet");
    let path = path.to_str().unwrap();
    let text = stdout(root.path(), &["schema", path]);
    for line in [
        "trainset/1: One position of a training set.",
        "11 rows in 1 row group",
        "key: image_id, copy",
        "copy          uint32        0 for an original, 1 for its first duplicate, and so on.",
        "duplicate_of  uint64  yes   The original that this one repeats, exactly or changed; null for an original.",
        "  count: position counts the rows from 0, without gaps",
        "made by inject 0.1.0",
        "config {\"rate\":0.375,\"seed\":3,\"selection\":{\"kind\":\"uniform\"}}",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    let json: Value = serde_json::from_str(&stdout(root.path(), &["schema", path, "--json"])).unwrap();
    assert_eq!(json["columns"][4]["name"], "duplicate_of");
    assert_eq!(json["provenance"]["inputs"][1]["name"], "clusters.parquet");
    foreign(&root.path().join("other.parquet"));
    let text = stdout(root.path(), &["schema", "other.parquet"]);
    assert!(text.starts_with("a Parquet file of no stage\n2 rows in 1 row group\n"), "{text}");
}

#[test]
fn stats_tell_what_columns_hold() {
    let (root, runs) = sound();
    let images = runs.of("ingest").join("images.parquet");
    let text = stdout(root.path(), &["stats", images.to_str().unwrap()]);
    for line in [
        "images.parquet (images/3, 12 rows)",
        "image_id           0        12  0                         11                        5.5",
        "label              0         2  0                         1                         0.5   0 (6), 1 (6)",
        "    0  cat       4     2",
        "sizes: 8x8 (12)",
        "exact duplicates: 1 images repeat the pixels of another, 1 pixels in all; 0 of these across splits, 0 with two labels",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in\n{text}");
    }
    let json: Value = serde_json::from_str(&stdout(root.path(), &["stats", "stages/neardup", "--json"])).unwrap();
    let clusters = &json[0];
    assert_eq!(clusters["path"], "b/clusters.parquet");
    assert_eq!(clusters["columns"][1]["column"], "cluster_id");
    assert_eq!(clusters["columns"][1]["n_distinct"], 11);
    assert_eq!(clusters["columns"][1]["top"], serde_json::json!([["0", 2], ["1", 1], ["10", 1], ["11", 1], ["3", 1]]));
    let columns = json[2]["columns"].as_array().unwrap();
    let distance = columns.iter().find(|column| column["column"] == "hash_distance_bits").unwrap();
    assert_eq!(distance["n_nulls"], 1, "{distance}");
}

#[test]
fn the_page_stands_alone_and_tells_what_was_found() {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.rejects[0].detail = "<b>& \"quoted\"".to_owned();
    study.write(root.path());
    assert_eq!(stdout(root.path(), &["html", "stages", "--out", "sound.html", "--quiet"]), "wrote sound.html\n");
    let page = fs::read_to_string(root.path().join("sound.html")).unwrap();
    assert!(page.contains("No violations were found."));
    assert!(
        page.contains("&#60;b&#62;&#38; &#34;quoted&#34;") && !page.contains("<b>& \"quoted"),
        "values are escaped"
    );
    for outside in ["http:", "https:", "src=", "url(http", "<script"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<rect ").count(), 7, "six stages and the sources");

    study.predictions[0].linf = 7.0;
    study.write(root.path());
    expect_exit(audit(root.path()).args(["html", "stages", "--out", "wrong.html", "--quiet"]), 0);
    let page = fs::read_to_string(root.path().join("wrong.html")).unwrap();
    assert!(page.contains("2 violations were found.") && page.contains("<td><b>range</b></td>"));
}

#[test]
fn wrong_usage_ends_with_2() {
    let (root, _) = sound();
    for args in [&["audit"][..], &["ls"], &["sql"], &["show", "a", "--format", "xml"], &["diff", "a"]] {
        expect_exit(audit(root.path()).args(args), 2);
    }
}

#[test]
fn a_page_takes_the_place_of_no_manifest() {
    let (root, _) = sound();
    let out = root.path().join("other.parquet");
    foreign(&out);
    let before = fs::read(&out).unwrap();
    assert_eq!(
        refusal(root.path(), &["html", "stages", "--out", "other.parquet", "--quiet"], 1),
        "error: failed to write the page: `other.parquet` is a Parquet file, expected another file for --out\n"
    );
    assert_eq!(fs::read(&out).unwrap(), before);
}

#[test]
fn a_folder_without_a_manifest_is_an_error() {
    let (root, _) = sound();
    fs::create_dir(root.path().join("data")).unwrap();
    for command in ["validate", "stats"] {
        assert_eq!(refusal(root.path(), &[command, "data"], 1), "error: no manifest in `data`\n");
    }
    let page = ["html", "data", "--out", "page.html", "--quiet"];
    assert_eq!(refusal(root.path(), &page, 1), "error: no manifest in `data`\n");
    assert!(!root.path().join("page.html").exists());
    fs::write(root.path().join("data/half.parquet"), "PAR1").unwrap();
    let stderr = refusal(root.path(), &["stats", "data"], 1);
    assert!(stderr.starts_with("error: no manifest in `data`: `half.parquet` is damaged: "), "{stderr}");
    fs::remove_file(root.path().join("data/half.parquet")).unwrap();
    foreign(&root.path().join("data/other.parquet"));
    assert_eq!(
        refusal(root.path(), &["validate", "data"], 1),
        "error: no manifest in `data`: `other.parquet` is a Parquet file of no stage\n"
    );
}

#[test]
fn of_a_folder_the_manifests_in_it_are_named() {
    let (root, _) = sound();
    let shown = |folder: &str| refusal(root.path(), &["show", &folder.replace("KEY", &"b".repeat(64))], 1);
    let stderr = shown("stages/neardup/KEY");
    let hint =
        "\nhint: it holds the manifests `clusters.parquet`, `hashes.parquet`, `pairs.parquet`: name one of them\n";
    assert!(stderr.ends_with(hint), "{stderr}");
    let folder = format!("stages/inject/{}", "c".repeat(64));
    let stderr = refusal(root.path(), &["diff", &format!("{folder}/trainset.parquet"), &folder], 1);
    assert!(stderr.ends_with("\nhint: did you mean `stages/inject/c/trainset.parquet`?\n"), "{stderr}");
}
