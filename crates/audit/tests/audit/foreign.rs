//! Parquet files of other programs: columns of any name, and what no reader should be made to do.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, RecordBatch, StructArray, UInt64Array};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::study::{audit, expect_exit, sound};
use crate::{refusal, stdout};

fn write(path: &Path, columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn ids() -> ArrayRef {
    Arc::new(UInt64Array::from(vec![1, 2]))
}

fn lengths(second: f64) -> ArrayRef {
    Arc::new(Float64Array::from(vec![1.5, second]))
}

/// A struct of one number.
fn nested(second: f64) -> ArrayRef {
    let field = Arc::new(Field::new("length", DataType::Float64, true));
    Arc::new(StructArray::from(vec![(field, lengths(second))]))
}

#[test]
fn a_column_with_a_dot_in_its_name_is_read_beside_a_struct() {
    let root = tempfile::tempdir().unwrap();
    let columns = |second| {
        [("id", ids()), ("petal.length", lengths(second)), ("petal.width", lengths(9.0)), ("leaf", nested(7.0))]
    };
    write(&root.path().join("a.parquet"), columns(2.5));
    write(&root.path().join("b.parquet"), columns(3.5));
    let shown = stdout(root.path(), &["show", "a.parquet", "--format", "csv"]);
    assert_eq!(shown, "id,petal.length,petal.width,leaf.length\n1,1.5,1.5,1.5\n2,2.5,9.0,7.0\n");
    let shown = stdout(root.path(), &["show", "a.parquet", "--columns", "leaf.length,petal.length", "--format", "csv"]);
    assert_eq!(shown, "leaf.length,petal.length\n1.5,1.5\n7.0,2.5\n");
    let stats = stdout(root.path(), &["stats", "a.parquet"]);
    assert!(stats.contains("petal.length") && stats.contains("2.5"), "{stats}");
    let (told, _) = expect_exit(audit(root.path()).args(["diff", "a.parquet", "b.parquet", "--by", "id"]), 3);
    assert!(told.contains("petal.length: 1 changed"), "{told}");
}

#[test]
fn a_struct_and_a_value_of_one_name_are_not_compared() {
    let root = tempfile::tempdir().unwrap();
    let values: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"x", b"y"]));
    write(&root.path().join("a.parquet"), [("id", ids()), ("image", values), ("n", lengths(2.0))]);
    write(&root.path().join("b.parquet"), [("id", ids()), ("image", nested(2.0)), ("n", lengths(2.0))]);
    for [left, right] in [["a.parquet", "b.parquet"], ["b.parquet", "a.parquet"]] {
        let (told, _) =
            expect_exit(audit(root.path()).args(["diff", left, right, "--by", "id", "--format", "json"]), 3);
        let diff: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&diff["n_same"], &diff["n_changed"]), (&json!(2), &json!(0)), "{diff}");
        assert!(diff["columns"].to_string().contains("image: "), "{diff}");
    }
}

/// The `parquet` crate panics over this damaged file.
#[test]
fn a_panic_of_the_reader_is_an_error_on_one_line() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifest/fuzz/seeds/reader");
    for words in [&["show", "short-levels.parquet", "--format", "csv"][..], &["stats", "short-levels.parquet"]] {
        let told = refusal(&seeds, words, 1);
        assert!(told.starts_with("error: ") && told.contains("offset + len out of bounds"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

/// `show --limit` reads no more row groups than it shows.
#[test]
fn rows_before_the_damage_are_shown() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("t.parquet");
    let batch = RecordBatch::try_from_iter([("id", ids())]).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.flush().unwrap();
    let begin = writer.bytes_written();
    writer.write(&batch).unwrap();
    writer.flush().unwrap();
    let end = writer.bytes_written();
    writer.close().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[begin..end].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert_eq!(stdout(root.path(), &["show", "t.parquet", "--limit", "2", "--format", "csv"]), "id\n1\n2\n");
    let told = refusal(root.path(), &["show", "t.parquet", "--limit", "3", "--format", "csv"], 1);
    assert!(told.contains("t.parquet` is not a whole Parquet file: "), "{told}");
}

/// File names and values may hold what moves a terminal's cursor or turns the direction of writing.
#[test]
fn what_a_terminal_obeys_is_escaped() {
    let root = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[2J\u{202e}b.parquet";
    let values: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["x\u{1b}[31m\ny\u{9b}z"]));
    write(&root.path().join(name), [("c\u{7}", values)]);
    let is_safe = |text: &str| !text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
    for words in [&["ls", "."][..], &["show", name], &["stats", "."], &["schema", name], &["sql", "--list", "."]] {
        let told = stdout(root.path(), words);
        assert!(is_safe(&told), "{words:?}: {told:?}");
        let escaped = if words[0] == "show" { "x\\u{1b}[31m\\ny\\u{9b}z" } else { "\\u{" };
        assert!(told.contains(escaped), "{words:?}: {told}");
    }
    let exact = stdout(root.path(), &["show", name, "--format", "csv"]);
    assert_eq!(exact, "c\u{7}\n\"x\u{1b}[31m\ny\u{9b}z\"\n");
    for words in
        [&["show", "no\u{1b}[2J.parquet"][..], &["stats", "no\u{1b}[2J"], &["show", name, "--columns", "\u{1b}"]]
    {
        let told = refusal(root.path(), words, 1);
        assert!(is_safe(&told) && told.contains("\\u{1b}"), "{words:?}: {told:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let (root, runs) = sound();
    let clusters = runs.of("neardup").join("clusters.parquet");
    for words in [
        &["ls", "stages"][..],
        &["show", clusters.to_str().unwrap()],
        &["schema", clusters.to_str().unwrap()],
        &["lineage", clusters.to_str().unwrap()],
        &["stats", "stages"],
        &["stats", "stages", "--json"],
        &["sql", "SELECT * FROM images", "stages"],
        &["sql", "SELECT * FROM images", "stages", "--format", "csv"],
        &["validate", "stages", "--quiet"],
        &["diff", "stages", "stages"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = audit(root.path()).args(words).stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert!(told.starts_with("error: ") && told.contains("No space left on device"), "{words:?}: {told}");
    }
}

#[test]
fn rows_that_another_program_wrote_anew_are_a_violation() {
    let (root, runs) = sound();
    let images = runs.of("ingest").join("images.parquet");
    let batches = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&images).unwrap()).unwrap().build().unwrap();
    let batches: Vec<_> = batches.map(Result::unwrap).collect();
    let path = root.path().join("edited.parquet");
    let mut writer = ArrowWriter::try_new(fs::File::create(&path).unwrap(), batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    let (told, _) = expect_exit(audit(root.path()).args(["validate", "."]), 3);
    assert!(told.contains("edited.parquet") && told.contains("the columns of `images/3` without a schema"), "{told}");
    let (told, _) = expect_exit(
        audit(root.path()).args(["diff", images.to_str().unwrap(), "edited.parquet", "--by", "image_id"]),
        3,
    );
    assert!(told.contains("rows by image_id: 12 the same, 0 added, 0 removed, 0 changed"), "{told}");
    let (told, _) = expect_exit(
        audit(root.path()).args([
            "diff",
            images.to_str().unwrap(),
            runs.of("neardup").join("pairs.parquet").to_str().unwrap(),
        ]),
        3,
    );
    assert!(told.contains("rows are not compared: not both sides have the columns image_id"), "{told}");
}

#[test]
fn nothing_is_null_in_a_column_of_nulls() {
    let root = tempfile::tempdir().unwrap();
    let none: ArrayRef = Arc::new(arrow::array::NullArray::new(2));
    let texts: ArrayRef = Arc::new(arrow::array::StringArray::from(vec![None::<&str>, None]));
    write(&root.path().join("a.parquet"), [("id", ids()), ("note", none)]);
    write(&root.path().join("b.parquet"), [("id", ids()), ("note", texts)]);
    let (told, _) = expect_exit(audit(root.path()).args(["diff", "a.parquet", "b.parquet", "--by", "id"]), 3);
    assert!(told.contains("2 the same, 0 added, 0 removed, 0 changed"), "{told}");
}

#[test]
fn a_damaged_manifest_is_told_where_it_is_left_out() {
    let (root, runs) = sound();
    let pairs = runs.of("neardup").join("pairs.parquet");
    let bytes = fs::read(&pairs).unwrap();
    fs::write(&pairs, &bytes[..bytes.len() / 2]).unwrap();
    for words in [&["stats", "stages"][..], &["sql", "--list", "stages"], &["sql", "SELECT 1 AS n", "stages"]] {
        let (_, stderr) = expect_exit(audit(root.path()).args(words), 0);
        assert!(stderr.contains("pairs.parquet` is damaged: ") && stderr.contains(", and is left out\n"), "{stderr}");
    }
}
