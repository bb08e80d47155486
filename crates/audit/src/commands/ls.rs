//! `ls`: what is here.

use std::path::PathBuf;

use twinset_audit::list;

use super::{Format, alone, print};
use crate::Answer;

/// List manifests: schema, rows, size, the stage that made them, the first digits of their BLAKE3
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest or a folder.
    path: PathBuf,

    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let tree = alone(&args.path)?;
    print(args.format, &list::HEADER, list::list(&tree))?;
    Ok(Answer::Sound)
}
