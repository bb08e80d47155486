//! `stats`: what do columns hold?

use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};
use twinset_audit::stats::{ClassCount, ColumnStats, ImageStats, columns, images};

use super::{Format, alone, expect_some, print, print_json, warn_of_damaged};
use crate::Answer;

/// Count the values of each column; for images also classes, sizes and exact duplicates
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest or a folder.
    path: PathBuf,

    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let tree = alone(&args.path)?;
    expect_some(&tree, &args.path, |entry| entry.parquet().is_some())?;
    warn_of_damaged(&tree);
    let mut told = Vec::new();
    for entry in tree.selected() {
        let Some(manifest) = entry.parquet() else { continue };
        let columns = columns(manifest).context("failed to count")?;
        let images = images(manifest).context("failed to count")?;
        let schema = manifest.schema().unwrap_or("foreign");
        if args.json {
            told.push(json!({
                "path": entry.relative, "schema": schema, "rows": manifest.n_rows(), "columns": columns, "images": images,
            }));
            continue;
        }
        say!("{} ({schema}, {} rows)", entry.relative, manifest.n_rows());
        print(
            Format::Table,
            &["column", "nulls", "distinct", "min", "max", "mean", "most frequent"],
            columns.iter().map(row),
        )?;
        if let Some(images) = images {
            print_images(&images)?;
        }
        say!("");
    }
    if args.json {
        print_json(&told)?;
    }
    Ok(Answer::Sound)
}

fn row(stats: &ColumnStats) -> Vec<Value> {
    let top: Vec<_> = stats.top.iter().map(|(value, n)| format!("{} ({n})", short(value))).collect();
    let shown = |value: &Value| match value {
        Value::String(text) => Value::String(short(text)),
        other => other.clone(),
    };
    vec![
        stats.column.as_str().into(),
        stats.n_nulls.into(),
        stats.n_distinct.into(),
        shown(&stats.min),
        shown(&stats.max),
        stats
            .mean
            .as_f64()
            .map_or(Value::Null, |mean| format!("{mean:.6}").trim_end_matches('0').trim_end_matches('.').into()),
        top.join(", ").into(),
    ]
}

/// A text that does not widen the table much.
fn short(text: &str) -> String {
    const WIDTH: usize = 24;
    if text.chars().count() <= WIDTH { text.to_owned() } else { text.chars().take(WIDTH - 1).chain(['…']).collect() }
}

fn print_images(images: &ImageStats) -> anyhow::Result<()> {
    let splits: Vec<&str> = ["train", "val", "test"]
        .into_iter()
        .filter(|split| images.classes.iter().any(|class| class.n_images.contains_key(*split)))
        .collect();
    say!("");
    let header: Vec<&str> = ["class", "name"].into_iter().chain(splits.iter().copied()).collect();
    let row = |class: &ClassCount| {
        let counts = splits.iter().map(|split| class.n_images.get(*split).copied().unwrap_or(0).into());
        [class.label.into(), class.class_name.as_str().into()].into_iter().chain(counts).collect()
    };
    print(Format::Table, &header, images.classes.iter().map(row))?;
    let sizes: Vec<_> = images.sizes.iter().take(5).map(|(size, n)| format!("{size} ({n})")).collect();
    let more = images.sizes.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    say!("\nsizes: {}{more}", sizes.join(", "));
    let ImageStats { n_duplicated, n_repeats, n_across_splits, n_label_conflicts, .. } = images;
    say!(
        "exact duplicates: {n_repeats} images repeat the pixels of another, {n_duplicated} pixels in all; \
         {n_across_splits} of these across splits, {n_label_conflicts} with two labels"
    );
    Ok(())
}
