//! `twinset-audit`: questions that a data engineer asks of manifests.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{diff, html, lineage, ls, schema, show, sql, stats, validate};

const EXAMPLES: &str = "\
Examples:
  twinset-audit ls data/stages
  twinset-audit show data/stages/ingest/KEY/images.parquet --where \"label = 3\" --columns image_id,source --limit 5
  twinset-audit validate data/stages
  twinset-audit lineage data/stages/inject/KEY/trainset.parquet --image-id 17
  twinset-audit sql \"SELECT split, COUNT(*) AS n FROM images GROUP BY split\" data/stages/ingest/KEY

Exit codes: 0, 1 for an error, 2 for wrong usage; 3 where validate finds a violation or diff a difference.";

/// Inspect manifests: what they hold, where it comes from, and whether it is sound.
///
/// PATH is a manifest, the folder of a run, or any folder; all manifests in it are read.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Ls(ls::Args),
    Show(show::Args),
    Schema(schema::Args),
    Validate(validate::Args),
    Lineage(lineage::Args),
    Diff(diff::Args),
    Sql(sql::Args),
    Stats(stats::Args),
    Html(html::Args),
}

/// What an audit says, besides what it prints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Sound,
    Wrong,
}

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    let mut answer = Answer::Sound;
    let code = twinset_stage::run(|| {
        answer = match args.command {
            Command::Ls(args) => ls::run(&args)?,
            Command::Show(args) => show::run(&args)?,
            Command::Schema(args) => schema::run(&args)?,
            Command::Validate(args) => validate::run(&args)?,
            Command::Lineage(args) => lineage::run(&args)?,
            Command::Diff(args) => diff::run(&args)?,
            Command::Sql(args) => sql::run(&args)?,
            Command::Stats(args) => stats::run(&args)?,
            Command::Html(args) => html::run(&args)?,
        };
        Ok(())
    });
    if answer == Answer::Wrong { ExitCode::from(3) } else { code }
}
