//! `twinset-ingest`: a dataset source → `images.parquet` and `rejects.parquet`.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{download, ingest};

/// Read a dataset and write it as a manifest: one row for each image, with its split, class, pixels and digest.
///
/// The key `dataset` says what is read: `image-folder` (any folder of pictures), `table` (a CSV or Parquet of labels beside a
/// folder), `hugging-face` (Parquet files of `datasets`), `webdataset` (tar archives), `idx` (MNIST, Fashion-MNIST and files
/// like theirs), `cifar10` and `cifar100` (binary or Python version, folder or .tar.gz) or `shapes` (pictures that are drawn
/// here, with planted duplicates).
///
/// Writes images.parquet, rejects.parquet (files that could not be read, and why), croissant.json (describes both for other
/// tools) and, for shapes, truth.csv (the planted duplicates).
#[derive(Parser)]
#[command(version, after_help = ingest::EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(mut_arg("out", |out| out.required_unless_present_any(["check", "list_inputs", "count"])))]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    ingest: ingest::IngestArgs,
}

#[derive(Subcommand)]
enum Command {
    Download(download::DownloadArgs),
}

/// The exit code where something was rejected and `--fail-on-reject` was given.
const REJECT: u8 = 3;

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    twinset_stage::keep_freed_memory();
    let mut n_rejects = 0;
    let code = twinset_stage::run(|| {
        match &args.command {
            Some(Command::Download(args)) => download::run(args)?,
            None => n_rejects = ingest::run(&args.ingest)?,
        }
        Ok(())
    });
    if args.ingest.fail_on_reject && n_rejects > 0 && code == ExitCode::SUCCESS {
        eprintln!("{n_rejects} files or rows were rejected (--fail-on-reject)");
        return ExitCode::from(REJECT);
    }
    code
}
