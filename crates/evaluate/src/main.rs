//! The evaluation stage: `twinset-evaluate --help`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_evaluate::{Accuracy, Config, Evaluation, SplitSizes, accuracies, evaluate, load};
use twinset_manifest::{Input, Provenance, write_manifest};
use twinset_model::{DeviceChoice, open_device};
use twinset_stage::CommonArgs;

/// Classify images with trained weights, as they are and under attacks.
///
/// Writes predictions.parquet: one row an image and attack, of which `clean` is the first.
#[derive(Debug, Parser)]
#[command(
    name = "twinset-evaluate",
    version,
    after_help = "Example:\n  twinset-evaluate --images images.parquet --weights model.safetensors --out run --set seed=0 \\\n    \
                  --set 'attacks=[{ kind = \"fgsm\", epsilon = \"8/255\" }]'"
)]
struct Args {
    /// Images to classify (schema `images`).
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Duplicates of training images that leaked into the splits, as twinset-inject writes them (schema `images`): they are
    /// classified after the splits' own images, all of them, under ids of their own.
    #[arg(long, value_name = "FILE")]
    leaked_images: Option<PathBuf>,

    /// Weights as twinset-train writes them.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    weights: Option<PathBuf>,

    /// Folder that the paths of images are relative to, for images that are referenced and not embedded: the one that
    /// twinset-ingest had as --data. After `twinset-ingest --data ~/datasets` it is `--folder ~/datasets`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// `auto`, `cpu` or `cuda`.
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,

    /// With --check: print as JSON how much work it would be where the splits have so many images.
    #[arg(long, value_name = "TRAIN,VAL,TEST", requires = "check")]
    estimate: Option<SplitSizes>,

    #[command(flatten)]
    common: CommonArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    twinset_stage::run(|| run(&args))
}

fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.common.config(Config::validate)?.resolved();
    if args.common.check {
        if let Some(sizes) = args.estimate {
            println!("{}", serde_json::to_string(&config.estimate(sizes))?);
        }
        warn(&config.warnings());
        return Ok(());
    }
    let (Some(images), Some(weights)) = (&args.images, &args.weights) else {
        anyhow::bail!("failed to evaluate: --images and --weights are needed");
    };
    let (device, why) = open_device(args.device).context("failed to open the device")?;
    eprintln!("device: {why}");
    let (network, metadata) = twinset_model::load(weights, device).context("failed to load the weights")?;
    let data = load(images, args.leaked_images.as_deref(), &args.folder, &config, &network)
        .with_context(|| format!("failed to evaluate `{}` on `{}`", weights.display(), images.display()))?;
    let out = args.common.out_folder()?;
    let evaluation = evaluate(&network, &data, &config, &args.common.progress()).context("failed to evaluate")?;
    let Evaluation { predictions, warnings } = evaluation;
    warn(&warnings);

    let weights = Input::of_file(weights).with_context(|| format!("failed to read `{}`", weights.display()))?;
    let mut provenance = Provenance::of_stage("evaluate", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_seed(Some(config.seed))
        .with_inputs(data.inputs.into_iter().chain([weights]));
    provenance.warnings = data.warnings;
    for warning in metadata.provenance.warnings.into_iter().chain(warnings) {
        if !provenance.warnings.contains(&warning) {
            provenance.warnings.push(warning);
        }
    }
    let own = data.images.image_ids[..data.n_own].iter().copied().collect::<HashSet<_>>();
    let (own, leaked): (Vec<_>, Vec<_>) = predictions.iter().cloned().partition(|row| own.contains(&row.image_id));
    let (own, leaked) = (accuracies(&own), accuracies(&leaked));
    let written = write_manifest(&out.join("predictions.parquet"), predictions, &provenance)
        .context("failed to write predictions")?;
    println!("wrote {} ({} predictions)", written.path.display(), written.n_rows);
    summarise("", &own);
    summarise("leaked into ", &leaked);
    Ok(())
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

fn summarise(which: &str, accuracies: &[Accuracy]) {
    for accuracy in accuracies {
        let Accuracy { split, attack, n_correct, n_images } = accuracy;
        let share = 100.0 * accuracy.fraction();
        println!("{which}{split}, {attack}: {share:.1} % right ({n_correct} of {n_images} images)");
    }
}
