//! What a question need not read is not read: a file whose other row groups, or other columns, are damaged answers it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::json;
use tempfile::TempDir;
use twinset_audit::Tree;
use twinset_audit::lineage::{Subject, image_of_source, of_image};
use twinset_manifest::{Bounds, Untyped};

use crate::types::{asked, shown};

const N: u64 = 12;

/// A manifest of three row groups of four rows, whose ids are these.
fn manifest(ids: impl Iterator<Item = u64>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let ids: Vec<u64> = ids.collect();
    let sources: Vec<String> = ids.iter().map(|id| format!("{id:02}.png")).collect();
    let columns: [(&str, ArrayRef); 2] =
        [("image_id", Arc::new(UInt64Array::from(ids))), ("source", Arc::new(StringArray::from(sources)))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(4))
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(vec![KeyValue::new("twinset.schema".to_owned(), "sources/1".to_owned())]))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

/// Overwrites the column chunks that are named by row group and column.
fn damage(path: &Path, is_damaged: impl Fn(usize, usize) -> bool) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut bytes = fs::read(path).unwrap();
    for (group, metadata) in reader.metadata().row_groups().iter().enumerate() {
        for (column, chunk) in metadata.columns().iter().enumerate() {
            if is_damaged(group, column) {
                let (start, n) = chunk.byte_range();
                bytes[start as usize..(start + n) as usize].fill(0xff);
            }
        }
    }
    fs::write(path, bytes).unwrap();
}

fn check(path: &Path, id: u64) {
    let row = json!({ "image_id": id, "source": format!("{id:02}.png") });
    for condition in [format!("image_id = {id}"), format!("{id} = image_id")] {
        assert_eq!(shown(path, Some(&condition)).unwrap(), std::slice::from_ref(&row), "{condition}");
    }
    let values = [[json!(id), row["source"].clone()]];
    for condition in [
        format!("image_id = {id}"),
        format!("image_id BETWEEN {id} AND {id}"),
        format!("image_id IN ({id}, 99)"),
        format!("image_id > {} AND image_id < {}", id - 1, id + 1),
    ] {
        let found = asked(path, &format!("SELECT image_id, source FROM t WHERE {condition}"));
        assert_eq!(found.unwrap(), values, "{condition}");
    }
    let tree = Tree::alone(path).unwrap();
    let entry = tree.at(path).unwrap();
    let step = of_image(&tree, entry, Subject::Image(id)).unwrap();
    assert_eq!(step.text, format!("image {id} in `t.parquet`: 1 rows"));
    assert_eq!(step.from[0].details["source"], row["source"]);
}

#[test]
fn row_groups_are_passed_over_by_their_statistics() {
    let (_folder, path) = manifest(0..N);
    damage(&path, |group, _| group != 1);
    check(&path, 5);
    let of_text = "source = '05.png'";
    assert_eq!(shown(&path, Some(of_text)).unwrap().len(), 1);
    assert_eq!(asked(&path, &format!("SELECT image_id FROM t WHERE {of_text}")).unwrap(), [[json!(5)]]);
    let tree = Tree::alone(&path).unwrap();
    assert_eq!(image_of_source(&tree, tree.at(&path).unwrap(), "05.png").unwrap(), 5);
    // Where statistics do not help, all is read.
    assert!(shown(&path, Some("image_id % 7 = 5")).is_err());
    assert!(shown(&path, Some("image_id = 5 OR source LIKE '%9.png'")).is_err());
}

#[test]
fn other_columns_are_read_only_where_a_row_is_found() {
    // Each row group has small and large ids.
    let (_folder, path) = manifest((0..N).map(|place| place * 5 % N));
    let of_source = 1;
    damage(&path, |group, column| group == 0 && column == of_source);
    check(&path, 4);
    assert!(shown(&path, Some("image_id = 5")).is_err());
}

#[test]
fn a_row_group_tells_its_bounds_and_hands_over_some_rows() {
    let (_folder, path) = manifest(0..N);
    let manifest = Untyped::open(&path).unwrap();
    let groups: Vec<_> = manifest.row_groups().collect();
    assert_eq!(groups.iter().map(|group| group.n_rows()).collect::<Vec<_>>(), [4, 4, 4]);
    assert_eq!(groups[1].bounds("image_id"), Some(Bounds::Integers(4, 7)));
    assert_eq!(groups[2].bounds("source"), Some(Bounds::Text(b"08.png".to_vec(), b"11.png".to_vec())));
    assert_eq!(groups[2].bounds("nowhere"), None);
    let picked = [false, true, false, true].into_iter().map(Some).collect();
    let batches = groups[1].batches(Some(&["image_id"]), 8, Some(&picked)).unwrap();
    let ids: Vec<_> = batches.map(|batch| batch.unwrap().column(0).clone()).collect();
    let expected: ArrayRef = Arc::new(UInt64Array::from(vec![5, 7]));
    assert_eq!(ids, [expected]);
}
