//! Large rows make small row groups, and a reader holds one.

use std::fs::{self, File};
use std::path::Path;

use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use twinset_manifest::rows::{Image, ImageData, PartImage, PartImageFacts, Split};
use twinset_manifest::{Digest, Provenance, Reader, Row, Writer, write_manifest};

/// A row of so many bytes.
fn image(image_id: u64, n_bytes: usize) -> Image {
    Image {
        image_id,
        split: Split::Train,
        label: 0,
        class_name: "cat".to_owned(),
        width: 32,
        height: 32,
        image: ImageData { bytes: Some(vec![image_id as u8; n_bytes].into()), path: None },
        pixels_blake3: Digest([7; 32]),
        source: format!("{image_id}.png"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

#[test]
fn a_row_group_ends_after_65536_rows_or_16_mebibytes_and_no_batch_holds_more_than_one() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("images.parquet");
    // Ten images of 10 MiB, one of 200 MiB, many small ones.
    let size = |image_id: u64| match image_id {
        0..10 => 10 << 20,
        10 => 200 << 20,
        _ => 10,
    };
    write_manifest(
        &path,
        (0..70_000).map(|image_id| image(image_id, size(image_id))),
        &Provenance::of_stage("test", "0.1.0"),
    )
    .unwrap();

    let parquet = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let groups: Vec<_> = parquet.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [2, 2, 2, 2, 2, 1, 65_536, 4453]);
    let batches: Vec<_> = Reader::<Image>::open(&path).unwrap().map(Result::unwrap).collect();
    let sizes: Vec<_> = batches.iter().map(Vec::len).collect();
    assert_eq!(sizes, [vec![2, 2, 2, 2, 2, 1], vec![1024; 68], vec![357]].concat());
    for (at, row) in batches.iter().flatten().enumerate() {
        assert_eq!((row.image_id, row.image.bytes.as_ref().unwrap().len()), (at as u64, size(at as u64)));
    }
}

#[test]
fn row_groups_without_a_wanted_row_are_not_read_and_neither_are_columns_that_the_row_type_lacks() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("images.parquet");
    let provenance = Provenance::of_stage("test", "0.1.0");
    write_manifest(&path, (0..9).map(|image_id| image(image_id, 10 << 20)), &provenance).unwrap();
    // The first row group is damaged: two of nine rows.
    let damage = |path: &Path, column: usize| {
        let parquet = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let (start, n) = parquet.metadata().row_group(0).column(column).byte_range();
        let mut bytes = fs::read(path).unwrap();
        bytes[start as usize..(start + n) as usize].fill(0xff);
        fs::write(path, bytes).unwrap();
    };
    damage(&path, 0);
    let ids = |range| {
        let reader = Reader::<Image>::open(&path).unwrap().with_rows(range);
        reader.read_all().map(|rows| rows.iter().map(|row| row.image_id).collect::<Vec<_>>())
    };
    assert!(ids(0..9).is_err() && ids(1..9).is_err());
    assert_eq!(ids(2..9).unwrap(), [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(ids(5..8).unwrap(), [5, 6, 7]);

    let part = |image_id: u64| PartImage {
        image_id,
        split: Split::Test,
        label: 1,
        source: String::new(),
        pixels_blake3: Digest([7; 32]),
        has_lost: false,
        is_flat: false,
        is_large: true,
        hash: vec![1, 2],
        pdq_quality: None,
        thumbnail: Some(vec![image_id as u8; 3072]),
        framed: None,
    };
    write_manifest(&path, (0..9).map(part), &provenance).unwrap();
    let thumbnail = PartImage::columns().iter().position(|column| column.name == "thumbnail").unwrap();
    damage(&path, thumbnail);
    assert!(Reader::<PartImage>::open(&path).unwrap().read_all().is_err());
    let facts = Reader::<PartImageFacts>::open(&path).unwrap().read_all().unwrap();
    let facts: Vec<_> = facts.iter().map(|row| (row.image_id, row.split, row.is_large, row.hash.as_slice())).collect();
    assert_eq!(facts, (0..9).map(|id| (id, Split::Test, true, &[1, 2][..])).collect::<Vec<_>>());
    let names = |columns: Vec<twinset_manifest::ColumnDoc>| -> Vec<_> {
        columns.into_iter().map(|column| (column.name, column.data_type, column.is_nullable)).collect()
    };
    assert_eq!(names(PartImageFacts::columns()), names(PartImage::columns())[..thumbnail]);
    assert_eq!(PartImageFacts::SCHEMA, PartImage::SCHEMA);
}

#[test]
fn rows_with_bytes_a_path_or_both_take_turns() {
    const GROUP_ROWS: u64 = 5000;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("images.parquet");
    // The second row group has paths alone.
    let has_bytes = |image_id: u64| image_id % 3 != 1 && image_id / GROUP_ROWS != 1;
    let row = |image_id: u64| {
        let bytes = has_bytes(image_id).then(|| vec![image_id as u8; image_id as usize % 5000].into());
        let path = (bytes.is_none() || image_id % 3 == 2).then(|| format!("a/{image_id}.png"));
        Image { image: ImageData { bytes, path }, ..image(image_id, 0) }
    };
    let rows: Vec<_> = (0..14_000).map(row).collect();
    let mut writer = Writer::create(&path).unwrap();
    for group in rows.chunks(GROUP_ROWS as usize) {
        writer.extend(group.iter().cloned()).unwrap();
        writer.flush().unwrap();
    }
    assert_eq!(writer.finish(&Provenance::of_stage("test", "0.1.0")).unwrap().n_rows, rows.len() as u64);
    assert_eq!(Reader::<Image>::open(&path).unwrap().read_all().unwrap(), rows);

    let parquet = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    for (group, begin) in parquet.metadata().row_groups().iter().zip((0..).step_by(GROUP_ROWS as usize)) {
        let end = begin + group.num_rows() as u64;
        let column = image_bytes(group.columns());
        let n_null = (begin..end).filter(|&image_id| !has_bytes(image_id)).count();
        assert_eq!(column.statistics().unwrap().null_count_opt(), Some(n_null as u64));
    }

    // What the footer says of the pages lets a reader pass over those that it does not need.
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let file = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(&path).unwrap(), options).unwrap();
    let wanted = [4990..5010, 13_000..13_001];
    let ranges = wanted.clone().map(|range| range.start as usize..range.end as usize);
    let selection = RowSelection::from_consecutive_ranges(ranges.into_iter(), rows.len());
    let batches = file.with_row_selection(selection).build().unwrap().map(Result::unwrap);
    let read: Vec<_> =
        batches.flat_map(|batch| Image::from_batch(&batch).unwrap_or_else(|_| panic!("other columns"))).collect();
    assert_eq!(read, wanted.into_iter().flatten().map(row).collect::<Vec<_>>());
}

/// Spark gives a row group to whoever reads the range of bytes in which its middle lies, and takes it to begin with its first column.
#[test]
fn readers_of_ranges_of_bytes_miss_no_row_group() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("images.parquet");
    let provenance = Provenance::of_stage("test", "0.1.0");
    write_manifest(&path, (0..10).map(|image_id| image(image_id, 6 << 20)), &provenance).unwrap();
    let n_bytes = fs::metadata(&path).unwrap().len() as i64;
    let mut n_rows = Vec::new();
    for (begin, end) in [(0, n_bytes / 2), (n_bytes / 2, n_bytes)] {
        let options = ReadOptionsBuilder::new().with_range(begin, end).build();
        let parquet = SerializedFileReader::new_with_options(File::open(&path).unwrap(), options).unwrap();
        n_rows.push(parquet.metadata().row_groups().iter().map(|group| group.num_rows()).sum::<i64>());
    }
    assert_eq!(n_rows, [6, 4]);
}

/// Memory holds a row group at most.
#[test]
fn a_row_group_is_written_when_it_is_full() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&root.path().join("images.parquet")).unwrap();
    writer.extend((0..400).map(|image_id| image(image_id, 100_000))).unwrap();
    let n_bytes =
        || fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum::<u64>();
    assert!(n_bytes() > 400 * 100_000 - (16 << 20), "{} bytes were written", n_bytes());
    writer.finish(&Provenance::of_stage("test", "0.1.0")).unwrap();
}

fn image_bytes(columns: &[ColumnChunkMetaData]) -> &ColumnChunkMetaData {
    columns.iter().find(|column| column.column_path().string() == "image.bytes").unwrap()
}
