//! The training stage: `twinset-train --help`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_manifest::rows::Image;
use twinset_manifest::{Input, Provenance, Reader, write_manifest};
use twinset_model::{
    DeviceChoice, ModelError, Network, Precision, Surroundings, WeightsMetadata, device_name, load_initial,
    open_device, save,
};
use twinset_stage::{CommonArgs, InvalidField, with_hint};
use twinset_train::{
    Checkpoint, Checkpoints, Config, EventFile, Found, Pace, Record, TrainError, Trained, TrainingData, load, measure,
    network_spec, new_network, train_resumably,
};

/// Of CIFAR-10's images and of those that are generated.
const USUAL_IMAGE_SIZE: i64 = 32;
const PRECISION_HINT: &str =
    "`precision = \"float32\"`, the default, runs on any machine; a GPU computes in bfloat16 too";

/// Train a network on a training set: weights, and how each epoch went.
///
/// Writes model.safetensors and epochs.parquet. With early stopping model.safetensors is of the best epoch, and
/// model-last.safetensors of the last.
///
/// After each epoch a checkpoint is written to the folder `checkpoints` in the output folder, and the last two are kept. A
/// training that was killed and is started again with the same arguments goes on from there, and on a CPU with one
/// thread ends with the same bytes as one that was not. The folder is removed when the training is done.
#[derive(Debug, Parser)]
#[command(
    name = "twinset-train",
    version,
    after_help = "Example:\n  twinset-train --config pipelines/quick.toml --table arm.0.train --set seed=0 \\\n    \
                  --images images.parquet --injected-images injected-images.parquet --trainset trainset.parquet --out run"
)]
#[command(mut_arg("out", |out| out.required_unless_present_any(["check", "describe_device"])))]
struct Args {
    /// Images that rows of the trainset name (schema `images`).
    #[arg(long, value_name = "FILE", required_unless_present_any = ["check", "describe_device"])]
    images: Option<PathBuf>,

    /// Near-duplicates that rows of the trainset name (schema `images`).
    #[arg(long, value_name = "FILE")]
    injected_images: Option<PathBuf>,

    /// What to train on (schema `trainset`).
    #[arg(long, value_name = "FILE", required_unless_present_any = ["check", "describe_device"])]
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

    /// Begin anew, and remove the checkpoints of the training that was under way in the output folder.
    #[arg(long)]
    restart: bool,

    /// Leave the last two checkpoints when the training is done.
    #[arg(long)]
    keep_checkpoints: bool,

    /// Folder for an event file of TensorBoard, to which each epoch is added as it ends; a training that is resumed begins
    /// another there, which goes on from where the first was.
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,

    /// Print as JSON how many GPUs --device can use, the file of libtorch, and the instruction set that torch chose, and end.
    #[arg(long)]
    describe_device: bool,

    /// With --check: print as JSON how much work it would be to train on N rows.
    #[arg(long, value_name = "N", requires = "check")]
    estimate: Option<u64>,

    /// With --check: train for some seconds on random images, and print as JSON how fast that is. They are of 32×32 pixels, or of
    /// the size of those that --images names.
    #[arg(long, requires = "check")]
    pace: bool,

    #[command(flatten)]
    common: CommonArgs,
}

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    twinset_stage::run(|| run(&args))
}

fn run(args: &Args) -> anyhow::Result<()> {
    if args.describe_device {
        println!("{}", serde_json::to_string(&Surroundings::of(args.device)?)?);
        return Ok(());
    }
    let config = args.common.config(Config::validate)?.resolved();
    check_device(args, &config)?;
    for warning in config.warnings() {
        eprintln!("warning: {warning}");
    }
    if args.common.check {
        if let Some(n_rows) = args.estimate {
            args.common.config(|config: &Config| config.validate_spacing(n_rows))?;
            println!("{}", serde_json::to_string(&config.estimate(n_rows))?);
        }
        if args.pace {
            println!("{}", serde_json::to_string(&pace(args, &config)?)?);
        }
        return Ok(());
    }
    let (Some(images), Some(trainset)) = (&args.images, &args.trainset) else {
        anyhow::bail!("failed to train: --images and --trainset are needed");
    };
    let (device, why) = open_device(args.device, config.gpu).context("failed to open the device")?;
    eprintln!("device: {why}");
    let injected_images = args.injected_images.as_deref();
    let mut data = load(images, injected_images, trainset, &args.folder, config.held_out.as_ref(), device)
        .context("failed to load the training set")?;
    args.common.config(|config: &Config| config.validate_spacing(data.samples.len() as u64))?;
    let network = match &args.init {
        None => new_network(&config, &data).context("failed to train")?,
        Some(init) => begin_with(init, &config, &mut data).context("failed to load the weights to begin with")?,
    };
    let mut provenance = Provenance::of_stage("train", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_seed(Some(config.seed))
        .with_device(device_name(device))
        .with_inputs(data.inputs.iter().cloned());
    provenance.warnings = config.warnings();
    provenance.warnings.extend(data.warnings.iter().cloned());
    let out = args.common.out_folder()?;
    let checkpoints = Checkpoints::new(&out.join("checkpoints"), &provenance);
    let trained = train_or_resume(args, network, &config, &data, &checkpoints)?;

    for warning in &trained.warnings {
        eprintln!("warning: {warning}");
    }
    provenance.warnings.extend(trained.warnings);
    let last = trained.epochs.last().cloned();
    let epochs =
        write_manifest(&out.join("epochs.parquet"), trained.epochs, &provenance).context("failed to write epochs")?;
    if let Some(points) = trained.learning_curve {
        write_manifest(&out.join("learning-curve.parquet"), points, &provenance)
            .context("failed to write the learning curve")?;
    }
    let save = |name: &str, network: &Network| {
        let path = out.join(name);
        save(&path, network, &WeightsMetadata::of(network, provenance.clone())).context("failed to write weights")?;
        anyhow::Ok(path)
    };
    if let Some(last) = &trained.last {
        save("model-last.safetensors", last)?;
    }
    let weights = save("model.safetensors", &trained.network)?;
    if !args.keep_checkpoints {
        checkpoints.remove().context("failed to remove the checkpoints")?;
    }
    summarise(&weights, &epochs.path, last.as_ref());
    Ok(())
}

fn pace(args: &Args, config: &Config) -> anyhow::Result<Pace> {
    let image_size = match &args.images {
        None => USUAL_IMAGE_SIZE,
        Some(path) => {
            let first = Reader::<Image>::open(path).context("failed to load the images")?.next().transpose()?;
            let first = first.and_then(|rows| rows.first().map(|row| row.width));
            first.map_or(USUAL_IMAGE_SIZE, i64::from)
        }
    };
    let (device, _) = open_device(args.device, config.gpu).context("failed to open the device")?;
    measure(config, image_size, device).context("failed to measure the pace")
}

/// Checks that the device is there and computes in the precision.
fn check_device(args: &Args, config: &Config) -> anyhow::Result<()> {
    let precision = config.precision;
    // Every CPU computes in float32, and opening a GPU takes seconds.
    if precision == Precision::Float32 && args.device != DeviceChoice::Cuda {
        return Ok(());
    }
    let (device, _) = open_device(args.device, config.gpu).context("failed to open the device")?;
    let Err(ModelError::Precision { reason }) = precision.check(device) else { return Ok(()) };
    // The config is read again for the key's place in it.
    let found = format!("`{precision}` on the CPU");
    let refuse = |_: &Config| Err(InvalidField::new("precision", &found, format!("`float32`: {reason}")));
    args.common.config(refuse).map(drop).map_err(|error| with_hint(error.into(), PRECISION_HINT))
}

fn train_or_resume(
    args: &Args,
    network: Network,
    config: &Config,
    data: &TrainingData,
    checkpoints: &Checkpoints,
) -> anyhow::Result<Trained> {
    if args.restart {
        checkpoints.remove().context("failed to remove the checkpoints")?;
    }
    let found = checkpoints.find().context("failed to resume the training").map_err(|error| {
        with_hint(error, "--restart begins anew and removes the checkpoints; another --out leaves them")
    })?;
    for (path, why) in &found.damaged {
        eprintln!("warning: ignored the damaged checkpoint `{}`: {why}", path.display());
    }
    if let Some(checkpoint) = &found.checkpoint {
        eprintln!("resuming after epoch {} from `{}`", checkpoint.epoch, checkpoint.path.display());
    }
    let events = args.tensorboard.as_deref().map(EventFile::create).transpose().context("failed to train")?;
    let record = Record { checkpoints, from: found.checkpoint.as_ref(), events };
    train_resumably(network, config, data, &args.common.progress(), record).map_err(|error| {
        let is_memory = matches!(error, TrainError::OutOfMemory { .. });
        let error = anyhow::Error::new(error).context("failed to train");
        match checkpoints.find() {
            _ if is_memory => with_hint(error, "a smaller `batch-size` needs less, as does `precision = \"bfloat16\"`"),
            Ok(Found { checkpoint: Some(Checkpoint { epoch, path, .. }), .. }) => {
                with_hint(error, format!("the state after epoch {epoch} is kept in `{}`", path.display()))
            }
            _ => error,
        }
    })
}

/// The network that these weights are of. The provenance will name them.
fn begin_with(weights: &Path, config: &Config, data: &mut TrainingData) -> anyhow::Result<Network> {
    let spec = network_spec(config, data)?;
    let (network, metadata) =
        load_initial(weights, &spec, config.normalisation, data.images.pixels.device()).map_err(|error| match error
            .hint()
        {
            Some(hint) => with_hint(error.into(), hint),
            None => error.into(),
        })?;
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
        let attacked = epoch.held_out_attacked_accuracy.zip(epoch.n_held_out_attacked);
        let attacked = attacked.map(|(accuracy, n)| format!(", {:.1} % on {n} of them attacked", 100.0 * accuracy));
        println!(
            "{} epochs, {} steps, {} samples: loss {:.4}, accuracy {:.1} % in the last epoch{}{}",
            epoch.epoch,
            epoch.n_steps,
            epoch.n_samples_seen,
            epoch.train_loss,
            100.0 * epoch.train_accuracy,
            held_out.unwrap_or_default(),
            attacked.unwrap_or_default()
        );
    }
}
