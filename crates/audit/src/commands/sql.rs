//! `sql`: a query over all manifests by name.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use twinset_audit::Tree;
use twinset_audit::sql::{Named, SqlError, columns_of_128_bits, names, query, rows};
use twinset_stage::with_hint;

use super::{Format, alone, damaged, print, warn_of_damaged};
use crate::Answer;

/// Answer an SQL query (Polars' dialect); each manifest is a table with the name of its file
///
/// If several manifests have the same name, each is also a table of its own with its folder's name added (images_a for
/// a/images.parquet). The name alone is then all of them as one table, with a column `manifest` for the path. --list prints
/// the tables. A folder of shards is one table.
#[derive(clap::Args)]
#[command(
    override_usage = "twinset-audit sql [OPTIONS] <QUERY> <PATH>\n       twinset-audit sql --list [OPTIONS] <PATH>",
    after_help = "Examples:\n  \
                  twinset-audit sql \"SELECT label, COUNT(*) AS n FROM images GROUP BY label\" out/images\n  \
                  twinset-audit sql \"SELECT manifest, COUNT(*) AS n FROM images GROUP BY manifest\" out\n  \
                  twinset-audit sql --list out"
)]
pub(crate) struct Args {
    /// First the query, in quotes; then a manifest or a folder, whose manifests are the tables.
    #[arg(value_names = ["QUERY", "PATH"], num_args = 1..=2, required = true)]
    arguments: Vec<String>,

    /// List the tables: name, schema, rows, files, columns.
    #[arg(long, visible_alias = "tables")]
    list: bool,

    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let (query_, path) = match &args.arguments[..] {
        [path] if args.list => (None, path),
        [query, path] if !args.list => (Some(query), path),
        [path] if Path::new(path).exists() => bail!("failed to query: expected a query before the path `{path}`"),
        [query] => bail!("failed to query: expected a path after the query `{query}`"),
        _ => bail!("failed to list: expected a path alone"),
    };
    if let Some(query) = query_.filter(|query| Path::new(query).exists() && !Path::new(path).exists()) {
        bail!("failed to query: `{query}` is a path, and `{path}` is none: the query comes first, then the path");
    }
    let tree = alone(Path::new(path))?;
    let tables = names(&tree);
    if tables.is_empty() {
        let damaged: String = damaged(&tree).map(|damaged| format!(": {damaged}")).collect();
        bail!("failed to query: `{path}` holds no manifest{damaged}");
    }
    warn_of_damaged(&tree);
    let Some(query_) = query_ else {
        print(args.format, &["table", "schema", "rows", "files", "manifests", "columns"], tables.iter().map(listed))?;
        return Ok(Answer::Sound);
    };
    let answer = without_panic(query_, &tables, || query(query_, &tables))
        .map_err(|error| hinted(error, query_, &tree, &tables))
        .context("failed to query")?;
    let header: Vec<&str> = answer.frame.get_column_names().iter().map(|name| name.as_str()).collect();
    print(args.format, &header, rows(&answer.frame))?;
    for union in answer.read.iter().filter(|table| table.is_union) {
        note_union(union, &tables);
    }
    Ok(Answer::Sound)
}

/// Says that a table was several manifests, and how each is named alone.
fn note_union(union: &Named, tables: &[Named]) {
    const MAX_NAMED: usize = 8;
    let (name, n, n_rows) = (&union.name, union.manifests.len(), union.n_rows());
    note!("note: `{name}` is {n} manifests as one, {n_rows} rows; its column `manifest` tells them apart; each alone:");
    for (path, manifest) in union.manifests.iter().take(MAX_NAMED) {
        let alone = tables.iter().find(|table| !table.is_union && table.manifests[0].0 == *path);
        let alone = alone.map_or("", |table| table.name.as_str());
        note!("  {alone}: `{path}`, {} rows", manifest.n_rows());
    }
    if n > MAX_NAMED {
        note!("  and {} more; --list tells them", n - MAX_NAMED);
    }
}

/// Polars panics on some queries that its parser lets through: that, too, is an error on one line.
fn without_panic<T>(sql: &str, tables: &[Named], answer: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let answered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(answer));
    std::panic::set_hook(hook);
    answered.unwrap_or_else(|payload| {
        let said = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        // What Polars lacks without its feature of this name.
        let is_of_128_bits = said.is_some_and(|said| said.contains("dtype-u128"));
        let columns = if is_of_128_bits { columns_of_128_bits(sql, tables) } else { Vec::new() };
        Err(SqlError::Query(match columns.first() {
            Some((table, column, found)) => format!(
                "SQL cannot group or join by column `{column}` of `{table}`, which is {found}: write CAST({column} AS VARCHAR)"
            ),
            None => "Polars cannot plan or run it".to_owned(),
        }))
    })
}

fn listed(table: &Named) -> Vec<Value> {
    let columns = table.manifests[0].1.columns().fields().iter().map(|field| field.name().as_str());
    let columns: Vec<&str> = columns.chain(table.is_union.then_some("manifest")).collect();
    let n_files: usize = table.manifests.iter().map(|(_, manifest)| manifest.files().count()).sum();
    let manifests = match &table.manifests[..] {
        [(path, _)] => path.clone(),
        several => format!("{} as one", several.len()),
    };
    vec![
        table.name.as_str().into(),
        table.schema().into(),
        json!(table.n_rows()),
        json!(n_files),
        manifests.into(),
        columns.join(", ").into(),
    ]
}

/// A table that is not there is best answered by those that are, a column by how text is written.
fn hinted(error: SqlError, query: &str, tree: &Tree, tables: &[Named]) -> anyhow::Error {
    let SqlError::Query(message) = &error else { return error.into() };
    if let Some(text) = between(message, "unable to find column \"", "\"").filter(|name| is_quoted(query, name)) {
        let hint = format!("text stands in single quotes: '{text}'");
        return with_hint(error.into(), hint);
    }
    let Some(relation) = between(message, "relation '", "'") else { return error.into() };
    let stem = relation.rsplit('/').next().and_then(|name| name.strip_suffix(".parquet"));
    if let Some(table) = stem.and_then(|stem| tables.iter().find(|table| table.name == stem)) {
        let hint = format!("a table is called as its file: write `{}` for '{relation}'", table.name);
        return with_hint(error.into(), hint);
    }
    let damaged: String = damaged(tree).map(|damaged| format!("{damaged}; ")).collect();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).take(12).collect();
    let more = if tables.len() > names.len() { ", …; --list shows all" } else { "" };
    with_hint(error.into(), format!("{damaged}the tables are {}{more}", names.join(", ")))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

fn is_quoted(query: &str, name: &str) -> bool {
    query.contains(&format!("\"{name}\""))
}
