//! `schema`: what is known of a manifest without its rows.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;
use twinset_audit::show::schema;
use twinset_audit::text;
use twinset_manifest::Untyped;

use super::{Format, print, print_json};
use crate::Answer;

/// Show a manifest's columns with their meaning, its footer, and its provenance
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest, any other Parquet file, or a folder of shards.
    manifest: PathBuf,

    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let manifest = Untyped::open(&args.manifest).context("failed to read")?;
    let schema = schema(&manifest);
    if args.json {
        print_json(&schema)?;
        return Ok(Answer::Sound);
    }
    match schema["schema"].as_str() {
        Some(name) => say!("{name}: {}", text(&schema["meaning"])),
        None => say!("a Parquet file of no stage"),
    }
    let groups = if schema["row_groups"] == 1 { "group" } else { "groups" };
    say!("{} rows in {} row {groups}", schema["rows"], schema["row_groups"]);
    if let Some(key) = schema["key"].as_array() {
        say!("key: {}", key.iter().map(text).collect::<Vec<_>>().join(", "));
    }
    say!("");
    let columns = schema["columns"].as_array().into_iter().flatten();
    let null = |column: &Value| if column["is_nullable"] == true { "yes".into() } else { Value::Null };
    let rows = columns
        .map(|column| vec![column["name"].clone(), column["type"].clone(), null(column), column["meaning"].clone()]);
    print(Format::Table, &["column", "type", "null", "meaning"], rows)?;
    if let Some(rules) = schema["rules"].as_array().filter(|rules| !rules.is_empty()) {
        say!("\nwhat validate checks");
        for rule in rules {
            say!("  {}", text(rule));
        }
    }
    say!("");
    let footer = schema["footer"].as_array().into_iter().flatten();
    print(
        Format::Table,
        &["footer", "bytes"],
        footer.map(|entry| vec![entry["key"].clone(), entry["n_bytes"].clone()]),
    )?;
    if let Ok(provenance) = manifest.provenance() {
        say!("\nmade by {} {}", provenance.stage, provenance.version);
        if let Some(seed) = provenance.seed {
            say!("seed {seed}");
        }
        say!("config {}", provenance.config);
        for input in &provenance.inputs {
            let schema = input.schema.as_deref().map_or_else(String::new, |schema| format!(" ({schema})"));
            say!("from {}{schema} with BLAKE3 {}", input.name, input.blake3);
        }
        for warning in &provenance.warnings {
            say!("warning: {warning}");
        }
    }
    Ok(Answer::Sound)
}
