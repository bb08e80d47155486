//! A training that is killed again and again ends as one that is not.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use twinset_manifest::rows::{Image, ImageData, Origin, Split, TrainsetRow};
use twinset_manifest::{Provenance, Writer, write_manifest};
use twinset_pixels::{digest, encode_png};

/// All that a checkpoint must hold is in use: two moments, a schedule, dropout, augmentation, random starts, an average,
/// the best weights, and what is watched for.
const CONFIG: &str = r#"model = "paper-standard"
width = 4
optimizer = { kind = "adam", learning-rate = 2e-3, weight-decay = 1e-4 }
schedule = { kind = "one-cycle" }
regime = { kind = "fgsm", epsilon = "8/255" }
weight-average = { decay = 0.9 }
batch-size = 32
budget = { epochs = 60 }
augmentation = { crop-padding = 1, flip = true }
seed = 3
held-out = { split = "val", every-samples = 128 }
early-stopping = { patience = 1000 }
"#;

const N_TRAIN: u64 = 300;
const N_EPOCHS: u32 = 60;
const N_KILLS: u32 = 10;

fn write_inputs(folder: &Path) {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let images = (0..N_TRAIN + 30).map(|image_id| {
        let label = (image_id % 2) as u32;
        let pixels = RgbImage::from_fn(16, 16, |x, _| {
            let bright = if (x < 8) == (label == 0) { 150 } else { 90 };
            Rgb([bright + (random.next_u32() % 40) as u8; 3])
        });
        let split = if image_id < N_TRAIN { Split::Train } else { Split::Val };
        Image {
            image_id,
            split,
            label,
            class_name: ["left", "right"][label as usize].to_owned(),
            width: 16,
            height: 16,
            image: ImageData { bytes: Some(encode_png(&pixels).into()), path: None },
            pixels_blake3: digest(&pixels),
            source: format!("{split}.bin#{image_id}"),
            derived_from: None,
            transform: None,
            lost: None,
        }
    });
    let mut writer = Writer::create(&folder.join("images.parquet")).unwrap();
    writer.extend(images).unwrap();
    writer.finish_images(&Provenance::of_stage("ingest", "0.0.0"), &["left", "right"].map(str::to_owned)).unwrap();
    let rows = (0..N_TRAIN).map(|position| TrainsetRow {
        position,
        image_id: position,
        label: (position % 2) as u32,
        origin: Origin::Original,
        duplicate_of: None,
        copy: 0,
    });
    write_manifest(&folder.join("trainset.parquet"), rows, &Provenance::of_stage("inject", "0.0.0")).unwrap();
    fs::write(folder.join("train.toml"), CONFIG).unwrap();
}

fn training(folder: &Path, out: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-train"));
    for (flag, name) in
        [("--config", "train.toml"), ("--images", "images.parquet"), ("--trainset", "trainset.parquet"), ("--out", out)]
    {
        command.arg(flag).arg(folder.join(name));
    }
    command.args(["--device", "cpu", "--quiet"]).env("OMP_NUM_THREADS", "1").env_remove("LD_LIBRARY_PATH");
    command.stdout(Stdio::null());
    command
}

/// The epoch of the newest checkpoint; 0 where there is none.
fn newest_checkpoint(folder: &Path) -> u32 {
    let entries = fs::read_dir(folder.join("killed/checkpoints")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let epoch = |name: String| name.strip_prefix("epoch-")?.strip_suffix(".safetensors")?.parse().ok();
    names.filter_map(epoch).max().unwrap_or(0)
}

#[test]
fn a_training_killed_at_ten_random_moments_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_inputs(folder);
    let start = Instant::now();
    assert!(training(folder, "whole").stderr(Stdio::null()).status().unwrap().success());
    let an_epoch = start.elapsed() / N_EPOCHS;

    // The moments differ from run to run on purpose; a failure says which they were.
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(std::process::id()));
    let (mut moments, mut n_resumed) = (Vec::new(), 0);
    let resumed = |stderr: &[u8]| u32::from(String::from_utf8_lossy(stderr).contains("resuming after epoch"));
    for _ in 0..N_KILLS {
        let mut child = training(folder, "killed").stderr(Stdio::piped()).spawn().unwrap();
        // Some epochs after the start, and up to three epochs' time later.
        let n_more = random.next_u32() % 3;
        let delay = an_epoch.mul_f64(3.0 * f64::from(random.next_u32()) / f64::from(u32::MAX));
        let epoch = newest_checkpoint(folder) + n_more;
        while newest_checkpoint(folder) < epoch && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(delay);
        // SIGKILL. A child that has ended by now would prove nothing.
        assert!(child.try_wait().unwrap().is_none(), "the training ended before the kill after {moments:?}");
        child.kill().unwrap();
        n_resumed += resumed(&child.wait_with_output().unwrap().stderr);
        moments.push((epoch, delay));
    }
    assert!(!folder.join("killed/model.safetensors").exists());
    let last = training(folder, "killed").stderr(Stdio::piped()).output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    n_resumed += resumed(&last.stderr);
    for name in ["model.safetensors", "model-last.safetensors", "epochs.parquet", "learning-curve.parquet"] {
        let read = |out: &str| fs::read(folder.join(out).join(name)).unwrap();
        assert!(read("whole") == read("killed"), "{name} differs after kills at (epoch, time after) {moments:?}");
    }
    assert!(n_resumed >= N_KILLS / 2, "{n_resumed} starts resumed; kills at (epoch, time after) {moments:?}");
    assert!(!folder.join("killed/checkpoints").exists());
}
