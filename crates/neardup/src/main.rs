//! `twinset-neardup`: which images are duplicates of which.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::finish::LeaksFound;
use crate::commands::{clean, evaluate, find, gallery, parts, reference, split};

/// Find which images are duplicates of which.
///
/// Writes pairs.parquet (exact duplicates: the same decoded pixels; near-duplicates: found by correlation or hash, then
/// aligned and compared), clusters.parquet (which images belong together; every image has a row) and hashes.parquet (the
/// perceptual hash of every image).
#[derive(Parser)]
#[command(version, after_help = find::EXAMPLE, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    find: find::FindArgs,
}

#[derive(Subcommand)]
enum Command {
    Gallery(gallery::GalleryArgs),
    Evaluate(evaluate::EvaluateArgs),
    Clean(clean::CleanArgs),
    Split(split::SplitArgs),
    Hash(parts::HashArgs),
    Search(parts::SearchArgs),
    Verify(parts::VerifyArgs),
    Cluster(parts::ClusterArgs),
}

/// The exit code where duplicates lie in two splits, or in the reference, and `--fail-on-leak` was given.
const LEAK: u8 = 3;

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    let mut leaks = LeaksFound::default();
    let code = twinset_stage::run(|| {
        match &args.command {
            Some(Command::Gallery(args)) => gallery::run(args)?,
            Some(Command::Evaluate(args)) => evaluate::run(args)?,
            Some(Command::Clean(args)) => clean::run(args)?,
            Some(Command::Split(args)) => split::run(args)?,
            Some(Command::Hash(args)) => parts::hash(args)?,
            Some(Command::Search(args)) => parts::search(args)?,
            Some(Command::Verify(args)) => parts::verify(args)?,
            Some(Command::Cluster(args)) => leaks = parts::cluster(args)?,
            None => {
                leaks = match &args.find.reference {
                    Some(reference) => reference::run(&args.find, reference)?,
                    None => find::run(&args.find)?,
                };
            }
        }
        Ok(())
    });
    let fails_on_leak = match &args.command {
        Some(Command::Cluster(args)) => args.fail_on_leak,
        _ => args.find.fail_on_leak,
    };
    if fails_on_leak && leaks.n > 0 {
        eprintln!("{} {} (--fail-on-leak)", leaks.n, leaks.what());
        leaks.first.iter().for_each(|first| eprintln!("the first of them: {first}"));
        return ExitCode::from(LEAK);
    }
    code
}
