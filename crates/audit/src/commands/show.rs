//! `show`: a manifest's rows.

use std::path::PathBuf;

use anyhow::Context;
use twinset_audit::show::{Choice, show};
use twinset_manifest::Untyped;

use super::{Format, stdout};
use crate::Answer;

/// Rows of a table that is not told how many it may have.
const TABLE_ROWS: u64 = 20;

/// Show rows of a manifest; binary columns are shown as size and digest
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest, any other Parquet file, or a folder of shards.
    manifest: PathBuf,

    /// Only rows for which this SQL condition holds, such as "label = 3 AND split = 'train'".
    #[arg(long = "where", value_name = "SQL")]
    condition: Option<String>,

    /// Only these columns, in this order; `image.path` is a field of a column.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,

    /// Show at most this many rows [default: 20 in a table, else all].
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let manifest = Untyped::open(&args.manifest).context("failed to read")?;
    let limit = args.limit.or_else(|| matches!(args.format, Format::Table).then_some(TABLE_ROWS));
    let choice = Choice { condition: args.condition.clone(), columns: args.columns.clone(), limit };
    let n_shown = show(&manifest, &choice, args.format.into(), stdout()).context("failed to show the rows")?;
    if args.limit.is_none() && Some(n_shown) == limit && n_shown < manifest.n_rows() {
        note!("the first {n_shown} rows; --limit shows more");
    }
    Ok(Answer::Sound)
}
