//! `twinset-inject`: the training set, with duplicates injected on purpose.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_croissant::{About, write_croissant};
use twinset_inject::{Candidate, Config, Copies, Duplicates, InjectError, Plan, Settled, Summary, make_copies, plan};
use twinset_manifest::rows::{Cluster, Image, ImageFacts};
use twinset_manifest::{Input, Provenance, Reader, Writer, write_manifest};
use twinset_stage::{CommonArgs, with_hint};

const EXAMPLE: &str = "\
Example:
  twinset-inject --images images.parquet --clusters clusters.parquet --set rate=0.5 --set seed=1 --out trainset

Config (TOML; only rate has no default):
  rate = 0.5                              duplicates / training images left after removal
  seed = 0
  originals = N                           so many training images, drawn by the seed; all where it is not set
  sources = 0.05                          the share of each class's originals that is repeated; all where it is not set
  selection = { kind = \"uniform\" }        or { kind = \"non-uniform\", class-weights = WEIGHTS }, or
                                          { kind = \"whole-set\" }: whole copies, the rate says how many; with
                                          shuffle-classes = true the seed decides which class has which weight
  with-replacement = false                false: no image again before all others were drawn as often
  into = \"train\"                          or \"val\", or \"test\": training images leak into that split, which the
                                          rate is then of, and the training set stays as it is
  placement = \"append\"                    or \"replace\": originals make room, the set keeps its size; or
                                          \"replace-in-class\": those of the same class
  duplicates = { kind = \"exact\" }         or { kind = \"near\", transforms = [TRANSFORM, ...] }, or { kind = \"fresh\" }: in
                                          their stead other images of the same classes, which `originals` leaves
  remove = \"none\"                         or \"train-duplicates\", or \"train-duplicates-and-leaks\"

WEIGHTS    \"zipf\", { single-class = \"cat\" }, or by class name { cat = 3.0, dog = 1.0 }
TRANSFORM  { kind = \"shift\", max-pixels = 2 }, { kind = \"crop-resize\", min-scale = 0.8 }, { kind = \"flip\" },
           { kind = \"brightness\", max-change = \"16/255\" }, { kind = \"contrast\", max-change = 0.2 },
           { kind = \"jpeg\", quality = 75 }, { kind = \"noise\", sigma = \"8/255\" }";

const OUTPUTS: [&str; 3] = ["trainset.parquet", "injected-images.parquet", "leaked-images.parquet"];

const ABOUT: About = About {
    name: "training set with duplicates",
    description: "Which images a network is trained on, with duplicates injected on purpose. A position names its image by id: of \
                  injected-images, or of the images.parquet that the files were derived from.",
};

/// Make a training set: remove duplicates that were found, inject duplicates on purpose.
///
/// Writes trainset.parquet (which image stands where, and why), injected-images.parquet (the near-duplicates that
/// were made; empty where duplicates are exact), leaked-images.parquet (the duplicates that leaked into another split)
/// and croissant.json (all three described for other tools, as Croissant 1.1).
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Args {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Manifest of the clusters that neardup found among them.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    clusters: Option<PathBuf>,

    /// Folder that the paths of images are relative to, for images that are referenced and not embedded: the one that
    /// twinset-ingest had as --data. After `twinset-ingest --data ~/datasets` it is `--folder ~/datasets`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// With --check: print, as JSON, how large the training set is for N originals, removal aside.
    #[arg(long, value_name = "N", requires = "check")]
    estimate: Option<u64>,

    #[command(flatten)]
    common: CommonArgs,
}

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
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
    let plan = plan(&set.images, &set.class_names, &clusters, &config)
        .map_err(hinted)
        .context("failed to plan the training set")?;

    let provenance = |settled: Settled| {
        Provenance::of_stage("inject", env!("CARGO_PKG_VERSION"))
            .with_config(&settled)
            .with_seed(settled.seed())
            .with_inputs([set.input.clone(), clusters_input.clone()])
    };
    let of_trainset = provenance(Settled::of_trainset(&config));
    let of_leaks = provenance(Settled::of_leaks(&config));
    let out = args.common.out_folder()?;
    let injected = Writer::<Image>::create(&out.join("injected-images.parquet"))?;
    let leaked = Writer::<Image>::create(&out.join("leaked-images.parquet"))?;
    let (mut copies, none) = if config.leaks() { (leaked, injected) } else { (injected, leaked) };
    let (of_copies, of_none) = if config.leaks() { (&of_leaks, &of_trainset) } else { (&of_trainset, &of_leaks) };
    let n_unchanged = write_copies(&mut copies, path, &plan, &config, args)?;
    copies.finish_images(of_copies, &set.class_names)?;
    none.finish_images(of_none, &set.class_names)?;
    let summary = Summary::of(&plan, &config, &set.class_names, n_unchanged);
    write_manifest(&out.join("trainset.parquet"), plan.rows, &of_trainset)?;
    write_croissant(out, &ABOUT, &OUTPUTS).context("failed to describe the training set")?;
    println!("{summary}wrote trainset.parquet, injected-images.parquet and leaked-images.parquet to {}", out.display());
    Ok(())
}

/// What planning needs of the images.
struct ImageSet {
    images: Vec<Candidate>,
    class_names: Vec<String>,
    input: Input,
}

fn read_set(path: &Path) -> anyhow::Result<ImageSet> {
    let reader = Reader::<ImageFacts>::open(path)?;
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
    reader.expect_made_from(images)?;
    let input = reader.as_input()?;
    Ok((reader.read_all()?, input))
}

/// Makes and writes the copies, batch by batch; tells how many of those that were changed came out as their original.
fn write_copies(
    to: &mut Writer<Image>,
    images: &Path,
    plan: &Plan,
    config: &Config,
    args: &Args,
) -> anyhow::Result<u64> {
    if plan.copies.is_empty() {
        return Ok(0);
    }
    let mut n_unchanged = 0;
    let copies = Copies::of(&plan.copies);
    let bar = args.common.progress().begin("images", plan.copies.len() as u64, "copying");
    for batch in Reader::<Image>::open(images).context("failed to read the images")? {
        let batch = batch.context("failed to read the images")?;
        let made = make_copies(&batch, &copies, config, &args.folder);
        let made = made.map_err(hinted).context("failed to make a near-duplicate")?;
        bar.inc(made.len() as u64);
        if config.duplicates != Duplicates::Exact {
            n_unchanged += twinset_inject::n_unchanged(&batch, &made);
        }
        to.extend(made)?;
    }
    Ok(n_unchanged)
}

fn hinted(error: InjectError) -> anyhow::Error {
    let hint = match &error {
        InjectError::NoCluster { .. } | InjectError::NoImage { .. } => Some("run twinset-neardup on these images"),
        InjectError::NoRoomInClass { .. } => {
            Some("take a smaller `rate` or fewer `sources`, or `placement = \"replace\"`")
        }
        InjectError::NoFreshImage { .. } => Some("take a smaller `rate`, or fewer `originals`: the others are fresh"),
        InjectError::TooManyOriginals { .. } => Some("without `originals` all training images are taken"),
        InjectError::NoRoom { .. } => Some("take a smaller `rate`, or `placement = \"append\"`"),
        InjectError::Image(error) => error.hint(),
        _ => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}
