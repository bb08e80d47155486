//! `twinset-ingest`: a dataset source → `images.parquet` and `rejects.parquet`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_ingest::{Config, IngestError, count, ingest, list_inputs};

/// Turns a dataset into a manifest: one row an image, with its split, its class, its pixels and their digest.
///
/// The config's `dataset` says which source: `shapes` (drawn here, with planted duplicates), `cifar10` (the official
/// binary version, folder or .tar.gz), `image-folder` (<split>/<class>/<image>), `hugging-face` (Parquet files of `datasets`),
/// `webdataset` (tar archives) or `table` (a CSV or Parquet of labels beside a folder). Writes images.parquet, rejects.parquet
/// (files that could not be read, and why) and, for shapes, truth.csv (the planted duplicates).
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
#[command(mut_arg("out", |out| out.required_unless_present_any(["check", "list_inputs", "count"])))]
struct Args {
    #[command(flatten)]
    common: twinset_stage::CommonArgs,

    /// Folder that a relative `path` in the config is relative to.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Print the files that would be read, one a line, and do nothing else.
    #[arg(long)]
    list_inputs: bool,

    /// Print how many images each split has and how many classes there are, as JSON, and do nothing else.
    #[arg(long, conflicts_with = "list_inputs")]
    count: bool,
}

const EXAMPLES: &str = "\
Examples:
  twinset-ingest --set 'dataset=\"shapes\"' --set n-train=500 --out images
  twinset-ingest --config pipelines/cifar10-mini.toml --table ingest --data ~/datasets --out images

Configs:
  dataset = \"shapes\"        n-train = 2000  n-val = 0  n-test = 1000  seed = 0
                            planted duplicates, counted in the above: n-exact-in-train  n-near-in-train
                            n-exact-in-val  n-near-in-val  n-exact-in-test  n-near-in-test  n-label-conflicts
  dataset = \"cifar10\"       path = \"cifar-10-batches-bin\"  allow-unverified = false
                            subset = { train-per-class = 500, test-per-class = 100, seed = 0 }
  dataset = \"image-folder\"  path = \"photos\"  embed = true
  dataset = \"hugging-face\"  path = \"cats/data\"  image-column = \"image\"  label-column = \"label\"
  dataset = \"webdataset\"    path = \"shards\"  label-field = \"label\" (of a sample's .json)
  dataset = \"table\"         path = \"photos/labels.csv\" (or .tsv, .parquet)  folder = \"photos\"  embed = true
                            image-column = \"image\"  label-column = \"label\"  split-column = \"split\"
  These four also have      max-pixels = 100000000
                            resize = { width = 32, height = 32, fit = \"stretch\", filter = \"triangle\" }
                              fit: stretch, crop, pad; filter: nearest, triangle, catmull-rom, lanczos3
                            draw-split = { val = 0.1, test = 0.2, seed = 0 } for a source without splits: of each class;
                              an image-folder is then <class>/<image>
  The last three also       class-names = [\"cat\", \"dog\"]  split = \"train\" (of all, for a source without splits)";

fn main() -> ExitCode {
    let args = Args::parse();
    twinset_stage::run(|| run(&args))
}

fn run(args: &Args) -> anyhow::Result<()> {
    let config: Config = args.common.config(Config::validate)?;
    let (data, explain) = (args.data.as_deref(), |error| explain(error, &config));
    if args.common.check {
        return Ok(());
    }
    if args.list_inputs {
        for path in list_inputs(&config, data).map_err(explain)? {
            println!("{}", path.display());
        }
    } else if args.count {
        let counts = count(&config, data).map_err(explain)?;
        println!("{}", serde_json::to_string(&counts).context("failed to print the counts")?);
    } else {
        let out = args.common.out_folder()?;
        println!("{}", ingest(&config, data, out, &args.common.progress()).map_err(explain)?);
    }
    Ok(())
}

fn explain(error: IngestError, config: &Config) -> anyhow::Error {
    let hint = error.hint();
    let error = anyhow::Error::new(error).context(format!("failed to ingest `{}`", config.dataset()));
    match hint {
        Some(hint) => twinset_stage::with_hint(error, hint),
        None => error,
    }
}
