//! What the contract promises: the same bytes for the same rows, whole files, and refusals that name what was found.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use twinset_manifest::rows::{Cluster, Image, ImageData, Pair, Prediction, Split};
use twinset_manifest::{
    Check, CheckOutcome, Digest, Footer, Input, ManifestError, Provenance, Reader, Row, Untyped, Writer, read_manifest,
    write_manifest,
};

fn cluster(image_id: u64) -> Cluster {
    Cluster {
        image_id,
        cluster_id: image_id / 2 * 2,
        cluster_size: 2,
        is_representative: image_id.is_multiple_of(2),
        source: String::new(),
    }
}

fn image(image_id: u64) -> Image {
    Image {
        image_id,
        split: Split::ALL[image_id as usize % 3],
        label: image_id as u32 % 2,
        class_name: ["cat", "dog"][image_id as usize % 2].to_owned(),
        width: 32,
        height: 32,
        image: if image_id.is_multiple_of(2) {
            ImageData { bytes: Some(image_id.to_le_bytes().to_vec().into()), path: None }
        } else {
            ImageData { bytes: None, path: Some(format!("{image_id}.png")) }
        },
        pixels_blake3: Digest([image_id as u8; 32]),
        source: format!("folder/{image_id}.png"),
        derived_from: image_id.checked_sub(5),
        transform: image_id.checked_sub(5).map(|_| "flip".to_owned()),
        lost: None,
    }
}

fn provenance() -> Provenance {
    Provenance::of_stage("test", "0.1.0").with_seed(Some(7))
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.parquet");
    // More than one row group and more than one batch.
    let rows: Vec<_> = (0..5000).map(image).collect();
    let input = Input { name: "a".to_owned(), schema: None, blake3: Digest([3; 32]) };
    let provenance = provenance().with_config(&serde_json::json!({ "dataset": "shapes" })).with_inputs([input]);
    let written = write_manifest(&path, rows.clone(), &provenance).unwrap();
    assert_eq!(written.n_rows, 5000);

    let reader = Reader::<Image>::open(&path).unwrap();
    assert_eq!(reader.provenance(), &provenance);
    assert_eq!(reader.n_rows(), 5000);
    assert_eq!(reader.as_input().unwrap(), written.as_input::<Image>());
    assert_eq!(reader.read_all().unwrap(), rows);
}

#[test]
fn checks_stand_in_the_footer_and_are_none_in_files_without() {
    let check = Check {
        name: "noise-not-stronger".to_owned(),
        outcome: CheckOutcome::Failed,
        detail: "3 images are right under `fgsm`, 2 under noise".to_owned(),
    };
    let with = Provenance { checks: vec![check.clone()], ..provenance() };
    let json = serde_json::to_value(&with).unwrap();
    assert_eq!(json["checks"][0]["outcome"], "failed");
    assert_eq!(serde_json::from_value::<Provenance>(json).unwrap().checks, [check]);
    let without = serde_json::to_value(provenance()).unwrap();
    assert_eq!(without.get("checks"), None, "the bytes are those of before there were any");
    assert_eq!(serde_json::from_value::<Provenance>(without).unwrap(), provenance());
}

#[test]
fn the_same_rows_are_the_same_bytes_however_they_are_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.parquet"), folder.path().join("b.parquet"));
    write_manifest(&a, (0..5000).map(image), &provenance()).unwrap();
    let mut writer = Writer::create(&b).unwrap();
    for first in (0..5000).step_by(7) {
        writer.extend((first..5000.min(first + 7)).map(image)).unwrap();
    }
    writer.finish(&provenance()).unwrap();
    assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap());
}

#[test]
fn an_empty_manifest_is_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.parquet");
    write_manifest::<Pair>(&path, [], &provenance()).unwrap();
    assert_eq!(read_manifest::<Pair>(&path).unwrap().0, []);
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join("a.parquet")).unwrap();
    writer.extend((0..100).map(cluster)).unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Writes a file as another program would: with these footer entries, where there are any.
fn write_foreign(path: &Path, batch: &RecordBatch, schema: Option<&str>, provenance: Option<&str>) {
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    for (key, value) in [("twinset.schema", schema), ("twinset.provenance", provenance)] {
        if let Some(value) = value {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value.to_owned()));
        }
    }
    writer.close().unwrap();
}

fn refusal<R: Row>(path: &Path) -> String {
    let folder = path.parent().unwrap().display().to_string();
    let error: ManifestError = read_manifest::<R>(path).map(|_| ()).unwrap_err();
    error.to_string().replace(&folder, "F")
}

#[test]
fn what_is_no_manifest_of_the_schema_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    assert_eq!(refusal::<Cluster>(&path), "cannot read manifest `F/t.parquet`: No such file or directory (os error 2)");

    write_manifest(&path, (0..3).map(image), &provenance()).unwrap();
    assert_eq!(refusal::<Cluster>(&path), "manifest `F/t.parquet` holds `images/3`, expected `clusters/2`");

    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let cut_short = refusal::<Image>(&path);
    assert!(cut_short.starts_with("manifest `F/t.parquet` is not a whole Parquet file: "), "{cut_short}");

    fs::write(&path, b"").unwrap();
    assert!(refusal::<Image>(&path).starts_with("manifest `F/t.parquet` is not a whole Parquet file: "));
}

/// The fuzz target `reader` found it: the levels of a column end before its rows do, over which Parquet's reader panics.
#[test]
fn a_page_that_ends_early_is_damage_and_no_panic() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/reader/short-levels.parquet");
    let of_rows = Reader::<Cluster>::open(&path).and_then(Reader::read_all).map(drop);
    let of_batches = Untyped::open(&path).unwrap().batches(None, 1024).unwrap().try_for_each(|batch| batch.map(drop));
    for error in [of_rows, of_batches].map(Result::unwrap_err) {
        let message = error.to_string();
        assert!(matches!(error, ManifestError::Damaged { .. }), "{message}");
        assert!(message.contains("offset + len out of bounds"), "{message}");
    }
}

#[test]
fn a_footer_that_promises_what_the_file_cannot_hold_is_refused_by_every_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clusters.parquet");
    write_manifest(&path, (0..3000).map(cluster), &provenance()).unwrap();
    // The footer alone, without the columns that it speaks of.
    let whole = fs::read(&path).unwrap();
    let (rest, _magic) = whole.split_last_chunk::<4>().unwrap();
    let n_footer = u32::from_le_bytes(*rest.last_chunk().unwrap()) as usize;
    fs::write(&path, [b"PAR1", &whole[whole.len() - 8 - n_footer..]].concat()).unwrap();
    let refusals = [
        Reader::<Cluster>::open(&path).map(drop).unwrap_err(),
        Untyped::open(&path).map(drop).unwrap_err(),
        Footer::read(&path).map(drop).unwrap_err(),
    ];
    for error in refusals {
        let expected = "manifest `F/clusters.parquet` is not a whole Parquet file: column `image_id` is said to end after the file";
        assert_eq!(error.to_string().replace(&folder.path().display().to_string(), "F"), expected);
    }
}

#[test]
fn a_column_of_another_type_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.parquet");
    let ids: ArrayRef = Arc::new(UInt64Array::from(vec![1]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["one"]));
    let write = |schema: Option<&str>, columns: Vec<(&str, ArrayRef)>| {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        write_foreign(&path, &batch, schema, Some(&serde_json::to_string(&provenance()).unwrap()));
    };

    write(None, vec![("image_id", ids.clone())]);
    assert_eq!(
        refusal::<Cluster>(&path),
        "`F/c.parquet` is a Parquet file without `twinset.schema` in its footer, expected a manifest of `clusters/2`"
    );
    write(Some("clusters/2"), vec![("image_id", texts)]);
    assert_eq!(refusal::<Cluster>(&path), "manifest `F/c.parquet`, column `image_id`: found text, expected uint64");
    write(Some("clusters/2"), vec![("image_id", ids)]);
    assert_eq!(
        refusal::<Cluster>(&path),
        "manifest `F/c.parquet`, column `cluster_id`: found no such column, expected uint64"
    );
}

#[test]
fn a_label_is_signed_in_the_file_and_no_class_is_below_0() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i.parquet");
    write_manifest(&path, [Image { label: u32::MAX, ..image(0) }], &provenance()).unwrap();
    assert_eq!(read_manifest::<Image>(&path).unwrap().0[0].label, u32::MAX);
    let manifest = Untyped::open(&path).unwrap();
    let whole = manifest.batches(None, 10).unwrap().next().unwrap().unwrap();
    assert_eq!(whole["label"].as_primitive::<Int64Type>().values(), &[u32::MAX.into()]);

    let check = |labels: ArrayRef, found: &str| {
        let columns = whole.schema_ref().fields().iter().zip(whole.columns()).map(|(field, array)| {
            let name = field.name().as_str();
            (name, if name == "label" { labels.clone() } else { array.clone() })
        });
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        write_foreign(&path, &batch, Some(Image::SCHEMA), manifest.footer("twinset.provenance"));
        let expected = "expected int64 from 0 to 4294967295";
        assert_eq!(
            refusal::<Image>(&path),
            format!("manifest `F/i.parquet`, column `label`: found {found}, {expected}")
        );
    };
    check(Arc::new(Int64Array::from(vec![-1])), "-1 in row 0");
    check(Arc::new(Int64Array::from(vec![1 << 32])), "4294967296 in row 0");
    check(Arc::new(Int64Array::from(vec![None])), "null in row 0");
    check(Arc::new(UInt32Array::from(vec![1])), "uint32");
}

#[test]
fn a_manifest_of_another_version_is_to_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i.parquet");
    let ids: ArrayRef = Arc::new(UInt64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("image_id", ids)]).unwrap();
    let check = |found: &str, provenance: Option<&str>, stage: &str| {
        write_foreign(&path, &batch, Some(found), provenance);
        let expected = format!(
            "manifest `F/i.parquet` holds `{found}`, expected `images/3`: another version wrote it, run {stage} again"
        );
        assert_eq!(refusal::<Image>(&path), expected);
    };
    let ingest = serde_json::to_string(&Provenance::of_stage("ingest", "0.0.1")).unwrap();
    check("images/1", Some(&ingest), "`ingest`");
    check("images/4", None, "its stage");
    let evaluate = serde_json::to_string(&Provenance::of_stage("evaluate", "0.1.0")).unwrap();
    write_foreign(&path, &batch, Some("predictions/1"), Some(&evaluate));
    assert_eq!(
        refusal::<Prediction>(&path),
        "manifest `F/i.parquet` holds `predictions/1`, expected `predictions/2`: another version wrote it, run `evaluate` again"
    );
}

#[test]
fn the_features_name_classes_as_hugging_face_takes_them() {
    use twinset_manifest::huggingface::{class_names, image_features};

    let check = |names: &[&str], expected: &[&str]| {
        let features = image_features(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(class_names(&features), expected, "{features}");
        let is_number = features.contains(r#""label":{"_type":"Value","dtype":"int64"}"#);
        assert_eq!(is_number, expected.is_empty(), "{features}");
    };
    check(&["cat", "dog"], &["cat", "dog"]);
    check(&["cat", "", "dog", ""], &["cat", "1", "dog", "3"]);
    check(&[], &[]);
    check(&[""], &[]);
    check(&["cat", "cat"], &[]);
}

#[test]
fn a_text_that_its_type_does_not_know_is_refused() {
    assert_eq!("trian".parse::<Split>().unwrap_err(), "`trian`, expected one of `train`, `val`, `test`");
}

#[test]
fn a_footer_sums_up_what_the_rows_are() {
    use twinset_manifest::Footer;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images.parquet");
    let rows: Vec<Image> = (0..3000).map(image).collect();
    let mut writer = Writer::<Image>::create(&path).unwrap();
    writer.extend(rows.clone()).unwrap();
    writer.finish_images(&provenance(), &["cat".to_owned(), "dog".to_owned()]).unwrap();

    let footer = Footer::read(&path).unwrap();
    assert_eq!((footer.schema.as_str(), footer.n_rows), (Image::SCHEMA, 3000));
    assert_eq!(footer.n_bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(footer.provenance, provenance());
    assert_eq!(footer.class_names, ["cat", "dog"]);
    let names: Vec<_> = Image::columns().iter().map(|column| column.name).collect();
    assert_eq!(footer.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), names);

    let column = |name: &str| footer.columns.iter().find(|column| column.name == name).unwrap();
    let id = column("image_id");
    assert_eq!((id.type_name.as_str(), id.n_null, id.min, id.max), ("uint64", Some(0), Some(0.0), Some(2999.0)));
    let n_null = |is_null: fn(&Image) -> bool| Some(rows.iter().filter(|row| is_null(row)).count() as u64);
    assert_eq!(column("derived_from").n_null, n_null(|row| row.derived_from.is_none()));
    let [bytes, of_path] = &column("image").fields[..] else { panic!("{:?}", column("image")) };
    assert_eq!((bytes.name.as_str(), bytes.n_null), ("bytes", n_null(|row| row.image.bytes.is_none())));
    assert_eq!((of_path.name.as_str(), of_path.n_null), ("path", n_null(|row| row.image.path.is_none())));

    let message = Footer::read(&folder.path().join("none.parquet")).unwrap_err().to_string();
    assert!(message.contains("No such file"), "{message}");
}
