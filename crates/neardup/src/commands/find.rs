//! `twinset-neardup` without a command: finds the duplicates.

use std::path::{Path, PathBuf};

use anyhow::Context;
use twinset_manifest::rows::{Hashes, Image};
use twinset_manifest::{Input, Provenance, Reader, Writer, write_manifest};
use twinset_neardup::{
    Candidates, Clusters, Config, Fingerprint, Hasher, ImageIndex, Known, LeftOut, Missing, NeardupError,
    NotDuplicates, Phase, Searched, Summary, Truth, TruthError, add_thumbnails, chain_warning, chance_warning,
    fingerprints, loss_warning, sort_by_id,
};
use twinset_stage::{CommonArgs, ConfigError, with_hint};

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

    /// CSV or Parquet file of known duplicates (see `evaluate --help`): the summary says how many of them were found.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,

    /// CSV or Parquet file of pairs that are no duplicates: they are left out. Columns: left,right (names of files, as `source`
    /// of the images has them) or left_id,right_id. Pairs whose column is_duplicate is true are passed over.
    #[arg(long, value_name = "FILE")]
    not_duplicates: Option<PathBuf>,

    /// Pass over pairs of --not-duplicates that name a file that is not there, instead of an error: a file that is kept while
    /// images come and go. How many are passed over is printed.
    #[arg(long, requires = "not_duplicates")]
    skip_missing: bool,

    /// End with exit code 3 if an exact or near-duplicate lies in another split, such as a test image among the training
    /// images, or in the reference. All outputs are still written.
    #[arg(long)]
    pub(crate) fail_on_leak: bool,

    /// Folder that keeps the results of this run. The next run with the same config decodes, searches and verifies only new
    /// images, and writes the same files. The folder can be deleted at any time.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Also find pictures that are `mirrored`, turned by right angles (`all`) or by any angle (`any`); short for
    /// --set orientations.
    #[arg(long, value_name = "WHICH")]
    orientations: Option<String>,

    /// Only pairs between two splits, such as test against train; short for --set between-splits=true. Finds fewer of them than
    /// the whole search: how alike a pair must be depends on how many alike pairs there are, and those within a split do not
    /// count then.
    #[arg(long)]
    between_splits: bool,

    /// From this similarity on, 0 to 1, a pair is near: the same shot; short for --set near-similarity.
    #[arg(long, value_name = "SIMILARITY")]
    near_similarity: Option<f64>,

    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl FindArgs {
    /// The config, with the flags as settings.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        let flags = [
            self.orientations.as_ref().map(|orientations| format!("orientations={orientations}")),
            self.between_splits.then(|| "between-splits=true".to_owned()),
            self.near_similarity.map(|similarity| format!("near-similarity={similarity}")),
        ];
        let mut common = self.common.clone();
        common.set.extend(flags.into_iter().flatten());
        common.config(Config::validate)
    }
}

/// What `--fail-on-leak` tells of: how many, and the first of them.
#[derive(Default)]
pub(crate) struct LeaksFound {
    pub(crate) n: u64,
    /// Of what, where it is one, and where it is more.
    pub(super) what: [&'static str; 2],
    pub(crate) first: Option<String>,
}

impl LeaksFound {
    pub(crate) fn what(&self) -> &'static str {
        self.what[usize::from(self.n != 1)]
    }
}

pub(crate) fn run(args: &FindArgs) -> anyhow::Result<LeaksFound> {
    let config = args.config()?;
    if args.common.check {
        return Ok(LeaksFound::default());
    }
    let path = args.images.as_deref().context("failed to read: --images names no file")?;
    args.truth.as_deref().map(expect_truth).transpose()?;
    let not_duplicates = args.not_duplicates.as_deref().map(file_input).transpose()?;
    let reader = Reader::<Image>::open(path).context("failed to read the images")?;
    let mut provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION"))
        .with_config(&config.resolved(reader.n_rows()))
        .with_inputs([reader.as_input().context("failed to read the images")?].into_iter().chain(not_duplicates));
    let searched = Searched::of(&config, reader.n_rows());
    let out = args.common.out_folder()?;

    let cache = args.cache.as_deref().map(|cache| Known::folder(cache, &config, reader.n_rows()));
    let known = cache.as_deref().map(load_known).unwrap_or_default();
    let mut images = write_hashes(reader, args, &config, &known, &provenance, &out.join("hashes.parquet"))?;
    let index = || ImageIndex::of(&images).map_err(hinted);
    let truth = match &args.truth {
        None => None,
        Some(path) => Some(Truth::read(path, Some(&index()?), None).with_context(|| unusable("truth file", path))?),
    };
    let not_duplicates = match &args.not_duplicates {
        None => None,
        Some(path) => {
            let missing = if args.skip_missing { Missing::PassedOver } else { Missing::Refused };
            Some(NotDuplicates::read(path, &index()?, missing).with_context(|| unusable("file", path))?)
        }
    };
    let begin = begin(&args.common);
    let context = "failed to find near-duplicates";
    let mut candidates = Candidates::find(&images, &config, &known, &begin).map_err(hinted).context(context)?;
    if config.verify {
        read_thumbnails(path, args, &mut images, &candidates)?;
    }
    let mut matches = candidates.matches(&images, &config, &begin);
    let n_found = matches.len();
    if let Some(not_duplicates) = &not_duplicates {
        let id = |index: u32| images[index as usize].image_id;
        matches.retain(|pair| !not_duplicates.contains(id(pair.left), id(pair.right)));
    }
    let clusters = Clusters::of(images.len(), &matches);
    let recall = match (&truth, &args.truth) {
        (Some(truth), Some(path)) => {
            Some(truth.recall(&images, &matches).with_context(|| unusable("truth file", path))?)
        }
        _ => None,
    };
    let mut summary = Summary::of(&images, &matches, &clusters, recall, searched);
    let n_left_out = (n_found - matches.len()) as u64;
    summary.left_out = not_duplicates.map(|not_duplicates| LeftOut::of(n_left_out, &not_duplicates));

    let warnings = [
        chain_warning(&summary, &config),
        chance_warning(&summary, candidates.n_by_chance(), &config),
        loss_warning(&images, &matches),
    ];
    for warning in warnings.into_iter().flatten() {
        eprintln!("warning: {warning}");
        provenance.warnings.push(warning);
    }
    let pairs = matches.iter().map(|pair| pair.to_row(&images, &config));
    write_manifest(&out.join("pairs.parquet"), pairs, &provenance)?;
    write_manifest(&out.join("clusters.parquet"), clusters.to_rows(&images), &provenance)?;
    if let Some(cache) = &cache {
        let context = || format!("failed to write the cache `{}`", cache.display());
        candidates.save(cache, &images, &config).with_context(context)?;
    }
    println!("{summary}wrote hashes.parquet, pairs.parquet and clusters.parquet to {}", out.display());
    Ok(LeaksFound {
        n: summary.n_leaks(),
        what: ["pair of duplicates lies in two splits", "pairs of duplicates lie in two splits"],
        first: summary.first_leak.map(|first| first.to_string()),
    })
}

/// Shows the progress of the search and of the verification.
pub(super) fn begin(args: &CommonArgs) -> impl Fn(Phase, u64) -> Box<dyn Fn(u64) + Sync> + '_ {
    |phase, n_steps| {
        let (unit, doing) = match phase {
            Phase::Search => ("images", "searching"),
            Phase::Verification => ("pairs", "verifying"),
            Phase::Alignment => ("pairs", "aligning"),
        };
        let bar = args.progress().begin(unit, n_steps, doing);
        Box::new(move |n_steps| bar.inc(n_steps))
    }
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

/// An error where a truth file is wrong whatever the images are, before they are read.
fn expect_truth(path: &Path) -> anyhow::Result<()> {
    match Truth::read(path, None, None) {
        Ok(_) | Err(TruthError::NeedsImages(_)) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("failed to read the truth file `{}`", path.display())),
    }
}

fn file_input(path: &Path) -> anyhow::Result<Input> {
    Input::of_file(path).with_context(|| format!("failed to read the file `{}`", path.display()))
}

fn unusable(what: &str, path: &Path) -> String {
    format!("failed to use the {what} `{}`", path.display())
}

pub(super) fn hinted(error: NeardupError) -> anyhow::Error {
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
