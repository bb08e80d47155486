//! Hashes a second on one core, of decoded 32×32 images, beside imagededup's.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twinset_neardup::{Config, HashKind, Hasher};

use crate::table::{self, median, number};

const SIDE: u32 = 32;
const IMAGE_BYTES: usize = (SIDE * SIDE * 3) as usize;
const SHARED_DATA: &str = "TWINSET_SHARED_DATA";

/// The hash that is compared with imagededup's `PHash`: the same cosine transform, as many bits.
const LIKE_PHASH: (HashKind, u32) = (HashKind::Dct, 64);

/// All hashes and imagededup's `PHash`, in turn, on the same images.
pub(crate) fn throughput(quick: bool, python: &Path) -> Result<()> {
    let (n_images, n_rounds) = if quick { (500, 1) } else { (10_000, 5) };
    let (images, source) = images(n_images)?;
    let hashes: Vec<_> = HashKind::ALL
        .iter()
        .flat_map(|kind| [(*kind, 64), (*kind, 256)])
        .filter(|hash| *hash != (HashKind::Pdq, 64))
        .collect();
    let mut rates = vec![Vec::new(); hashes.len()];
    let mut rates_of_imagededup = Ok(Vec::new());
    for round in 1..=n_rounds {
        eprintln!("round {round} of {n_rounds}: hashes");
        for ((hash, hash_bits), rates) in hashes.iter().zip(&mut rates) {
            rates.push(rate(*hash, *hash_bits, &images));
        }
        if let Ok(rates) = &mut rates_of_imagededup {
            match rate_of_imagededup(python, &images) {
                Ok(rate) => rates.push(rate),
                Err(error) => rates_of_imagededup = Err(error),
            }
        }
    }
    let theirs = rates_of_imagededup.as_ref().ok().map(|rates| median(rates.iter().copied()));
    let ratio = |rate: f64| theirs.map_or("-".to_owned(), |theirs| number(rate / theirs));
    let mut rows = Vec::new();
    for ((hash, hash_bits), rates) in hashes.iter().zip(&rates) {
        let rate = median(rates.iter().copied());
        let note = if (*hash, *hash_bits) == LIKE_PHASH { " (like PHash)" } else { "" };
        let config = Config { hash: *hash, hash_bits: *hash_bits, ..Config::default() };
        rows.push(vec![format!("{hash}{note}"), config.n_bits().to_string(), number(rate), ratio(rate)]);
    }
    if let Some(theirs) = theirs {
        rows.push(vec!["imagededup PHash".to_owned(), "64".to_owned(), number(theirs), ratio(theirs)]);
    }
    println!(
        "## Hashes of {} decoded images of 32x32, one core, medians of {n_rounds}\n\nImages: {source}.\n",
        images.len()
    );
    table::print(&["hash", "bits", "images/s", "times imagededup"], &rows);
    if let Err(error) = rates_of_imagededup {
        println!("imagededup was not measured: {error:#}\n");
    }
    Ok(())
}

fn rate(hash: HashKind, hash_bits: u32, images: &[RgbImage]) -> f64 {
    let hasher = Hasher::new(&Config { hash, hash_bits, ..Config::default() });
    let start = Instant::now();
    for image in images {
        std::hint::black_box(hasher.hash(image));
    }
    images.len() as f64 / start.elapsed().as_secs_f64()
}

/// CIFAR-10's where it is there, else made by seed: smooth shapes with a little noise.
fn images(n_images: usize) -> Result<(Vec<RgbImage>, &'static str)> {
    let folder = std::env::var_os(SHARED_DATA).map(std::path::PathBuf::from);
    let file = folder.map(|folder| folder.join("cifar-10-batches-bin/data_batch_1.bin")).filter(|file| file.is_file());
    let Some(file) = file else {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        return Ok(((0..n_images).map(|_| made(&mut rng)).collect(), "made by seed"));
    };
    let bytes = fs::read(&file).with_context(|| format!("failed to read `{}`", file.display()))?;
    let image = |record: &[u8]| {
        let planes: Vec<&[u8]> = record[1..].chunks(IMAGE_BYTES / 3).collect();
        RgbImage::from_fn(SIDE, SIDE, |x, y| image::Rgb([0, 1, 2].map(|plane| planes[plane][(y * SIDE + x) as usize])))
    };
    Ok((bytes.chunks_exact(1 + IMAGE_BYTES).take(n_images).map(image).collect(), "CIFAR-10, training batch 1"))
}

fn made(rng: &mut ChaCha8Rng) -> RgbImage {
    let [a, b, c] = [(); 3].map(|()| (rng.next_u32() % 1000) as f32 / 100.0);
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let wave = ((x as f32 / (2.0 + a)).sin() + (y as f32 / (2.0 + b) + c).cos() + 2.0) * 60.0;
        image::Rgb([wave as u8, (wave * 0.8) as u8, (rng.next_u32() % 16) as u8 + wave as u8 / 2])
    })
}

/// Told the file of raw images, hashes them all with imagededup and prints images a second.
const SCRIPT: &str = r#"
import sys, time
import numpy
from imagededup.methods import PHash
images = numpy.fromfile(sys.argv[1], dtype=numpy.uint8).reshape(-1, 32, 32, 3)
hasher = PHash(verbose=False)
for image in images[:100]:
    hasher.encode_image(image_array=image)
start = time.perf_counter()
for image in images:
    hasher.encode_image(image_array=image)
print(len(images) / (time.perf_counter() - start))
"#;

fn rate_of_imagededup(python: &Path, images: &[RgbImage]) -> Result<f64> {
    let mut file = tempfile::NamedTempFile::new()?;
    for image in images {
        file.write_all(image.as_raw())?;
    }
    file.flush()?;
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).arg(file.path());
    for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(variable, "1");
    }
    let output = command.output().with_context(|| format!("failed to start `{}`", python.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{}` said: {}", python.display(), errors.lines().last().unwrap_or("nothing"));
    let printed = String::from_utf8(output.stdout)?;
    printed.lines().last().unwrap_or_default().trim().parse().context("failed to read what the script printed")
}
