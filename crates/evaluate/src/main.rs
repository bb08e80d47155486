//! The evaluation stage: `twinset-evaluate --help`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tch::Device;
use twinset_evaluate::{
    CLEAN, Checkpoints, Config, EvaluateError, Evaluation, Found, Record, SplitSizes, accuracies, evaluate, load,
    open_network, robust_accuracies,
};
use twinset_manifest::rows::Prediction;
use twinset_manifest::{Check, CheckOutcome, Input, Provenance, write_manifest};
use twinset_model::{DeviceChoice, device_name, open_device};
use twinset_stage::{CommonArgs, with_hint};

/// Classify images with trained weights, as they are and under attacks.
///
/// Writes predictions.parquet: one row an image and attack, of which `clean` is the first.
///
/// Where there are attacks, it is checked that they can be believed; the checks stand in the provenance. What is done is kept in
/// the folder `checkpoints` in the output folder until all is: an evaluation that was interrupted goes on from there, and ends
/// with the same bytes.
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

    /// Weights as twinset-train writes them, or a safetensors file of a network's PyTorch state_dict: the table `network` of the
    /// config then says which network it is.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    weights: Option<PathBuf>,

    /// Weights of another network for the same images and classes, such as one of another seed; may be given several times. Images
    /// that are made to fool it are tried on this one: where they are stronger than its own attacks, a check fails.
    #[arg(long, value_name = "FILE")]
    transfer_from: Vec<PathBuf>,

    /// Folder that the paths of images are relative to, for images that are referenced and not embedded: the one that
    /// twinset-ingest had as --data. After `twinset-ingest --data ~/datasets` it is `--folder ~/datasets`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// `auto`, `cpu` or `cuda`.
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,

    /// Begin anew, and remove the checkpoints of the evaluation that was under way in the output folder.
    #[arg(long)]
    restart: bool,

    /// With --check: print as JSON how much work it would be where the splits have so many images.
    #[arg(long, value_name = "TRAIN,VAL,TEST", requires = "check")]
    estimate: Option<SplitSizes>,

    #[command(flatten)]
    common: CommonArgs,
}

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    twinset_stage::run(|| run(&args))
}

fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.common.config(Config::validate)?.resolved();
    if args.common.check {
        if let Some(sizes) = args.estimate {
            println!("{}", serde_json::to_string(&config.estimate(sizes))?);
        }
        warn(&config.warnings(None));
        return Ok(());
    }
    let (Some(images), Some(weights)) = (&args.images, &args.weights) else {
        anyhow::bail!("failed to evaluate: --images and --weights are needed");
    };
    let (device, why) = open_device(args.device, config.gpu).context("failed to open the device")?;
    eprintln!("device: {why}");
    let (network, warnings_of_training) = open_network(weights, config.network.as_ref(), device).map_err(|error| {
        let hint = error.hint();
        let error = anyhow::Error::new(error).context("failed to load the weights");
        match hint {
            Some(hint) => with_hint(error, hint),
            None => error,
        }
    })?;
    let mut data = load(images, args.leaked_images.as_deref(), &args.folder, &config, &network)
        .with_context(|| format!("failed to evaluate `{}` on `{}`", weights.display(), images.display()))?;
    for path in &args.transfer_from {
        let failed = || format!("failed to load `{}`", path.display());
        let (other, _) = open_network(path, config.network.as_ref(), device).with_context(failed)?;
        let input = Input::of_file(path).with_context(failed)?;
        data.add_other(path, input, other, &network).with_context(failed)?;
    }
    let weights = Input::of_file(weights).with_context(|| format!("failed to read `{}`", weights.display()))?;
    let out = args.common.out_folder()?;
    let mut provenance = Provenance::of_stage("evaluate", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_seed(Some(config.seed))
        .with_device(device_name(device))
        .with_inputs(data.inputs.iter().cloned().chain([weights]));
    let told = config.warnings(Some(network.spec()));
    warn(&told);
    provenance.warnings.clone_from(&data.warnings);
    add_new(&mut provenance.warnings, warnings_of_training);
    add_new(&mut provenance.warnings, told);

    let checkpoints = Checkpoints::new(&out.join("checkpoints"), &provenance);
    let from = go_on_from(args, &checkpoints, device)?;
    let record = Record { checkpoints: &checkpoints, from };
    let evaluation = evaluate(&network, &data, &config, &args.common.progress(), Some(record));
    let Evaluation { predictions, warnings, checks } = evaluation.context("failed to evaluate")?;
    warn(&warnings);
    add_new(&mut provenance.warnings, warnings);
    provenance.checks.clone_from(&checks);

    let own = data.images.image_ids[..data.n_own].iter().copied().collect::<HashSet<_>>();
    let (own, leaked): (Vec<_>, Vec<_>) = predictions.iter().cloned().partition(|row| own.contains(&row.image_id));
    let written = write_manifest(&out.join("predictions.parquet"), predictions, &provenance)
        .context("failed to write predictions")?;
    checkpoints.remove().context("failed to remove the checkpoints")?;
    println!("wrote {} ({} predictions)", written.path.display(), written.n_rows);
    summarise("", &own);
    summarise("leaked into ", &leaked);
    summarise_checks(&checks);
    Ok(())
}

/// What an evaluation that was interrupted has left in the output folder.
fn go_on_from(args: &Args, checkpoints: &Checkpoints, device: Device) -> anyhow::Result<Found> {
    if args.restart {
        checkpoints.remove().context("failed to remove the checkpoints")?;
    }
    let found = checkpoints.open(device).map_err(|error| {
        let is_other = matches!(error, EvaluateError::OtherEvaluation { .. });
        let error = anyhow::Error::new(error).context("failed to go on with the evaluation");
        let hint = "--restart begins anew and removes the checkpoints; another --out leaves them";
        if is_other { with_hint(error, hint) } else { error }
    })?;
    for (path, why) in &found.damaged {
        eprintln!("warning: ignored the damaged checkpoint `{}`: {why}", path.display());
    }
    if let Some(done) = found.describe() {
        eprintln!("going on from {done}");
    }
    Ok(found)
}

fn add_new(warnings: &mut Vec<String>, more: Vec<String>) {
    for warning in more {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

fn summarise(which: &str, predictions: &[Prediction]) {
    let say = |split, what: &str, share: f64, n_right: u64, n_images: u64| {
        println!("{which}{split}, {what}: {:.1} % ({n_right} of {n_images} images)", 100.0 * share);
    };
    for accuracy in accuracies(predictions) {
        let attack = &accuracy.attack;
        let what = if attack == CLEAN { "clean accuracy".to_owned() } else { format!("accuracy under {attack}") };
        say(accuracy.split, &what, accuracy.fraction(), accuracy.n_correct, accuracy.n_images);
    }
    for robust in robust_accuracies(predictions) {
        let attacks =
            if robust.n_attacks == 1 { "1 attack".to_owned() } else { format!("{} attacks", robust.n_attacks) };
        let what = format!("robust accuracy (worst of {attacks})");
        say(robust.split, &what, robust.fraction(), robust.n_robust, robust.n_images);
    }
}

fn summarise_checks(checks: &[Check]) {
    if checks.is_empty() {
        return;
    }
    for Check { name, detail, .. } in checks.iter().filter(|check| check.outcome == CheckOutcome::Failed) {
        println!("check {name} failed: {detail}");
    }
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let [passed, failed, skipped] = [CheckOutcome::Passed, CheckOutcome::Failed, CheckOutcome::Skipped].map(count);
    println!("checks of the attacks: {passed} passed, {failed} failed, {skipped} skipped");
}
