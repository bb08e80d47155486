//! `twinset-leaks`: what duplicates do to the accuracy of anybody's models.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_gallery::{pictures, side_for};
use twinset_leaks::{Config, Dataset, LeaksError, Model, PageSource, analyse, find_models, page, pairs_shown, text};
use twinset_manifest::rows::{Image, Split};
use twinset_manifest::{Provenance, Reader, write_manifest};
use twinset_stage::{CommonArgs, expect_page, shell_word, with_hint, write_page};

const EXAMPLES: &str = "\
Examples:
  twinset-leaks --images out/images.parquet --pairs out/pairs.parquet --predictions mine.csv --out leaks
  twinset-leaks --scan my-scan --predictions models/ --out leaks     # or: twinset leaks my-scan --predictions models/ --out leaks
  twinset-leaks --scan my-scan --predictions small=a/predictions.parquet large=b/predictions.parquet --out leaks

A file of predictions is one of
  CSV, Parquet   a row for each image: which image (a column `file`, `id` or `index`, the place in the split from 0 on),
                 the predicted class (`predicted`, `pred` …), a number or a name; the true class (`label` …) if you like
  NumPy (.npy)   logits [n, classes] or classes [n], in the order of the split's images in the images' manifest
  Parquet        predictions of twinset-evaluate

Config (TOML), with its defaults:
  split = \"test\"                            the split that was predicted
  confidence = 0.95                         of all intervals
  similarity-edges = [0.85, 0.9, 0.95]      where the similarity of near duplicates is cut into bins
  classes = \"auto\"                          \"numbers\" or \"names\": what the classes in CSV and Parquet files are
  attack = \"clean\"                          whose rows are taken of predictions of twinset-evaluate
  image-column, predicted-column, label-column    columns with other names than the usual ones";

/// Say what duplicates do to a model's accuracy: with and without the test images that have a twin in the training split.
///
/// Needs the images and pairs that twinset-ingest and twinset-neardup wrote (or the folder of a scan), and each model's
/// predictions of all images of the split.
///
/// Writes leaks.parquet (a row for each model and subset of the images) and leaks.html (a page with all of it).
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    #[command(flatten)]
    common: CommonArgs,

    /// Manifest of the images.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["scan", "check"])]
    images: Option<PathBuf>,

    /// Manifest of the pairs that were found among them.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["scan", "check"])]
    pairs: Option<PathBuf>,

    /// Folder of a scan, which holds images/images.parquet and duplicates/pairs.parquet, instead of --images and --pairs.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["images", "pairs"])]
    scan: Option<PathBuf>,

    /// A model's predictions, or a folder with a file for each model. Can be given several times, or several after one another.
    /// NAME=FILE gives the model a name; else it has its file's.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "check")]
    predictions: Vec<PathBuf>,

    /// The split that was predicted, as the key `split`.
    #[arg(long, value_name = "SPLIT")]
    split: Option<Split>,

    /// The column that says which image a row is of, as the key `image-column`.
    #[arg(long, value_name = "NAME")]
    image_column: Option<String>,

    /// The column of the predicted class, as the key `predicted-column`.
    #[arg(long, value_name = "NAME")]
    predicted_column: Option<String>,

    /// The column of the true class, as the key `label-column`.
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,

    /// Folder of the images, if the manifest references them (embed = false): what twinset-ingest had as --data. Without it, the
    /// current folder, and that of the scan with --scan.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Print the findings as JSON instead of text.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    twinset_stage::run(|| run(args))
}

fn run(args: Args) -> anyhow::Result<()> {
    let mut config = args.common.config(Config::validate)?;
    config.split = args.split.unwrap_or(config.split);
    config.image_column = args.image_column.or(config.image_column);
    config.predicted_column = args.predicted_column.or(config.predicted_column);
    config.label_column = args.label_column.or(config.label_column);
    config
        .validate()
        .map_err(|field| anyhow::anyhow!("--split: found `{}`, expected {}", field.found, field.expected))?;
    if args.common.check {
        return Ok(());
    }
    let (images, pairs) = match &args.scan {
        Some(scan) => of_scan(scan)?,
        None => (args.images.context("--images names no file")?, args.pairs.context("--pairs names no file")?),
    };
    let out = args.common.out_folder()?;
    let page_path = out.join("leaks.html");
    expect_page(&page_path, &[]).context("failed to write the page")?;
    let progress = args.common.progress();

    let files = find_models(&args.predictions).map_err(hinted)?;
    let n_images = Reader::<Image>::open(&images)?.n_rows();
    let bar = progress.begin("images", n_images, "reading");
    let dataset = Dataset::load(&images, &pairs, config.split, |n| bar.inc(n)).map_err(hinted)?;
    drop(bar);
    let models: Result<Vec<Model>, LeaksError> =
        files.iter().map(|file| Model::read(file, &dataset, &config)).collect();
    let models = models.map_err(hinted).context("failed to read the predictions")?;

    let mut analysis = analyse(&dataset, &models, &config);
    if let Some(warning) = same_file(&models) {
        analysis.warnings.push(warning);
    }
    analysis.warnings.iter().for_each(|warning| eprintln!("warning: {}", twinset_stage::printable_line(warning)));
    let mut provenance = Provenance::of_stage("leaks", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_inputs(dataset.inputs.iter().cloned())
        .with_inputs(models.iter().map(|model| model.input.clone()));
    provenance.warnings.clone_from(&analysis.warnings);
    write_manifest(&out.join("leaks.parquet"), analysis.rows(), &provenance)?;

    let shown = pairs_shown(&dataset, &models);
    let bar = progress.begin("images", n_images, "looking for pictures");
    let folder = args.folder.or_else(|| scanned(args.scan.as_deref()?)).unwrap_or_else(|| PathBuf::from("."));
    let wanted = shown.image_ids(&dataset);
    let side = side_for(wanted.len());
    let pictures = pictures(Reader::open(&images)?, &wanted, &folder, side, |n| bar.inc(n))?;
    drop(bar);
    let n_missing = pictures.values().filter(|picture| picture.uri.is_err()).count();
    if n_missing > 0 {
        eprintln!(
            "warning: {n_missing} of {} pictures of leaked images cannot be shown; --folder names where they are",
            pictures.len()
        );
    }
    let without_twins = without_twins(&images, &pairs);
    let source = PageSource {
        analysis: &analysis,
        dataset: &dataset,
        models: &models,
        shown: &shown,
        pictures: &pictures,
        without_twins: &without_twins,
    };
    write_page(&page_path, &page(&source, &provenance.inputs)).context("failed to write the page")?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&analysis)?);
    } else {
        println!("{}wrote leaks.parquet and leaks.html to {}", text(&analysis, &without_twins), out.display());
    }
    Ok(())
}

/// The command that takes the twins out of the training images, and leaves the test images and all other pairs as they are. The clusters
/// lie beside the pairs, where twinset-neardup wrote them.
fn without_twins(images: &Path, pairs: &Path) -> String {
    let clusters = pairs.with_file_name("clusters.parquet");
    let [images, pairs, clusters] = [images, pairs, &clusters].map(shell_word);
    format!(
        "twinset clean --images {images} --pairs {pairs} --clusters {clusters} --set leaks=remove-from-train --set within-splits=false \
         --out without-twins"
    )
}

/// The images and pairs of a scan.
fn of_scan(folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let (file, shards) = (folder.join("images/images.parquet"), folder.join("images/images"));
    let images = if !file.exists() && shards.is_dir() { shards } else { file };
    let pairs = folder.join("duplicates/pairs.parquet");
    for path in [&images, &pairs] {
        if !path.exists() {
            let error = anyhow::anyhow!(
                "`{}`: found no `{}`, expected the folder of a scan",
                folder.display(),
                path.strip_prefix(folder).unwrap_or(path).display()
            );
            return Err(with_hint(error, "name the two manifests: --images FILE --pairs FILE"));
        }
    }
    Ok((images, pairs))
}

/// Where the pictures of a scan are, as its `scan.json` says; none where it says nothing.
fn scanned(folder: &Path) -> Option<PathBuf> {
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("scan.json")).ok()?).ok()?;
    Some(PathBuf::from(record.get("data")?.as_str()?))
}

/// A warning where two models are one file.
fn same_file(models: &[Model]) -> Option<String> {
    let mut pairs =
        models.iter().enumerate().flat_map(|(i, left)| models[i + 1..].iter().map(move |right| (left, right)));
    let (left, right) = pairs.find(|(left, right)| left.input.blake3 == right.input.blake3)?;
    Some(format!("the files of `{}` and `{}` are the same, byte by byte", left.name, right.name))
}

fn hinted(error: LeaksError) -> anyhow::Error {
    match error.hint().map(str::to_owned) {
        Some(hint) => with_hint(error.into(), hint),
        // A manifest's error has its own hint.
        None => match error {
            LeaksError::Manifest(error) => error.into(),
            error => error.into(),
        },
    }
}
