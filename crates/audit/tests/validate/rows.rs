//! Rows that break a rule, images that are not there, and images that are files.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::Field;
use twinset_audit::{Options, Tree, validate};
use twinset_manifest::rows::{Cluster, Pair, PairKind, Rule, Violation};

use crate::study::{Runs, Study, as_it_was, rewrite, sound};
use crate::{OPTIONS, check, validated};

#[test]
fn rows_that_break_a_rule() {
    let none = |_: &Runs| ();
    check(
        |study| study.cells[0].estimate = 1.5,
        none,
        Rule::Range,
        1,
        "cells.parquet row 0 estimate: 1.5, not estimate BETWEEN 0 AND 1",
    );
    check(
        |study| study.pairs[0].label_conflict = true,
        none,
        Rule::Consistency,
        1,
        "pairs.parquet row 0 label_conflict: true, not label_conflict = (left_label <> right_label)",
    );
    check(
        |study| study.trainset[9].duplicate_of = None,
        none,
        Rule::Consistency,
        1,
        "trainset.parquet row 9 duplicate_of: null, not (origin = 'original') = (duplicate_of IS NULL)",
    );
    check(
        |study| study.hashes.push(study.hashes[4].clone()),
        none,
        Rule::Unique,
        1,
        "hashes.parquet row 12 image_id: image_id 4 again, not no two rows alike",
    );
    check(
        |study| (7..11).for_each(|i| study.trainset[i].position += 1),
        none,
        Rule::Count,
        1,
        "trainset.parquet row 7 position: 8, not 7",
    );
    check(
        |study| study.clusters[7].cluster_size = 3,
        none,
        Rule::Count,
        1,
        "clusters.parquet row 7 cluster_size: 3, not 1, the rows of cluster_id 7",
    );
    check(
        |study| study.images[7].class_name = "cow".to_owned(),
        none,
        Rule::Class,
        1,
        "images.parquet row 7 class_name: `cow`, not `dog`, the name of class 1",
    );
    check(
        |study| {
            let row = &mut study.predictions[1];
            (row.predicted, row.is_correct, row.margin) = (2, false, -1.0);
            row.fooled_by = Some("clean".to_owned());
        },
        none,
        Rule::Class,
        1,
        "predictions.parquet row 1 predicted: 2, not less than 2, the number of classes",
    );
    check(
        |study| study.trainset[7].label = 0,
        none,
        Rule::Agreement,
        1,
        "trainset.parquet row 7 label: 0, not 1, the label of image 7",
    );
    check(
        |study| study.images[7].image.bytes = study.images[6].image.bytes.clone(),
        none,
        Rule::Pixels,
        1,
        &format!(
            "images.parquet row 7 image: pixels of another digest, or more than its width and height, not BLAKE3 {}",
            Study::sound().images[7].pixels_blake3
        ),
    );
}

#[test]
fn clusters_that_are_not_what_pairs_join() {
    let none = |_: &Runs| ();
    check(
        |study| {
            study.clusters[0].cluster_size = 1;
            study.clusters[2] =
                Cluster { cluster_id: 2, cluster_size: 1, is_representative: true, ..study.clusters[2].clone() };
        },
        none,
        Rule::Cluster,
        1,
        "clusters.parquet row 2 cluster_id: 2, not 0, as image 0, its exact pair with 2 says",
    );
    check(
        |study| study.pairs.clear(),
        none,
        Rule::Cluster,
        1,
        "clusters.parquet row 2 cluster_id: 0, not another: no exact or near pair joins it to the images of this one",
    );
    check(
        |study| study.clusters.truncate(11),
        none,
        Rule::Count,
        1,
        "clusters.parquet image_id: 11 rows, not 12, one for each image",
    );
    // A near pair ties nothing together where its cluster would be too large.
    let (root, runs) = sound();
    let largest = |max_size: u64| {
        let mut study = Study::sound();
        study.pairs[0] = Pair { right_id: 4, kind: PairKind::Near, similarity: Some(0.9), ..study.pairs[0].clone() };
        study.write(root.path());
        for name in ["pairs", "clusters", "hashes"] {
            let path = runs.of("neardup").join(format!("{name}.parquet"));
            rewrite(&path, |columns| columns, |_, value| Some(value.replace("1000", &max_size.to_string())));
        }
        let violations = validated(&runs.of("neardup")).violations;
        violations.iter().filter(|violation| violation.rule == Rule::Cluster).count()
    };
    assert_eq!((largest(2), largest(1000)), (1, 2));
}

#[test]
fn a_label_below_0() {
    let (root, runs) = sound();
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::copy(runs.of("ingest").join("images.parquet"), out.join("images.parquet")).unwrap();
    assert_eq!(validated(&out).violations, []);
    let below = |(field, array): (Field, ArrayRef)| match field.name().as_str() {
        "label" => (field, Arc::new(Int64Array::from_iter_values((0..12).map(|row| row % 2 - 2 * (row / 11)))) as _),
        _ => (field, array),
    };
    rewrite(&out.join("images.parquet"), |columns| columns.into_iter().map(below).collect(), as_it_was);
    let found = validated(&out).violations;
    let [Violation { rule: Rule::Range, row: Some(11), found, expected, .. }] = &found[..] else {
        panic!("{found:#?}")
    };
    assert_eq!((found.as_str(), expected.as_str()), ("-1", "label BETWEEN 0 AND 4294967295"));
}

#[test]
fn an_image_that_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.predictions[3].image_id = 999;
    study.write(root.path());
    let found = validated(root.path()).violations;
    let images = format!("stages/ingest/{}/images.parquet", "a".repeat(64));
    let [Violation { rule: Rule::ForeignKey, image_id: Some(999), row: Some(3), expected, .. }] = &found[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(*expected, format!("an image of `{images}`"));
}

#[test]
fn referenced_images_are_decoded_where_their_folder_is_named() {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    fs::create_dir(root.path().join("pictures")).unwrap();
    for image in &mut study.images {
        let name = format!("{}.png", image.image_id);
        fs::write(root.path().join("pictures").join(&name), image.image.bytes.take().unwrap()).unwrap();
        image.image.path = Some(name);
    }
    let runs = study.write(root.path());
    let tree = Tree::open(&runs.stages, None).unwrap();
    let found = validate(&tree, &OPTIONS, || ());
    assert_eq!((found.violations.len(), found.n_images), (0, 1));
    let key = "a".repeat(64);
    let note = format!(
        "12 images of `ingest/{key}/images.parquet` are files elsewhere: not decoded, as --folder names no folder"
    );
    assert!(found.notes.contains(&note), "{:?}", found.notes);

    let pictures = root.path().join("pictures");
    fs::remove_file(pictures.join("3.png")).unwrap();
    let found = validate(&tree, &Options { folder: Some(&pictures), ..OPTIONS }, || ());
    assert_eq!(found.n_images, 13);
    let [Violation { rule: Rule::Pixels, image_id: Some(3), found, .. }] = &found.violations[..] else {
        panic!("{:#?}", found.violations);
    };
    assert!(found.ends_with("3.png`: No such file or directory (os error 2)"), "{found}");
}
