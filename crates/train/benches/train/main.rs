//! Everything that is claimed of the speed of training, measured on one thread: `cargo xtask bench train`.
//!
//! Trainings of this crate and of eager PyTorch run in turn, several times over, and medians are told; without a PyTorch, ours
//! alone.

mod eager;
mod ours;

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use eager::Eager;
use ours::Ours;
use twinset_model::{DeviceChoice, GpuNumerics, Precision, open_device};

/// Measure training.
#[derive(Parser)]
struct Args {
    /// Small sizes, to see that all works; the figures say little.
    #[arg(long)]
    quick: bool,
    /// The Python that has PyTorch, and torchvision for its loading and augmentation.
    #[arg(long, env = "TWINSET_BENCH_PYTHON", default_value = "python3")]
    python: PathBuf,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Workloads in eager PyTorch: the script's name, and ours.
const EAGER: [(&str, &str); 6] = [
    ("standard-end-to-end", "PyTorch: paper-standard, DataLoader with torchvision transforms"),
    ("standard-step", "PyTorch: paper-standard, bare step, as written"),
    ("standard-step-tuned", "PyTorch: paper-standard, bare step, channels-last"),
    ("robust", "PyTorch: paper-robust, PGD-10, as written"),
    ("robust-tuned", "PyTorch: paper-robust, PGD-10, input gradients alone, channels-last"),
    ("robust-tuned-bfloat16", "PyTorch: the same in bfloat16 autocast"),
];

/// What ours are, and which of PyTorch's each is compared with.
const OURS: [(&str, &[&str]); 4] = [
    ("paper-standard, end to end: loading, augmentation, step", &["standard-end-to-end", "standard-step"]),
    ("paper-standard, loading and step", &["standard-step", "standard-step-tuned"]),
    ("paper-robust, PGD-10, float32", &["robust", "robust-tuned"]),
    ("paper-robust, PGD-10, bfloat16", &["robust", "robust-tuned-bfloat16"]),
];

fn main() -> Result<()> {
    let args = Args::parse();
    let (n_rounds, n_standard, n_robust) = if args.quick { (1, 2, 1) } else { (7, 40, 4) };
    open_device(DeviceChoice::Cpu, GpuNumerics::default())?;
    tch::set_num_threads(1);
    let ours = [
        Ours::standard(n_standard, true),
        Ours::standard(n_standard, false),
        Ours::robust(n_robust, Precision::Float32),
        Ours::robust(n_robust, Precision::Bfloat16),
    ];
    let mut eager = Eager::start(&args.python, n_standard, n_robust);
    let mut rates_of_ours = vec![Vec::new(); ours.len()];
    let mut rates_of_eager = vec![Vec::new(); EAGER.len()];
    // The first round is for warming up.
    for round in 0..=n_rounds {
        eprintln!("round {round} of {n_rounds}");
        for (rates, ours) in rates_of_ours.iter_mut().zip(&ours) {
            if let Ok(ours) = ours {
                rates.push(ours.measure()?);
            }
        }
        if let Ok(eager) = &mut eager {
            for (rates, (workload, _)) in rates_of_eager.iter_mut().zip(EAGER) {
                match eager.measure(workload) {
                    Ok(rate) => rates.push(rate),
                    Err(error) => eprintln!("{error:#}"),
                }
            }
        }
    }
    println!("# Training, measured\n\n{}\n", machine());
    println!(
        "Images a second of processor time on one thread, batch {}: median (least to most) of {n_rounds} runs in turn.\n",
        ours::BATCH
    );
    println!("| workload | images/s | times PyTorch |\n|---|---|---|");
    for ((rates, ours), (name, compared)) in rates_of_ours.iter().zip(&ours).zip(OURS) {
        match ours {
            Ok(_) => println!("| {name} | {} | {} |", spread(rates), ratios(rates, compared, &rates_of_eager)),
            Err(error) => println!("| {name} | not measured: {error:#} | |"),
        }
    }
    match &eager {
        Ok(eager) => {
            for (rates, (_, name)) in rates_of_eager.iter().zip(EAGER) {
                println!("| {name} | {} | |", spread(rates));
            }
            println!("\n{}", eager.version);
        }
        Err(error) => println!("\nPyTorch was not measured: {error:#}"),
    }
    Ok(())
}

/// `2.31 of standard-step`, for each that was measured.
fn ratios(rates: &[f64], compared: &[&str], eager: &[Vec<f64>]) -> String {
    let ratios = compared.iter().filter_map(|workload| {
        let index = EAGER.iter().position(|(name, _)| name == workload)?;
        Some(format!("{:.2} of {workload}", median(rates)? / median(&eager[index])?))
    });
    ratios.collect::<Vec<_>>().join(", ")
}

/// `600 (580 to 610)`.
fn spread(rates: &[f64]) -> String {
    let measured = measured(rates);
    match (median(rates), measured.first(), measured.last()) {
        (Some(median), Some(least), Some(most)) => format!("{median:.0} ({least:.0} to {most:.0})"),
        _ => "not measured".to_owned(),
    }
}

fn median(rates: &[f64]) -> Option<f64> {
    let measured = measured(rates);
    measured.get(measured.len().saturating_sub(1) / 2).copied()
}

/// All rates but the first, in ascending order.
fn measured(rates: &[f64]) -> Vec<f64> {
    let mut rates: Vec<_> = rates.iter().skip(1).copied().collect();
    rates.sort_by(f64::total_cmp);
    rates
}

/// The processor and how busy it was with other things.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("unknown processor", |(_, name)| name.trim());
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{name}, {n_cores} cores; load at the end: {}", load.split_whitespace().next().unwrap_or("unknown"))
}
