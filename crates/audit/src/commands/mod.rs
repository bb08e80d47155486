//! The commands, one a module: arguments, and what is printed.

/// Prints a line to stdout as [`print_text`] does, and returns its error from the function that it stands in.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::commands::print_text(&format!("{}\n", format_args!($($text)*)))?
    };
}

/// Prints a line to stderr, where nobody is told that it cannot be printed.
macro_rules! note {
    ($($text:tt)*) => {
        drop(std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("{}\n", twinset_stage::printable(&format!($($text)*))),
        ))
    };
}

pub(crate) mod diff;
pub(crate) mod html;
pub(crate) mod lineage;
pub(crate) mod ls;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod sql;
pub(crate) mod stats;
pub(crate) mod validate;

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::Value;
use twinset_audit::{Entry, Kind, Table, Tree};
use twinset_stage::printable;

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
    damaged(tree).for_each(|damaged| note!("warning: {damaged}, and is left out"));
}

/// Prints lines to stdout. What a terminal would obey is escaped.
pub(crate) fn print_text(lines: &str) -> anyhow::Result<()> {
    write_stdout(&printable(lines))
}

/// Writes a text that ends with a new line, as it is.
fn write_stdout(text: &str) -> anyhow::Result<()> {
    io::stdout().write_all(text.as_bytes()).context(STDOUT)
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    write_stdout(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

const STDOUT: &str = "failed to write to stdout";

pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Prints rows.
pub(crate) fn print(format: Format, header: &[&str], rows: impl Iterator<Item = Vec<Value>>) -> anyhow::Result<u64> {
    let header = header.iter().map(|name| (*name).to_owned()).collect();
    let mut table = Table::begin(stdout(), format.into(), header).context(STDOUT)?;
    for row in rows {
        table.push(row).context(STDOUT)?;
    }
    table.end().context(STDOUT)
}
