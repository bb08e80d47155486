//! `twinset-inject` as a user calls it.

mod refused;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Image, ImageData, Split, TrainsetRow};
use twinset_manifest::{Provenance, Reader, Row, digest_file, shard_name, write_manifest};
use twinset_pixels::{digest, encode_png};

fn inject(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-inject"));
    command.current_dir(folder).arg("--quiet");
    command
}

/// What it printed on stdout and on stderr; it ends with this exit code.
#[track_caller]
fn expect_exit(command: &mut Command, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}

const INPUTS: [&str; 4] = ["--images", "images.parquet", "--clusters", "clusters.parquet"];

fn image_row(image_id: u64) -> Image {
    let image = RgbImage::from_fn(16, 16, |x, y| Rgb([(x * 9 + image_id as u32) as u8, (y * 12) as u8, 40]));
    let label = (image_id % 2) as u32;
    Image {
        image_id,
        split: if image_id < 8 { Split::Train } else { Split::Test },
        label,
        class_name: ["cat", "dog"][label as usize].to_owned(),
        width: 16,
        height: 16,
        pixels_blake3: digest(&image),
        image: ImageData { bytes: Some(encode_png(&image).into()), path: None },
        source: format!("all/{image_id}.png"),
        derived_from: None,
        transform: None,
        lost: None,
    }
}

/// Ten images, the last two of them test images; 0 and 2 are a cluster, 5 and 9 another.
fn folder_with(images: Vec<Image>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let provenance = Provenance::of_stage("test", "0");
    let written = write_manifest(&folder.path().join("images.parquet"), images, &provenance).unwrap();
    let clusters = (0..10).map(|image_id| {
        let cluster_id = if image_id == 2 {
            0
        } else if image_id == 9 {
            5
        } else {
            image_id
        };
        Cluster {
            image_id,
            cluster_id,
            cluster_size: 1,
            is_representative: image_id == cluster_id,
            source: String::new(),
        }
    });
    let provenance = provenance.with_inputs([written.as_input::<Image>()]);
    write_manifest(&folder.path().join("clusters.parquet"), clusters, &provenance).unwrap();
    folder
}

fn images() -> Vec<Image> {
    (0..10).map(image_row).collect()
}

/// Runs with these settings and gives what it printed.
#[track_caller]
fn run(folder: &TempDir, out: &str, settings: &[&str]) -> String {
    let mut command = inject(folder.path());
    command.args(INPUTS).args(["--out", out]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    expect_exit(&mut command, 0).0
}

fn bytes(folder: &TempDir, out: &str) -> [Vec<u8>; 3] {
    ["trainset.parquet", "injected-images.parquet", "leaked-images.parquet"]
        .map(|name| fs::read(folder.path().join(out).join(name)).unwrap())
}

fn read<R: Row>(folder: &TempDir, path: &str) -> Vec<R> {
    Reader::open(&folder.path().join(path)).unwrap().read_all().unwrap()
}

const NEAR: &str = "duplicates={ kind = 'near', transforms = [{ kind = 'shift', max-pixels = 2 }, \
                    { kind = 'crop-resize', min-scale = 0.7 }, { kind = 'flip' }, \
                    { kind = 'brightness', max-change = '16/255' }, { kind = 'contrast', max-change = 0.2 }, \
                    { kind = 'jpeg', quality = 75 }, { kind = 'noise', sigma = '4/255' }] }";

#[test]
fn images_in_shards_are_injected_as_those_in_one_file() {
    let folder = folder_with(images());
    fs::create_dir(folder.path().join("images")).unwrap();
    let provenance = Provenance::of_stage("test", "0");
    for (at, shard) in images().chunks(4).enumerate() {
        let path = folder.path().join("images").join(shard_name("images", at, 3));
        write_manifest(&path, shard.to_vec(), &provenance).unwrap();
    }
    run(&folder, "whole", &["rate=0.5", NEAR]);
    let input = Reader::<Image>::open(&folder.path().join("images")).unwrap().as_input().unwrap();
    let clusters: Vec<Cluster> = read(&folder, "clusters.parquet");
    write_manifest(&folder.path().join("clusters.parquet"), clusters, &provenance.with_inputs([input])).unwrap();
    let call = [
        "--images",
        "images",
        "--clusters",
        "clusters.parquet",
        "--out",
        "sharded",
        "--set",
        "rate=0.5",
        "--set",
        NEAR,
    ];
    expect_exit(inject(folder.path()).args(call), 0);
    let trainset = |out: &str| read::<TrainsetRow>(&folder, &format!("{out}/trainset.parquet"));
    let injected = |out: &str| read::<Image>(&folder, &format!("{out}/injected-images.parquet"));
    assert_eq!((trainset("whole"), injected("whole")), (trainset("sharded"), injected("sharded")));
    assert_eq!(injected("sharded").len(), 4);
}

#[test]
fn exact_duplicates_are_appended_and_summed_up() {
    let folder = folder_with(images());
    let stdout = run(&folder, "out", &["rate=0.5", "selection={ kind = 'non-uniform', class-weights = 'zipf' }"]);
    assert_eq!(
        stdout,
        "8 training images, 0 removed as duplicates\n\
         4 duplicates injected\n  \
           cat: 3\n  \
           dog: 1\n\
         12 positions in the training set\n\
         wrote trainset.parquet, injected-images.parquet and leaked-images.parquet to out\n"
    );
    let rows: Vec<TrainsetRow> = read(&folder, "out/trainset.parquet");
    assert_eq!(rows.len(), 12);
    assert!(rows[8..].iter().all(|row| row.duplicate_of == Some(row.image_id) && row.copy == 1));
    assert_eq!(read::<Image>(&folder, "out/injected-images.parquet"), []);
}

#[test]
fn a_training_set_is_described_with_what_it_was_derived_from() {
    let folder = folder_with(images());
    run(&folder, "out", &["rate=0.5", NEAR]);
    let text = fs::read_to_string(folder.path().join("out/croissant.json")).unwrap();
    for name in ["trainset", "injected-images", "leaked-images"] {
        assert!(text.contains(&format!("\"contentUrl\": \"{name}.parquet\"")), "{text}");
    }
    let images = digest_file(&folder.path().join("images.parquet")).unwrap();
    assert!(text.contains(&format!("\"@id\": \"urn:blake3:{images}\"")), "{text}");
    assert!(text.contains("\"class/name\": \"dog\""), "{text}");
    let (_, derived_from) = text.split_once("\"@id\": \"injected-images/derived_from\"").unwrap();
    let (derived_from, _) = derived_from.split_once("\"name\": \"derived_from\"").unwrap();
    assert!(derived_from.contains("\"equivalentProperty\": \"prov:wasDerivedFrom\""), "{derived_from}");
}

#[test]
fn training_images_leak_into_another_split_and_the_training_set_stays_as_it_is() {
    let folder = folder_with(images());
    run(&folder, "none", &["rate=0", "seed=9"]);
    let n_test = images().iter().filter(|image| image.split == Split::Test).count();
    let stdout = run(&folder, "exact", &["rate=1.0", "into='test'"]);
    assert!(stdout.contains(&format!("{n_test} duplicates of training images leaked into the test split")), "{stdout}");
    run(&folder, "near", &["rate=1.0", "into='test'", NEAR]);
    let [trainset, injected, leaked] = bytes(&folder, "none");
    assert_eq!(read::<Image>(&folder, "none/leaked-images.parquet"), []);
    for out in ["exact", "near"] {
        let [same_trainset, same_injected, other] = bytes(&folder, out);
        assert!(same_trainset == trainset && same_injected == injected && other != leaked, "{out}");
        let made: Vec<Image> = read(&folder, &format!("{out}/leaked-images.parquet"));
        assert_eq!(made.len(), n_test, "{out}");
        for image in made {
            let original = image_row(image.derived_from.unwrap());
            assert_eq!((original.split, image.split, image.label), (Split::Train, Split::Test, original.label));
            assert!(image.image_id >= 10 && image.transform.is_some() == (out == "near"), "{image:?}");
            assert_eq!(image.pixels_blake3 == original.pixels_blake3, out == "exact");
        }
    }
    run(&folder, "injected", &["rate=0.5", NEAR]);
    assert_eq!(bytes(&folder, "injected")[2], leaked, "what leaks nothing is one file in all arms");
}

#[test]
fn near_duplicates_are_images_that_say_why_they_exist() {
    let folder = folder_with(images());
    run(&folder, "out", &["rate=1.0", "seed=4", NEAR]);
    let made: Vec<Image> = read(&folder, "out/injected-images.parquet");
    assert_eq!(made.len(), 8);
    for image in &made {
        let original = image_row(image.derived_from.unwrap());
        assert_eq!((image.split, image.label, &image.class_name), (Split::Train, original.label, &original.class_name));
        assert!(image.image_id >= 10 && image.pixels_blake3 != original.pixels_blake3);
        let pixels = twinset_pixels::decode(image.image.bytes.as_ref().unwrap(), &Default::default()).unwrap();
        assert_eq!(digest(&pixels), image.pixels_blake3);
        assert_eq!(pixels.dimensions(), (image.width, image.height));
        let transform = image.transform.as_ref().unwrap();
        let names: Vec<_> = transform.split("; ").map(|change| change.split('(').next().unwrap()).collect();
        assert_eq!(names, ["shift", "crop-resize", "flip", "brightness", "contrast", "jpeg", "noise"], "{transform}");
    }
    let rows: Vec<TrainsetRow> = read(&folder, "out/trainset.parquet");
    for row in &rows[8..] {
        let image = made.iter().find(|image| image.image_id == row.image_id).unwrap();
        assert_eq!((image.derived_from, image.label), (row.duplicate_of, row.label));
    }
}

#[test]
fn rate_0_is_the_same_bytes_whatever_the_arm_and_the_seed() {
    let folder = folder_with(images());
    run(&folder, "plain", &["rate=0"]);
    let weights = "selection={ kind = 'non-uniform', class-weights = { cat = 3, dog = 1.0 } }";
    run(&folder, "other", &["rate=-0.0", "seed=9", weights, "with-replacement=true", "placement='replace'", NEAR]);
    run(&folder, "whole", &["rate=0.0", "seed=3", "selection={ kind = 'whole-set' }"]);
    assert_eq!(bytes(&folder, "plain"), bytes(&folder, "other"));
    assert_eq!(bytes(&folder, "plain"), bytes(&folder, "whole"));
    let trainset = Reader::<TrainsetRow>::open(&folder.path().join("plain/trainset.parquet")).unwrap();
    assert_eq!(trainset.provenance().seed, None);
    assert_eq!(trainset.provenance().config.to_string(), "{\"rate\":0.0,\"remove\":\"none\"}");
}

#[test]
fn originals_that_are_drawn_depend_on_the_seed_at_rate_0_too() {
    let folder = folder_with(images());
    for (out, seed) in [("one", "seed=1"), ("two", "seed=2")] {
        run(&folder, out, &["rate=0", "originals=4", "sources=0.5", seed]);
    }
    assert_ne!(bytes(&folder, "one"), bytes(&folder, "two"));
    let trainset = Reader::<TrainsetRow>::open(&folder.path().join("two/trainset.parquet")).unwrap();
    let config = trainset.provenance().config.to_string();
    assert_eq!(config, "{\"originals\":4,\"rate\":0.0,\"remove\":\"none\",\"seed\":2}");
    let text = run(&folder, "fresh", &["rate=0.5", "originals=4", "duplicates={ kind = 'fresh' }"]);
    assert!(text.contains("4 of them drawn as originals\n2 fresh images added, and no duplicates\n"), "{text}");
}

#[test]
fn whole_copies_are_the_same_bytes_whatever_the_seed() {
    let folder = folder_with(images());
    for seed in [1, 2] {
        run(&folder, &seed.to_string(), &["rate=2.0", "selection={ kind = 'whole-set' }", &format!("seed={seed}")]);
    }
    assert_eq!(bytes(&folder, "1"), bytes(&folder, "2"));
    assert_eq!(read::<TrainsetRow>(&folder, "1/trainset.parquet").len(), 24);
}

#[test]
fn a_seed_reproduces_every_byte_and_another_does_not() {
    let folder = folder_with(images());
    for (out, seed) in [("a", 1), ("b", 1), ("c", 2)] {
        run(&folder, out, &["rate=0.5", NEAR, &format!("seed={seed}")]);
    }
    assert_eq!(bytes(&folder, "a"), bytes(&folder, "b"));
    let [trainset, injected, _] = bytes(&folder, "c");
    assert!(bytes(&folder, "a")[0] != trainset && bytes(&folder, "a")[1] != injected);
}

#[test]
fn a_smaller_rate_has_the_first_of_a_larger_ones_near_duplicates() {
    let folder = folder_with(images());
    let made = |rate: &str| {
        run(&folder, rate, &[&format!("rate={rate}"), NEAR]);
        read::<Image>(&folder, &format!("{rate}/injected-images.parquet"))
    };
    let (small, large) = (made("0.5"), made("1.5"));
    assert_eq!((small.len(), large.len()), (4, 12));
    assert!(small.iter().all(|image| large.contains(image)));
}

#[test]
fn duplicates_that_were_found_can_be_removed_first() {
    let folder = folder_with(images());
    let check = |remove: &str, expected: &[u64]| {
        run(&folder, remove, &["rate=0", &format!("remove='{remove}'")]);
        let rows: Vec<TrainsetRow> = read(&folder, &format!("{remove}/trainset.parquet"));
        assert_eq!(rows.iter().map(|row| row.image_id).collect::<Vec<_>>(), expected, "{remove}");
    };
    check("train-duplicates", &[0, 1, 3, 4, 5, 6, 7]);
    check("train-duplicates-and-leaks", &[0, 1, 3, 4, 6, 7]);
}

#[test]
fn check_estimates_the_size() {
    let folder = tempfile::tempdir().unwrap();
    let check = |settings: &[&str], expected: &'static str| {
        let mut command = inject(folder.path());
        command.args(["--check", "--estimate", "1000"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        assert_eq!(expect_exit(&mut command, 0).0, expected);
    };
    check(&["rate=0.25"], "{\"n_train\": 1250}\n");
    check(&["rate=0.25", "placement='replace'"], "{\"n_train\": 1000}\n");
    check(&["rate=10", "selection={ kind = 'whole-set' }"], "{\"n_train\": 11000}\n");
    check(&["rate=0.25", "originals=400"], "{\"n_train\": 500}\n");
    check(&["rate=0.25", "into='test'"], "{\"n_train\": 1000}\n");
    let (stdout, _) = expect_exit(inject(folder.path()).args(["--check", "--set", "rate=1"]), 0);
    assert_eq!(stdout, "");
    expect_exit(inject(folder.path()).args(["--estimate", "5", "--set", "rate=1"]).args(INPUTS), 2);
}

#[test]
fn help_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let (help, _) = expect_exit(inject(folder.path()).arg("--help"), 0);
    assert!(help.contains("twinset-inject --images images.parquet"));
}
