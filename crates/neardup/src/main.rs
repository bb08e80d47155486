//! `twinset-neardup`: which images are duplicates of which.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_manifest::rows::{Hashes, Image};
use twinset_manifest::{Provenance, Reader, Writer, write_manifest};
use twinset_neardup::{
    Clusters, Config, Fingerprint, Hasher, NeardupError, Summary, Truth, chain_warning, find_matches, fingerprints,
    sort_by_id,
};
use twinset_stage::{CommonArgs, with_hint};

const EXAMPLE: &str = "\
Example:
  twinset-neardup --images images.parquet --set max-distance=32 --out duplicates

Config (TOML, every key has this default):
  hash = \"double-gradient\"  mean, gradient, double-gradient, block or dct
  hash-bits = 256           64 or 256 (double-gradient: 60 or 220)
  max-distance = 36         near-duplicates' hashes differ in at most so many bits
  max-pairs = 20000000      more near pairs than this are an error: the radius is too large";

/// Find which images are duplicates of which.
///
/// Writes hashes.parquet (every image's perceptual hash), pairs.parquet (exact duplicates by decoded pixels,
/// near-duplicates by hash) and clusters.parquet (connected components; every image has a row).
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Args {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Folder that the paths of images are relative to, for images that are referenced and not embedded.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// CSV of planted duplicates (left_id,right_id,kind[,transform]): the summary says how many were found.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    twinset_stage::run(|| run(&args))
}

fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.common.config(Config::validate)?;
    if args.common.check {
        return Ok(());
    }
    let images = args.images.as_deref().context("failed to read: --images names no file")?;
    let truth = args.truth.as_deref().map(read_truth).transpose()?;
    let reader = Reader::<Image>::open(images).context("failed to read the images")?;
    let mut provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_inputs([reader.as_input().context("failed to read the images")?]);
    let out = args.common.out_folder()?;

    let images = write_hashes(reader, args, &config, &provenance, &out.join("hashes.parquet"))?;
    let begin = |n_steps| {
        let bar = args.common.progress().begin("hashes", n_steps, "searching");
        move |n_steps| bar.inc(n_steps)
    };
    let matches = find_matches(&images, &config, begin).map_err(hinted).context("failed to find near-duplicates")?;
    let clusters = Clusters::of(images.len(), &matches);
    let recall = match &truth {
        Some(truth) => Some(truth.recall(&images, &matches).context("failed to use the truth file")?),
        None => None,
    };
    let summary = Summary::of(&images, &matches, &clusters, recall);

    if let Some(warning) = chain_warning(&summary, &config) {
        eprintln!("warning: {warning}");
        provenance.warnings.push(warning);
    }
    let pairs = matches.iter().map(|pair| pair.to_row(&images, &config));
    write_manifest(&out.join("pairs.parquet"), pairs, &provenance)?;
    write_manifest(&out.join("clusters.parquet"), clusters.to_rows(&images), &provenance)?;
    println!("{summary}wrote hashes.parquet, pairs.parquet and clusters.parquet to {}", out.display());
    Ok(())
}

/// Hashes the images batch by batch, writes the hashes, and keeps what finding duplicates needs, in the order of ids.
fn write_hashes(
    reader: Reader<Image>,
    args: &Args,
    config: &Config,
    provenance: &Provenance,
    path: &Path,
) -> anyhow::Result<Vec<Fingerprint>> {
    let bar = args.common.progress().begin("images", reader.n_rows(), "hashing");
    let hasher = Hasher::new(config);
    let mut images = Vec::new();
    let mut writer = Writer::<Hashes>::create(path)?;
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        let mut hashed = fingerprints(&batch, &args.folder, &hasher).map_err(hinted).context("failed to hash")?;
        writer.extend(hashed.iter().map(|image| image.to_row(config)))?;
        images.append(&mut hashed);
        bar.inc(batch.len() as u64);
    }
    sort_by_id(&mut images).context("failed to read the images")?;
    writer.finish(provenance)?;
    Ok(images)
}

fn read_truth(path: &Path) -> anyhow::Result<Truth> {
    let context = || format!("failed to read the truth file `{}`", path.display());
    let text = std::fs::read_to_string(path).with_context(context)?;
    Truth::parse(&text).with_context(context)
}

fn hinted(error: NeardupError) -> anyhow::Error {
    let hint = match &error {
        NeardupError::TooManyPairs { .. } => {
            Some("a smaller `max-distance`, or 256 `hash-bits`, tells more images apart")
        }
        NeardupError::Image(error) => error.hint(),
        _ => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}
