//! Files with other bytes than they had, by their run's record or by what was made from them.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, UInt32Array};
use arrow::datatypes::{Field, UInt32Type};
use twinset_manifest::rows::{Rule, Violation};

use crate::study::{Study, as_it_was, rewrite, sound};
use crate::{check, nothing, validated};

#[test]
fn files_with_other_bytes() {
    let root = tempfile::tempdir().unwrap();
    let runs = Study::sound().write(root.path());
    let path = runs.of("evaluate").join("predictions.parquet");
    let before = twinset_manifest::digest_file(&path).unwrap();
    // By hand: one more query for each image, which breaks no rule of the rows.
    rewrite(
        &path,
        |columns| {
            let more = |array: &ArrayRef| -> ArrayRef {
                Arc::new(array.as_primitive::<UInt32Type>().iter().map(|n| n.map(|n| n + 1)).collect::<UInt32Array>())
            };
            let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                "n_queries" => (field, more(&array)),
                _ => (field, array),
            };
            columns.into_iter().map(change).collect()
        },
        as_it_was,
    );
    let found = validated(root.path()).violations;
    let [violation] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(violation.rule, Rule::FileDigest);
    assert_eq!(violation.made_by.as_deref(), Some("evaluate 0.1.0"));
    let made_from_it = format!("`stages/report/{}/cells.parquet`", "f".repeat(64));
    assert_eq!(violation.expected, format!("BLAKE3 {before}, as its run wrote it; {made_from_it} was made from that"));

    check(
        nothing,
        |runs| fs::remove_file(runs.of("ingest").join("rejects.parquet")).unwrap(),
        Rule::MissingFile,
        1,
        &format!(
            "rejects.parquet: no such file, not BLAKE3 {}, as its run wrote it",
            twinset_manifest::digest_file(&runs.of("ingest").join("rejects.parquet")).unwrap()
        ),
    );
    // Of the network and the epochs that were made from it nothing is said: they are what they were.
    check(
        nothing,
        |runs| {
            let path = runs.of("inject").join("trainset.parquet");
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        },
        Rule::Unreadable,
        1,
        "trainset.parquet: Parquet error: Invalid Parquet file. Corrupt footer, not a whole Parquet file",
    );
    check(
        nothing,
        |runs| fs::write(runs.stages.with_file_name("source").join("batch.bin"), "other bytes").unwrap(),
        Rule::InputDigest,
        1,
        &format!(
            "images.parquet twinset.provenance: `source/batch.bin`, with BLAKE3 {}, not `batch.bin` with BLAKE3 {}; \
             `stages/ingest/{}/rejects.parquet` was made from that, too",
            blake3::hash(b"other bytes"),
            blake3::hash(b"the bytes of twelve images"),
            "a".repeat(64)
        ),
    );
}

#[test]
fn a_manifest_edited_by_hand_is_named_where_no_run_wrote_it_down() {
    let (root, runs) = sound();
    for stage in ["ingest", "neardup", "inject", "train", "evaluate", "report"] {
        fs::remove_file(runs.of(stage).join("digests.json")).unwrap();
    }
    rewrite(
        &runs.of("report").join("cells.parquet"),
        |columns| {
            let change = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
                "estimate" => (field, Arc::new(Float64Array::from(vec![0.99])) as ArrayRef),
                _ => (field, array),
            };
            columns.into_iter().map(change).collect()
        },
        as_it_was,
    );
    assert_eq!(validated(root.path()).violations, [], "nothing was made from it, and nothing tells what it was");
    rewrite(&runs.of("evaluate").join("predictions.parquet"), |columns| columns, as_it_was);
    let found = validated(root.path()).violations;
    let [Violation { rule: Rule::InputDigest, path, found, .. }] = &found[..] else { panic!("{found:#?}") };
    assert!(path.ends_with("cells.parquet"), "{path}");
    let changed =
        format!("`stages/evaluate/{}/predictions.parquet`, made by evaluate 0.1.0, with BLAKE3 ", "e".repeat(64));
    assert!(found.starts_with(&changed), "{found}");
}

#[test]
fn images_that_were_made_anew_are_one_violation_and_no_reference_is_checked() {
    let root = tempfile::tempdir().unwrap();
    let runs = Study::sound().write(root.path());
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    for (stage, name) in [
        ("ingest", "images.parquet"),
        ("neardup", "hashes.parquet"),
        ("neardup", "pairs.parquet"),
        ("neardup", "clusters.parquet"),
    ] {
        fs::copy(runs.of(stage).join(name), out.join(name)).unwrap();
    }
    let before = twinset_manifest::digest_file(&out.join("images.parquet")).unwrap();
    assert_eq!(validated(&out).violations, []);
    // Half of the images, all under other ids.
    let mut half = Study::sound();
    half.images.truncate(6);
    half.images.iter_mut().for_each(|image| image.image_id += 100);
    let again = tempfile::tempdir().unwrap();
    let runs = half.write(again.path());
    fs::copy(runs.of("ingest").join("images.parquet"), out.join("images.parquet")).unwrap();
    let found = validated(&out);
    let [Violation { rule: Rule::InputDigest, path, expected, .. }] = &found.violations[..] else {
        panic!("{found:#?}")
    };
    let others = "`hashes.parquet` and `pairs.parquet` were made from that, too";
    assert_eq!(
        (path.as_str(), expected),
        ("clusters.parquet", &format!("`images.parquet` with BLAKE3 {before}; {others}"))
    );
    let note = format!(
        "`clusters.parquet`, `hashes.parquet` and `pairs.parquet` refer to images of `images.parquet` with BLAKE3 {before}, \
         which is not in the tree with these bytes: not checked"
    );
    assert_eq!(found.notes, [note]);
}

#[test]
fn images_that_another_tool_wrote_over_are_a_violation_of_what_was_made_from_them() {
    let (root, runs) = sound();
    let out = root.path().join("out");
    for (folder, stage, name) in [("images", "ingest", "images.parquet"), ("duplicates", "neardup", "hashes.parquet")] {
        fs::create_dir_all(out.join(folder)).unwrap();
        fs::copy(runs.of(stage).join(name), out.join(folder).join(name)).unwrap();
    }
    assert_eq!(validated(&out.join("duplicates")).violations, []);
    rewrite(&out.join("images/images.parquet"), |columns| columns, |_, _| None);
    for (asked, rules) in
        [(&out, &[Rule::InputDigest, Rule::Schema][..]), (&out.join("duplicates"), &[Rule::InputDigest])]
    {
        let violations = validated(asked).violations;
        assert_eq!(violations.iter().map(|violation| violation.rule).collect::<Vec<_>>(), rules, "{violations:#?}");
        let Violation { path, found, .. } = &violations[0];
        assert!(
            path.ends_with("hashes.parquet") && found.contains("images/images.parquet`, with BLAKE3 "),
            "{path}: {found}"
        );
    }
}
