//! `twinset-neardup evaluate`: how much of what is known was found, and how much of what was found is true.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use serde::Serialize;
use twinset_manifest::rows::{ImageFacts, Pair, Split};
use twinset_manifest::{Input, ManifestError, Provenance, Reader, write_atomically, write_manifest};
use twinset_neardup::{Evaluation, ImageIndex, OperatingPoints, Ranking, Truth, plot, roc_plot};
use twinset_stage::Progress;

const EXAMPLE: &str = "\
Examples:
  twinset-neardup evaluate --pairs duplicates/pairs.parquet --truth truth.csv --out evaluation
  twinset-neardup evaluate --pairs duplicates/pairs.parquet --truth cifar10_test_train.csv --images images.parquet \\
    --splits test,train --out evaluation

Truth (CSV with a header, with commas, semicolons or tabs, or Parquet; other columns are ignored):
  left_id,right_id   ids of images; or left,right: the names of their files; needs --images
  kind               exact, near or similar
  transform          what was done to one of the images; optional
  is_duplicate       false for a pair that was judged and is not a duplicate, else true; optional
or as groups, a row for each image:
  image_id           the image; or image: the name of its file; needs --images
  group              images of one group are duplicates; empty for an image that has none
or as ciFAIR has it:
  TestID,TrainID     positions in the test and the train split, counted from 0 in the order of ids; with --splits test,test
                     both are positions in the test split; needs --images
  Judgment           0 exact, 1 near, 2 very similar: all count as duplicates";

/// Compare pairs with known duplicates: precision and recall down the list of pairs, the most similar first.
///
/// Writes precision-recall.parquet (one row for each similarity) and precision-recall.svg, and roc.svg where pairs are known that
/// are no duplicates. Prints precision and recall at some ranks, the threshold with the greatest F1, average precision, the area
/// under the ROC curve, and the threshold that finds most pairs at --min-precision.
///
/// The list of known duplicates is assumed to be incomplete: a pair that is not in it may still be a duplicate. The
/// precision that is printed is therefore a lower bound. If the list also names pairs that are not duplicates, precision
/// over the judged pairs is printed too. It holds for all pairs only if pairs were chosen for judgement at random.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct EvaluateArgs {
    /// Manifest of the pairs that were found.
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,

    /// CSV or Parquet file of known duplicates. Can be given several times: the files together are the truth.
    #[arg(long, value_name = "FILE", required = true)]
    truth: Vec<PathBuf>,

    /// Manifest of the images. With it the ids in the truth are checked, and all identical images count as found.
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,

    /// Only pairs between these two splits, such as test,train.
    #[arg(long, value_name = "SPLIT,SPLIT", requires = "images")]
    splits: Option<Splits>,

    /// Also print the threshold that reaches this precision (0 to 1).
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = share)]
    min_precision: f64,

    /// Count every pair that is not in the truth as an error.
    #[arg(long)]
    truth_is_complete: bool,

    /// Folder for the outputs; made if missing. Each file in it appears whole or not at all.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

/// Two splits, or one twice.
#[derive(Clone, Copy, Debug)]
struct Splits(Split, Split);

impl FromStr for Splits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (one, other) = text.split_once(',').ok_or("expected two splits, such as `test,train`")?;
        Ok(Self(one.trim().parse()?, other.trim().parse()?))
    }
}

impl fmt::Display for Splits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " of {} and {} images", self.0, self.1)
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// What the manifest says it was asked for.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Asked {
    splits: Option<[Split; 2]>,
    min_precision: f64,
    truth_is_complete: bool,
}

pub(crate) fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let pairs = Reader::<Pair>::open(&args.pairs).context("failed to read the pairs")?;
    let mut inputs = vec![pairs.as_input().context("failed to read the pairs")?];
    let images = match &args.images {
        None => None,
        Some(path) => {
            let (images, input) = read_images(path, args).context("failed to read the images")?;
            pairs.expect_made_from(&input).context("failed to read the pairs")?;
            inputs.push(input);
            Some(images)
        }
    };
    let truth = read_truth(args, images.as_ref())?;
    for path in &args.truth {
        inputs.push(Input::of_file(path).with_context(|| format!("failed to read `{}`", path.display()))?);
    }

    let mut ranking = read_ranking(pairs, args)?;
    if let Some(images) = &images {
        ranking.add_identical(images);
    }
    let of = args.splits.map(|splits| splits.to_string()).unwrap_or_default();
    let evaluation = Evaluation::of(ranking, &truth, args.truth_is_complete, &of).with_context(|| {
        let truth: Vec<_> = args.truth.iter().map(|path| format!("`{}`", path.display())).collect();
        format!("failed to compare `{}` with the truth {}", args.pairs.display(), truth.join(", "))
    })?;

    let context = || format!("failed to write to `{}`", args.out.display());
    fs::create_dir_all(&args.out).with_context(context)?;
    let asked = Asked {
        splits: args.splits.map(|Splits(one, other)| [one, other]),
        min_precision: args.min_precision,
        truth_is_complete: args.truth_is_complete,
    };
    let provenance = provenance(&asked, inputs);
    let svg = plot(&evaluation, args.min_precision);
    write_manifest(&args.out.join("precision-recall.parquet"), evaluation.steps.iter().cloned(), &provenance)?;
    write_atomically(&args.out.join("precision-recall.svg"), svg.as_bytes()).with_context(context)?;
    let points = OperatingPoints { evaluation: &evaluation, min_precision: args.min_precision };
    let mut wrote = "precision-recall.parquet and precision-recall.svg";
    if let Some(svg) = roc_plot(&evaluation) {
        write_atomically(&args.out.join("roc.svg"), svg.as_bytes()).with_context(context)?;
        wrote = "precision-recall.parquet, precision-recall.svg and roc.svg";
    }
    println!("{points}wrote {wrote} to {}", args.out.display());
    Ok(())
}

fn provenance(asked: &Asked, inputs: Vec<Input>) -> Provenance {
    let mut provenance =
        Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION")).with_config(asked).with_inputs(inputs);
    if !asked.truth_is_complete {
        provenance.warnings.push("the truth is not complete: `precision` is the least that it can be".to_owned());
    }
    provenance
}

fn progress(args: &EvaluateArgs) -> Progress {
    if args.quiet { Progress::hidden() } else { Progress::from_environment() }
}

fn read_images(path: &Path, args: &EvaluateArgs) -> anyhow::Result<(ImageIndex, Input)> {
    let reader = Reader::<ImageFacts>::open(path)?;
    let input = reader.as_input()?;
    let bar = progress(args).begin("images", reader.n_rows(), "reading");
    let batches = reader.map(|batch: Result<Vec<ImageFacts>, ManifestError>| {
        let batch = batch?;
        bar.inc(batch.len() as u64);
        Ok::<_, anyhow::Error>(batch)
    });
    let images = ImageIndex::read(batches).with_context(|| format!("`{}`", path.display()))?;
    if let Some(Splits(one, other)) = args.splits {
        for split in [one, other] {
            if images.ids_in(split).is_empty() {
                bail!("`{}` has no {split} images, expected some (`--splits`)", path.display());
            }
        }
    }
    Ok((images, input))
}

fn read_truth(args: &EvaluateArgs, images: Option<&ImageIndex>) -> anyhow::Result<Truth> {
    let splits = args.splits.map(|Splits(one, other)| (one, other));
    let mut truth = Truth::default();
    for path in &args.truth {
        let context = || format!("failed to read the truth file `{}`", path.display());
        truth.extend(Truth::read(path, images, splits).with_context(context)?);
    }
    if let (Some(Splits(one, other)), Some(images)) = (args.splits, images) {
        truth.retain_between((one, other), images);
    }
    Ok(truth)
}

fn read_ranking(pairs: Reader<Pair>, args: &EvaluateArgs) -> anyhow::Result<Ranking> {
    let mut ranking = Ranking::default();
    let between = args.splits.map(|Splits(one, other)| (one, other));
    let bar = progress(args).begin("pairs", pairs.n_rows(), "reading");
    for batch in pairs {
        let batch = batch.context("failed to read the pairs")?;
        ranking
            .add(&batch, between)
            .with_context(|| format!("failed to read the pairs of `{}`", args.pairs.display()))?;
        bar.inc(batch.len() as u64);
    }
    Ok(ranking)
}
