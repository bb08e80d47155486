//! The search for duplicates.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Hashes, Image, ImageData, Pair, PairKind, Split};
use twinset_manifest::{Provenance, Reader, Row, shard_name, write_manifest};
use twinset_pixels::encode_png;

use crate::row;

fn neardup(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-neardup"));
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

/// The search by hash alone.
const BY_HASH: [&str; 4] = ["--set", "search='hash'", "--set", "verify=false"];

/// A picture unlike that of any other number.
fn picture(number: u32) -> RgbImage {
    let wave = |x: u32, y: u32| ((x * (number % 7 + 1) * 11 + y * (number % 5 + 1) * 17 + number * 50) % 256) as u8;
    RgbImage::from_fn(32, 32, |x, y| Rgb([wave(x / 4, y / 4), wave(y / 4, x / 4), 90]))
}

/// Two copies of one picture (train), a brighter one under another label (test), two more pictures, one flat image.
fn rows() -> Vec<Image> {
    let mut brighter = picture(1);
    brighter.pixels_mut().for_each(|Rgb(channels)| *channels = channels.map(|channel| channel.saturating_add(3)));
    let flat = RgbImage::from_pixel(32, 32, Rgb([7; 3]));
    vec![
        row(10, Split::Train, 0, &picture(1)),
        row(11, Split::Train, 0, &picture(2)),
        row(12, Split::Train, 0, &picture(1)),
        row(13, Split::Train, 1, &picture(4)),
        row(14, Split::Test, 1, &brighter),
        row(15, Split::Test, 1, &flat),
    ]
}

fn folder_with(rows: Vec<Image>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_manifest(&folder.path().join("images.parquet"), rows, &Provenance::of_stage("test", "0")).unwrap();
    folder
}

fn read<R: Row>(folder: &TempDir, path: &str) -> Vec<R> {
    Reader::open(&folder.path().join(path)).unwrap().read_all().unwrap()
}

#[test]
fn images_in_shards_are_searched_as_those_in_one_file() {
    let folder = folder_with(rows());
    fs::create_dir(folder.path().join("images")).unwrap();
    for (at, shard) in rows().chunks(4).enumerate() {
        let path = folder.path().join("images").join(shard_name("images", at, 2));
        write_manifest(&path, shard.to_vec(), &Provenance::of_stage("test", "0")).unwrap();
    }
    for (images, out) in [("images.parquet", "whole"), ("images", "sharded")] {
        expect_exit(neardup(folder.path()).args(["--images", images, "--out", out]), 0);
    }
    let same = ["pairs", "clusters", "hashes"]
        .map(|name| [format!("whole/{name}.parquet"), format!("sharded/{name}.parquet")]);
    let [pairs, clusters, hashes] = same.each_ref().map(|[whole, sharded]| (whole.as_str(), sharded.as_str()));
    assert_eq!(read::<Pair>(&folder, pairs.0), read::<Pair>(&folder, pairs.1));
    assert_eq!(read::<Cluster>(&folder, clusters.0), read::<Cluster>(&folder, clusters.1));
    assert_eq!(read::<Hashes>(&folder, hashes.0), read::<Hashes>(&folder, hashes.1));
    assert!(
        read::<Pair>(&folder, pairs.1).iter().any(|pair| (pair.left_id, pair.right_id) == (10, 14)),
        "across shards"
    );

    fs::remove_file(folder.path().join("images/images-00000-of-00002.parquet")).unwrap();
    let (_, stderr) = expect_exit(neardup(folder.path()).args(["--images", "images", "--out", "none"]), 1);
    assert!(stderr.contains("sharded manifest `images` lacks its shard `images-00000-of-00002.parquet`"), "{stderr}");
}

#[test]
fn duplicates_are_found_written_and_summed_up() {
    let folder = folder_with(rows());
    let truth = "left_id,right_id,kind,transform\n10,12,exact,none\n12,14,near,brightness(+3/255)\n11,13,near,flip\n";
    fs::write(folder.path().join("truth.csv"), truth).unwrap();
    let call = ["--images", "images.parquet", "--truth", "truth.csv", "--out", "out"];
    let (stdout, _) = expect_exit(neardup(folder.path()).args(call), 0);
    assert_eq!(
        stdout,
        "6 images, 1 of one flat colour (compared by their pixels alone)\n\
         searched by correlation\n\
         mirrored and turned pictures: not searched\n\
         pairs (with two labels)             exact              near\n  \
           train - train                     1 (0)             0 (0)\n  \
           train - test                      0 (0)             2 (2)\n  \
           test - test                       0 (0)             0 (0)\n  \
           all                               1 (0)             2 (2)\n\
         1 cluster of 3 images, the largest of 3\n  \
           2 of 4 train images (0.5000) have a duplicate in test\n  \
           1 of 2 test images (0.5000) has a duplicate in train\n\
         the first exact and near pairs, one of each cluster:\n  \
           exact: `train/10.png` (train) and `train/12.png` (train)\n\
         planted exact pairs: 1 of 1 found\n\
         planted near pairs: 1 of 2 found\n  \
           brightness: 1 of 1\n  \
           flip: 0 of 1\n\
         wrote hashes.parquet, pairs.parquet and clusters.parquet to out\n"
    );
    let pairs: Vec<_> = read::<Pair>(&folder, "out/pairs.parquet")
        .into_iter()
        .map(|pair| (pair.left_id, pair.right_id, pair.kind, pair.found_by, pair.label_conflict))
        .collect();
    let (pixels, gradient) = ("pixels".to_owned(), "correlation".to_owned());
    let expected = [
        (10, 12, PairKind::Exact, pixels, false),
        (10, 14, PairKind::Near, gradient.clone(), true),
        (12, 14, PairKind::Near, gradient, true),
    ];
    assert_eq!(pairs, expected);
    let named = read::<Pair>(&folder, "out/pairs.parquet");
    assert_eq!((named[1].left_source.as_str(), named[1].right_source.as_str()), ("train/10.png", "train/14.png"));
    assert_eq!(read::<Cluster>(&folder, "out/clusters.parquet")[2].source, "train/12.png");
    let provenance = Reader::<Pair>::open(&folder.path().join("out/pairs.parquet")).unwrap().provenance().clone();
    assert_eq!(provenance.config["search"], "correlation", "what `auto` came to");
    let clusters: Vec<_> = read::<Cluster>(&folder, "out/clusters.parquet")
        .into_iter()
        .map(|row| (row.image_id, row.cluster_id, row.cluster_size, row.is_representative))
        .collect();
    let alone = |id| (id, id, 1, true);
    assert_eq!(clusters, [(10, 10, 3, true), alone(11), (12, 10, 3, false), alone(13), (14, 10, 3, false), alone(15)]);
    let hashes = read::<Hashes>(&folder, "out/hashes.parquet");
    assert_eq!(hashes.iter().map(|row| row.is_flat).collect::<Vec<_>>(), [false, false, false, false, false, true]);
    assert!(
        hashes.iter().all(|row| row.double_gradient.as_ref().is_some_and(|hash| hash.len() == 28) && row.dct.is_none())
    );
}

#[test]
fn pdq_comes_with_its_quality() {
    let folder = folder_with(rows());
    let mut call =
        vec!["--images", "images.parquet", "--out", "out", "--set", "hash='pdq'", "--set", "max-distance=31"];
    call.extend(BY_HASH);
    expect_exit(neardup(folder.path()).args(call), 0);
    let pairs = read::<Pair>(&folder, "out/pairs.parquet");
    let found: Vec<_> = pairs.iter().map(|pair| (pair.left_id, pair.right_id, pair.found_by.as_str())).collect();
    assert_eq!(found, [(10, 12, "pixels"), (10, 14, "pdq"), (12, 14, "pdq")]);
    let hashes = read::<Hashes>(&folder, "out/hashes.parquet");
    assert!(hashes.iter().all(|row| row.pdq.as_ref().is_some_and(|hash| hash.len() == 32)));
    assert_eq!(hashes[5].pdq_quality, Some(0), "the flat image's");
    assert!(hashes[..5].iter().all(|row| row.pdq_quality.is_some_and(|quality| quality > 0)));
}

#[test]
fn candidates_of_the_hash_search_are_verified_too() {
    let folder = folder_with(rows());
    let call = ["--images", "images.parquet", "--out", "out", "--set", "search='hash'", "--set", "max-distance=120"];
    expect_exit(neardup(folder.path()).args(call), 0);
    let pairs = read::<Pair>(&folder, "out/pairs.parquet");
    let found: Vec<_> = pairs.iter().map(|pair| (pair.left_id, pair.right_id, pair.found_by.as_str())).collect();
    assert_eq!(found, [(10, 12, "pixels"), (10, 14, "double-gradient"), (12, 14, "double-gradient")]);
    assert!(pairs.iter().all(|pair| pair.similarity > Some(0.9)), "{pairs:?}");
    assert!(pairs.iter().all(|pair| pair.alignment.as_deref() == Some("none")), "{pairs:?}");
}

#[test]
fn a_mirrored_image_is_found_where_it_is_asked_for() {
    let mut images = rows();
    images.push(row(16, Split::Test, 0, &image::imageops::flip_horizontal(&picture(2))));
    let folder = folder_with(images);
    let find = |orientations: &str| {
        let setting = format!("orientations='{orientations}'");
        let call = ["--images", "images.parquet", "--out", "out", "--set", "between-splits=true", "--set", &setting];
        expect_exit(neardup(folder.path()).args(call), 0);
        let pairs = read::<Pair>(&folder, "out/pairs.parquet");
        let pair = |pair: &Pair| (pair.left_id, pair.right_id, pair.alignment.clone().unwrap());
        pairs.iter().map(pair).collect::<Vec<_>>()
    };
    let upright = [(10, 14, "none".to_owned()), (12, 14, "none".to_owned())];
    assert_eq!(find("upright"), upright);
    let mirrored = [&[upright[0].clone(), (11, 16, "mirror".to_owned())], &upright[1..]].concat();
    assert_eq!(find("mirrored"), mirrored);
    assert_eq!(find("all"), mirrored);
}

#[test]
fn a_leak_between_splits_can_be_a_gate() {
    let folder = folder_with(rows());
    let call = ["--images", "images.parquet", "--out", "out", "--fail-on-leak"];
    let (stdout, stderr) = expect_exit(neardup(folder.path()).args(call), 3);
    assert!(stdout.contains("  train - test                      0 (0)             2 (2)\n"), "{stdout}");
    let first = "near: `train/10.png` (train) and `train/14.png` (test), similarity 1.000";
    assert_eq!(
        stderr,
        format!("2 pairs of duplicates lie in two splits (--fail-on-leak)\nthe first of them: {first}\n")
    );
    assert_eq!(read::<Pair>(&folder, "out/pairs.parquet").len(), 3);

    let train = rows().into_iter().filter(|row| row.split == Split::Train);
    expect_exit(neardup(folder_with(train.collect()).path()).args(call), 0);
}

#[test]
fn two_runs_write_the_same_bytes() {
    let folder = folder_with(rows());
    for out in ["a", "b"] {
        expect_exit(neardup(folder.path()).args(["--images", "images.parquet", "--out", out]), 0);
    }
    for name in ["hashes.parquet", "pairs.parquet", "clusters.parquet"] {
        let bytes = |out: &str| fs::read(folder.path().join(out).join(name)).unwrap();
        assert!(bytes("a") == bytes("b"), "{name}");
    }
}

#[test]
fn a_cluster_that_chains_the_set_together_is_warned_of_everywhere() {
    let folder = folder_with(rows());
    let mut call = vec!["--images", "images.parquet", "--out", "out", "--set", "max-distance=220"];
    call.extend(BY_HASH);
    let (_, stderr) = expect_exit(neardup(folder.path()).args(call), 0);
    let warning = "one cluster holds 5 of 6 images: `max-distance` 220 is too large for these images, or most of them are \
                   one picture";
    assert_eq!(stderr, format!("warning: {warning}\n"));
    let clusters = Reader::<Cluster>::open(&folder.path().join("out/clusters.parquet")).unwrap();
    assert_eq!(clusters.provenance().warnings, [warning]);
}

#[test]
fn an_image_can_be_referenced_by_its_path() {
    let mut images = rows();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/ten.png"), images[0].image.bytes.take().unwrap()).unwrap();
    images[0].image.path = Some("ten.png".to_owned());
    write_manifest(&folder.path().join("images.parquet"), images, &Provenance::of_stage("test", "0")).unwrap();
    let call = ["--images", "images.parquet", "--folder", "data", "--out", "out"];
    expect_exit(neardup(folder.path()).args(call), 0);
    assert_eq!(read::<Pair>(&folder, "out/pairs.parquet").len(), 3);
}

/// Runs on `rows` with these arguments and expects exit code 1, this on stderr, and no output.
#[track_caller]
fn refused(rows: Vec<Image>, prepare: impl FnOnce(&Path), arguments: &[&str], expected: &str) {
    let folder = folder_with(rows);
    prepare(folder.path());
    let (_, stderr) = expect_exit(neardup(folder.path()).args(arguments).args(["--out", "out"]), 1);
    assert_eq!(stderr, format!("{expected}\n"));
    let n_files = fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count);
    assert_eq!(n_files, 0, "nothing is left half-written");
}

const IMAGES: [&str; 2] = ["--images", "images.parquet"];

#[test]
fn a_config_that_cannot_be_is_named_with_file_line_and_key() {
    let set = |setting: &str, expected: &str| {
        refused(rows(), |_| (), &["--images", "images.parquet", "--set", setting], expected);
    };
    set("hash-bits=128", "error: --set: key `hash-bits`: found 128, expected 64 or 256");
    let pdq = "error: p.toml:1: key `hash-bits`: found 64, expected 256, the bits of the `pdq` hash";
    let write = |folder: &Path| fs::write(folder.join("p.toml"), "hash-bits = 64\nhash = \"pdq\"\n").unwrap();
    refused(rows(), write, &["--images", "images.parquet", "--config", "p.toml"], pdq);
    let bits =
        "error: --set: key `max-distance`: found 221, expected at most 220, the bits of the `double-gradient` hash";
    set("max-distance=221", bits);
    let order = "error: --set: key `similar-similarity`: found 0.75, expected 0 to 0.7, which is `near-similarity`";
    set("similar-similarity=0.75", order);
    set("near-similarity=1.5", "error: --set: key `near-similarity`: found 1.5, expected 0 to 1");
    set(
        "max-cluster-size=1",
        "error: --set: key `max-cluster-size`: found 1, expected at least 2: a pair is a cluster",
    );
    let unverified = "error: --set: key `verify`: found false, expected `true`, or `search = \"hash\"`: a correlated \
                      candidate is no duplicate yet";
    set("verify=false", unverified);
    let toml = "name = \"x\"\n\n[neardup]\nhash = \"mean\"\nmax-distanse = 3\n";
    let write = |folder: &Path| fs::write(folder.join("p.toml"), toml).unwrap();
    let arguments = ["--images", "images.parquet", "--config", "p.toml", "--table", "neardup"];
    let expected = "error: p.toml:5: key `neardup.max-distanse`: unknown field `max-distanse`, expected one of `search`, \
                    `orientations`, `between-splits`, `verify`, `near-similarity`, `similar-similarity`, `false-share`, \
                    `max-cluster-size`, `hash`, `hash-bits`, `max-distance`, `max-pairs`";
    refused(rows(), write, &arguments, expected);
}

#[test]
fn images_that_cannot_be_read_are_named() {
    let missing =
        "error: failed to read the images: cannot read manifest `no.parquet`: No such file or directory (os error 2)";
    refused(rows(), |_| (), &["--images", "no.parquet"], missing);
    let cut = |folder: &Path| {
        let bytes = fs::read(folder.join("images.parquet")).unwrap();
        fs::write(folder.join("images.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    };
    let expected = "error: failed to read the images: manifest `images.parquet` is not a whole Parquet file: Parquet error: \
                    Invalid Parquet file. Corrupt footer";
    refused(rows(), cut, &IMAGES, expected);
    let other = |folder: &Path| {
        let provenance = Provenance::of_stage("test", "0");
        write_manifest::<Pair>(&folder.join("images.parquet"), [], &provenance).unwrap();
    };
    let expected = "error: failed to read the images: manifest `images.parquet` holds `pairs/4`, expected `images/3`";
    refused(rows(), other, &IMAGES, expected);
    let mut twice = rows();
    twice[3].image_id = 10;
    let expected = "error: failed to read the images: image id 10 occurs more than once, expected every id once";
    refused(twice, |_| (), &IMAGES, expected);
}

#[test]
fn an_image_that_cannot_be_used_is_named_with_its_id_and_source() {
    let with = |change: fn(&mut Image)| {
        let mut rows = rows();
        change(&mut rows[2]);
        rows
    };
    let corrupt = with(|row| row.image.bytes = Some((&b"no image"[..]).into()));
    let expected = "error: failed to hash: cannot decode image 12 (`train/12.png`): unsupported: the bytes are of no known \
                    image format";
    refused(corrupt, |_| (), &IMAGES, expected);
    let nowhere = with(|row| row.image = ImageData { bytes: None, path: Some("gone.png".to_owned()) });
    let expected = "error: failed to hash: cannot decode image 12 (`train/12.png`): cannot read `./gone.png`: No such file \
                    or directory (os error 2)\nhint: --folder is what twinset-ingest had as --data, for \
                    instance --folder ~/datasets: the paths of images that are not embedded are relative to it";
    refused(nowhere, |_| (), &IMAGES, expected);
    let other = with(|row| row.image.bytes = Some(encode_png(&picture(9)).into()));
    let expected = "error: failed to hash: image 12 (`train/12.png`) has other pixels than its manifest says \
                    (`pixels_blake3`)\nhint: the file was changed after ingest, or another version of twinset-ingest decoded it: ingest again";
    refused(other, |_| (), &IMAGES, expected);
    let larger = with(|row| row.image.bytes = Some(encode_png(&RgbImage::new(33, 32)).into()));
    refused(larger, |_| (), &IMAGES, expected);
}

#[test]
fn a_truth_file_of_other_images_is_refused() {
    let write = |folder: &Path| fs::write(folder.join("t.csv"), "left_id,right_id,kind\n10,99,near\n").unwrap();
    let arguments = ["--images", "images.parquet", "--truth", "t.csv"];
    let expected = "error: failed to use the truth file `t.csv`: line 2: no image has the id 99 (6 images)";
    let folder = folder_with(rows());
    write(folder.path());
    let (_, stderr) = expect_exit(neardup(folder.path()).args(arguments).args(["--out", "out"]), 1);
    assert_eq!(stderr, format!("{expected}\n"));
}

#[test]
fn check_needs_no_images_and_help_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, _) = expect_exit(neardup(folder.path()).args(["--check", "--set", "hash='dct'"]), 0);
    assert_eq!(stdout, "");
    expect_exit(&mut neardup(folder.path()), 2);
    let (help, _) = expect_exit(neardup(folder.path()).arg("--help"), 0);
    assert!(help.contains("twinset-neardup --images images.parquet"));
}

#[test]
fn a_flag_is_the_setting_that_it_is_short_for() {
    let folder = folder_with(rows());
    let provenance = |args: &[&str]| {
        let call = [&["--images", "images.parquet", "--out", "out"], args].concat();
        expect_exit(neardup(folder.path()).args(call), 0);
        Reader::<Pair>::open(&folder.path().join("out/pairs.parquet")).unwrap().provenance().clone()
    };
    let check = |flags: &[&str], settings: &[&str]| {
        let settings: Vec<&str> = settings.iter().flat_map(|&setting| ["--set", setting]).collect();
        let expected = provenance(&settings);
        assert_eq!(provenance(flags), expected, "{flags:?}");
        assert_ne!(provenance(&[]), expected, "{flags:?}");
    };
    check(&["--orientations", "mirrored"], &["orientations=mirrored"]);
    check(&["--between-splits"], &["between-splits=true"]);
    check(&["--near-similarity", "0.95"], &["near-similarity=0.95"]);
    check(&["--near-similarity", "1"], &["near-similarity=1.0"]);
    let call = ["--images", "images.parquet", "--out", "out", "--orientations", "sideways"];
    let (_, stderr) = expect_exit(neardup(folder.path()).args(call), 1);
    assert!(stderr.contains("key `orientations`: unknown variant `sideways`, expected one of `upright`"), "{stderr}");
}
