//! `sql`: a query over all manifests by name.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use twinset_audit::Tree;
use twinset_audit::sql::{Named, Source, SqlError, columns_of_128_bits, csv, names_of, query, rows, runs};
use twinset_stage::with_hint;

use super::{Format, alone, damaged, print, warn_of_damaged};
use crate::Answer;

/// Answer an SQL query (Polars' dialect); each manifest is a table with the name of its file
///
/// If several manifests have the same name, each is also a table of its own with its folder's name added (images_a for
/// a/images.parquet). The name alone is then all of them as one table, with a column `manifest` for the path. --list prints
/// the tables. A folder of shards is one table. A CSV file is a table, too. In the store of a study, `runs` is the table of its
/// runs.
#[derive(clap::Args)]
#[command(
    override_usage = "twinset-audit sql [OPTIONS] <QUERY> <PATH>...\n       twinset-audit sql --list [OPTIONS] <PATH>...",
    after_help = "Examples:\n  \
                  twinset-audit sql \"SELECT label, COUNT(*) AS n FROM images GROUP BY label\" out/images\n  \
                  twinset-audit sql \"SELECT manifest, COUNT(*) AS n FROM images GROUP BY manifest\" out\n  \
                  twinset-audit sql \"SELECT i.source, m.score FROM images i JOIN mine m ON m.id = i.image_id\" out/images mine.csv\n  \
                  twinset-audit sql \"SELECT arm, seed, seconds FROM runs WHERE stage = 'train'\" data/stages\n  \
                  twinset-audit sql --list out"
)]
pub(crate) struct Args {
    /// First the query, in quotes; then a manifest or a folder, whose manifests are the tables, or a CSV file: one or several.
    #[arg(value_names = ["QUERY", "PATH"], num_args = 1.., required = true)]
    arguments: Vec<String>,

    /// List the tables: name, schema, rows, files, columns.
    #[arg(long, visible_alias = "tables")]
    list: bool,

    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let (query_, paths) = match &args.arguments[..] {
        [first, ..] if args.list && !Path::new(first).exists() && first.contains(' ') => {
            bail!("failed to list: expected paths alone")
        }
        paths if args.list => (None, paths),
        [path] if Path::new(path).exists() => bail!("failed to query: expected a query before the path `{path}`"),
        [query] => bail!("failed to query: expected a path after the query `{query}`"),
        [query, paths @ ..] => (Some(query), paths),
        [] => bail!("failed to query: expected a query and a path"),
    };
    if let Some((query, path)) = query_.zip(paths.iter().find(|path| !Path::new(path).exists()))
        && Path::new(query).exists()
    {
        bail!("failed to query: `{query}` is a path, and `{path}` is none: the query comes first, then the path");
    }
    let (of_text, folders): (Vec<&Path>, Vec<&Path>) = paths.iter().map(Path::new).partition(|path| is_csv(path));
    let trees = folders.iter().map(|path| alone(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut tables = names_of(&trees);
    for path in of_text {
        let rows = fs::read(path).map_err(anyhow::Error::from).and_then(|text| Ok(csv(&text)?));
        let rows = rows.with_context(|| format!("failed to read `{}`", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let table = Named::of_rows(&name, "csv", rows, &tables);
        tables.push(table);
    }
    // Only for a query that may name it: each run's record is read.
    if query_.is_none_or(|query| query.to_lowercase().contains("runs"))
        && let Some(rows) = runs(&folders).context("failed to list the runs")?
    {
        let table = Named::of_rows("runs", "runs of a store", rows, &tables);
        tables.push(table);
    }
    if tables.is_empty() {
        let damaged: String = trees.iter().flat_map(damaged).map(|damaged| format!(": {damaged}")).collect();
        bail!("failed to query: `{}` holds no manifest{damaged}", paths.join("`, `"));
    }
    trees.iter().for_each(warn_of_damaged);
    let Some(query_) = query_ else {
        print(args.format, &["table", "schema", "rows", "files", "manifests", "columns"], tables.iter().map(listed))?;
        return Ok(Answer::Sound);
    };
    let answer = without_panic(query_, &tables, || query(query_, &tables))
        .map_err(|error| hinted(error, query_, &trees, &tables))
        .context("failed to query")?;
    let header: Vec<&str> = answer.frame.get_column_names().iter().map(|name| name.as_str()).collect();
    print(args.format, &header, rows(&answer.frame))?;
    for union in answer.read.iter().filter(|table| table.is_union()) {
        note_union(union, &tables);
    }
    Ok(Answer::Sound)
}

/// Whether a path is a file of delimited text, as its name says.
fn is_csv(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| ["csv", "tsv", "txt"].iter().any(|known| extension == *known))
}

/// Says that a table was several manifests, and how each is named alone.
fn note_union(union: &Named, tables: &[Named]) {
    const MAX_NAMED: usize = 8;
    let (name, manifests, n_rows) = (&union.name, union.manifests(), union.n_rows());
    let n = manifests.len();
    note!("note: `{name}` is {n} manifests as one, {n_rows} rows; its column `manifest` tells them apart; each alone:");
    for (path, manifest) in manifests.iter().take(MAX_NAMED) {
        let is_alone = |table: &&Named| matches!(&table.source, Source::Manifest(of, _) if of == path);
        let alone = tables.iter().find(is_alone);
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
    let of_manifests = table.manifests();
    let n_files: usize = of_manifests.iter().map(|(_, manifest)| manifest.files().count()).sum();
    let manifests = match &of_manifests[..] {
        [] => String::new(),
        [(path, _)] => (*path).to_owned(),
        several => format!("{} as one", several.len()),
    };
    vec![
        table.name.as_str().into(),
        table.schema().into(),
        json!(table.n_rows()),
        json!(n_files),
        manifests.into(),
        table.columns().join(", ").into(),
    ]
}

/// A table that is not there is best answered by those that are, a column by how text is written.
fn hinted(error: SqlError, query: &str, trees: &[Tree], tables: &[Named]) -> anyhow::Error {
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
    let damaged: String = trees.iter().flat_map(damaged).map(|damaged| format!("{damaged}; ")).collect();
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
