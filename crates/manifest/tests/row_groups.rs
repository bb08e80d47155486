//! Large rows make small row groups, and a reader holds one.

use std::fs::File;

use parquet::file::reader::{FileReader, SerializedFileReader};
use twinset_manifest::rows::{Image, ImageData, Split};
use twinset_manifest::{Digest, Provenance, Reader, write_manifest};

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
    }
}

#[test]
fn a_row_group_ends_after_2048_rows_or_16_mebibytes_and_no_batch_holds_more_than_one() {
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
        (0..3000).map(|image_id| image(image_id, size(image_id))),
        &Provenance::of_stage("test", "0.1.0"),
    )
    .unwrap();

    let parquet = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let groups: Vec<_> = parquet.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [2, 2, 2, 2, 2, 1, 2048, 941]);
    let batches: Vec<_> = Reader::<Image>::open(&path).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 2, 2, 1, 1024, 1024, 941]);
    for (at, row) in batches.iter().flatten().enumerate() {
        assert_eq!((row.image_id, row.image.bytes.as_ref().unwrap().len()), (at as u64, size(at as u64)));
    }
}

/// The bytes are written apart from the other columns.
#[test]
fn rows_with_bytes_a_path_or_both_take_turns() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("images.parquet");
    // The second row group has paths alone.
    let has_bytes = |image_id: u64| image_id % 3 != 1 && !(2048..4096).contains(&image_id);
    let row = |image_id: u64| {
        let bytes = has_bytes(image_id).then(|| vec![image_id as u8; image_id as usize % 5000].into());
        let path = (bytes.is_none() || image_id % 3 == 2).then(|| format!("a/{image_id}.png"));
        Image { image: ImageData { bytes, path }, ..image(image_id, 0) }
    };
    let rows: Vec<_> = (0..7000).map(row).collect();
    let written = write_manifest(&path, rows.iter().cloned(), &Provenance::of_stage("test", "0.1.0")).unwrap();
    assert_eq!(written.n_rows, 7000);
    assert_eq!(Reader::<Image>::open(&path).unwrap().read_all().unwrap(), rows);

    let parquet = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    for (group, begin) in parquet.metadata().row_groups().iter().zip((0..).step_by(2048)) {
        let end = begin + group.num_rows() as u64;
        let column = group.columns().iter().find(|column| column.column_path().string() == "image.bytes").unwrap();
        let n_null = (begin..end).filter(|&image_id| !has_bytes(image_id)).count();
        assert_eq!(column.statistics().unwrap().null_count_opt(), Some(n_null as u64));
    }
}
