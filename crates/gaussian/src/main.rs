//! `twinset-gaussian`: what duplicates do to a classifier of two Gaussian classes.

use std::process::ExitCode;

use clap::Parser;
use twinset_gaussian::{Config, Summary, accuracies, drawing, n_classifiers};
use twinset_manifest::{Provenance, write_manifest};
use twinset_stage::CommonArgs;

const EXAMPLE: &str = "\
Example:
  twinset-gaussian --set n-seeds=20 --out gaussian

Config (TOML), with its defaults, which are the published protocol:
  n-points = 100                          original points of each class
  means = { negative = [0.0, 0.0], positive = [1.0, 1.0] }
  covariance = [[1.0, 0.5], [0.5, 1.0]]   of both classes
  c = 1.0                                 the classifier: cost, and gamma of its radial kernel
  gamma = 0.5
  seed = 0                                the first seed, whose boundaries are drawn
  n-seeds = 200
  uniform-levels = [0, 20, ..., 200]      numbers of duplicates, any point as likely as any other
  non-uniform-levels = [0, 40, ..., 400]  numbers of duplicates, where a point of class +1 is
  positive-weight = 4.0                   so many times as likely as one of class -1
  n-held-out = 10000                      points of each class that classifiers are judged on";

/// Train support vector classifiers of two Gaussian classes with more and more duplicates.
///
/// Each is trained three times: at the published cost C, at C divided by 1 + rate, and at C divided class by class, so that what
/// duplicates do apart from raising the cost is seen.
/// Writes gaussian.parquet (the accuracies of each selection, cost, number of duplicates and seed), boundaries.parquet (the decision
/// boundaries of the first seed) and points.parquet (the original points of the first seed).
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Args {
    #[command(flatten)]
    common: CommonArgs,
}

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    twinset_stage::run(|| run(&args.common))
}

fn run(args: &CommonArgs) -> anyhow::Result<()> {
    let config = args.config(Config::validate)?;
    if args.check {
        return Ok(());
    }
    let out = args.out_folder()?;
    let bar = args.progress().begin("classifiers", n_classifiers(&config), "training");
    let rows = accuracies(&config, &|| bar.inc(1));
    drop(bar);
    let (points, boundaries) = drawing(&config);
    let summary = Summary::of(&config, &rows);
    let provenance =
        Provenance::of_stage("gaussian", env!("CARGO_PKG_VERSION")).with_config(&config).with_seed(Some(config.seed));
    write_manifest(&out.join("points.parquet"), points, &provenance)?;
    write_manifest(&out.join("boundaries.parquet"), boundaries, &provenance)?;
    write_manifest(&out.join("gaussian.parquet"), rows, &provenance)?;
    println!("{summary}wrote gaussian.parquet, boundaries.parquet and points.parquet to {}", out.display());
    Ok(())
}
