//! `sql`: a query over all manifests by name.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use twinset_audit::sql::{Named, SqlError, names, query, rows};
use twinset_stage::with_hint;

use super::{Format, alone, print};
use crate::Answer;

/// Answer an SQL query (Polars' dialect) over manifests, each of which is a table called as its file
#[derive(clap::Args)]
#[command(
    override_usage = "twinset-audit sql [OPTIONS] <QUERY> <PATH>\n       twinset-audit sql --list [OPTIONS] <PATH>"
)]
pub(crate) struct Args {
    /// The query, and a manifest or a folder.
    #[arg(value_names = ["QUERY", "PATH"], num_args = 1..=2, required = true)]
    arguments: Vec<String>,

    /// List the tables, with their columns.
    #[arg(long)]
    list: bool,

    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let (query_, path) = match &args.arguments[..] {
        [path] if args.list => (None, path),
        [query, path] if !args.list => (Some(query), path),
        [_] => anyhow::bail!("failed to query: expected a query and a path"),
        _ => anyhow::bail!("failed to list: expected a path alone"),
    };
    let tree = alone(Path::new(path))?;
    let tables = names(&tree);
    let Some(query_) = query_ else {
        print(args.format, &["table", "manifests", "rows", "columns"], tables.iter().map(listed))?;
        return Ok(Answer::Sound);
    };
    let frame =
        without_panic(|| query(query_, &tables)).map_err(|error| hinted(error, &tables)).context("failed to query")?;
    let header: Vec<&str> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
    print(args.format, &header, rows(&frame))?;
    Ok(Answer::Sound)
}

/// Polars panics on some queries that its parser lets through: that, too, is an error on one line.
fn without_panic<T>(answer: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let answered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(answer));
    std::panic::set_hook(hook);
    answered.unwrap_or_else(|_| Err(SqlError::Query("Polars cannot plan or run it".to_owned())))
}

fn listed(table: &Named) -> Vec<Value> {
    let n_rows: u64 = table.manifests.iter().map(|(_, manifest)| manifest.n_rows()).sum();
    let columns = table.manifests[0].1.columns().fields().iter().map(|field| field.name().as_str());
    let columns: Vec<&str> = columns.chain(table.is_union.then_some("manifest")).collect();
    let manifests = match &table.manifests[..] {
        [(path, _)] => path.clone(),
        several => format!("{} as one", several.len()),
    };
    vec![table.name.as_str().into(), manifests.into(), json!(n_rows), columns.join(", ").into()]
}

/// A table that is not there is best answered by those that are.
fn hinted(error: SqlError, tables: &[Named]) -> anyhow::Error {
    let is_about_table = matches!(&error, SqlError::Query(message) if message.contains("relation"));
    if !is_about_table {
        return error.into();
    }
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).take(12).collect();
    let more = if tables.len() > names.len() { ", …; --list shows all" } else { "" };
    with_hint(error.into(), format!("the tables are {}{more}", names.join(", ")))
}
