//! `diff`: what differs?

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use serde_json::Value;
use twinset_audit::diff::{Diff, Matching, compare, compare_trees};
use twinset_audit::{is_sharded, text};
use twinset_manifest::Untyped;
use twinset_stage::printable_line;
use twinset_stage::with_hint;

use super::{alone, print_json, print_text};
use crate::Answer;

/// Compare two manifests row by row, or two folders manifest by manifest; exit code 3 if they differ
///
/// Rows are matched by their key, such as image_id.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest or a folder.
    left: PathBuf,

    /// Another one.
    right: PathBuf,

    /// Match rows by these columns instead of their key, and do not compare the key. `source` matches the images of two
    /// ingests whose ids differ.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    by: Vec<String>,

    /// Show at most this many added, removed and changed rows of each manifest.
    #[arg(long, value_name = "N", default_value_t = 5)]
    examples: usize,

    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: DiffFormat,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// To read.
    #[default]
    Text,
    /// As JSON.
    Json,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    if let Some(missing) = [&args.left, &args.right].into_iter().find(|path| !path.exists()) {
        bail!("failed to compare: `{}` does not exist", missing.display());
    }
    let is_folder = |path: &Path| path.is_dir() && !is_sharded(path);
    let is_same = match (is_folder(&args.left), is_folder(&args.right)) {
        (true, true) => trees(args)?,
        (false, false) => manifests(args)?,
        (true, false) => return Err(of_two_kinds(&args.left, &args.right)),
        (false, true) => return Err(of_two_kinds(&args.right, &args.left)),
    };
    Ok(if is_same { Answer::Sound } else { Answer::Wrong })
}

/// An error, with the manifest of that name where the folder holds it.
fn of_two_kinds(folder: &Path, other: &Path) -> anyhow::Error {
    let error = anyhow!("failed to compare: `{}` is a folder, and `{}` is none", folder.display(), other.display());
    match other.file_name().map(|name| folder.join(name)).filter(|path| path.is_file() || is_sharded(path)) {
        Some(meant) => with_hint(error, format!("did you mean `{}`?", meant.display())),
        None => error,
    }
}

fn manifests(args: &Args) -> anyhow::Result<bool> {
    let open = |path: &Path| Untyped::open(path).context("failed to compare");
    let (left, right) = (open(&args.left)?, open(&args.right)?);
    for (column, side) in args.by.iter().flat_map(|column| [(column, &left), (column, &right)]) {
        if side.columns().field_with_name(column).is_err() {
            bail!("failed to compare: `{}` has no column `{column}`", side.path().display());
        }
    }
    let diff = compare(&left, &right, &matching(args)).context("failed to compare")?;
    hint_at_source(&diff, "");
    if args.format == DiffFormat::Json {
        print_json(&diff)?;
    } else {
        print_text(&told(&diff, ""))?;
    }
    Ok(diff.is_empty())
}

fn trees(args: &Args) -> anyhow::Result<bool> {
    // Paths are told from the folders that are compared.
    let (left, right) = (alone(&args.left)?, alone(&args.right)?);
    let diff = compare_trees(&left, &right, &matching(args)).context("failed to compare")?;
    diff.differing.iter().for_each(|(path, _, diff)| hint_at_source(diff, &format!("`{path}`: ")));
    if args.format == DiffFormat::Json {
        print_json(&diff)?;
        return Ok(diff.is_empty());
    }
    for path in &diff.only_left {
        say!("only left: {path}");
    }
    for path in &diff.only_right {
        say!("only right: {path}");
    }
    for (left, right, diff) in &diff.differing {
        let right = if left == right { String::new() } else { format!(" and {right}") };
        say!("{left}{right}:");
        print_text(&told(diff, "  "))?;
    }
    say!("{} files the same, {} differ", diff.n_same, diff.differing.len());
    Ok(diff.is_empty())
}

fn matching(args: &Args) -> Matching {
    Matching { by: args.by.clone(), n_examples: args.examples }
}

fn hint_at_source(diff: &Diff, before: &str) {
    if let Some(n) = diff.n_same_by_source {
        note!("hint: {before}{n} rows are the same but for their image_id: `--by source` matches them");
    }
}

/// A difference, line by line.
fn told(diff: &Diff, before: &str) -> String {
    let mut lines = Vec::new();
    if let Some([left, right]) = &diff.schemas {
        lines.push(format!("schema: {left}, {right}"));
    }
    lines.extend(diff.columns.iter().map(|column| format!("column {column}")));
    for (key, left, right) in &diff.provenance {
        lines.push(format!("{key}: {}, {}", value(left), value(right)));
    }
    let Diff { n_same, n_added, n_removed, n_changed, .. } = diff;
    let key = if diff.key.is_empty() { "all their values".to_owned() } else { diff.key.join(", ") };
    let renumbered = match (diff.renumbered.join(", "), diff.n_renumbered) {
        (_, 0) => String::new(),
        (columns, n) => format!("; {columns} differs in {n}, which is not counted as changed"),
    };
    if !diff.are_rows_compared {
        let why = if diff.key.is_empty() { String::new() } else { format!(": not both sides have the columns {key}") };
        lines.push(format!("rows are not compared{why}"));
        return lines.into_iter().map(|line| format!("{before}{line}\n")).collect();
    }
    lines.push(format!(
        "rows by {key}: {n_same} the same, {n_added} added, {n_removed} removed, {n_changed} changed{renumbered}"
    ));
    lines.extend(diff.changed_columns.iter().map(|(column, n)| format!("  {column}: {n} changed")));
    for example in &diff.examples {
        let key: Vec<_> = example.key.iter().map(|(name, found)| format!("{name} {}", value(found))).collect();
        let values: Vec<_> = example
            .values
            .iter()
            .map(|(name, (left, right))| format!("{name} {} → {}", value(left), value(right)))
            .collect();
        let colon = if values.is_empty() { "" } else { ": " };
        lines.push(format!("{} {}{colon}{}", example.kind, key.join(", "), values.join(", ")));
    }
    lines.into_iter().map(|line| format!("{before}{line}\n")).collect()
}

fn value(value: &Value) -> String {
    if value.is_null() { "null".to_owned() } else { printable_line(&text(value)).into_owned() }
}
