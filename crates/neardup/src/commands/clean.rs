//! `twinset-neardup clean`: the images without their duplicates and leaks.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use twinset_croissant::{About, write_croissant};
use twinset_manifest::rows::{Cluster, Image, Pair, Reject, Removed};
use twinset_manifest::{Input, Provenance, Reader, Writer, write_manifest};
use twinset_neardup::{Census, CleanConfig, CleanError, CleanFolder, Cleaning, FileError, Scales, file_of};
use twinset_stage::{CommonArgs, counted, verb, with_hint};

use super::{expect_no_shards, expect_other_file, expect_whole_search, open, read_not_duplicates, read_pairs};

const EXAMPLE: &str = "\
Examples:
  twinset clean my-photos-duplicates --copy-to my-photos-clean      # my-photos-duplicates: what `twinset scan my-photos` wrote
  twinset clean my-photos-duplicates --list > remove.txt
  twinset clean --images images.parquet --pairs duplicates/pairs.parquet \\
    --clusters duplicates/clusters.parquet --out clean
  twinset clean ... --set within-splits=false --out clean           # removes leaks from test, keeps all training images
  twinset clean ... --folder ~/datasets/my-images --list > remove.txt

Config (TOML, every key has this default):
  keep = \"largest\"             which image stays: the one with the most pixels; or: lossless-first (PNG, BMP, TIFF before
                               others, then the most pixels), file-size (the largest file), first (the smallest id)
  leaks = \"remove-from-test\"   of duplicates in two splits those in the first of train, val, test stay;
                               or: remove-from-train (those in the last of them), keep
  within-splits = true         of duplicates within a split some go; false: all stay
  label-conflicts = \"keep\"     clusters with two labels are treated like others; or: remove (all of their images)";

const USAGE: &str = "twinset clean FOLDER-duplicates <--list|--copy-to DIR|--out DIR> [OPTIONS]
       twinset clean --images FILE --pairs FILE --clusters FILE <--list|--copy-to DIR|--out DIR> [OPTIONS]";

const ABOUT: About = About {
    name: "images without duplicates",
    description: "Images of a dataset without the duplicates and leaks that Twinset found, and which images were left out and why.",
};

/// Remove duplicates and leaks: write the images that stay, and which were removed and why.
///
/// Writes images.parquet (the rows that stay, unchanged, in the same order), removed.parquet (each removed image, the
/// reason, and the image that was kept in its place) and croissant.json. Image files are not touched. --list prints the files to
/// delete, --copy-to makes a folder of the images that stay.
///
/// Duplicates are the images of exact and near pairs. Each removed image is a duplicate of the one that was kept in its place,
/// and no two that stay are duplicates of one another. With fewer images a pair that was similar may count as near: search what
/// stays again.
///
/// FOLDER-duplicates is the folder that `twinset scan FOLDER` wrote. It stands for --images, --pairs, --clusters and --folder.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE, override_usage = USAGE)]
#[command(mut_arg("out", |arg| arg.required_unless_present_any(["list", "copy_to", "plan"])))]
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

    /// CSV or Parquet file of pairs that are no duplicates: none of their images is removed because of the other. Columns:
    /// left,right (names of files, as `source` of the images has them) or left_id,right_id.
    #[arg(long, value_name = "FILE")]
    not_duplicates: Option<PathBuf>,

    /// Print the files of the removed images, one a line, and nothing else on stdout. Needs no --out.
    #[arg(long)]
    list: bool,

    /// Copy the images that stay into this folder, which must be empty or missing, with the folders that they are in, and when
    /// they were last modified. Files that are no pictures are not copied. A copy that was interrupted goes on when it is called
    /// again. Needs no --out.
    #[arg(long, value_name = "DIR")]
    copy_to: Option<PathBuf>,

    /// Folder of the images' files: of images that the manifest references (embed = false) what twinset-ingest had as --data, of
    /// embedded images the dataset's own folder. With it, --list expects each file to be there.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Write what would be removed to this file, and nothing else, even if nothing would be left of a split; `twinset scan` asks
    /// for it.
    #[arg(long, value_name = "FILE", hide = true, conflicts_with_all = ["out", "list", "copy_to"])]
    plan: Option<PathBuf>,

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
    let (mut census, clusters_input, found_by) =
        read_clusters(clusters, &images_input).context("failed to read the clusters")?;
    if config.within_splits {
        expect_whole_search(&found_by, clusters, "search anew without it, or clean with --set within-splits=false")
            .context("failed to read the clusters")?;
    }
    let not_duplicates = args.not_duplicates.as_deref().map(|path| read_not_duplicates(path, images)).transpose()?;
    let not_duplicates_input = not_duplicates.map(|(not_duplicates, input)| {
        census.except(not_duplicates);
        input
    });
    let is_reclustered = not_duplicates_input.is_some();
    if !is_reclustered {
        census = count_images(reader, census, &config, args)?;
    }
    let add = |batch: &[Pair]| census.add_pairs(batch).map_err(hinted);
    let pairs_input = read_pairs(pairs, &images_input, &found_by, add).context("failed to read the pairs")?;
    if is_reclustered {
        census.recluster();
        let reader = Reader::<Image>::open(images).context("failed to read the images")?;
        census = count_images(reader, census, &config, args)?;
    }
    let mut cleaning = census.clean(&config).map_err(hinted).context("failed to clean")?;
    if found_by.config["between-splits"] == true {
        cleaning.not_searched_within();
    }
    let count = |batch: &[Pair]| cleaning.add_pairs(batch).map_err(hinted);
    read_pairs(pairs, &images_input, &found_by, count).context("failed to read the pairs")?;
    let inputs = [images_input, pairs_input, clusters_input].into_iter().chain(not_duplicates_input);
    let mut provenance =
        Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION")).with_config(&config).with_inputs(inputs);
    if let Some(plan) = &args.plan {
        return write_plan(plan, &cleaning, provenance);
    }
    cleaning.check_left().map_err(hinted).context("failed to clean")?;
    provenance.warnings = warnings;
    // What the search warned of holds of what is removed by it.
    for warning in found_by.warnings.into_iter().chain(cleaning.warnings()) {
        eprintln!("warning: {warning}");
        provenance.warnings.push(warning);
    }

    let list = if args.list { Some(list(images, &cleaning, args)?) } else { None };
    let mut done = cleaning.to_string();
    if args.common.out.is_some() {
        let out = args.common.out_folder()?;
        write_kept(images, &out.join("images.parquet"), &cleaning, args, &provenance)?;
        write_manifest::<Removed>(&out.join("removed.parquet"), cleaning.removed.iter().cloned(), &provenance)?;
        write_croissant(out, &ABOUT, &["images.parquet", "removed.parquet"])
            .context("failed to describe the images")?;
        done += &format!("wrote images.parquet and removed.parquet to {}\n", out.display());
    }
    if let Some(folder) = &args.copy_to {
        let (n, n_there) = copy_kept(images, folder, &cleaning, args, &provenance)?;
        let before = if n_there > 0 { format!(", {n_there} of them before") } else { String::new() };
        done += &format!("copied {} to {}{before}\n", counted(n, "image"), folder.display());
        done += &not_copied(images)?;
    }
    match list {
        None => print!("{done}"),
        Some(list) => {
            eprint!("{done}");
            io::stdout().write_all(list.as_encoded_bytes()).context("failed to print the list")?;
        }
    }
    Ok(())
}

/// The files of the removed images, one a line, in the order of the images.
fn list(images: &Path, cleaning: &Cleaning, args: &CleanArgs) -> anyhow::Result<OsString> {
    let mut list = OsString::new();
    for batch in Reader::<Image>::open(images).context("failed to read the images")? {
        let batch = batch.context("failed to read the images")?;
        for row in batch.iter().filter(|row| !cleaning.keeps(row.image_id)) {
            let file = file_of(row, args.folder.as_deref()).map_err(no_file).context("failed to list the files")?;
            list.push(file);
            list.push("\n");
        }
    }
    Ok(list)
}

/// Copies the images that stay: how many, and how many of them were there from an earlier call.
fn copy_kept(
    images: &Path,
    folder: &Path,
    cleaning: &Cleaning,
    args: &CleanArgs,
    provenance: &Provenance,
) -> anyhow::Result<(u64, u64)> {
    let context = "failed to copy the images";
    // Whatever decides which images stay.
    let key = serde_json::to_string(provenance).context(context)?;
    let mut copy = CleanFolder::begin(folder, &key).context(context)?;
    let from = args.folder.as_deref().unwrap_or(Path::new("."));
    let reader = Reader::<Image>::open(images).context("failed to read the images")?;
    let bar = args.common.progress().begin("images", reader.n_rows(), "copying");
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        for row in batch.iter().filter(|row| cleaning.keeps(row.image_id)) {
            copy.add(row, from).context(context)?;
        }
        bar.inc(batch.len() as u64);
    }
    copy.finish().context(context)
}

/// What is said of the files that `ingest` has rejected, as it listed them beside the images.
fn not_copied(images: &Path) -> anyhow::Result<String> {
    let beside = [images.with_file_name("rejects.parquet"), images.with_file_name("rejects")];
    let Some(rejects) = beside.iter().find(|rejects| rejects.exists()) else { return Ok(String::new()) };
    let n = Reader::<Reject>::open(rejects).context("failed to read the rejects")?.n_rows();
    if n == 0 {
        return Ok(String::new());
    }
    let (files, are) = (counted(n, "file"), verb(n, "is no picture", "are no pictures"));
    Ok(format!("not copied: {files} that {are} or cannot be read (listed in {})\n", rejects.display()))
}

/// Writes what would be removed. What would be left of no split is a warning, as nothing is removed.
fn write_plan(to: &Path, cleaning: &Cleaning, mut provenance: Provenance) -> anyhow::Result<()> {
    if let Err(error) = cleaning.check_left() {
        let warning = format!("`twinset clean` refuses that without `--set leaks=keep`: {error}");
        eprintln!("warning: {warning}");
        provenance.warnings.push(warning);
    }
    write_manifest::<Removed>(to, cleaning.removed.iter().cloned(), &provenance)?;
    Ok(())
}

fn no_file(error: FileError) -> anyhow::Error {
    let hint = match &error {
        FileError::Record { .. } => {
            Some("images.parquet in --out has the images that stay, and --copy-to makes files of them")
        }
        FileError::NotThere { .. } => Some(
            "--folder is the dataset's own folder, or, of images that are not embedded, what twinset-ingest had as --data",
        ),
        _ => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}

/// Also how they were found.
fn read_clusters(path: &Path, images: &Input) -> anyhow::Result<(Census, Input, Provenance)> {
    let (reader, input) = open::<Cluster>(path, images)?;
    let found_by = reader.provenance().clone();
    let census = Census::of(reader.read_all()?).with_context(|| format!("`{}`", path.display()))?;
    Ok((census, input, found_by))
}

fn count_images(
    reader: Reader<Image>,
    mut census: Census,
    config: &CleanConfig,
    args: &CleanArgs,
) -> anyhow::Result<Census> {
    let scales = Scales::new(config.keep, args.folder.as_deref().unwrap_or(Path::new(".")));
    let bar = args.common.progress().begin("images", reader.n_rows(), "counting");
    for batch in reader {
        let batch = batch.context("failed to read the images")?;
        census.add(&batch, &scales).map_err(hinted).context("failed to use the images and clusters")?;
        bar.inc(batch.len() as u64);
    }
    Ok(census)
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
