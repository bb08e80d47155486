//! `twinset-neardup split`: the images with new splits, none of which shares a cluster with another.

use std::path::{Path, PathBuf};

use anyhow::Context;
use twinset_croissant::{About, write_croissant};
use twinset_manifest::rows::{Cluster, Image, Pair};
use twinset_manifest::{Input, Provenance, Reader, Writer};
use twinset_neardup::{CleanError, Partition, PartitionConfig, PartitionError, Unpartitioned};
use twinset_stage::{CommonArgs, with_hint};

use super::{expect_no_shards, expect_other_file, expect_whole_search, read_not_duplicates, read_pairs};

const ABOUT: About = About {
    name: "images split without leaks",
    description: "Images whose splits share no cluster of duplicates, one row each.",
};

const USAGE: &str = "twinset split FOLDER-duplicates --out DIR [OPTIONS]
       twinset split --images FILE --clusters FILE --out DIR [OPTIONS]";

const EXAMPLE: &str = "\
Examples:
  twinset split my-photos-duplicates --set test=0.2 --out split     # my-photos-duplicates: what `twinset scan my-photos` wrote
  twinset split --images images.parquet --clusters duplicates/clusters.parquet \\
    --set test=0.2 --set val=0.1 --set seed=0 --out split

Config (TOML, every key has this default):
  val = 0.0     share of the images, 0 to 1
  test = 0.0    share of the images, 0 to 1; the rest is train
  seed = 0      decides the order of clusters of the same size";

/// Draw new splits such that no cluster of duplicates lies in two of them.
///
/// Writes images.parquet (the same rows in the same order, with new splits) and croissant.json. Each cluster goes to one
/// split as a whole, larger ones first. The size of a split differs from its share by less than the largest cluster. Classes
/// are divided alike as far as clusters allow. The previous splits are ignored.
///
/// FOLDER-duplicates is the folder that `twinset scan FOLDER` wrote. It stands for --images and --clusters.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE, override_usage = USAGE)]
pub(crate) struct SplitArgs {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Manifest of the clusters that were found among them.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    clusters: Option<PathBuf>,

    /// CSV or Parquet file of pairs that are no duplicates: they tie no clusters together. Columns: left,right (names of files,
    /// as `source` of the images has them) or left_id,right_id. Needs --pairs.
    #[arg(long, value_name = "FILE", requires = "pairs")]
    not_duplicates: Option<PathBuf>,

    /// Manifest of the pairs that were found with the clusters. Used with --not-duplicates alone.
    #[arg(long, value_name = "FILE", requires = "not_duplicates")]
    pairs: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: &SplitArgs) -> anyhow::Result<()> {
    let config: PartitionConfig = args.common.config(PartitionConfig::validate)?;
    if args.common.check {
        return Ok(());
    }
    let images = args.images.as_deref().context("failed to read: --images names no file")?;
    let clusters = args.clusters.as_deref().context("failed to read: --clusters names no file")?;
    let reader = Reader::<Image>::open(images).context("failed to read the images")?;
    let mut warnings = reader.provenance().warnings.clone();
    let images_input = reader.as_input().context("failed to read the images")?;
    let (mut set, clusters_input, found_by) =
        read_clusters(clusters, &images_input).context("failed to read the clusters")?;
    let mut inputs = vec![images_input.clone(), clusters_input];
    if let (Some(path), Some(pairs)) = (&args.not_duplicates, &args.pairs) {
        let (not_duplicates, input) = read_not_duplicates(path, images)?;
        set.except(not_duplicates);
        let add = |batch: &[Pair]| set.add_pairs(batch).map_err(hinted);
        inputs.push(read_pairs(pairs, &images_input, &found_by, add).context("failed to read the pairs")?);
        inputs.push(input);
        set.recluster();
    }
    let partition = plan(reader, set, &config, args)?;
    for warning in partition.warnings() {
        eprintln!("warning: {warning}");
        warnings.push(warning);
    }
    let mut provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_seed(Some(config.seed))
        .with_inputs(inputs);
    provenance.warnings = warnings;
    let out = args.common.out_folder()?;
    write(images, &out.join("images.parquet"), &partition, args, &provenance)?;
    write_croissant(out, &ABOUT, &["images.parquet"]).context("failed to describe the images")?;
    println!("{partition}wrote images.parquet to {}", out.display());
    Ok(())
}

fn read_clusters(path: &Path, images: &Input) -> anyhow::Result<(Unpartitioned, Input, Provenance)> {
    let reader = Reader::<Cluster>::open(path)?;
    reader.expect_made_from(images)?;
    expect_whole_search(reader.provenance(), path, "search anew without it: a cluster may lie within a split")?;
    let (input, found_by) = (reader.as_input()?, reader.provenance().clone());
    let set = Unpartitioned::of(reader.read_all()?).with_context(|| format!("`{}`", path.display()))?;
    Ok((set, input, found_by))
}

fn plan(
    reader: Reader<Image>,
    mut set: Unpartitioned,
    config: &PartitionConfig,
    args: &SplitArgs,
) -> anyhow::Result<Partition> {
    let bar = args.common.progress().begin("images", reader.n_rows(), "counting");
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        set.add(&batch).map_err(hinted).context("failed to use the images and clusters")?;
        bar.inc(batch.len() as u64);
    }
    set.partition(config).map_err(hinted).context("failed to split")
}

fn write(
    from: &Path,
    to: &Path,
    partition: &Partition,
    args: &SplitArgs,
    provenance: &Provenance,
) -> anyhow::Result<()> {
    expect_no_shards(to)?;
    expect_other_file(from, to, "split")?;
    let reader = Reader::<Image>::open(from).context("failed to read the images")?;
    let bar = args.common.progress().begin("images", reader.n_rows(), "writing");
    let mut writer = Writer::<Image>::create(to)?;
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        bar.inc(batch.len() as u64);
        for image in batch {
            let split = partition.split_of(image.image_id).context("failed to split: an image was added meanwhile")?;
            writer.push(Image { split, ..image })?;
        }
    }
    writer.finish_images(provenance, partition.class_names())?;
    Ok(())
}

fn hinted(error: PartitionError) -> anyhow::Error {
    let hint = match &error {
        PartitionError::Set(CleanError::NoCluster { .. } | CleanError::UnknownImage { .. }) => {
            Some("run twinset-neardup on these images")
        }
        PartitionError::Empty { .. } => Some("ask for a larger share, or look at the clusters: one may be a chain"),
        PartitionError::Set(_) => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}
