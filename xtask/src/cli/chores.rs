//! What the commands about the project itself are told.

use clap::{Args, ValueEnum};

/// Get libtorch, once for all checkouts
///
/// In this order: what LIBTORCH names; an installed PyTorch 2.11 when LIBTORCH_USE_PYTORCH=1; else the official
/// wheel, downloaded by `python3 -m pip` (530 MB) and unpacked into the user's cache folder (500 MB).
#[derive(Debug, Args)]
pub struct Setup {
    /// Only say what is set up; exit code 1 if nothing usable is
    #[arg(long)]
    pub check: bool,
    /// Print errors only
    #[arg(long, short)]
    pub quiet: bool,
}

/// Check format, lints and invariants, and run all tests
#[derive(Debug, Args)]
pub struct Test {
    /// Without format, lints and invariants
    #[arg(long)]
    pub only_tests: bool,
    /// Passed on to `cargo test`
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

/// Measure speed and memory, and print tables
///
/// Example: cargo xtask bench neardup -- --only photos
#[derive(Debug, Args)]
pub struct Bench {
    /// What to measure
    #[arg(value_enum)]
    pub what: Benched,
    /// Small sizes, to see that everything works; the figures mean little
    #[arg(long)]
    pub quick: bool,
    /// Passed on to the bench; `-- --help` lists them
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

/// What has a bench.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Benched {
    /// Near-duplicate detection: photos and their edits (`-- --only photos`), radius search, hashes, CIFAR-10 end to end
    Neardup,
    /// Ingest: small images and photos beside decoding alone, on two threads
    Ingest,
    /// Training: images a second beside eager PyTorch, which TWINSET_BENCH_PYTHON names
    Train,
    /// Audits: one row of ten million, and statistics, beside DuckDB, of which TWINSET_BENCH_PYTHON names a Python
    Audit,
    /// AutoAttack beside its authors' own, of which TWINSET_BENCH_AUTOATTACK names a checkout
    Attack,
}

impl Benched {
    /// The name of cargo's bench target.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neardup => "neardup",
            Self::Ingest => "ingest",
            Self::Train => "train",
            Self::Audit => "audit",
            Self::Attack => "attack",
        }
    }
}
