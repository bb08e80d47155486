//! The search in parts beside the one command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Result, ensure};
use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twinset_manifest::rows::{Image, ImageData, Split};
use twinset_manifest::{Provenance, write_manifest};

use crate::process::{Used, beside, watch};
use crate::table::{self, grouped, number};

const N_PARTS: u32 = 4;
/// Parts that run side by side, each on one core.
const N_AT_ONCE: usize = 2;

/// The training images of CIFAR-10 and each of them again with noise: what the steps and the one command took.
pub(crate) fn beside_the_one_command(quick: bool) -> Result<()> {
    let Some(data) = std::env::var_os("TWINSET_SHARED_DATA").map(PathBuf::from) else {
        println!("## In parts\n\nNot measured: TWINSET_SHARED_DATA names no folder.\n");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let n_images = write_images(&data.join("cifar-10-batches-bin"), &folder.path().join("images.parquet"), quick)?;
    for settings in [&[][..], &["search=hash"]] {
        measure(folder.path(), n_images, settings)?;
    }
    Ok(())
}

fn measure(folder: &Path, n_images: usize, settings: &[&str]) -> Result<()> {
    let search = if settings.is_empty() { "by correlation" } else { "by hash" };
    println!("## {} images {search}, {N_PARTS} parts, {N_AT_ONCE} at a time\n", grouped(n_images as u64));
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let hash = [&["hash", "--images", "images.parquet", "--out", "parts"], settings.as_slice()].concat();
    let at_once = [&["--images", "images.parquet", "--out", "at-once"], settings.as_slice()].concat();
    let steps = [
        ("the one command", at_once, 1),
        ("hash", hash, N_PARTS),
        ("search", vec!["search", "--parts", "parts"], 1),
        ("search, in parts", vec!["search", "--parts", "parts-of-search"], N_PARTS),
        ("verify", vec!["verify", "--parts", "parts"], N_PARTS),
        ("cluster", vec!["cluster", "--parts", "parts", "--out", "in-parts"], 1),
    ];
    let mut rows = Vec::new();
    for (name, words, n_parts) in steps {
        if name == "search, in parts" {
            fs::create_dir_all(folder.join("parts-of-search"))?;
            for part in 1..=N_PARTS {
                let file = format!("hash-{part}-of-{N_PARTS}.parquet");
                fs::copy(folder.join("parts").join(&file), folder.join("parts-of-search").join(file))?;
            }
        }
        let start = Instant::now();
        let used = run(folder, &words, n_parts)?;
        let cpu_seconds = used.iter().map(|used| used.cpu_seconds).sum();
        let longest = used.iter().map(|used| used.took.as_secs_f64()).fold(0.0, f64::max);
        let memory = used.iter().map(|used| used.memory_bytes).max().unwrap_or(0) as f64 / 1e6;
        let cells = [start.elapsed().as_secs_f64(), longest, cpu_seconds, memory].map(number);
        rows.push([&[name.to_owned(), n_parts.to_string()], &cells[..]].concat());
    }
    table::print(&["step", "parts", "seconds", "longest part", "CPU seconds", "peak MB of one"], &rows);
    for name in ["hashes.parquet", "pairs.parquet", "clusters.parquet"] {
        let read = |out: &str| fs::read(folder.join(out).join(name));
        ensure!(read("in-parts")? == read("at-once")?, "{name} differs");
    }
    let n_bytes = |of: &str| -> Result<u64> {
        let files = fs::read_dir(folder.join("parts"))?.collect::<std::io::Result<Vec<_>>>()?;
        let files = files.iter().filter(|file| file.file_name().to_string_lossy().starts_with(of));
        files.map(|file| Ok(file.metadata()?.len())).sum()
    };
    let [hash, search, verify] = ["hash", "search", "verify"].map(n_bytes);
    let mb = |n_bytes: u64| number(n_bytes as f64 / 1e6);
    println!("Equal bytes. Files: hash {} MB, search {} MB, verify {} MB.\n", mb(hash?), mb(search?), mb(verify?));
    for out in ["parts", "parts-of-search", "at-once", "in-parts"] {
        fs::remove_dir_all(folder.join(out))?;
    }
    Ok(())
}

/// Runs all parts of a step, some at a time; a step of one part has all cores.
fn run(folder: &Path, words: &[&str], n_parts: u32) -> Result<Vec<Used>> {
    let program = beside("twinset-neardup")?;
    let (next, used) = (Mutex::new(1..=n_parts), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        loop {
            let Some(part) = next.lock().expect("no thread panics with the lock").next() else { return Ok(()) };
            let mut command = Command::new(&program);
            command.current_dir(folder).arg(words[0]).args(&words[1..]).arg("--quiet").stdout(Stdio::null());
            if n_parts > 1 {
                command.args(["--part", &format!("{part}/{n_parts}")]).env("RAYON_NUM_THREADS", "1");
            }
            let one = watch(&mut command)?;
            used.lock().expect("no thread panics with the lock").push(one);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..N_AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no worker panics"))
    })?;
    Ok(used.into_inner().expect("no thread panics with the lock"))
}

fn write_images(cifar10: &Path, path: &Path, quick: bool) -> Result<usize> {
    let mut images = Vec::new();
    for number in 1..=if quick { 1 } else { 5 } {
        for record in fs::read(cifar10.join(format!("data_batch_{number}.bin")))?.chunks_exact(3073) {
            let channel = |plane: usize, x: u32, y: u32| record[1 + plane * 1024 + (y * 32 + x) as usize];
            let pixels = RgbImage::from_fn(32, 32, |x, y| Rgb([0, 1, 2].map(|plane| channel(plane, x, y))));
            images.push((u32::from(record[0]), pixels));
        }
    }
    images.truncate(if quick { 2000 } else { usize::MAX });
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut noise = |value: u8| (i16::from(value) + rng.random_range(-10_i16..=10)).clamp(0, 255) as u8;
    let noisy: Vec<_> = images
        .iter()
        .map(|(label, pixels)| {
            let mut pixels = pixels.clone();
            pixels.pixels_mut().for_each(|Rgb(rgb)| *rgb = rgb.map(&mut noise));
            (*label, pixels)
        })
        .collect();
    let row = |(image_id, (label, pixels)): (u64, &(u32, RgbImage))| Image {
        image_id,
        split: Split::Train,
        label: *label,
        class_name: label.to_string(),
        width: 32,
        height: 32,
        pixels_blake3: twinset_pixels::digest(pixels),
        image: ImageData { bytes: Some(twinset_pixels::encode_png(pixels).into()), path: None },
        source: format!("{image_id}.png"),
        derived_from: None,
        transform: None,
        lost: None,
    };
    let rows = (0..).zip(images.iter().chain(&noisy)).map(row);
    write_manifest(path, rows, &Provenance::of_stage("ingest", "0"))?;
    Ok(images.len() + noisy.len())
}
