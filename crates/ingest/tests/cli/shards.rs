//! `shard-images`: a folder of shards instead of one manifest, and what a killed run leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use twinset_manifest::rows::{Image, Reject};
use twinset_manifest::{Reader, Row};

use crate::sandbox::{Sandbox, binary, png};

const SHARDED: &str = "dataset = 'image-folder'\npath = 'photos'\nshard-images = 100\n";
const WHOLE: &str = "dataset = 'image-folder'\npath = 'photos'\n";
const TABLE: &str = "dataset = 'table'\npath = 'labels.csv'\nfolder = 'photos'\nsplit = 'train'\n";

/// Two classes of a thousand images, and three files that are none, one of them outside of the classes.
fn write_photos(sandbox: &Sandbox) {
    for at in 0..2000_u32 {
        let pixels = png(2, 2, [(at % 256) as u8, (at / 256) as u8, 0]);
        sandbox.write(&format!("photos/train/c{}/{at:04}.png", at % 2), pixels);
    }
    sandbox.write("photos/train/beside.txt", "");
    sandbox.write("photos/train/c0/0042.png", "none");
    sandbox.write("photos/train/c1/1777.png", "none");
    let rows = (0..2000).rev().map(|at| format!("train/c{}/{at:04}.png,class {}\n", at % 2, at % 3));
    sandbox.write("labels.csv", format!("image,label\n{}missing.png,class 0\n", rows.collect::<String>()));
}

fn read<R: Row>(sandbox: &Sandbox, path: &str) -> Vec<R> {
    Reader::open(&sandbox.path(path)).unwrap().read_all().unwrap()
}

/// All files below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(self::files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

fn start(sandbox: &Sandbox, config: &str, out: &str) -> Child {
    sandbox.write("c.toml", config);
    let mut command = Command::new(binary());
    command.args(["--config", "c.toml", "--data", ".", "--quiet", "--out", out]).current_dir(sandbox.path(""));
    command.env("RAYON_NUM_THREADS", "1").stdout(Stdio::null()).spawn().unwrap()
}

/// Ingests into `out` and kills the process as soon as some shards are there.
fn ingest_and_kill(sandbox: &Sandbox, config: &str) {
    let mut child = start(sandbox, config, "out");
    let (third, begin) = (sandbox.path("out/checkpoints/images/images-00002-of-00021.parquet"), Instant::now());
    while !third.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "no shard to see");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!sandbox.path("out/images").exists(), "killed too late to tell anything");
}

#[test]
fn shards_hold_the_rows_of_the_whole_in_their_order() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    sandbox.ingest(WHOLE, &["--data", "."]);
    let (images, rejects) = (sandbox.images(), sandbox.rejects());
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    let stdout = sandbox.ingest(SHARDED, &["--data", "."]);
    assert!(stdout.contains("wrote 1998 images to out/images\n"), "{stdout}");
    assert!(stdout.contains("rejects  3 (3 unsupported)"), "{stdout}");
    assert!(read::<Image>(&sandbox, "out/images") == images);
    assert_eq!(read::<Reject>(&sandbox, "out/rejects.parquet"), rejects);

    let found = files(&sandbox.path("out"));
    let shards = (0..21).map(|at| format!("images/images-{at:05}-of-00021.parquet"));
    let described = ["croissant.json", "rejects.parquet"].map(str::to_owned);
    let mut expected: Vec<_> = shards.chain(described).collect();
    expected.sort_unstable();
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    // The file beside the classes comes last.
    let shard = Reader::<Image>::open(&sandbox.path("out/images/images-00000-of-00021.parquet")).unwrap();
    assert_eq!((shard.n_rows(), shard.provenance().inputs.len()), (99, 1));
    let warning = "1 of 100 files from `train/c0/0000.png` on were rejected, see rejects.parquet";
    assert_eq!(shard.provenance().warnings, [warning]);
    assert!(shard.provenance().config["shard-images"] == 100);

    sandbox.ingest(SHARDED, &["--data", "."]);
    assert!(files(&sandbox.path("out")) == found, "twice the same bytes, in the place of the first");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    sandbox.write("c.toml", WHOLE);
    let outputs = ["1", "2", "7"].map(|n_threads| {
        let mut command = Command::new(binary());
        command.args(["--config", "c.toml", "--data", ".", "--quiet", "--out", n_threads]);
        let status = command.current_dir(sandbox.path("")).env("RAYON_NUM_THREADS", n_threads).output().unwrap().status;
        assert!(status.success());
        files(&sandbox.path(n_threads))
    });
    assert!(outputs[0] == outputs[1] && outputs[0] == outputs[2]);
}

#[test]
fn a_killed_run_goes_on_to_the_bytes_of_an_uninterrupted_one() {
    for config in [SHARDED.to_owned(), format!("{TABLE}shard-images = 100\n")] {
        let sandbox = Sandbox::new();
        write_photos(&sandbox);
        assert!(start(&sandbox, &config, "expected").wait().unwrap().success());

        ingest_and_kill(&sandbox, &config);
        let first = sandbox.path("out/checkpoints/images/images-00000-of-00021.parquet");
        let written = fs::metadata(&first).unwrap().modified().unwrap();
        let stdout = sandbox.ingest(&config, &["--data", "."]);
        assert!(stdout.contains(" shards that an interrupted run had finished"), "{stdout}");
        let first = sandbox.path("out/images/images-00000-of-00021.parquet");
        assert_eq!(fs::metadata(first).unwrap().modified().unwrap(), written, "the first shard was made once more");
        assert!(files(&sandbox.path("out")) == files(&sandbox.path("expected")), "{config}");
    }
}

#[test]
fn a_table_in_shards_has_the_rows_of_the_whole_and_each_shard_knows_the_table() {
    let sandbox = Sandbox::new();
    write_photos(&sandbox);
    sandbox.ingest(TABLE, &["--data", "."]);
    let (images, rejects, provenance) = (sandbox.images(), sandbox.rejects(), sandbox.provenance());
    assert_eq!((images.len(), images[0].source.as_str()), (1998, "train/c1/1999.png"));
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    sandbox.ingest(&format!("{TABLE}shard-images = 700\n"), &["--data", "."]);
    assert!(read::<Image>(&sandbox, "out/images") == images);
    assert_eq!(read::<Reject>(&sandbox, "out/rejects.parquet"), rejects);
    let shard = Reader::<Image>::open(&sandbox.path("out/images/images-00002-of-00003.parquet")).unwrap();
    assert_eq!(shard.provenance().inputs[0], provenance.inputs[0], "the table");
    assert_eq!(shard.provenance().inputs[1].name, "photos");
    let warning = "2 of 601 files from `train/c1/0599.png` on were rejected, see rejects.parquet";
    assert_eq!(shard.provenance().warnings, [warning]);
}

#[test]
fn what_changed_after_a_killed_run_is_made_once_more() {
    let check = |change: &dyn Fn(&Sandbox), n_kept: &dyn Fn(usize) -> usize| {
        let sandbox = Sandbox::new();
        write_photos(&sandbox);
        ingest_and_kill(&sandbox, SHARDED);
        let journal = fs::read(sandbox.path("out/checkpoints/shards.json")).unwrap();
        let n_finished = serde_json::from_slice::<Vec<serde_json::Value>>(&journal).unwrap().len();
        change(&sandbox);
        let stdout = sandbox.ingest(SHARDED, &["--data", "."]);
        let kept = stdout.lines().find_map(|line| line.trim().strip_prefix("kept     ")?.split(' ').next());
        let kept = kept.map_or(0, |n| n.parse().unwrap());
        assert_eq!(kept, n_kept(n_finished), "of {n_finished}: {stdout}");
        assert!(start(&sandbox, SHARDED, "expected").wait().unwrap().success());
        assert!(files(&sandbox.path("out")) == files(&sandbox.path("expected")), "{stdout}");
    };
    // The second shard has another file, those after it are moved.
    check(&|sandbox| sandbox.write_png("photos/train/c0/0300-new.png", [1, 2, 3]), &|_| 1);
    // A shard that is not whole.
    check(&|sandbox| sandbox.write("out/checkpoints/images/images-00000-of-00021.parquet", "cut"), &|n| n - 1);
    // A class more: every label and every footer is another.
    check(&|sandbox| sandbox.write_png("photos/train/b/a.png", [1, 2, 3]), &|_| 0);
    check(&|sandbox| sandbox.write("out/checkpoints/shards.json", "{"), &|_| 0);
}

#[test]
fn a_run_that_goes_on_knows_of_all_shards_which_class_has_lost_its_images() {
    let sandbox = Sandbox::new();
    sandbox.write("photos/train/a/x.png", "no image");
    sandbox.write("photos/train/b/x.png", "no image");
    let config = "dataset = 'image-folder'\npath = 'photos'\nshard-images = 1\n";
    for _ in 0..2 {
        let said = sandbox.try_ingest(config, &["--data", "."]);
        assert_eq!(said.code, Some(1));
        let expected = "all 2 files of `./photos` were rejected, for instance `train/a/x.png`: unsupported: ";
        assert!(said.stderr.contains(expected), "{}", said.stderr);
        assert!(!sandbox.path("out/images").exists());
    }
    sandbox.write_png("photos/train/a/x.png", [4, 5, 6]);
    let stdout = sandbox.ingest(config, &["--data", "."]);
    let lost = "split `train` has no image left of class `b`, as all were rejected, for instance `train/b/x.png`: unsupported: ";
    assert!(stdout.contains("kept     1 shards") && stdout.contains(lost), "{stdout}");
}

#[test]
fn images_of_the_other_form_and_files_of_others_are_named_before_anything_is_written() {
    let sandbox = Sandbox::new();
    sandbox.write_png("photos/train/a/x.png", [1, 2, 3]);
    let check = |config: &str, expected: &str| {
        let before = files(&sandbox.path("out"));
        let said = sandbox.try_ingest(config, &["--data", "."]);
        assert_eq!(said.code, Some(1), "{}", said.stdout);
        assert!(said.stderr.contains(expected), "expected {expected:?} in:\n{}", said.stderr);
        assert!(files(&sandbox.path("out")) == before, "{expected}");
    };
    sandbox.ingest(WHOLE, &["--data", "."]);
    let expected = "`out/images.parquet` holds the images of an earlier ingest without `shard-images`, expected it gone, or \
                    another --out";
    check(SHARDED, expected);
    fs::remove_file(sandbox.path("out/images.parquet")).unwrap();
    sandbox.ingest(SHARDED, &["--data", "."]);
    let expected =
        "`out/images` holds shards of an earlier ingest with `shard-images`, expected it gone, or another --out";
    check(WHOLE, expected);

    // The new shards would take the place of the whole folder.
    sandbox.write("out/images/cat.jpg", "a photo");
    check(SHARDED, "`out/images` holds `cat.jpg`, which is no shard, expected it gone, or another --out");
    fs::rename(sandbox.path("out/images/cat.jpg"), sandbox.path("cat.jpg")).unwrap();
    sandbox.write("out/checkpoints/epoch-1/net.safetensors", "weights");
    check(
        SHARDED,
        "`out/checkpoints` holds `epoch-1`, which is of no interrupted ingest, expected it gone, or another --out",
    );
    fs::rename(sandbox.path("cat.jpg"), sandbox.path("out/images/cat.jpg")).unwrap();
    fs::remove_file(sandbox.path("out/images/images-00000-of-00001.parquet")).unwrap();
    sandbox.ingest(WHOLE, &["--data", "."]);
    assert_eq!(fs::read(sandbox.path("out/images/cat.jpg")).unwrap(), b"a photo");

    fs::remove_dir_all(sandbox.path("out")).unwrap();
    sandbox.write("out/images/.DS_Store", "left by a file manager");
    sandbox.ingest(SHARDED, &["--data", "."]);
    fs::remove_dir_all(sandbox.path("out/images")).unwrap();
    sandbox.write("out/images", "a list of mine");
    check(SHARDED, "`out/images` is a file where the folder of shards belongs, expected it gone, or another --out");
}
