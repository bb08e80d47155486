//! AutoAttack beside its authors' own in Python, on the same weights and images, one thread each: `cargo xtask bench attack`.
//!
//! For each network and norm both run in turn. The table has robust accuracy, the images on which the two differ, and
//! seconds of processor time. PGD-10 is set beside torchattacks' in the same way.

mod reference;
mod task;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use reference::{Answer, Reference};
use task::Task;
use tch::{Device, Tensor};
use twinset_attack::{AutoAttack, Iterate, Norm, Outcome, Pgd, Version, auto_attack, pgd};
use twinset_manifest::units::{PixelRange, Radius};
use twinset_model::{DeviceChoice, GpuNumerics, open_device};

/// Measure AutoAttack.
#[derive(Parser)]
struct Args {
    /// Weights of a network, as twinset-train writes them; several may be named.
    #[arg(long, value_name = "FILE", required_unless_present = "quick")]
    weights: Vec<PathBuf>,
    /// Images of a split `test` that the networks are for (schema `images`).
    #[arg(long, value_name = "FILE", required_unless_present = "quick")]
    images: Option<PathBuf>,
    /// So many of the images, as many of each class.
    #[arg(long, default_value_t = 1000)]
    n_images: u64,
    /// Radius of the L-infinity ball.
    #[arg(long, default_value = "8/255")]
    epsilon_linf: Radius,
    /// Radius of the L2 ball.
    #[arg(long, default_value = "0.5")]
    epsilon_l2: Radius,
    /// Images that are attacked at once.
    #[arg(long, default_value_t = 250)]
    batch_size: u32,
    /// A tiny random network and 16 random images, to see that all works; the figures say nothing.
    #[arg(long)]
    quick: bool,
    /// A checkout of github.com/fra31/auto-attack; ours alone where there is none.
    #[arg(long, value_name = "DIR", env = "TWINSET_BENCH_AUTOATTACK")]
    reference: Option<PathBuf>,
    /// The Python that has PyTorch, numpy and safetensors, and torchattacks for its PGD.
    #[arg(long, env = "TWINSET_BENCH_PYTHON", default_value = "python3")]
    python: PathBuf,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The seed of both.
const SEED: i64 = 0;

fn main() -> Result<()> {
    let args = Args::parse();
    open_device(DeviceChoice::Cpu, GpuNumerics::default())?;
    tch::set_num_threads(1);
    let folder = tempfile::tempdir()?;
    let tasks = match (&args.images, args.quick) {
        (Some(images), false) => {
            args.weights.iter().map(|weights| Task::load(weights, images, args.n_images)).collect::<Result<Vec<_>>>()?
        }
        _ => vec![Task::random(folder.path())?],
    };
    let reference = args.reference.as_deref().map(|checkout| Reference::new(&args.python, checkout, folder.path()));
    println!("# AutoAttack, measured\n\n{}\n", machine());
    println!("Processor time on one thread; the standard version; images in batches of {}.\n", args.batch_size);
    println!("| network | norm, radius | images | robust | reference | differ | s | reference, s | ratio |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut pgd_rows = Vec::new();
    let mut version = String::new();
    for task in &tasks {
        for (norm, epsilon) in [(Norm::LInf, args.epsilon_linf), (Norm::L2, args.epsilon_l2)] {
            let ours = our_auto_attack(task, norm, epsilon, args.batch_size)?;
            let theirs = match &reference {
                Some(reference) => Some(reference.run(task, norm, epsilon, args.batch_size, SEED)?),
                None => None,
            };
            let name = format!("{norm:?}, {epsilon}");
            println!("{}", row(task, &name, &ours, theirs.as_ref().map(|theirs| &theirs.auto_attack))?);
            if norm == Norm::LInf {
                let pgd = theirs.as_ref().and_then(|theirs| theirs.pgd.as_ref());
                pgd_rows.push(row(task, "PGD-10, 8/255 by 2/255", &our_pgd(task, args.batch_size)?, pgd)?);
            }
            version = theirs.map_or(version, |theirs| theirs.version);
        }
    }
    println!("\nPGD, nothing drawn, beside torchattacks':\n");
    println!("| network | attack | images | right | torchattacks | differ | s | torchattacks, s | ratio |");
    println!("|---|---|---|---|---|---|---|---|---|");
    pgd_rows.iter().for_each(|row| println!("{row}"));
    match reference {
        Some(_) => println!("\n{version}"),
        None => println!("\nThe reference was not measured: --reference names no checkout of it."),
    }
    Ok(())
}

fn our_auto_attack(task: &Task, norm: Norm, epsilon: Radius, batch_size: u32) -> Result<Answer> {
    let config = AutoAttack { epsilon, norm, version: Version::Standard, attacks: Vec::new() };
    let clock = Clock::start();
    let network = task.network.frozen();
    let logits = |pixels: &Tensor| network.forward(pixels);
    let parts = config.parts(task.network.spec().n_classes);
    let found = auto_attack(&logits, &task.pixels(), &task.labels(), &parts, batch_size, SEED)?;
    let seconds = clock.seconds();
    Ok(Answer { is_right: found.outcomes.iter().map(|outcome| *outcome == Outcome::Robust).collect(), seconds })
}

fn our_pgd(task: &Task, batch_size: u32) -> Result<Answer> {
    let config = Pgd {
        epsilon: radius("8/255")?,
        step_size: radius("2/255")?,
        n_steps: 10,
        random_start: false,
        n_restarts: 1,
        iterate: Iterate::Last,
        norm: Norm::LInf,
        pixel_range: PixelRange::FULL,
    };
    let clock = Clock::start();
    let network = task.network.frozen();
    let logits = |pixels: &Tensor| network.forward(pixels);
    let mut is_right = Vec::new();
    let size = i64::from(batch_size);
    for (pixels, labels) in task.pixels().split(size, 0).iter().zip(task.labels().split(size, 0)) {
        let attacked = pgd(&logits, pixels, &labels, &config)?.pixels;
        let said = tch::no_grad(|| logits(&attacked)).argmax(1, false);
        is_right.extend(Vec::<bool>::try_from(said.eq_tensor(&labels))?);
    }
    Ok(Answer { is_right, seconds: clock.seconds() })
}

fn radius(text: &str) -> Result<Radius> {
    text.parse().map_err(anyhow::Error::msg)
}

/// A row of a table.
fn row(task: &Task, what: &str, ours: &Answer, theirs: Option<&Answer>) -> Result<String> {
    let share = |answer: &Answer| {
        let n = answer.is_right.iter().filter(|is_right| **is_right).count();
        format!("{:.1} %", 100.0 * n as f64 / answer.is_right.len() as f64)
    };
    let begin = format!("| {} | {what} | {} | {} ", task.name, ours.is_right.len(), share(ours));
    let Some(theirs) = theirs else { return Ok(format!("{begin}| not measured | | {:.1} | | |", ours.seconds)) };
    ensure!(theirs.is_right.len() == ours.is_right.len(), "the reference answers for another number of images");
    let n_differ = ours.is_right.iter().zip(&theirs.is_right).filter(|(ours, theirs)| ours != theirs).count();
    let ratio = ours.seconds / theirs.seconds;
    Ok(format!("{begin}| {} | {n_differ} | {:.1} | {:.1} | {ratio:.2} |", share(theirs), ours.seconds, theirs.seconds))
}

/// Processor time of this thread, which does all the work; where it is not counted, the time that has passed.
struct Clock {
    started: Instant,
    at: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now(), at: Self::of_thread() }
    }

    fn seconds(&self) -> f64 {
        match (self.at, Self::of_thread()) {
            (Some(start), Some(end)) => end - start,
            _ => self.started.elapsed().as_secs_f64(),
        }
    }

    fn of_thread() -> Option<f64> {
        let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
    }
}

/// The processor and how busy it is with other things.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("unknown processor", |(_, name)| name.trim());
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{name}, {n_cores} cores; load at the start: {}", load.split_whitespace().next().unwrap_or("unknown"))
}

/// Where all of this runs.
const DEVICE: Device = Device::Cpu;
