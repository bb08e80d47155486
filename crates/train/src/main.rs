//! The training stage: `twinset-train --help`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_manifest::{Input, Provenance, write_manifest};
use twinset_model::{DeviceChoice, Network, WeightsMetadata, load_initial, open_device, save};
use twinset_stage::CommonArgs;
use twinset_train::{Config, TrainingData, load, network_spec, train, train_from};

/// Train a network on a training set: weights, and how each epoch went.
///
/// Writes model.safetensors and epochs.parquet.
#[derive(Debug, Parser)]
#[command(
    name = "twinset-train",
    version,
    after_help = "Example:\n  twinset-train --config pipelines/quick.toml --table arm.0.train --set seed=0 \\\n    \
                  --images images.parquet --injected-images injected-images.parquet --trainset trainset.parquet --out run"
)]
struct Args {
    /// Images that rows of the trainset name (schema `images`).
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    images: Option<PathBuf>,

    /// Near-duplicates that rows of the trainset name (schema `images`).
    #[arg(long, value_name = "FILE")]
    injected_images: Option<PathBuf>,

    /// What to train on (schema `trainset`).
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    trainset: Option<PathBuf>,

    /// Weights to begin with: of twinset-train, or any safetensors file with the network's names, as PyTorch saves them.
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,

    /// Folder that paths in the images manifests are relative to.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// `auto`, `cpu` or `cuda`.
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,

    /// With --check: print as JSON how much work it would be to train on N rows.
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
    let config = args.common.config(Config::validate)?.resolved();
    if args.common.check {
        if let Some(n_rows) = args.estimate {
            println!("{}", serde_json::to_string(&config.estimate(n_rows))?);
        }
        return Ok(());
    }
    let (Some(images), Some(trainset)) = (&args.images, &args.trainset) else {
        anyhow::bail!("failed to train: --images and --trainset are needed");
    };
    let (device, why) = open_device(args.device).context("failed to open the device")?;
    eprintln!("device: {why}");
    let injected_images = args.injected_images.as_deref();
    let mut data = load(images, injected_images, trainset, &args.folder, config.held_out.as_ref(), device)
        .context("failed to load the training set")?;
    let out = args.common.out_folder()?;
    let progress = args.common.progress();
    let trained = match &args.init {
        None => train(&config, &data, &progress),
        Some(init) => {
            let network = begin_with(init, &config, &mut data).context("failed to load the weights to begin with")?;
            train_from(network, &config, &data, &progress)
        }
    };
    let trained = trained.context("failed to train")?;

    let mut provenance = Provenance::of_stage("train", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_seed(Some(config.seed))
        .with_inputs(data.inputs.iter().cloned());
    provenance.warnings.clone_from(&data.warnings);
    let last = trained.epochs.last().cloned();
    let epochs =
        write_manifest(&out.join("epochs.parquet"), trained.epochs, &provenance).context("failed to write epochs")?;
    let weights = out.join("model.safetensors");
    save(&weights, &trained.network, &WeightsMetadata::of(&trained.network, provenance))
        .context("failed to write weights")?;
    summarise(&weights, &epochs.path, last.as_ref());
    Ok(())
}

/// The network that these weights are of. The provenance will name them.
fn begin_with(weights: &Path, config: &Config, data: &mut TrainingData) -> anyhow::Result<Network> {
    let spec = network_spec(config, data)?;
    let (network, metadata) = load_initial(weights, &spec, config.normalisation, data.images.pixels.device())?;
    data.inputs.push(Input::of_file(weights).with_context(|| format!("cannot read `{}`", weights.display()))?);
    if let Some(metadata) = metadata {
        let mut warnings = metadata.provenance.warnings;
        if metadata.class_names != data.class_names {
            let (found, expected) = (metadata.class_names.join(", "), data.class_names.join(", "));
            warnings.push(format!("the weights to begin with are of classes {found}, the images of {expected}"));
        }
        warnings.retain(|warning| !data.warnings.contains(warning));
        data.warnings.extend(warnings);
    }
    Ok(network)
}

fn summarise(weights: &Path, epochs: &Path, last: Option<&twinset_manifest::rows::Epoch>) {
    println!("wrote {} and {}", weights.display(), epochs.display());
    if let Some(epoch) = last {
        let held_out = epoch.held_out_accuracy.zip(epoch.n_held_out);
        let held_out = held_out.map(|(accuracy, n)| format!(", {:.1} % on {n} held-out images", 100.0 * accuracy));
        println!(
            "{} epochs, {} steps, {} samples: loss {:.4}, accuracy {:.1} % in the last epoch{}",
            epoch.epoch,
            epoch.n_steps,
            epoch.n_samples_seen,
            epoch.train_loss,
            100.0 * epoch.train_accuracy,
            held_out.unwrap_or_default()
        );
    }
}
