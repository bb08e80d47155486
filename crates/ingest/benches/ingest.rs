//! How much longer ingest takes than decoding alone, on two threads: `cargo xtask bench ingest`.
//!
//! Decoding alone reads each file and decodes it, in parallel, and does nothing with it. Both are run in turn, several
//! times over; told are the medians of the time on the clock, and the mean of that on the processors, which other programs
//! on the machine disturb less.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use twinset_ingest::{Config, image_folder, ingest};
use twinset_pixels::{Limits, decode, encode_png};
use twinset_stage::Progress;

/// Measure ingest beside decoding alone.
#[derive(Parser)]
struct Args {
    /// Few images and one round, to see that all works; the figures say little.
    #[arg(long)]
    quick: bool,
    /// Image folders to measure, laid out as <split>/<class>/<image>, instead of those that are made here.
    #[arg(long, value_name = "DIR")]
    folder: Vec<PathBuf>,
    /// How often each is measured; 7, or 1 with --quick.
    #[arg(long)]
    rounds: Option<usize>,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    // As the program does.
    twinset_stage::keep_freed_memory();
    rayon::ThreadPoolBuilder::new().num_threads(2).build_global()?;
    let root = tempfile::tempdir()?;
    let folders = if args.folder.is_empty() { make_folders(root.path(), args.quick)? } else { args.folder };
    let n_rounds = args.rounds.unwrap_or(if args.quick { 1 } else { 7 });
    println!("| folder | images | embed | decoding alone | ingest | ratio | CPU: alone | ingest | ratio |");
    println!("|---|---:|---|---:|---:|---:|---:|---:|---:|");
    for folder in folders {
        for embed in [true, false] {
            compare(&folder, embed, n_rounds)?;
        }
    }
    Ok(())
}

/// A folder of small PNGs and one of large JPEGs.
fn make_folders(root: &Path, is_quick: bool) -> Result<Vec<PathBuf>> {
    let (n_small, n_large) = if is_quick { (200, 4) } else { (50_000, 150) };
    let (small, large) = (root.join("32x32 PNG"), root.join("1600x1200 JPEG"));
    write_images(&small, n_small, |random| encode_png(&picture(random, 32, 32, 8)))?;
    write_images(&large, n_large, |random| jpeg(&picture(random, 1600, 1200, 50)))?;
    Ok(vec![small, large])
}

/// Both in turn, and a line of what they took.
fn compare(folder: &Path, embed: bool, n_rounds: usize) -> Result<()> {
    let config = Config::ImageFolder(image_folder::Config {
        path: folder.to_owned(),
        layout: None,
        embed,
        split: None,
        draw_split: None,
        resize: None,
        shard_images: None,
        max_pixels: Limits::default().max_pixels,
    });
    let paths = twinset_ingest::list_inputs(&config, None)?;
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..n_rounds {
        alone.push(Took::of(|| decode_alone(&paths))?);
        // A new one each time: to replace what was written before would take its own time.
        let out = tempfile::tempdir()?;
        whole.push(Took::of(|| {
            ingest(&config, None, out.path(), &Progress::hidden())?;
            Ok(())
        })?);
    }
    let name = folder.file_name().unwrap_or(folder.as_os_str()).display();
    let (n, of_alone, of_whole) = (paths.len(), Took::typical(&alone), Took::typical(&whole));
    println!(
        "| {name} | {n} | {embed} {}{}",
        of_alone.beside(of_whole, |took| took.wall),
        of_alone.beside(of_whole, |took| took.cpu) + "|"
    );
    Ok(())
}

/// What a piece of work took, in seconds.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
}

impl Took {
    fn of(work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let (start, cpu) = (Instant::now(), cpu_seconds()?);
        work()?;
        Ok(Self { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds()? - cpu })
    }

    fn typical(rounds: &[Self]) -> Self {
        let mut walls: Vec<_> = rounds.iter().map(|took| took.wall).collect();
        walls.sort_unstable_by(f64::total_cmp);
        let cpu = rounds.iter().map(|took| took.cpu).sum::<f64>() / rounds.len() as f64;
        Self { wall: walls[walls.len() / 2], cpu }
    }

    /// Cells of the table.
    fn beside(self, other: Self, which: impl Fn(Self) -> f64) -> String {
        let (this, that) = (which(self), which(other));
        format!("| {this:.2} s | {that:.2} s | {:.2} ", that / this)
    }
}

/// What the process has spent on processors, all threads together.
fn cpu_seconds() -> Result<f64> {
    /// Linux counts a hundred ticks a second, whatever the processor does.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').context("no name in /proc/self/stat")?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS)
}

fn decode_alone(paths: &[PathBuf]) -> Result<()> {
    paths.par_iter().try_for_each(|path| {
        let bytes = fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        std::hint::black_box(decode(&bytes, &Limits::default())?);
        Ok(())
    })
}

/// Two classes of images.
fn write_images(folder: &Path, n: u64, encode: impl Fn(&mut ChaCha8Rng) -> Vec<u8> + Sync) -> Result<()> {
    for class in ["a", "b"] {
        fs::create_dir_all(folder.join("train").join(class))?;
    }
    (0..n).into_par_iter().try_for_each(|at| {
        let path = folder.join(format!("train/{}/{at:06}", if at % 2 == 0 { "a" } else { "b" }));
        Ok(fs::write(path, encode(&mut ChaCha8Rng::seed_from_u64(at)))?)
    })
}

/// Random colours on a grid, smooth in between, and some noise: about as hard to code as a photo.
fn picture(random: &mut ChaCha8Rng, width: u32, height: u32, cell: u32) -> RgbImage {
    let coarse = RgbImage::from_fn(width / cell + 1, height / cell + 1, |_, _| Rgb(random.random()));
    let mut picture = image::imageops::resize(&coarse, width, height, image::imageops::FilterType::Triangle);
    for Rgb(channels) in picture.pixels_mut() {
        let noise: u8 = random.random_range(0..16);
        *channels = channels.map(|channel| channel.saturating_add(noise));
    }
    picture
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .write_image(picture.as_raw(), picture.width(), picture.height(), image::ExtendedColorType::Rgb8)
        .expect("a picture is encoded into memory");
    bytes
}
