//! `twinset-inject`: the training set, with duplicates injected on purpose.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use twinset_inject::{Candidate, Config, Copies, Duplicates, InjectError, Plan, Settled, Summary, make_copies, plan};
use twinset_manifest::rows::{Cluster, Image};
use twinset_manifest::{Input, Provenance, Reader, Row, Writer, write_manifest};
use twinset_stage::{CommonArgs, with_hint};

const EXAMPLE: &str = "\
Example:
  twinset-inject --images images.parquet --clusters clusters.parquet --set rate=0.5 --set seed=1 --out trainset

Config (TOML; only rate has no default):
  rate = 0.5                              duplicates / training images left after removal
  seed = 0
  selection = { kind = \"uniform\" }        or { kind = \"non-uniform\", class-weights = WEIGHTS }, or
                                          { kind = \"whole-set\" }: whole copies, the rate says how many
  with-replacement = false                false: no image again before all others were drawn as often
  placement = \"append\"                    or \"replace\": originals make room, the set keeps its size
  duplicates = { kind = \"exact\" }         or { kind = \"near\", transforms = [TRANSFORM, ...] }
  remove = \"none\"                         or \"train-duplicates\", or \"train-duplicates-and-leaks\"

WEIGHTS    \"zipf\", { single-class = \"cat\" }, or by class name { cat = 3.0, dog = 1.0 }
TRANSFORM  { kind = \"shift\", max-pixels = 2 }, { kind = \"crop-resize\", min-scale = 0.8 }, { kind = \"flip\" },
           { kind = \"brightness\", max-change = \"16/255\" }, { kind = \"contrast\", max-change = 0.2 },
           { kind = \"jpeg\", quality = 75 }, { kind = \"noise\", sigma = \"8/255\" }";

/// Make a training set: remove duplicates that were found, inject duplicates on purpose.
///
/// Writes trainset.parquet (which image stands where, and why) and injected-images.parquet (the near-duplicates that
/// were made; empty where duplicates are exact).
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Args {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Manifest of the clusters that neardup found among them.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    clusters: Option<PathBuf>,

    /// Folder that the paths of images are relative to, for images that are referenced and not embedded.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// With --check: print, as JSON, how large the training set is for N originals, removal aside.
    #[arg(long, value_name = "N", requires = "check")]
    estimate: Option<u64>,

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
        if let Some(n_originals) = args.estimate {
            println!("{{\"n_train\": {}}}", config.n_train(n_originals));
        }
        return Ok(());
    }
    let path = args.images.as_deref().context("failed to read: --images names no file")?;
    let set = read_set(path).context("failed to read the images")?;
    let (clusters, clusters_input) = read_clusters(args, &set.input).context("failed to read the clusters")?;
    let settled = Settled::of(&config);
    let plan = plan(&set.images, &set.class_names, &clusters, &config)
        .map_err(hinted)
        .context("failed to plan the training set")?;

    let provenance = Provenance::of_stage("inject", env!("CARGO_PKG_VERSION"))
        .with_config(&settled)
        .with_seed(settled.seed())
        .with_inputs([set.input, clusters_input]);
    let out = args.common.out_folder()?;
    let injected = out.join("injected-images.parquet");
    let n_unchanged = write_copies(&injected, path, &plan, &config, args, &provenance, &set.class_names)?;
    let summary = Summary::of(&plan, &set.class_names, n_unchanged);
    write_manifest(&out.join("trainset.parquet"), plan.rows, &provenance)?;
    println!("{summary}wrote trainset.parquet and injected-images.parquet to {}", out.display());
    Ok(())
}

/// What planning needs of the images.
struct ImageSet {
    images: Vec<Candidate>,
    class_names: Vec<String>,
    input: Input,
}

fn read_set(path: &Path) -> anyhow::Result<ImageSet> {
    let reader = Reader::<Image>::open(path)?;
    let input = reader.as_input()?;
    let (mut images, mut class_names) = (Vec::new(), Vec::new());
    for batch in reader {
        for row in batch? {
            twinset_inject::name_class(&mut class_names, &row)?;
            images.push(Candidate { image_id: row.image_id, split: row.split, label: row.label });
        }
    }
    Ok(ImageSet { images, class_names, input })
}

/// The clusters, which must have been made from these images.
fn read_clusters(args: &Args, images: &Input) -> anyhow::Result<(Vec<Cluster>, Input)> {
    let path = args.clusters.as_deref().context("--clusters names no file")?;
    let reader = Reader::<Cluster>::open(path)?;
    let made_from = reader.provenance().inputs.iter().find(|input| input.schema.as_deref() == Some(Image::SCHEMA));
    if let Some(other) = made_from.filter(|input| input.blake3 != images.blake3) {
        bail!(
            "`{}` was made from other images: from `{}` with BLAKE3 {}, expected {}",
            path.display(),
            other.name,
            other.blake3,
            images.blake3
        );
    }
    let input = reader.as_input()?;
    Ok((reader.read_all()?, input))
}

/// Makes and writes the changed copies, batch by batch; tells how many came out as their original.
fn write_copies(
    to: &Path,
    images: &Path,
    plan: &Plan,
    config: &Config,
    args: &Args,
    provenance: &Provenance,
    class_names: &[String],
) -> anyhow::Result<u64> {
    let mut writer = Writer::<Image>::create(to)?;
    let mut n_unchanged = 0;
    if let (Duplicates::Near { transforms }, false) = (&config.duplicates, plan.copies.is_empty()) {
        let copies = Copies::of(&plan.copies);
        let bar = args.common.progress().begin("images", plan.copies.len() as u64, "changing");
        for batch in Reader::<Image>::open(images).context("failed to read the images")? {
            let batch = batch.context("failed to read the images")?;
            let made = make_copies(&batch, &copies, transforms, config.seed, &args.folder);
            let made = made.map_err(hinted).context("failed to make a near-duplicate")?;
            bar.inc(made.len() as u64);
            n_unchanged += twinset_inject::n_unchanged(&batch, &made);
            writer.extend(made)?;
        }
    }
    writer.finish_images(provenance, class_names)?;
    Ok(n_unchanged)
}

fn hinted(error: InjectError) -> anyhow::Error {
    let hint = match &error {
        InjectError::NoCluster { .. } | InjectError::NoImage { .. } => Some("run twinset-neardup on these images"),
        InjectError::NoRoom { .. } => Some("take a smaller `rate`, or `placement = \"append\"`"),
        InjectError::Image(error) => error.hint(),
        _ => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}
