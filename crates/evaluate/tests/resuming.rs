//! An evaluation that is killed again and again ends as one that is not.

#[expect(dead_code, reason = "the other tests use the rest")]
mod fixture;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fixture::{images, network_of_colours, write_images, write_weights};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Small batches, of which AutoAttack takes a while for each: the square attack breaks none of their images.
const CONFIG: &str = r#"seed = 3
splits = ["test", "train"]
batch-size = 3
augmentation = { crop-padding = 1, flip = true }
attacks = [
    { kind = "pgd", epsilon = "16/255", step-size = "4/255", n-steps = 300, n-restarts = 3, random-start = true },
    { kind = "auto-attack", epsilon = "8/255" },
    { kind = "auto-attack", epsilon = 0.05, norm = "l2", version = "custom", attacks = ["apgd-ce", "square"] },
]
"#;

const N_KILLS: u32 = 10;

fn write_inputs(folder: &Path) {
    write_images(folder, images());
    write_weights(folder, &network_of_colours());
    fs::write(folder.join("evaluate.toml"), CONFIG).unwrap();
}

fn evaluation(folder: &Path, out: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-evaluate"));
    for (flag, name) in [
        ("--config", "evaluate.toml"),
        ("--images", "images.parquet"),
        ("--weights", "model.safetensors"),
        ("--out", out),
    ] {
        command.arg(flag).arg(folder.join(name));
    }
    command.args(["--device", "cpu", "--quiet"]).env("OMP_NUM_THREADS", "1").env_remove("LD_LIBRARY_PATH");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// How often something was kept: batches, and parts of AutoAttack, by when the last one was.
fn progress(folder: &Path) -> (usize, Option<std::time::SystemTime>) {
    let checkpoints = folder.join("killed/checkpoints");
    let n_batches = fs::read_dir(&checkpoints).into_iter().flatten().flatten().count();
    (n_batches, fs::metadata(checkpoints.join("part.safetensors")).and_then(|metadata| metadata.modified()).ok())
}

/// Waits until more was kept than before; none where the child ends first.
fn wait_for_more(folder: &Path, child: &mut Child) -> Option<()> {
    let before = progress(folder);
    while progress(folder) == before {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
    Some(())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_evaluation_killed_at_ten_random_moments_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_inputs(folder);
    let start = Instant::now();
    let whole = evaluation(folder, "whole").output().unwrap();
    assert!(whole.status.success(), "{}", stderr(&whole));
    assert!(!stderr(&whole).contains("going on"), "{}", stderr(&whole));
    // Seven batches of three attacks each, six of which are kept in parts, too.
    let a_step = start.elapsed() / 60;

    // The moments differ from run to run on purpose; a failure says which they were.
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(std::process::id()));
    let (mut moments, mut n_resumed) = (Vec::new(), 0);
    for _ in 0..N_KILLS {
        let mut child = evaluation(folder, "killed").spawn().unwrap();
        let n_more = 1 + random.next_u32() % 2;
        let delay = a_step.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX));
        for _ in 0..n_more {
            wait_for_more(folder, &mut child);
        }
        thread::sleep(delay);
        // SIGKILL. A child that has ended by now would prove nothing.
        assert!(child.try_wait().unwrap().is_none(), "the evaluation ended before the kill after {moments:?}");
        child.kill().unwrap();
        n_resumed += u32::from(stderr(&child.wait_with_output().unwrap()).contains("going on from"));
        moments.push((n_more, delay));
    }
    assert!(!folder.join("killed/predictions.parquet").exists());
    let last = evaluation(folder, "killed").output().unwrap();
    assert!(last.status.success(), "{}", stderr(&last));
    n_resumed += u32::from(stderr(&last).contains("going on from"));
    let read = |out: &str| fs::read(folder.join(out).join("predictions.parquet")).unwrap();
    assert!(read("whole") == read("killed"), "differs after kills at (kept, time after) {moments:?}");
    assert!(n_resumed >= N_KILLS / 2, "{n_resumed} starts went on; kills at (kept, time after) {moments:?}");
    assert!(!folder.join("killed/checkpoints").exists());
}

#[test]
fn checkpoints_of_another_evaluation_are_refused_with_what_differs_and_damaged_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_inputs(folder);
    let mut child = evaluation(folder, "killed").spawn().unwrap();
    let checkpoints = folder.join("killed/checkpoints");
    let batch = checkpoints.join("0-test-000000.parquet");
    while !batch.exists() {
        assert!(child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let other = evaluation(folder, "killed").args(["--set", "batch-size=4"]).output().unwrap();
    assert_eq!(other.status.code(), Some(1));
    let text = stderr(&other);
    let expected = "error: failed to go on with the evaluation: the checkpoints in `";
    assert!(text.contains(expected) && text.contains("`config.batch-size` was 3 there and is 4 here\n"), "{text}");
    assert!(
        text.contains("hint: --restart begins anew and removes the checkpoints; another --out leaves them"),
        "{text}"
    );
    write_weights(folder, &fixture::random_network());
    let text = stderr(&evaluation(folder, "killed").output().unwrap());
    assert!(text.contains("`inputs.1.blake3` was"), "{text}");
    assert!(batch.exists());
    write_weights(folder, &network_of_colours());

    // One that is cut short is done anew.
    let whole = fs::read(&batch).unwrap();
    fs::write(&batch, &whole[..whole.len() / 2]).unwrap();
    fs::write(checkpoints.join("part.safetensors"), "").unwrap();
    fs::write(folder.join("evaluate.toml"), CONFIG).unwrap();
    let last = evaluation(folder, "killed").output().unwrap();
    let text = stderr(&last);
    assert!(last.status.success(), "{text}");
    for name in ["0-test-000000.parquet", "part.safetensors"] {
        let expected = format!("warning: ignored the damaged checkpoint `{}`: ", checkpoints.join(name).display());
        assert!(text.contains(&expected), "{text}");
    }

    let mut child = evaluation(folder, "killed").spawn().unwrap();
    while !batch.exists() {
        assert!(child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let sets = ["--restart", "--set", "attacks=[]"];
    let anew = evaluation(folder, "killed").args(sets).output().unwrap();
    assert!(anew.status.success() && !stderr(&anew).contains("going on"), "{}", stderr(&anew));
}
