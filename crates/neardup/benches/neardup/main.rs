//! Everything that is claimed of the speed of near-duplicate detection, measured: `cargo xtask bench neardup`.
//!
//! Each search runs in a process of its own, which says how long it took and how much memory it had at most. What is
//! compared is run in turn, several times over, and medians are told.

mod cifar10;
mod hashing;
mod parts;
mod photos;
mod planted;
mod process;
mod search;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

/// Measure near-duplicate detection.
#[derive(Parser)]
struct Args {
    /// Small sizes, to see that all works; the figures say little.
    #[arg(long)]
    quick: bool,
    /// Only the parts whose name contains this: photos, search, hashing, cifar10, shared.
    #[arg(long, default_value = "")]
    only: String,
    /// A folder of photos to edit; of the shared data's 24 otherwise.
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Only the edits whose name contains this.
    #[arg(long)]
    edit: Option<String>,
    /// The Python that has imagededup.
    #[arg(long, env = "TWINSET_BENCH_PYTHON", default_value = "python3")]
    python: PathBuf,
    /// Makes one search and prints what it took; for the bench itself.
    #[arg(long, hide = true)]
    run: Option<search::Run>,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(run) = &args.run {
        println!("{}", run.measure());
        return Ok(());
    }
    let is_wanted = |part: &str| part.contains(&args.only);
    println!("# Near-duplicate detection, measured\n\n{}\n", process::machine());
    if is_wanted("photos") {
        photos::matrix(args.quick, args.photos.as_deref(), args.edit.as_deref())?;
        photos::unrelated()?;
    }
    if is_wanted("search") {
        search::curve(args.quick)?;
        search::default_hash(args.quick)?;
        search::side_by_side(args.quick)?;
    }
    if is_wanted("hashing") {
        hashing::throughput(args.quick, &args.python)?;
    }
    if is_wanted("cifar10") {
        cifar10::end_to_end(args.quick)?;
    }
    if is_wanted("shared") {
        parts::beside_the_one_command(args.quick)?;
    }
    Ok(())
}
