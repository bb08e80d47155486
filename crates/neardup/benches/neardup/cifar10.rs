//! CIFAR-10 from images to verified pairs: what each stage takes, how far that is from its floor, and what is found.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use twinset_manifest::Reader;
use twinset_manifest::rows::Image;
use twinset_neardup::{Candidates, Clusters, Config, Hasher, Known, Part, fingerprints, sort_by_id};

use crate::process::{Used, beside, cpu_seconds, watch};
use crate::table::{self, grouped, number};

/// Seconds for each stage and for the program, and recall among the first pairs.
pub(crate) fn end_to_end(quick: bool) -> Result<()> {
    let Some(data) = std::env::var_os("TWINSET_SHARED_DATA").map(PathBuf::from) else {
        println!("## CIFAR-10 from images to verified pairs\n\nNot measured: TWINSET_SHARED_DATA names no folder.\n");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let images = ingest(&data, folder.path(), quick)?;
    let n_images = stages(&images)?;
    let out = folder.path().join("duplicates");
    let mut program = Command::new(beside("twinset-neardup")?);
    program.arg("--quiet").arg("--images").arg(&images).arg("--out").arg(&out).stdout(Stdio::null());
    let Used { took, memory_bytes, .. } = watch(&mut program)?;
    println!(
        "The program: {} s, at most {} MB, for {} images.\n",
        number(took.as_secs_f64()),
        number(memory_bytes as f64 / 1e6),
        grouped(n_images as u64)
    );
    if quick {
        // Few of the known pairs are among so few images.
        return Ok(());
    }
    recall(&data, &images, &out.join("pairs.parquet"), &folder.path().join("evaluation"))
}

fn ingest(data: &Path, folder: &Path, quick: bool) -> Result<PathBuf> {
    let out = folder.join("images");
    let mut command = Command::new(beside("twinset-ingest")?);
    let path = format!("path={:?}", data.join("cifar-10-batches-bin"));
    command.args(["--quiet", "--set", "dataset='cifar10'", "--set", &path, "--set", "allow-unverified=true"]);
    if quick {
        command.args(["--set", "subset={train-per-class=200, test-per-class=40, seed=0}"]);
    }
    let output = command.arg("--out").arg(&out).output().context("failed to start twinset-ingest")?;
    ensure!(output.status.success(), "twinset-ingest: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(out.join("images.parquet"))
}

/// One stage: what it took, and how little it could take.
struct Stage {
    name: &'static str,
    wall_seconds: f64,
    cpu_seconds: f64,
    floor: String,
}

/// The stages so far.
#[derive(Default)]
struct Stages(Vec<Stage>);

impl Stages {
    fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let result = work();
        let (wall_seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        self.0.push(Stage { name, wall_seconds, cpu_seconds, floor: "-".to_owned() });
        result
    }

    /// The floor of the stage that was measured last.
    fn floor(&mut self, floor: String) {
        self.0.last_mut().expect("a stage was measured").floor = floor;
    }
}

/// Makes the same calls as the program, one after the other. Gives the number of images.
fn stages(images: &Path) -> Result<usize> {
    let config = Config::default();
    let mut stages = Stages::default();
    let gflops = peak_gflops();
    let products = |flops: f64| format!("{}: {} GFLOP", number(flops / 1e9 / gflops), number(flops / 1e9));

    let rows: Vec<Image> = stages.measure("reading the manifest", || Reader::<Image>::open(images)?.read_all())?;
    let n = rows.len() as f64;
    let folder = Path::new(".");
    let decode = || rows.par_iter().map(|row| twinset_pixels::decode_row(row, folder)).collect::<Result<Vec<_>, _>>();
    let decoded = stages.measure("decoding, checking digests", decode)?;
    stages.floor(digests_alone(&decoded));
    let hasher = Hasher::new(&config);
    stages.measure("hashing", || {
        std::hint::black_box(decoded.par_iter().map(|image| hasher.hash(image)).collect::<Vec<_>>());
    });
    stages.floor(one_pass(&decoded));
    drop(decoded);
    let mut images = fingerprints(&rows, folder, &hasher, true, &Known::default())?;
    sort_by_id(&mut images)?;
    drop(rows);
    let silent = |_, _| |_| ();
    let find = || Candidates::find(&images, &config, &Known::default(), Part::WHOLE, &silent);
    let mut candidates = stages.measure("searching candidates", find)?;
    stages.floor(products(2.0 * n * n * 192.0));
    // Of each candidate 25 shifts of windows of 28 by 28 pixels are compared; aligning the best is not counted.
    let n_candidates = candidates.n_pairs() as f64;
    let matches = stages.measure("verifying them", || candidates.matches(&images, &config, &silent));
    stages.floor(products(2.0 * n_candidates * 25.0 * 28.0 * 28.0));
    stages.measure("clusters", || Clusters::of(images.len(), &matches));
    print(&stages.0, images.len(), candidates.n_pairs(), gflops);
    Ok(images.len())
}

fn print(stages: &[Stage], n_images: usize, n_candidates: usize, gflops: f64) {
    println!(
        "## CIFAR-10, {} images, {} candidates, stage by stage\n\n\
         Floors: of matrix products, at the {} GFLOP/s that large ones reach here; of decoding, the digests alone; of hashing, one \
         pass over all pixels. All cores together.\n",
        grouped(n_images as u64),
        grouped(n_candidates as u64),
        number(gflops)
    );
    let all: f64 = stages.iter().map(|stage| stage.cpu_seconds).sum();
    let rows: Vec<_> = stages
        .iter()
        .map(|stage| {
            let Stage { name, wall_seconds, cpu_seconds, floor } = stage;
            let share = format!("{:.0} %", 100.0 * cpu_seconds / all);
            vec![(*name).to_owned(), number(*wall_seconds), number(*cpu_seconds), share, floor.clone()]
        })
        .collect();
    table::print(&["stage", "seconds", "CPU seconds", "share", "floor, seconds"], &rows);
}

/// What the blocked product of two large matrices reaches on all cores.
fn peak_gflops() -> f64 {
    let (side, depth, n_threads) = (768, 768, rayon::current_num_threads());
    let matrix = vec![0.5_f32; side * depth];
    let best = (0..5).map(|_| {
        let start = Instant::now();
        (0..n_threads * 8).into_par_iter().for_each(|_| {
            let mut out = vec![0.0_f32; side * side];
            twinset_neardup::dot_products(&matrix, &matrix, depth, &mut out);
            std::hint::black_box(&out);
        });
        start.elapsed().as_secs_f64()
    });
    let flops = 2.0 * (side * side * depth * n_threads * 8) as f64;
    flops / best.fold(f64::INFINITY, f64::min) / 1e9
}

fn digests_alone(images: &[image::RgbImage]) -> String {
    let start = Instant::now();
    images.par_iter().for_each(|image| {
        std::hint::black_box(twinset_pixels::digest(image));
    });
    number(start.elapsed().as_secs_f64())
}

fn one_pass(images: &[image::RgbImage]) -> String {
    let start = Instant::now();
    let sum: u64 = images.par_iter().map(|image| image.as_raw().iter().map(|&byte| u64::from(byte)).sum::<u64>()).sum();
    std::hint::black_box(sum);
    number(start.elapsed().as_secs_f64())
}

/// How many of ciFAIR's known pairs are among the first pairs of test and training images, as `evaluate` says.
fn recall(data: &Path, images: &Path, pairs: &Path, out: &Path) -> Result<()> {
    let mut command = Command::new(beside("twinset-neardup")?);
    command.arg("evaluate").arg("--pairs").arg(pairs).arg("--images").arg(images).arg("--out").arg(out);
    command.args(["--quiet", "--splits", "test,train", "--truth"]).arg(data.join("cifair/cifar10_test_train_dev.csv"));
    let output = command.output().context("failed to start twinset-neardup")?;
    ensure!(output.status.success(), "twinset-neardup evaluate: {}", String::from_utf8_lossy(&output.stderr).trim());
    println!("## Test against train, the most similar pairs first\n\n```\n{}```\n", String::from_utf8(output.stdout)?);
    Ok(())
}
