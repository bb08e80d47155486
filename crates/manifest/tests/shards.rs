//! A folder of shards is read as one manifest.

use std::fs;
use std::path::Path;

use twinset_manifest::rows::{Cluster, Image};
use twinset_manifest::{
    Digest, Input, ManifestError, Provenance, Reader, Untyped, digest_file, digest_of_shards, shard_name,
    write_manifest,
};

fn cluster(image_id: u64) -> Cluster {
    Cluster { image_id, cluster_id: 0, cluster_size: 2, is_representative: false, source: String::new() }
}

fn provenance(input: u8) -> Provenance {
    let input = Input { name: "photos".to_owned(), schema: None, blake3: Digest([input; 32]) };
    let mut provenance = Provenance::of_stage("test", "0.1.0").with_inputs([input]);
    provenance.warnings = vec!["odd".to_owned()];
    provenance
}

/// Three shards, the second one empty.
fn write_shards(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for (at, rows) in [0..3000, 3000..3000, 3000..3010].into_iter().enumerate() {
        let path = folder.join(shard_name("clusters", at, 3));
        write_manifest(&path, rows.map(cluster), &provenance(at as u8)).unwrap();
    }
}

#[test]
fn shards_are_read_as_one_manifest() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("all");
    write_shards(&folder);
    let reader = Reader::<Cluster>::open(&folder).unwrap();
    assert_eq!(reader.n_rows(), 3010);
    let inputs: Vec<_> = reader.provenance().inputs.iter().map(|input| input.blake3.0[0]).collect();
    assert_eq!((inputs.as_slice(), reader.provenance().warnings.as_slice()), (&[0, 1, 2][..], &["odd".to_owned()][..]));
    let digests = (0..3).map(|at| digest_file(&folder.join(shard_name("clusters", at, 3))).unwrap());
    let schema = Some("clusters/2".to_owned());
    let expected = Input { name: "all".to_owned(), schema, blake3: digest_of_shards(digests) };
    assert_eq!(reader.as_input().unwrap(), expected);
    assert_eq!(reader.read_all().unwrap(), (0..3010).map(cluster).collect::<Vec<_>>());
}

#[test]
fn a_range_of_rows_is_read_from_whatever_shards_have_them() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("all");
    write_shards(&folder);
    for range in [0..0, 0..1, 0..3010, 5..1030, 1024..2048, 2990..3005, 3000..3010, 3009..9999, 4000..5000] {
        let rows = Reader::<Cluster>::open(&folder).unwrap().with_rows(range.clone()).read_all().unwrap();
        let found: Vec<u64> = rows.iter().map(|row| row.image_id).collect();
        assert_eq!(found, (range.start..range.end.min(3010)).collect::<Vec<_>>(), "{range:?}");
    }
}

#[test]
fn an_untyped_reader_reads_them_as_one_too() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("all");
    write_shards(&folder);
    let manifest = Untyped::open(&folder).unwrap();
    assert_eq!((manifest.n_rows(), manifest.files().count(), manifest.is_sharded()), (3010, 3, true));
    assert_eq!(manifest.provenance().unwrap(), *Reader::<Cluster>::open(&folder).unwrap().provenance());
    let batches = manifest.batches(Some(&["image_id"]), 1000).unwrap();
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).collect::<Vec<_>>(), [1000, 1000, 1000, 10]);

    let third = folder.join(shard_name("clusters", 2, 3));
    write_manifest::<Image>(&third, [], &provenance(2)).unwrap();
    let expected = "shard `F/clusters-00002-of-00003.parquet` was written with another schema than \
                    `clusters-00000-of-00003.parquet`, expected the same";
    let error = Untyped::open(&folder).unwrap_err().to_string();
    assert_eq!(error.replace(&folder.display().to_string(), "F"), expected);
}

fn refusal(folder: &Path) -> String {
    let error: ManifestError = Reader::<Cluster>::open(folder).map(|_| ()).unwrap_err();
    error.to_string().replace(&folder.display().to_string(), "F")
}

#[test]
fn shards_that_do_not_belong_together_are_refused_by_name() {
    let check = |change: &dyn Fn(&Path), expected: &str| {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("all");
        write_shards(&folder);
        change(&folder);
        assert_eq!(refusal(&folder), expected);
    };
    let (second, third) = (shard_name("clusters", 1, 3), shard_name("clusters", 2, 3));
    check(
        &|folder| fs::remove_file(folder.join(&second)).unwrap(),
        "sharded manifest `F` lacks its shard `clusters-00001-of-00003.parquet`",
    );
    let other_config = |folder: &Path| {
        let provenance = provenance(2).with_config(&serde_json::json!({ "embed": false }));
        write_manifest(&folder.join(&third), [cluster(1)], &provenance).unwrap();
    };
    check(
        &other_config,
        "shard `F/clusters-00002-of-00003.parquet` was written with another config than `clusters-00000-of-00003.parquet`, \
         expected the same",
    );
    check(
        &|folder| drop(write_manifest::<Image>(&folder.join(&third), [], &provenance(2)).unwrap()),
        "manifest `F/clusters-00002-of-00003.parquet` holds `images/3`, expected `clusters/2`",
    );
}
