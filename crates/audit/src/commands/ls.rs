//! `ls`: what is here.

use std::path::PathBuf;

use twinset_audit::list;

use super::{Format, alone, print};
use crate::Answer;

/// List manifests: schema, rows, size, the stage that made them, their BLAKE3; of runs in a store arm, rate and seed
///
/// The table cuts keys and digests short; csv and json have them whole. Digests of a run's files are those of its digests.json, unless
/// a file has another size or is newer: such a file is read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest or a folder.
    path: PathBuf,

    /// Read all files for their digests, and believe no digests.json.
    #[arg(long)]
    deep: bool,

    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let tree = alone(&args.path)?;
    let tree = if args.deep { tree.deep() } else { tree };
    let rows: Vec<_> = list::list(&tree).collect();
    let (header, rows) = match args.format {
        Format::Table => list::shorten(rows),
        Format::Csv | Format::Json => (list::HEADER.to_vec(), rows),
    };
    print(args.format, &header, rows.into_iter())?;
    match tree.n_believed() {
        0 => {}
        1 => note!("note: 1 digest is taken from digests.json; --deep reads the file"),
        n => note!("note: {n} digests are taken from digests.json; --deep reads the files"),
    }
    Ok(Answer::Sound)
}
