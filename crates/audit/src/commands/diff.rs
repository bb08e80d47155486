//! `diff`: what differs?

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::Value;
use twinset_audit::diff::{Diff, compare, compare_trees};
use twinset_audit::text;
use twinset_manifest::Untyped;

use super::alone;
use crate::Answer;

/// Compare two manifests row by row, or two runs or folders manifest by manifest; exit code 3 where they differ
///
/// Rows are matched by the columns that tell them apart, such as image_id.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest or a folder.
    left: PathBuf,

    /// Another one.
    right: PathBuf,

    /// Rows that are shown of each manifest as added, as removed and as changed.
    #[arg(long, value_name = "N", default_value_t = 5)]
    examples: usize,

    /// How it is printed.
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
    let is_same = match (args.left.is_dir(), args.right.is_dir()) {
        (true, true) => trees(args)?,
        (false, false) => manifests(args)?,
        _ => bail!("failed to compare: one is a folder, and the other is none"),
    };
    Ok(if is_same { Answer::Sound } else { Answer::Wrong })
}

fn manifests(args: &Args) -> anyhow::Result<bool> {
    let open = |path: &Path| Untyped::open(path).context("failed to compare");
    let diff = compare(&open(&args.left)?, &open(&args.right)?, args.examples).context("failed to compare")?;
    if args.format == DiffFormat::Json {
        println!("{}", serde_json::to_string_pretty(&diff)?);
    } else {
        print!("{}", told(&diff, ""));
    }
    Ok(diff.is_empty())
}

fn trees(args: &Args) -> anyhow::Result<bool> {
    // Paths are told from the folders that are compared.
    let (left, right) = (alone(&args.left)?, alone(&args.right)?);
    let diff = compare_trees(&left, &right, args.examples).context("failed to compare")?;
    if args.format == DiffFormat::Json {
        println!("{}", serde_json::to_string_pretty(&diff)?);
        return Ok(diff.is_empty());
    }
    diff.only_left.iter().for_each(|path| println!("only left: {path}"));
    diff.only_right.iter().for_each(|path| println!("only right: {path}"));
    for (left, right, diff) in &diff.differing {
        let right = if left == right { String::new() } else { format!(" and {right}") };
        println!("{left}{right}:");
        print!("{}", told(diff, "  "));
    }
    println!("{} files the same, {} differ", diff.n_same, diff.differing.len());
    Ok(diff.is_empty())
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
    lines.push(format!("rows by {key}: {n_same} the same, {n_added} added, {n_removed} removed, {n_changed} changed"));
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
    if value.is_null() { "null".to_owned() } else { text(value) }
}
