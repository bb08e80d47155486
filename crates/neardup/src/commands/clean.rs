//! `twinset-neardup clean`: the images without their duplicates and leaks.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use twinset_croissant::{About, write_croissant};
use twinset_manifest::rows::{Cluster, Image, Pair, Removed};
use twinset_manifest::{Input, Provenance, Reader, Row, Writer, write_manifest};
use twinset_neardup::{Census, CleanConfig, CleanError, Cleaning};
use twinset_stage::{CommonArgs, with_hint};

use super::{expect_no_shards, expect_other_file, expect_whole_search};

const EXAMPLE: &str = "\
Examples:
  twinset-neardup clean --images images.parquet --pairs duplicates/pairs.parquet \\
    --clusters duplicates/clusters.parquet --out clean
  twinset-neardup clean ... --set within-splits=false --out clean   # removes leaks from test, keeps all training images

File names: removed.parquet has ids, images.parquet has the `source` of each. In DuckDB (in Python: duckdb.sql):
  SELECT i.source, r.reason FROM 'clean/removed.parquet' r JOIN 'images.parquet' i USING (image_id)

Config (TOML, every key has this default):
  keep = \"largest\"             which image stays: the one with the most pixels; or: first (the smallest id)
  leaks = \"remove-from-test\"   of duplicates in two splits those in the first of train, val, test stay;
                               or: remove-from-train (those in the last of them), keep
  within-splits = true         of duplicates within a split some go; false: all stay
  label-conflicts = \"keep\"     clusters with two labels are treated like others; or: remove (all of their images)";

const ABOUT: About = About {
    name: "images without duplicates",
    description: "Images of a dataset without the duplicates and leaks that Twinset found, and which images were left out and why.",
};

/// Remove duplicates and leaks: write the images that stay, and which were removed and why.
///
/// Writes images.parquet (the rows that stay, unchanged, in the same order), removed.parquet (each removed image, the
/// reason, and the image that was kept in its place) and croissant.json. Image files are not touched.
///
/// Duplicates are the images of exact and near pairs. Each removed image is a duplicate of the one that was kept in its place,
/// and no two that stay are duplicates of one another.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct CleanArgs {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Manifest of the pairs that were found among them.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    pairs: Option<PathBuf>,

    /// Manifest of the clusters that were found with them.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    clusters: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

pub(crate) fn run(args: &CleanArgs) -> anyhow::Result<()> {
    let config: CleanConfig = args.common.config(|_| Ok(()))?;
    if args.common.check {
        return Ok(());
    }
    let images = args.images.as_deref().context("failed to read: --images names no file")?;
    let pairs = args.pairs.as_deref().context("failed to read: --pairs names no file")?;
    let clusters = args.clusters.as_deref().context("failed to read: --clusters names no file")?;

    let reader = Reader::<Image>::open(images).context("failed to read the images")?;
    let warnings = reader.provenance().warnings.clone();
    let images_input = reader.as_input().context("failed to read the images")?;
    let (census, clusters_input, found_by) =
        read_clusters(clusters, &images_input).context("failed to read the clusters")?;
    if config.within_splits {
        expect_whole_search(&found_by, clusters, "search anew without it, or clean with --set within-splits=false")
            .context("failed to read the clusters")?;
    }
    let mut census = count_images(reader, census, args)?;
    let add = |batch: &[Pair]| census.add_pairs(batch);
    let pairs_input = read_pairs(pairs, &images_input, &found_by, add).context("failed to read the pairs")?;
    let mut cleaning = census.clean(&config).map_err(hinted).context("failed to clean")?;
    let count = |batch: &[Pair]| cleaning.add_pairs(batch);
    read_pairs(pairs, &images_input, &found_by, count).context("failed to read the pairs")?;
    let mut provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION")).with_config(&config).with_inputs([
        images_input,
        pairs_input,
        clusters_input,
    ]);
    provenance.warnings = warnings;
    // What the search warned of holds of what is removed by it.
    for warning in found_by.warnings.into_iter().chain(cleaning.warnings()) {
        eprintln!("warning: {warning}");
        provenance.warnings.push(warning);
    }

    let out = args.common.out_folder()?;
    write_kept(images, &out.join("images.parquet"), &cleaning, args, &provenance)?;
    write_manifest::<Removed>(&out.join("removed.parquet"), cleaning.removed.iter().cloned(), &provenance)?;
    write_croissant(out, &ABOUT, &["images.parquet", "removed.parquet"]).context("failed to describe the images")?;
    println!("{cleaning}wrote images.parquet and removed.parquet to {}", out.display());
    Ok(())
}

/// A manifest that must have been made from these images.
fn open<R: Row>(path: &Path, images: &Input) -> anyhow::Result<(Reader<R>, Input)> {
    let reader = Reader::<R>::open(path)?;
    reader.expect_made_from(images)?;
    let input = reader.as_input()?;
    Ok((reader, input))
}

/// Also how they were found.
fn read_clusters(path: &Path, images: &Input) -> anyhow::Result<(Census, Input, Provenance)> {
    let (reader, input) = open::<Cluster>(path, images)?;
    let found_by = reader.provenance().clone();
    let census = Census::of(reader.read_all()?).with_context(|| format!("`{}`", path.display()))?;
    Ok((census, input, found_by))
}

fn count_images(reader: Reader<Image>, mut census: Census, args: &CleanArgs) -> anyhow::Result<Census> {
    let bar = args.common.progress().begin("images", reader.n_rows(), "counting");
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        census.add(&batch).map_err(hinted).context("failed to use the images and clusters")?;
        bar.inc(batch.len() as u64);
    }
    Ok(census)
}

/// An error where the pairs are of another search than the clusters.
fn expect_same_search(of_pairs: &Provenance, of_clusters: &Provenance, pairs: &Path) -> anyhow::Result<()> {
    let Some(of_pairs) = of_pairs.config.as_object() else { return Ok(()) };
    match of_pairs.iter().find(|(key, value)| of_clusters.config.get(*key) != Some(*value)) {
        None => Ok(()),
        Some((key, found)) => {
            let (pairs, expected) = (pairs.display(), &of_clusters.config[key]);
            bail!("`{pairs}` is of a search with `{key}` {found}, expected that of the clusters, with {expected}")
        }
    }
}

fn read_pairs(
    path: &Path,
    images: &Input,
    clusters_found_by: &Provenance,
    mut add: impl FnMut(&[Pair]) -> Result<(), CleanError>,
) -> anyhow::Result<Input> {
    let (reader, input) = open::<Pair>(path, images)?;
    expect_same_search(reader.provenance(), clusters_found_by, path)?;
    for batch in reader {
        add(&batch?).map_err(hinted).with_context(|| format!("`{}`", path.display()))?;
    }
    Ok(input)
}

fn write_kept(
    from: &Path,
    to: &Path,
    cleaning: &Cleaning,
    args: &CleanArgs,
    provenance: &Provenance,
) -> anyhow::Result<()> {
    expect_no_shards(to)?;
    expect_other_file(from, to, "cleaned")?;
    let reader = Reader::<Image>::open(from).context("failed to read the images")?;
    let bar = args.common.progress().begin("images", reader.n_rows(), "writing");
    let mut writer = Writer::<Image>::create(to)?;
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        bar.inc(batch.len() as u64);
        writer.extend(batch.into_iter().filter(|image| cleaning.keeps(image.image_id)))?;
    }
    writer.finish_images(provenance, &cleaning.class_names())?;
    Ok(())
}

fn hinted(error: CleanError) -> anyhow::Error {
    let hint = match &error {
        CleanError::NoCluster { .. } | CleanError::UnknownImage { .. } => Some("run twinset-neardup on these images"),
        CleanError::NothingLeft { .. } => Some("take `leaks = \"keep\"`, or remove from the other split"),
        _ => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}
