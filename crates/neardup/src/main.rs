//! `twinset-neardup`: which images are duplicates of which.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use twinset_manifest::rows::{Hashes, Image};
use twinset_manifest::{Provenance, Reader, Writer, write_atomically, write_manifest};
use twinset_neardup::{
    Clusters, Config, Fingerprint, GallerySource, Hasher, NeardupError, Summary, Truth, chain_warning, find_matches,
    fingerprints, gallery, sort_by_id,
};
use twinset_stage::{CommonArgs, Progress, with_hint};

const EXAMPLE: &str = "\
Example:
  twinset-neardup --images images.parquet --set max-distance=32 --out duplicates
  twinset-neardup gallery --images images.parquet --pairs duplicates/pairs.parquet --out gallery.html

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
#[command(version, after_help = EXAMPLE, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

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

#[derive(Subcommand)]
enum Command {
    Gallery(GalleryArgs),
}

/// Look at pairs: write one HTML page that shows them side by side, with a picture of their difference.
///
/// The page can be sorted, and filtered by similarity, kind, splits and label conflict. It holds everything that it
/// shows, so it can be sent and opened without a network.
#[derive(clap::Args)]
struct GalleryArgs {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE")]
    images: PathBuf,

    /// Manifest of the pairs that were found among them.
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,

    /// Folder that the paths of images are relative to, for images that are referenced and not embedded.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// The most pairs to show; of more, these many most similar ones.
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    max_pairs: u64,

    /// The page; its folder is made if missing. It appears whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    twinset_stage::run(|| match &args.command {
        Some(Command::Gallery(args)) => run_gallery(args),
        None => run(&args),
    })
}

fn run_gallery(args: &GalleryArgs) -> anyhow::Result<()> {
    let GalleryArgs { images, pairs, folder, max_pairs, out, quiet } = args;
    let source = GallerySource { images, pairs, folder, max_pairs: *max_pairs as usize };
    let progress = if *quiet { Progress::hidden() } else { Progress::from_environment() };
    let begin = |n_images| {
        let bar = progress.begin("images", n_images, "looking for pictures");
        move |n_images| bar.inc(n_images)
    };
    let gallery = gallery(&source, begin).context("failed to make the gallery")?;
    if gallery.n_left_out > 0 {
        eprintln!(
            "warning: {} less similar pairs are left out, the gallery shows {max_pairs} (`--max-pairs`)",
            gallery.n_left_out
        );
    }
    let context = || format!("failed to write the gallery `{}`", out.display());
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder).with_context(context)?;
    }
    write_atomically(out, gallery.html().as_bytes()).with_context(context)?;
    println!("wrote {} pairs to {}", gallery.pairs.len(), out.display());
    Ok(())
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
