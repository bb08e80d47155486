//! `twinset-neardup hash`, `search`, `verify`, `cluster`: the search in parts, for several machines.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use twinset_manifest::rows::{Hashes, Image, KnownPair, PartImage, PartImageFacts};
use twinset_manifest::{Provenance, Reader, Row, Writer, write_manifest};
use twinset_neardup::{
    Candidates, Fingerprint, Hasher, ImageIndex, Known, Made, Part, Parts, PartsError, PartsFolder, Standing, Step,
    fingerprints, sort_by_id,
};
use twinset_stage::{CommonArgs, Progress, counted, with_hint};

use super::finish::{KnownArgs, LeaksFound, finish};
use super::search_flags::SearchFlags;
use super::{begin, hinted};

const EXAMPLE: &str = "\
The search in four steps. Those with --part are shared: start each part once, on as many machines as you like.
  twinset-neardup hash --images images.parquet --part 1/4 --out parts      # and 2/4, 3/4, 4/4
  twinset-neardup search --parts parts
  twinset-neardup verify --part 1/4 --parts parts                          # and 2/4, 3/4, 4/4
  twinset-neardup cluster --parts parts --out duplicates

The next step begins when all parts of the one before are there. The result has the bytes that
`twinset-neardup --images images.parquet --out duplicates` writes, however many parts there are.
A part that is there already is not made again. The config is given to `hash`; the other steps read it from the parts.";

/// In parts, 1st step: decode and hash a share of the images.
///
/// Writes hash-1-of-4.parquet, say, to the folder of parts that all machines share.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct HashArgs {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Folder of the images, if the manifest references them (embed = false): what twinset-ingest had as --data.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    #[command(flatten)]
    part: PartArgs,

    #[command(flatten)]
    flags: SearchFlags,

    #[command(flatten)]
    common: CommonArgs,
}

/// In parts, 2nd step: search the candidates among all hashes.
///
/// Writes search-1-of-1.parquet to the folder of parts. One part is enough up to some millions of images.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    shared: SharedArgs,
}

/// In parts, 3rd step: align and compare a share of the candidates.
///
/// Writes verify-1-of-4.parquet, say, to the folder of parts.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    shared: SharedArgs,
}

/// In parts, last step: decide which pairs are duplicates, and write them.
///
/// Writes pairs.parquet, clusters.parquet and hashes.parquet, as twinset-neardup without a command does.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ClusterArgs {
    /// The folder of parts.
    #[arg(long, value_name = "DIR")]
    parts: PathBuf,

    #[command(flatten)]
    known: KnownArgs,

    /// End with exit code 3 if an exact or near-duplicate lies in another split. All outputs are still written.
    #[arg(long)]
    pub(crate) fail_on_leak: bool,

    /// Folder for the outputs; made if missing. Each file in it appears whole or not at all.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(clap::Args)]
struct PartArgs {
    /// Which part to make of how many, counted from 1: `1/4` to `4/4`. In an array job of Slurm with tasks 1 to 8 it is
    /// `$SLURM_ARRAY_TASK_ID/8`.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    part: Part,
}

#[derive(clap::Args)]
struct SharedArgs {
    /// The folder of parts.
    #[arg(long, value_name = "DIR")]
    parts: PathBuf,

    #[command(flatten)]
    part: PartArgs,

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn hash(args: &HashArgs) -> anyhow::Result<()> {
    let config = args.flags.config(&args.common)?;
    if args.common.check {
        return Ok(());
    }
    let path = args.images.as_deref().context("failed to read: --images names no file")?;
    let reader = Reader::<Image>::open(path).context("failed to read the images")?;
    let images = reader.as_input().context("failed to read the images")?;
    let made = Made { images, n_images: reader.n_rows(), config };
    let folder = PartsFolder::new(args.common.out_folder()?);
    let PartArgs { part } = args.part;
    if is_there::<PartImage>(&folder, Step::Hash, part, &made)? {
        return Ok(());
    }
    let (range, hasher, file) = (part.range(made.n_images), Hasher::new(&made.config), folder.file(Step::Hash, part));
    let bar = args.common.progress().begin("images", range.end - range.start, "hashing");
    let mut writer = Writer::<PartImage>::create(&file)?;
    for batch in reader.with_rows(range) {
        let batch = batch.context("failed to read the images")?;
        let hashed = fingerprints(&batch, &args.folder, &hasher, made.config.verify, &Known::default());
        let hashed = hashed.map_err(hinted).context("failed to hash")?;
        writer.extend(hashed.iter().map(|image| image.to_part(&made.config)))?;
        bar.inc(batch.len() as u64);
    }
    let written = writer.finish(&made.provenance(part, made.n_images))?;
    println!("wrote {} to {}", counted(written.n_rows, "image"), file.display());
    Ok(())
}

pub(crate) fn search(args: &SearchArgs) -> anyhow::Result<()> {
    let SharedArgs { ref parts, part: PartArgs { part }, .. } = args.shared;
    let folder = PartsFolder::new(parts);
    let hashed = all::<PartImageFacts>(&folder, Step::Hash, None)?;
    if is_there::<KnownPair>(&folder, Step::Search, part, &hashed.made)? {
        return Ok(());
    }
    let progress = args.shared.progress();
    let images = read_images(&hashed, &progress, |_| Ok(()))?;
    let Made { config, n_images, .. } = &hashed.made;
    let candidates = Candidates::find(&images, config, &Known::default(), part, &begin(progress));
    let candidates = candidates.map_err(hinted).context("failed to find near-duplicates")?;
    let provenance = hashed.made.provenance(part, *n_images);
    let written = write_manifest(&folder.file(Step::Search, part), candidates.rows(), &provenance)?;
    println!("wrote {} to {}", counted(written.n_rows, "candidate"), written.path.display());
    Ok(())
}

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let SharedArgs { ref parts, part: PartArgs { part }, .. } = args.shared;
    let folder = PartsFolder::new(parts);
    let hashed = all::<PartImageFacts>(&folder, Step::Hash, None)?;
    let searched = all::<KnownPair>(&folder, Step::Search, Some(&hashed))?;
    if is_there::<KnownPair>(&folder, Step::Verify, part, &hashed.made)? {
        return Ok(());
    }
    let progress = args.shared.progress();
    let mut images = read_images(&hashed, &progress, |_| Ok(()))?;
    let config = &hashed.made.config;
    let mut candidates = read_candidates(&searched, &images)?;
    let n_candidates = candidates.n_pairs() as u64;
    candidates.only(&images, part);
    if config.verify {
        let wanted = candidates.without_thumbnail(&images);
        if !wanted.is_empty() {
            hashed.add_thumbnails(&mut images, &wanted).map_err(of_parts)?;
        }
    }
    candidates.verify(&images, config, &begin(progress));
    let provenance = hashed.made.provenance(part, n_candidates);
    let written = write_manifest(&folder.file(Step::Verify, part), candidates.rows(), &provenance)?;
    println!("wrote {} to {}", counted(written.n_rows, "verified candidate"), written.path.display());
    Ok(())
}

pub(crate) fn cluster(args: &ClusterArgs) -> anyhow::Result<LeaksFound> {
    let not_duplicates = args.known.input()?;
    let folder = PartsFolder::new(&args.parts);
    let hashed = all::<PartImageFacts>(&folder, Step::Hash, None)?;
    let verified = all::<KnownPair>(&folder, Step::Verify, Some(&hashed))?;
    let Made { images, n_images, config } = &hashed.made;
    let provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION"))
        .with_config(&config.resolved(*n_images))
        .with_inputs([images.clone()].into_iter().chain(not_duplicates));
    let (out, progress) = (&args.out, progress(args.quiet));
    std::fs::create_dir_all(out).with_context(|| format!("failed to make the output folder `{}`", out.display()))?;
    let mut writer = Writer::<Hashes>::create(&out.join("hashes.parquet"))?;
    let write = |batch: &[Fingerprint]| Ok(writer.extend(batch.iter().map(|image| image.to_row(config)))?);
    let images = read_images(&hashed, &progress, write)?;
    writer.finish(&provenance)?;
    let known_pairs = args.known.read(|| ImageIndex::of(&images).map_err(hinted))?;
    let mut candidates = read_candidates(&verified, &images)?;
    finish(&images, &mut candidates, config, known_pairs, provenance, out, &begin(progress))
}

impl SharedArgs {
    fn progress(&self) -> Progress {
        progress(self.quiet)
    }
}

fn progress(is_quiet: bool) -> Progress {
    if is_quiet { Progress::hidden() } else { Progress::from_environment() }
}

/// Whether a part has to be made no more. Says so, or why it is made anew.
fn is_there<R: Row>(folder: &PartsFolder, step: Step, part: Part, made: &Made) -> anyhow::Result<bool> {
    let standing = folder.standing::<R>(step, part, made).map_err(of_parts)?;
    let file = folder.file(step, part);
    match &standing {
        Standing::Done => println!("{} is there already", file.display()),
        Standing::Missing => {}
        Standing::Stale(why) => eprintln!("{} is made anew: {why}", file.display()),
    }
    Ok(standing == Standing::Done)
}

fn all<R: Row>(folder: &PartsFolder, step: Step, before: Option<&Parts>) -> anyhow::Result<Parts> {
    let context = || format!("failed to use the parts of `{}`", step.as_str());
    folder.all::<R>(step, before).map_err(of_parts).with_context(context)
}

/// The images of all parts, in the order of ids; `on_batch` is given them as the manifest has them. They have thumbnails where
/// candidates are searched by correlation.
fn read_images(
    hashed: &Parts,
    progress: &Progress,
    mut on_batch: impl FnMut(&[Fingerprint]) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Fingerprint>> {
    let Made { config, n_images, .. } = &hashed.made;
    let bar = progress.begin("images", *n_images, "reading");
    let mut images = Vec::new();
    for batch in hashed.fingerprints(config.keeps_thumbnails(*n_images)) {
        let mut batch = batch.map_err(of_parts).context("failed to read the parts of `hash`")?;
        on_batch(&batch)?;
        bar.inc(batch.len() as u64);
        images.append(&mut batch);
    }
    sort_by_id(&mut images).context("failed to read the images")?;
    Ok(images)
}

fn read_candidates(parts: &Parts, images: &[Fingerprint]) -> anyhow::Result<Candidates> {
    let batches = parts.read::<KnownPair>().map(|batch| batch.map_err(PartsError::from).map_err(of_parts));
    Candidates::read(images, &parts.made.config, batches).context("failed to read the candidates")
}

/// An error of parts, with what can be done about it.
fn of_parts(error: PartsError) -> anyhow::Error {
    match error.hint() {
        Some(hint) => with_hint(anyhow!(error), hint),
        None => error.into(),
    }
}
