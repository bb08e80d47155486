//! The command line.

mod chores;

pub use chores::{Bench, Benched, Setup, Test};

use crate::duration;
use crate::machine::workspace::Workspace;
use crate::stages::device::DeviceChoice;
use crate::stages::precision::Precision;
use crate::study::seeds::{parse_seeds, seeds_text};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::env;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Sets up, runs and tests Twinset.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub struct Cli {
    /// The checkout to work in, instead of the one that the current folder is in
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Runs studies with the programs that are installed beside this one. The folders `data` and `reports` are made in the current folder.
#[derive(Debug, Parser)]
#[command(name = "twinset-study", version)]
pub struct InstalledCli {
    /// What to do
    #[command(subcommand)]
    pub command: InstalledCommand,
}

/// One subcommand of `twinset-study`.
#[derive(Debug, Subcommand)]
pub enum InstalledCommand {
    /// Run a pipeline and make its report
    Reproduce(Reproduce),
    /// Work on a pipeline beside other workers, on this machine or on others that share the folder; make no report
    Work(Work),
    /// Have Slurm run workers, and then the report
    Submit(Submit),
    /// Say which cells of a pipeline are done, failed or missing
    Status(Status),
    /// Estimate how long a pipeline takes, and how many seeds its claims need
    Plan(Plan),
    /// Say why runs of a pipeline are not finished: in what they differ from the nearest finished ones
    Why(Why),
    /// Remove runs that no pipeline reaches any more, and programs that made none that is left
    Gc(Gc),
}

/// One subcommand of `cargo xtask`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Get libtorch, once for all checkouts
    Setup(Setup),
    /// Run a pipeline and make its report
    Reproduce(Reproduce),
    /// Work on a pipeline beside other workers, on this machine or on others that share the folder; make no report
    Work(Work),
    /// Have Slurm run workers, and then the report
    Submit(Submit),
    /// Say which cells of a pipeline are done, failed or missing
    Status(Status),
    /// Estimate how long a pipeline takes, and how many seeds its claims need
    ///
    /// No stage is run; missing programs are built. Prints the number of cells, of finished and missing stage runs and of samples,
    /// and the time on this machine, estimated from the ledgers in `reports/`. For each claim, from the variance between the seeds
    /// so far: how many seeds would find the smallest difference that matters, for the claim alone and in its family, and how
    /// long these would take.
    ///
    /// Example: plan quick --power 0.9
    Plan(Plan),
    /// Say why runs of a pipeline are not finished: in what they differ from the nearest finished ones
    Why(Why),
    /// Remove runs that no pipeline reaches any more, and programs that made none that is left
    Gc(Gc),
    /// Check format, lints and invariants, and run all tests
    Test(Test),
    /// Measure speed and memory
    Bench(Bench),
    /// Have DuckDB, pandas, Polars, `datasets`, mlcroissant and OpenLineage's client read our files
    ///
    /// Installs them with pip into the user's cache folder, once. Part of `cargo xtask test`.
    Readers,
    /// Check the invariants of the architecture
    Tidy,
    /// Build the book in `docs/` with mdBook: target/book/index.html
    Docs,
    /// Pack the programs as a Python wheel and as a tarball: packages/ in cargo's target folder
    Dist,
}

/// Run a pipeline and make its report
///
/// A run with the same program, config and inputs as an earlier one is not repeated.
///
/// Example: reproduce cifar10-mini --data ~/datasets --jobs 4
#[derive(Debug, Args)]
pub struct Reproduce {
    /// Which study
    #[command(flatten)]
    pub study: StudyArgs,
    /// Stage runs at once [default: the number of cores, and with GPUs at most two on each]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Run nothing; print what `cargo xtask plan` prints
    #[arg(long)]
    pub dry_run: bool,
    /// Folder for TensorBoard's event files, with a folder for each pipeline and in it one for each training that runs:
    /// tensorboard --logdir DIR
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// Stop at the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Continue with the other cells after a failure (the default)
    #[arg(long, conflicts_with = "fail_fast")]
    pub keep_going: bool,
    /// No progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// Work on a pipeline beside other workers, on this machine or on others that share the folder; make no report
///
/// Takes runs that nobody works on until nothing is left. SIGTERM ends it within seconds; trainings go on from their checkpoints.
/// `reproduce` makes the report when all is done, and works as well.
///
/// Example: work cifar10-mini --data ~/datasets --time-limit 3h50m
#[derive(Debug, Args)]
pub struct Work {
    /// Which study
    #[command(flatten)]
    pub study: StudyArgs,
    /// Stage runs at once [default: the number of cores, and with GPUs at most two on each]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// End after so much time with exit code 0, as if interrupted: 90s, 30m or 1h30m
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub time_limit: Option<Duration>,
    /// No progress
    #[arg(long, short)]
    pub quiet: bool,
}

/// A file `slurm.toml`.
const SITE_EXAMPLE: &str = "\
A slurm.toml:
  setup = \"module load gcc\"     # lines of shell before each job's command
  [options]                     # long options of sbatch, for all jobs
  account = \"vision\"
  cpus-per-task = 8
  [report]                      # other ones for the report; false takes one back
  gres = false";

/// Have Slurm run workers, and then the report
///
/// Builds the programs and checks the pipeline here, then submits two jobs: an array of workers (`work`), and one that waits for all of them,
/// runs what is left and makes the report (`reproduce`). The programs are copied, so a build while they wait changes nothing. Scripts and logs
/// lie in reports/<pipeline>/slurm/. `status` shows the queue.
///
/// Options of sbatch that your site needs stand in the file `slurm.toml` of the checkout's folder.
///
/// Example: submit cifar10-mini --workers 8 --time 04:00:00 --gres gpu:1
#[derive(Debug, Args)]
#[command(after_help = SITE_EXAMPLE)]
pub struct Submit {
    /// Which study
    #[command(flatten)]
    pub study: StudyArgs,
    /// Workers: the array's size
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub workers: u16,
    /// Stage runs at once in each worker [default: the number of cores of its job, and with GPUs at most two on each]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// sbatch's `--partition`
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// sbatch's `--gres`, such as gpu:1
    #[arg(long, value_name = "LIST")]
    pub gres: Option<String>,
    /// sbatch's `--time`, such as 04:00:00. A minute before, a worker ends; its trainings go on from their checkpoints
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// What your site needs [default: slurm.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// Submit nothing and write nothing; print the scripts
    #[arg(long)]
    pub dry_run: bool,
    /// No progress of the build
    #[arg(long, short)]
    pub quiet: bool,
}

/// Which study, on which data and device.
#[derive(Debug, Clone, Args)]
pub struct StudyArgs {
    /// The name of a file in `pipelines/`, or the path of a .toml file
    #[arg(default_value = "quick")]
    pub pipeline: String,
    /// The folder of datasets, for pipelines that read one
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A number of seeds (`5` is 0 to 4) or a list (`3,8`; `3,` is 3 alone), instead of the pipeline's
    #[arg(long, value_name = "N|LIST")]
    pub seeds: Option<Seeds>,
    /// Device that trains and evaluates
    #[arg(long, value_enum, default_value = "auto")]
    pub device: DeviceChoice,
    /// Number format of trainings whose table does not say one [default: float32]
    #[arg(long, value_enum)]
    pub precision: Option<Precision>,
    /// Do not reuse trainings and evaluations that another kind of processor, or another model of GPU, computed
    #[arg(long)]
    pub same_processor: bool,
}

impl StudyArgs {
    /// The command that runs the study with these seeds.
    pub fn command(&self, workspace: &Workspace, seeds: &[u64]) -> String {
        let mut command = format!("{} reproduce {}", workspace.command(), self.pipeline);
        if let Some(data) = &self.data {
            command += &format!(" --data {}", data.display());
        }
        if let Some(device) = self.device.to_possible_value().filter(|_| self.device != DeviceChoice::Auto) {
            command += &format!(" --device {}", device.get_name());
        }
        if let Some(precision) = self.precision {
            command += &format!(" --precision {}", precision.name());
        }
        if self.same_processor {
            command += " --same-processor";
        }
        command + &format!(" --seeds {}", seeds_text(seeds))
    }
}

/// Say which cells of a pipeline are done, failed or missing
///
/// Reads the files on disk; nothing is built or run.
#[derive(Debug, Args)]
pub struct Status {
    /// What is asked about
    #[command(flatten)]
    pub study: StudyArgs,
    /// One JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

/// What is to be planned, and how.
#[derive(Debug, Args)]
pub struct Plan {
    /// What is planned
    #[command(flatten)]
    pub study: StudyArgs,
    /// Stage runs at once [default: the number of cores, and with GPUs at most two on each]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// The probability with which a claim's smallest difference should be found [default: 0.8]
    #[arg(long, value_name = "P", value_parser = parse_power)]
    pub power: Option<f64>,
    /// One JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// No progress
    #[arg(long, short)]
    pub quiet: bool,
}

impl Plan {
    /// What `reproduce --dry-run` asks for.
    pub fn of_dry_run(options: &Reproduce) -> Self {
        let (study, jobs, quiet) = (options.study.clone(), options.jobs, options.quiet);
        Self { study, jobs, power: None, json: false, quiet }
    }
}

/// Stage runs at once: what the user says, or as many as there are cores; with GPUs no more than two on each.
pub fn n_jobs(jobs: Option<u16>, n_gpus: usize) -> usize {
    let n_cores = || {
        let n_cores = thread::available_parallelism().map_or(1, usize::from);
        // A job of Slurm may see all cores of a node, and have some.
        let of_job = env::var("SLURM_CPUS_ON_NODE").ok().and_then(|n| n.parse().ok());
        of_job.map_or(n_cores, |n: usize| n_cores.min(n.max(1)))
    };
    let most = if n_gpus == 0 { usize::MAX } else { 2 * n_gpus };
    jobs.map_or_else(|| n_cores().min(most), usize::from)
}

fn parse_power(text: &str) -> Result<f64, String> {
    let power = text.parse().ok().filter(|power| *power > 0.0 && *power < 1.0);
    power.ok_or_else(|| "expected a probability between 0 and 1, such as 0.8".to_owned())
}

/// Say why runs of a pipeline are not finished: in what they differ from the nearest finished ones
///
/// Nothing is built or run. What comes after an unfinished run is not known yet.
///
/// Example: why quick --run 3fa9c2d1
#[derive(Debug, Args)]
pub struct Why {
    /// Which study
    #[command(flatten)]
    pub study: StudyArgs,
    /// Compare this finished run instead, in any pipeline: its key, or how that begins
    #[arg(long, value_name = "KEY")]
    pub run: Option<String>,
}

/// Remove runs that no pipeline reaches any more, and programs that made none that is left
///
/// Kept is what the programs, as they are built now, made for a pipeline as it is now, at any seed, rate and precision. That are the
/// pipelines of `pipelines/`, those that were run here from another file, and those that are named. Reports are left alone.
///
/// Example: gc --dry-run
#[derive(Debug, Args)]
pub struct Gc {
    /// Further pipelines: paths of .toml files
    #[arg(value_name = "PIPELINE")]
    pub pipelines: Vec<String>,
    /// Say what would go, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Seeds that the user names.
#[derive(Debug, Clone)]
pub struct Seeds(pub Vec<u64>);

impl std::str::FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_seeds(text).map(Self)
    }
}
