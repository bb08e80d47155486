//! What is refused, and with which words.

use std::fs;
use std::path::Path;

use twinset_manifest::rows::{Cluster, Image, ImageData, Pair, Split};
use twinset_manifest::{Provenance, write_manifest};

use crate::{INPUTS, NEAR, expect_exit, folder_with, images, inject};

/// Runs and expects exit code 1, this on stderr, and no output.
#[track_caller]
fn refused(images: Vec<Image>, prepare: impl FnOnce(&Path), arguments: &[&str], expected: &str) {
    let folder = folder_with(images);
    prepare(folder.path());
    let mut command = inject(folder.path());
    let (_, stderr) = expect_exit(command.args(INPUTS).args(arguments).args(["--out", "out"]), 1);
    assert_eq!(stderr, format!("{expected}\n"));
    let n_files = fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count);
    assert_eq!(n_files, 0, "nothing is left half-written");
}

#[test]
fn a_config_that_cannot_be_is_named() {
    let set = |settings: &[&str], expected: &str| {
        let arguments: Vec<_> = settings.iter().flat_map(|&setting| ["--set", setting]).collect();
        refused(images(), |_| (), &arguments, expected);
    };
    set(&[], "error: --set: missing field `rate`");
    let rate = "a finite number of at least 0, such as 0.5";
    set(&["rate=-0.5"], &format!("error: --set: key `rate`: found -0.5, expected {rate}"));
    set(&["rate=nan"], &format!("error: --set: key `rate`: found NaN, expected {rate}"));
    set(&["rate=inf"], &format!("error: --set: key `rate`: found inf, expected {rate}"));
    let whole = "error: --set: key `rate`: found 0.5, expected a whole number, as the selection is `whole-set`";
    set(&["rate=0.5", "selection={ kind = 'whole-set' }"], whole);
    let unknown = "error: --set: key `rates`: unknown field `rates`, expected one of `rate`, `seed`, `originals`, \
                   `sources`, `selection`, `with-replacement`, `into`, `placement`, `duplicates`, `remove`";
    set(&["rates=1"], unknown);
    let weights = "\"zipf\", { single-class = \"cat\" }, or a weight for each class such as { cat = 3.0, dog = 1.0 }";
    let zip = format!("error: --set: key `selection.class-weights`: found `zip`, expected {weights}");
    set(&["rate=1", "selection={ kind = 'non-uniform', class-weights = 'zip' }"], &zip);
    let negative = "error: --set: key `selection.class-weights.cat`: found -1, expected a finite number of at least 0";
    set(&["rate=1", "selection={ kind = 'non-uniform', class-weights = { cat = -1 } }"], negative);
    let quality = "error: --set: key `duplicates.transforms.0.quality`: found 0, expected 1 to 100";
    set(&["rate=1", "duplicates={ kind = 'near', transforms = [{ kind = 'jpeg', quality = 0 }] }"], quality);
    let none = "error: --set: key `duplicates.transforms`: found an empty list, expected at least one transform";
    set(&["rate=1", "duplicates={ kind = 'near', transforms = [] }"], none);
    let class = "error: failed to plan the training set: no class is called `cow` (`selection.class-weights`), expected one \
                 of `cat`, `dog`";
    set(&["rate=1", "selection={ kind = 'non-uniform', class-weights = { single-class = 'cow' } }"], class);
    let room = "error: failed to plan the training set: 8 duplicates of 8 images would have to replace as many other \
                training images, found 0\nhint: take a smaller `rate`, or `placement = \"append\"`";
    set(&["rate=1", "placement='replace'"], room);
    let replace = "error: --set: key `placement`: found `replace`, expected `append`, as `into` is `test`";
    set(&["rate=1", "placement='replace'", "into='test'"], replace);
    let whole =
        "error: --set: key `selection.kind`: found `whole-set`, expected a rule that draws, as `into` is `test`";
    set(&["rate=1", "selection={ kind = 'whole-set' }", "into='test'"], whole);
    let fresh = "error: --set: key `duplicates.kind`: found `fresh`, expected `exact` or `near` where `originals` is not set: \
                 all training images are originals then";
    set(&["rate=1", "duplicates={ kind = 'fresh' }"], fresh);
    let share = "error: --set: key `sources`: found 0, expected a share above 0 and at most 1, such as 0.05";
    set(&["rate=1", "sources=0.0"], share);
    let few = "error: failed to plan the training set: class `cat` has 2 training images beside the originals, expected 8 fresh \
               ones\nhint: take a smaller `rate`, or fewer `originals`: the others are fresh";
    let cats = "selection={ kind = 'non-uniform', class-weights = { single-class = 'cat' } }";
    set(&["rate=2", "originals=4", cats, "duplicates={ kind = 'fresh' }"], few);
    let empty = "error: failed to plan the training set: no image of the split `val`, which `into` names, expected one at least";
    set(&["rate=1", "into='val'"], empty);
}

#[test]
fn a_pipelines_table_is_named_with_its_line() {
    let toml = "name = \"x\"\n\n[[arm]]\nname = \"a\"\n[arm.inject]\nselection = { kind = \"uniform\" }\nplacement = \"apend\"\n";
    let write = |folder: &Path| fs::write(folder.join("p.toml"), toml).unwrap();
    let expected = "error: p.toml:7: key `arm.0.inject.placement`: unknown variant `apend`, expected one of `append`, `replace`, `replace-in-class`";
    refused(images(), write, &["--config", "p.toml", "--table", "arm.0.inject", "--set", "rate=1"], expected);
}

#[test]
fn manifests_that_do_not_go_together_are_refused() {
    let rate = ["--set", "rate=1"];
    let provenance = || Provenance::of_stage("test", "0");
    let pairs =
        |folder: &Path| drop(write_manifest::<Pair>(&folder.join("images.parquet"), [], &provenance()).unwrap());
    let expected = "error: failed to read the images: manifest `images.parquet` holds `pairs/4`, expected `images/3`";
    refused(images(), pairs, &rate, expected);
    let cut = |folder: &Path| {
        let bytes = fs::read(folder.join("clusters.parquet")).unwrap();
        fs::write(folder.join("clusters.parquet"), &bytes[..bytes.len() - 9]).unwrap();
    };
    let expected = "error: failed to read the clusters: manifest `clusters.parquet` is not a whole Parquet file: Parquet \
                    error: Invalid Parquet file. Corrupt footer";
    refused(images(), cut, &rate, expected);
    let few =
        |folder: &Path| drop(write_manifest::<Cluster>(&folder.join("clusters.parquet"), [], &provenance()).unwrap());
    let expected = "error: failed to plan the training set: the clusters have no row for image 0: they were made from other \
                    images\nhint: run twinset-neardup on these images";
    refused(images(), few, &rate, expected);
    let test_only: Vec<_> = images().into_iter().map(|image| Image { split: Split::Test, ..image }).collect();
    let expected =
        "error: failed to plan the training set: no training image among 10 images (0 removed as duplicates)";
    refused(test_only, |_| (), &rate, expected);
    let unlabelled = images().into_iter().map(|image| Image { label: 0, class_name: String::new(), ..image });
    let expected = "error: failed to plan the training set: the images have no labels (their one class has no name), \
                    expected images of classes";
    refused(unlabelled.collect(), |_| (), &rate, expected);
}

#[test]
fn clusters_of_other_images_with_the_same_ids_are_refused() {
    let folder = folder_with(images());
    let mut others = images();
    others[0].label = 1;
    others[0].class_name = "dog".to_owned();
    write_manifest(&folder.path().join("images.parquet"), others, &Provenance::of_stage("test", "0")).unwrap();
    let mut command = inject(folder.path());
    let (_, stderr) = expect_exit(command.args(INPUTS).args(["--set", "rate=1", "--out", "out"]), 1);
    let expected = "error: failed to read the clusters: `clusters.parquet` was made from other images: from \
                    `images.parquet` with BLAKE3 ";
    assert!(stderr.starts_with(expected), "{stderr}");
    assert!(stderr.ends_with("\nhint: run twinset-test again, on these images\n"), "{stderr}");
}

#[test]
fn an_image_that_cannot_be_changed_is_named_with_its_id_and_source() {
    let with = |change: fn(&mut Image)| {
        let mut images = images();
        change(&mut images[3]);
        images
    };
    let arguments = ["--set", "rate=1", "--set", NEAR];
    let corrupt = with(|row| row.image.bytes = Some((&b"no image"[..]).into()));
    let expected = "error: failed to make a near-duplicate: cannot decode image 3 (`all/3.png`): unsupported: the bytes are \
                    of no known image format";
    refused(corrupt, |_| (), &arguments, expected);
    let nowhere = with(|row| row.image = ImageData { bytes: None, path: Some("gone.png".to_owned()) });
    let expected = "error: failed to make a near-duplicate: cannot decode image 3 (`all/3.png`): cannot read `./gone.png`: No \
                    such file or directory (os error 2)\nhint: --folder is what twinset-ingest had as --data, for \
                    instance --folder ~/datasets: the paths of images that are not embedded are relative to it";
    refused(nowhere, |_| (), &arguments, expected);
}
