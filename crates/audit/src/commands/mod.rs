//! The commands, one a module: arguments, and what is printed.

pub(crate) mod diff;
pub(crate) mod html;
pub(crate) mod lineage;
pub(crate) mod ls;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod sql;
pub(crate) mod stats;
pub(crate) mod validate;

use std::io::{BufWriter, StdoutLock};
use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::Value;
use twinset_audit::{Entry, Kind, Table, Tree};

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// Columns side by side.
    #[default]
    Table,
    /// Comma-separated values.
    Csv,
    /// An array of objects.
    Json,
}

impl From<Format> for twinset_audit::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
        }
    }
}

/// A manifest or a folder, without what is around it.
pub(crate) fn alone(path: &Path) -> anyhow::Result<Tree> {
    Tree::alone(path).context("failed to look around")
}

/// The tree around a path.
pub(crate) fn tree(path: &Path, within: Option<&Path>) -> anyhow::Result<Tree> {
    Tree::open(path, within).context("failed to look around")
}

/// An error where nothing that was asked about is of use.
fn expect_some(tree: &Tree, path: &Path, is_of_use: impl Fn(&Entry) -> bool) -> anyhow::Result<()> {
    if tree.selected().any(is_of_use) {
        return Ok(());
    }
    let path = path.display();
    let foreign = || tree.selected().find(|entry| matches!(entry.kind, Kind::Foreign(_)));
    let foreign = || foreign().map(|entry| format!("`{}` is a Parquet file of no stage", entry.relative));
    match damaged(tree).next().or_else(foreign) {
        Some(found) => bail!("no manifest in `{path}`: {found}"),
        None => bail!("no manifest in `{path}`"),
    }
}

/// The manifests that cannot be read, each with what is wrong with it.
fn damaged(tree: &Tree) -> impl Iterator<Item = String> {
    tree.selected().filter_map(|entry| match &entry.kind {
        Kind::Damaged(detail) => Some(format!("`{}` is damaged: {detail}", entry.relative)),
        _ => None,
    })
}

/// What an answer over all manifests does not hold is said.
fn warn_of_damaged(tree: &Tree) {
    damaged(tree).for_each(|damaged| eprintln!("warning: {damaged}, and is left out"));
}

pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(std::io::stdout().lock())
}

/// Prints rows.
pub(crate) fn print(format: Format, header: &[&str], rows: impl Iterator<Item = Vec<Value>>) -> anyhow::Result<u64> {
    let header = header.iter().map(|name| (*name).to_owned()).collect();
    let mut table = Table::begin(stdout(), format.into(), header)?;
    for row in rows {
        table.push(row)?;
    }
    Ok(table.end()?)
}
