//! A folder of shards is one manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Image};
use twinset_manifest::{Provenance, Reader, Writer, digest_file, shard_name, write_manifest};

use crate::study::{CLASSES, Study, audit, expect_exit};
use crate::{ls, refusal, stdout};

/// Twelve images in three shards of `out/images`, the same in `one.parquet`, and clusters of them.
fn sharded(change: impl Fn(&mut Study)) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("out/images");
    fs::create_dir_all(&folder).unwrap();
    let mut study = Study::sound();
    change(&mut study);
    for (at, images) in study.images.chunks(4).enumerate() {
        write_images(&folder.join(shard_name("images", at, 3)), images);
    }
    write_images(&root.path().join("one.parquet"), &study.images);
    let images = Reader::<Image>::open(&folder).unwrap().as_input().unwrap();
    let neardup = Provenance::of_stage("neardup", "0.1.0").with_inputs([images]);
    write_manifest::<Cluster>(&root.path().join("out/clusters.parquet"), study.clusters, &neardup).unwrap();
    root
}

fn write_images(path: &Path, images: &[Image]) {
    let mut writer = Writer::create(path).unwrap();
    writer.extend(images.to_vec()).unwrap();
    writer.finish_images(&Provenance::of_stage("ingest", "0.1.0"), &CLASSES.map(str::to_owned)).unwrap();
}

#[test]
fn every_command_takes_it_for_one() {
    let root = sharded(|_| ());
    let (json, rows) = ls(root.path(), "out", "files");
    assert_eq!(rows, ["clusters.parquet clusters/2 12 1", "images images/3 12 3"]);
    let n_bytes: u64 =
        fs::read_dir(root.path().join("out/images")).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(json[1]["bytes"], n_bytes);
    let digest = Reader::<Image>::open(&root.path().join("out/images")).unwrap().as_input().unwrap().blake3.to_string();
    assert_eq!(json[1]["blake3"], digest);

    for path in ["out/images", "out/images/"] {
        assert_eq!(stdout(root.path(), &["ls", path, "--format", "csv"]).lines().count(), 2);
        let sql = "SELECT COUNT(*) AS n, COUNT(DISTINCT image_id) AS ids, MAX(image_id) AS last FROM images";
        assert_eq!(stdout(root.path(), &["sql", sql, path, "--format", "csv"]), "n,ids,last\n12,12,11\n");
        let show = ["show", path, "--where", "label = 1 AND image_id > 2", "--columns", "image_id", "--format", "csv"];
        assert_eq!(stdout(root.path(), &show), "image_id\n3\n5\n7\n9\n11\n");
        let stats = stdout(root.path(), &["stats", path]);
        assert!(stats.starts_with("images (images/3, 12 rows)\n"), "{stats}");
        assert!(stdout(root.path(), &["schema", path]).contains("12 rows in 3 row groups\n"));
        assert_eq!(
            stdout(root.path(), &["validate", path, "--quiet"]),
            "1 manifests, 12 rows, 12 images decoded: no violations\n"
        );
        let lineage = stdout(root.path(), &["lineage", path, "--image-id", "9"]);
        assert!(lineage.starts_with("image 9 of `images`: dog (class 1), test"), "{lineage}");
        assert_eq!(
            stdout(root.path(), &["diff", path, "one.parquet"]),
            "rows by image_id: 12 the same, 0 added, 0 removed, 0 changed\n"
        );
    }
    let tables = "table,schema,rows,files,manifests,columns\nclusters,clusters/2,12,1,clusters.parquet,";
    assert!(stdout(root.path(), &["sql", "--list", "out", "--format", "csv"]).starts_with(tables));
    let lineage = stdout(root.path(), &["lineage", "out/clusters.parquet"]);
    assert!(lineage.contains("└─ `images` (images/3, BLAKE3 "), "{lineage}");
    assert_eq!(
        stdout(root.path(), &["validate", "out", "--quiet"]),
        "2 manifests, 24 rows, 12 images decoded: no violations\n"
    );
    stdout(root.path(), &["html", "out", "--out", "page.html", "--quiet"]);
    assert!(fs::read_to_string(root.path().join("page.html")).unwrap().contains("<code>images</code>"));
    // One of them, asked about, is a file.
    let first = "out/images/images-00000-of-00003.parquet";
    assert_eq!(stdout(root.path(), &["show", first, "--columns", "image_id", "--format", "csv"]).lines().count(), 5);
}

#[test]
fn its_rows_are_checked_together() {
    let root = sharded(|study| study.images[9].image_id = 1);
    let (stdout, _) = expect_exit(audit(root.path()).args(["validate", "out/images", "--quiet"]), 3);
    assert_eq!(
        stdout,
        "images, row 9, image 1, image_id: unique: found image_id 1 again, expected no two rows alike\n\
         1 manifests, 12 rows, 12 images decoded: 1 violation\n"
    );
    let root = sharded(|study| study.clusters[11].image_id = 99);
    let (stdout, _) = expect_exit(audit(root.path()).args(["validate", "out", "--quiet"]), 3);
    assert!(
        stdout.contains("row 11, image 99, image_id: foreign-key: found 99, expected an image of `images`\n"),
        "{stdout}"
    );
}

#[test]
fn a_shard_that_is_not_as_its_run_wrote_it_is_one_violation() {
    let root = sharded(|_| ());
    let out = root.path().join("out");
    let names =
        (0..3).map(|at| format!("images/{}", shard_name("images", at, 3))).chain(["clusters.parquet".to_owned()]);
    let outputs: BTreeMap<String, Value> = names
        .map(|name| {
            let blake3 = digest_file(&out.join(&name)).unwrap();
            (name, serde_json::json!({ "blake3": blake3, "n-bytes": 1 }))
        })
        .collect();
    fs::write(out.join("digests.json"), serde_json::to_vec(&outputs).unwrap()).unwrap();
    expect_exit(audit(root.path()).args(["validate", "out"]), 0);

    let second = format!("images/{}", shard_name("images", 1, 3));
    write_images(&out.join(&second), &Study::sound().images[4..7]);
    let (found, _) = expect_exit(audit(root.path()).args(["validate", "out", "--quiet"]), 3);
    let [violation, summary] = found.lines().collect::<Vec<_>>()[..] else { panic!("{found}") };
    assert!(
        violation.starts_with(&format!("{second} (made by ingest 0.1.0): file-digest: found BLAKE3 ")),
        "{violation}"
    );
    assert_eq!(summary, "2 manifests, 23 rows, 11 images decoded: 1 violation");
    let (found, _) = expect_exit(audit(root.path()).args(["lineage", "out/images"]), 0);
    assert!(found.lines().next().unwrap().ends_with("): changed since its run wrote it"), "{found}");
}

#[test]
fn a_shard_that_is_missing_is_one_violation() {
    let root = sharded(|_| ());
    fs::remove_file(root.path().join("out/images").join(shard_name("images", 1, 3))).unwrap();
    let (found, _) = expect_exit(audit(root.path()).args(["validate", "out/images", "--quiet"]), 3);
    assert_eq!(
        found,
        "images: unreadable: found sharded manifest `out/images` lacks its shard `images-00001-of-00003.parquet`, expected \
         all shards of one manifest\n1 manifests, 0 rows, 0 images decoded: 1 violation\n"
    );
    assert_eq!(
        refusal(root.path(), &["show", "out/images"], 1),
        "error: failed to read: sharded manifest `out/images` lacks its shard `images-00001-of-00003.parquet`\n"
    );
}
