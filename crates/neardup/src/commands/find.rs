//! `twinset-neardup` without a command: finds the duplicates.

use std::path::{Path, PathBuf};

use anyhow::Context;
use twinset_manifest::rows::{Hashes, Image};
use twinset_manifest::{Provenance, Reader, Writer};
use twinset_neardup::{Candidates, Config, Fingerprint, Hasher, Known, Part, add_thumbnails, fingerprints, sort_by_id};
use twinset_stage::{CommonArgs, ConfigError};

use super::finish::{KnownArgs, LeaksFound, finish};
use super::search_flags::SearchFlags;
use super::{begin, hinted, read_index};

pub(crate) const EXAMPLE: &str = "\
Examples:
  twinset-neardup --images images.parquet --set max-distance=32 --out duplicates
  twinset-neardup gallery --images images.parquet --pairs duplicates/pairs.parquet --out gallery.html
  twinset-neardup --images benchmark.parquet --reference training-set.parquet --out in-reference
  twinset-neardup evaluate --pairs duplicates/pairs.parquet --truth truth.csv --out evaluation
  twinset-neardup clean --images images.parquet --pairs duplicates/pairs.parquet \\
    --clusters duplicates/clusters.parquet --out clean

Config (TOML, every key has this default):
  search = \"auto\"           candidates by correlation up to 200000 images, by hash beyond; or: correlation, hash
  orientations = \"upright\"  or: mirrored; all (right angles too); any (any angle too). By correlation only
  between-splits = false    true: only pairs between two splits, such as test against train
  verify = true             align and compare candidates; false (with search = \"hash\"): the hash decides
  near-similarity = 0.7     from this similarity on a verified pair is near: the same shot
  similar-similarity = 0.6  from this similarity on it is similar: reported, but no duplicate
  false-share = 0.02        of the near pairs at most this share is expected to be false; what goes beyond is similar
  max-cluster-size = 1000   a larger cluster is warned of
  hash = \"double-gradient\"  mean, gradient, double-gradient, block, dct or pdq
  hash-bits = 256           64 or 256 (double-gradient: 60 or 220; pdq: 256)
  max-distance = 36         hashes of near-duplicates differ in at most this many bits
  max-pairs = 20000000      more near pairs are an error: max-distance is too large";

#[derive(clap::Args)]
pub(crate) struct FindArgs {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    pub(crate) images: Option<PathBuf>,

    /// Manifest of another set of images, such as a training set whose images should not be in yours: find which of the images
    /// have a duplicate there. Only pairs of an image and one of the reference are searched, and reference-pairs.parquet is all
    /// that is written.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["truth", "cache", "not_duplicates"])]
    pub(crate) reference: Option<PathBuf>,

    /// Folder of the reference's images, if its manifest references them; --folder if it is the same.
    #[arg(long, value_name = "DIR", requires = "reference")]
    pub(super) reference_folder: Option<PathBuf>,

    /// Folder of the images, if the manifest references them (embed = false): what twinset-ingest had as --data.
    /// After `twinset-ingest --data ~/datasets` it is `--folder ~/datasets`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) folder: PathBuf,

    #[command(flatten)]
    known: KnownArgs,

    /// End with exit code 3 if an exact or near-duplicate lies in another split, such as a test image among the training
    /// images, or in the reference. All outputs are still written.
    #[arg(long)]
    pub(crate) fail_on_leak: bool,

    /// Folder that keeps the results of this run. The next run with the same config decodes, searches and verifies only new
    /// images, and writes the same files. The folder can be deleted at any time.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    #[command(flatten)]
    flags: SearchFlags,

    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl FindArgs {
    /// The config, with the flags as settings.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        self.flags.config(&self.common)
    }
}

pub(crate) fn run(args: &FindArgs) -> anyhow::Result<LeaksFound> {
    let config = args.config()?;
    if args.common.check {
        return Ok(LeaksFound::default());
    }
    let path = args.images.as_deref().context("failed to read: --images names no file")?;
    let not_duplicates = args.known.input()?;
    let reader = Reader::<Image>::open(path).context("failed to read the images")?;
    let provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION"))
        .with_config(&config.resolved(reader.n_rows()))
        .with_inputs([reader.as_input().context("failed to read the images")?].into_iter().chain(not_duplicates));
    let out = args.common.out_folder()?;

    let cache = args.cache.as_deref().map(|cache| Known::folder(cache, &config, reader.n_rows()));
    let known = cache.as_deref().map(load_known).unwrap_or_default();
    // Before the images are hashed, which takes long.
    let known_pairs = args.known.read(|| read_index(path))?;
    let mut images = write_hashes(reader, args, &config, &known, &provenance, &out.join("hashes.parquet"))?;
    let begin = begin(args.common.progress());
    let context = "failed to find near-duplicates";
    let mut candidates =
        Candidates::find(&images, &config, &known, Part::WHOLE, &begin).map_err(hinted).context(context)?;
    if config.verify {
        read_thumbnails(path, args, &mut images, &candidates)?;
    }
    let leaks = finish(&images, &mut candidates, &config, known_pairs, provenance, out, &begin)?;
    if let Some(cache) = &cache {
        let context = || format!("failed to write the cache `{}`", cache.display());
        candidates.save(cache, &images, &config).with_context(context)?;
    }
    Ok(leaks)
}

/// Hashes the images batch by batch, writes the hashes, and keeps what finding duplicates needs, in the order of ids.
fn write_hashes(
    reader: Reader<Image>,
    args: &FindArgs,
    config: &Config,
    known: &Known,
    provenance: &Provenance,
    path: &Path,
) -> anyhow::Result<Vec<Fingerprint>> {
    let bar = args.common.progress().begin("images", reader.n_rows(), "hashing");
    let hasher = Hasher::new(config);
    let with_thumbnails = config.keeps_thumbnails(reader.n_rows());
    let mut images = Vec::new();
    let mut writer = Writer::<Hashes>::create(path)?;
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        let hashed = fingerprints(&batch, &args.folder, &hasher, with_thumbnails, known);
        let mut hashed = hashed.map_err(hinted).context("failed to hash")?;
        writer.extend(hashed.iter().map(|image| image.to_row(config)))?;
        images.append(&mut hashed);
        bar.inc(batch.len() as u64);
    }
    sort_by_id(&mut images).context("failed to read the images")?;
    writer.finish(provenance)?;
    Ok(images)
}

/// What a cache knows; a cache that cannot be used is as good as none.
fn load_known(folder: &Path) -> Known {
    match Known::load(folder) {
        Ok(known) => {
            let n_images = known.n_images();
            eprintln!("{n_images} image{} known from the last run", if n_images == 1 { " is" } else { "s are" });
            known
        }
        Err(error) => {
            eprintln!("warning: the cache is not used and made anew: {error}");
            Known::default()
        }
    }
}

/// Reads the thumbnails that verification lacks: those of the images that are candidates.
fn read_thumbnails(
    path: &Path,
    args: &FindArgs,
    images: &mut [Fingerprint],
    candidates: &Candidates,
) -> anyhow::Result<()> {
    let wanted = candidates.without_thumbnail(images);
    if wanted.is_empty() {
        return Ok(());
    }
    let reader = Reader::<Image>::open(path).context("failed to read the images")?;
    let bar = args.common.progress().begin("images", reader.n_rows(), "reading candidates");
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        add_thumbnails(images, &wanted, &batch, &args.folder).map_err(hinted).context("failed to verify")?;
        bar.inc(batch.len() as u64);
    }
    Ok(())
}
