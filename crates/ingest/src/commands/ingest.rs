//! `twinset-ingest` without a command: reads a source.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use twinset_croissant::{About, write_croissant};
use twinset_ingest::{Config, Counts, IngestError, count, ingest_with_cache, list_inputs};
use twinset_stage::{CommonArgs, ConfigError};

use super::guess::guess;

pub(crate) const EXAMPLES: &str = "\
Examples:
  twinset-ingest my-photos --out images                   # any folder of pictures
  twinset-ingest my-photos --set split=test --out images  # <class>/<image>
  twinset-ingest --dataset shapes --set n-train=500 --out images
  twinset-ingest --config pipelines/cifar10-mini.toml --table ingest --data ~/datasets --out images
  twinset-ingest download mnist --to data
  twinset-ingest --dataset idx --set path=mnist --data data --out images

Configs:
  dataset = \"shapes\"        n-train = 2000  n-val = 0  n-test = 1000  seed = 0
                            planted duplicates, included in these numbers: n-exact-in-train  n-near-in-train
                            n-exact-in-val  n-near-in-val  n-exact-in-test  n-near-in-test  n-label-conflicts
  dataset = \"cifar10\"       path = \"cifar-10-batches-bin\"  allow-unverified = false
                            subset = { train-per-class = 500, test-per-class = 100, seed = 0 }
                            test-batch = 5: this training batch is the test split, and the test file is left out
                            path: or cifar-10-batches-py, or the .tar.gz of either
  dataset = \"cifar100\"      path = \"cifar-100-binary\"  labels = \"fine\" (or \"coarse\")
                            allow-unverified and subset as above
                            path: or cifar-100-python, or the .tar.gz of either
  dataset = \"idx\"           path = \"mnist\"  class-names = \"digits\" (or \"fashion-mnist\", or a list)
                            other names: train = { images = \"FILE\", labels = \"FILE\" }  val  test
  dataset = \"image-folder\"  path = \"photos\"  embed = true
                            layout = \"splits\" (<split>/<class>/<image>), \"classes\" (<class>/<image>) or \"flat\"
                            (images at any depth, without labels). Default: splits if folders are called train, val
                            or test; classes if `split` or `draw-split` is set; else flat
                            shard-images = 100000: writes a folder images/ of shards of this many files. A run that
                            was interrupted continues when it is started again with the same --out. Tables have it too
  dataset = \"hugging-face\"  path = \"cats/data\"  image-column = \"image\"  label-column = \"label\"
  dataset = \"webdataset\"    path = \"shards\"  label-field = \"label\" (of a sample's .json)
                            both: leave-out = [\"small/\", \"train_noisy\"]: skips files whose names or paths begin so
  dataset = \"table\"         path = \"photos/labels.csv\" (or .tsv, .parquet)  folder = \"photos\"  embed = true
                            delimiter = \";\" (default: found out; a comma, semicolon, tab or bar)
                            image-column = \"image\"  label-column = \"label\"  split-column = \"split\"
  These four also have      max-pixels = 100000000
                            resize = { width = 32, height = 32, fit = \"stretch\", filter = \"triangle\" }
                              fit: stretch, crop, pad; filter: nearest, triangle, catmull-rom, lanczos3
                            draw-split = { val = 0.1, test = 0.2, seed = 0 }: draws splits, class by class, if the source
                            has none; split = \"train\": puts all images into one split
  The last three also       class-names = [\"cat\", \"dog\"]";

#[derive(clap::Args)]
pub(crate) struct IngestArgs {
    /// The folder of the images, or another dataset's folder or file: short for --data with the folder that it is in and
    /// --set path with its name. It is an image folder unless --dataset says otherwise.
    #[arg(value_name = "FOLDER", conflicts_with = "data")]
    folder: Option<PathBuf>,

    /// Which dataset it is, short for --set dataset: image-folder, table, hugging-face, webdataset, idx, cifar10, cifar100 or
    /// shapes.
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,

    #[command(flatten)]
    common: CommonArgs,

    /// Folder that relative paths in the config start from.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Folder that keeps what is known of the files. The next run reads all files, decodes only those that are new or changed, and
    /// writes the same manifests. An interrupted run goes on. For image folders and tables without `resize`; it can be
    /// deleted at any time.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["list_inputs", "count"])]
    cache: Option<PathBuf>,

    /// Print the files that would be read, one a line, and do nothing else.
    #[arg(long)]
    list_inputs: bool,

    /// Print the number of images of each split and the number of classes as JSON, and do nothing else. Nothing is decoded,
    /// so broken files count as images. Files outside of class folders are counted separately, as `outside`.
    #[arg(long, conflicts_with = "list_inputs")]
    count: bool,

    /// End with exit code 3 if a file or row could not be read. All outputs are still written.
    #[arg(long, conflicts_with_all = ["list_inputs", "count"])]
    pub(crate) fail_on_reject: bool,
}

/// Says how many rejects there are.
pub(crate) fn run(args: &IngestArgs) -> anyhow::Result<u64> {
    let (common, data) = settle(args)?;
    let config: Config = common.config(Config::validate).map_err(|error| explain_config(error, args))?;
    let data = data.as_deref();
    let explain = |error| explain(error, &config, data);
    if args.common.check {
        return Ok(0);
    }
    if args.list_inputs {
        for path in list_inputs(&config, data).map_err(explain)? {
            println!("{}", path.display());
        }
    } else if args.count {
        let counts = count(&config, data).map_err(explain)?;
        println!("{}", serde_json::to_string(&counts).context("failed to print the counts")?);
        if let Some(note) = note(&config, &counts).filter(|_| !args.common.quiet) {
            eprintln!("note: {note}");
        }
    } else {
        let is_new = args.common.out.as_ref().is_some_and(|out| !out.exists());
        let out = args.common.out_folder()?;
        let (cache, progress) = (args.cache.as_deref(), args.common.progress());
        let summary = ingest_with_cache(&config, data, out, cache, &progress).map_err(|error| {
            if is_new {
                // It stays where shards are in it that the next run goes on from.
                fs::remove_dir(out).ok();
            }
            explain(error)
        })?;
        let description =
            format!("Images of the source `{}` as Twinset ingested them, one row each.", config.dataset());
        let about = About { name: config.dataset(), description: &description };
        let images = if summary.images.path.is_dir() { "images" } else { "images.parquet" };
        write_croissant(out, &about, &[images, "rejects.parquet"]).context("failed to describe the dataset")?;
        println!("{}", twinset_stage::printable(&summary.to_string()));
        return Ok(summary.rejects.n_rows);
    }
    Ok(0)
}

/// The arguments with the folder and --dataset as settings, and the data folder.
fn settle(args: &IngestArgs) -> anyhow::Result<(CommonArgs, Option<PathBuf>)> {
    let mut common = args.common.clone();
    let of_folder = args.folder.as_ref().filter(|_| args.common.config.is_none()).map(|_| "image-folder");
    if let Some(dataset) = args.dataset.as_deref().or(of_folder) {
        common.set.insert(0, format!("dataset={dataset}"));
    }
    let Some(folder) = &args.folder else { return Ok((common, args.data.clone())) };
    // `.` and `..` have no name of their own.
    let whole = match folder.file_name() {
        Some(_) => folder.clone(),
        None => fs::canonicalize(folder).with_context(|| format!("cannot read `{}`", folder.display()))?,
    };
    let (Some(name), Some(parent)) = (whole.file_name(), whole.parent()) else {
        bail!("`{}` has no name, expected a folder below the root", folder.display());
    };
    let Some(name) = name.to_str() else {
        bail!("the name of `{}` is not UTF-8, expected a folder of another name", folder.display());
    };
    common.set.push(format!("path={}", serde_json::to_string(name).context("failed to quote the folder's name")?));
    let data = if parent == Path::new("") { Path::new(".") } else { parent };
    Ok((common, Some(data.to_owned())))
}

/// What a count leaves open.
fn note(config: &Config, counts: &Counts) -> Option<String> {
    let (Config::ImageFolder(_) | Config::HuggingFace(_) | Config::Webdataset(_) | Config::Table(_)) = config else {
        return None;
    };
    let note = "nothing was decoded: what is missing, is no image or has no label is counted, and becomes a reject";
    Some(match counts.outside {
        0 => note.to_owned(),
        n => format!("{note}; so do {n} files outside of class folders, counted as `outside`"),
    })
}

/// Where nothing says the source, that is the first thing to know.
fn explain_config(error: ConfigError, args: &IngestArgs) -> anyhow::Error {
    let lacks_dataset = matches!(&error, ConfigError::Value { message, .. } if message == "missing field `dataset`");
    if args.common.config.is_some() || !lacks_dataset {
        return error.into();
    }
    twinset_stage::with_hint(
        anyhow::anyhow!("neither a folder nor --dataset, --config or --set says what to read"),
        "for instance `twinset ingest my-images --out out`; --help has all datasets",
    )
}

fn explain(error: IngestError, config: &Config, data: Option<&Path>) -> anyhow::Error {
    let hint = error.hint().or_else(|| {
        let Config::ImageFolder(images) = config else { return None };
        let dataset = guess(&data.unwrap_or(Path::new("")).join(&images.path))?;
        Some(format!("the files look like those of the dataset `{dataset}`: add --dataset {dataset}"))
    });
    let error = anyhow::Error::new(error).context(format!("failed to ingest `{}`", config.dataset()));
    match hint {
        Some(hint) => twinset_stage::with_hint(error, hint),
        None => error,
    }
}
