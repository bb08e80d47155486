//! `validate`: do manifests keep their rules?

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use twinset_audit::{Kind, Options, Validation, validate};
use twinset_manifest::rows::Violation;
use twinset_manifest::{Input, Provenance, write_manifest};
use twinset_stage::Progress;

use super::{expect_some, tree};
use crate::Answer;

/// Check types, ranges, keys, references between manifests, pixels and digests; exit code 3 if a rule is violated
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest or a folder.
    path: PathBuf,

    /// Folder to look for inputs of the manifests in [default: the store that PATH lies in, else PATH's folder and the
    /// folders beside it].
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,

    /// Folder of the images, if manifests reference them (embed = false).
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Do not decode images.
    #[arg(long)]
    no_pixels: bool,

    /// Folder for violations.parquet, the violations as a manifest; made if missing.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Report at most this many violations of each rule and column of a manifest.
    #[arg(long, value_name = "N", default_value_t = 100)]
    max: usize,

    /// No progress and no notes.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let tree = tree(&args.path, args.tree.as_deref())?;
    expect_some(&tree, &args.path, |entry| !matches!(entry.kind, Kind::Foreign(_)))?;
    let progress = if args.quiet { Progress::hidden() } else { Progress::from_environment() };
    let bar = progress.begin("files", tree.selected().count() as u64, "validating");
    let options = Options { pixels: !args.no_pixels, folder: args.folder.as_deref(), max_per_rule: args.max };
    let validation = validate(&tree, &options, || bar.inc(1));
    drop(bar);
    for violation in &validation.violations {
        say!("{}", line(violation));
    }
    if !args.quiet {
        validation.notes.iter().for_each(|note| note!("note: {note}"));
    }
    if let Some(out) = &args.out {
        let inputs = tree.manifests().filter_map(|(entry, manifest)| {
            let name = entry.path.file_name()?.to_string_lossy().into_owned();
            Some(Input { name, schema: manifest.schema().map(str::to_owned), blake3: entry.digest().ok()? })
        });
        let provenance = Provenance::of_stage("audit", env!("CARGO_PKG_VERSION"))
            .with_config(&serde_json::json!({ "pixels": options.pixels, "max": args.max }))
            .with_inputs(inputs);
        fs::create_dir_all(out).with_context(|| format!("failed to make the output folder `{}`", out.display()))?;
        write_manifest(&out.join("violations.parquet"), validation.violations.clone(), &provenance)?;
    }
    say!("{}", summary(&validation));
    Ok(if validation.n_violations() == 0 { Answer::Sound } else { Answer::Wrong })
}

/// `inject/KEY/trainset.parquet, row 7, label: agreement: found 3, expected …`
fn line(violation: &Violation) -> String {
    let Violation { path, rule, row, image_id, column, found, expected, made_by, .. } = violation;
    let mut place = path.clone();
    if let Some(made_by) = made_by.as_ref().filter(|_| row.is_none()) {
        place += &format!(" (made by {made_by})");
    }
    if let Some(row) = row {
        place += &format!(", row {row}");
    }
    if let Some(image_id) = image_id {
        place += &format!(", image {image_id}");
    }
    if let Some(column) = column {
        place += &format!(", {column}");
    }
    format!("{place}: {rule}: found {found}, expected {expected}")
}

fn summary(validation: &Validation) -> String {
    let Validation { n_manifests, n_rows, n_images, n_more, .. } = validation;
    let n = validation.n_violations();
    let found = match n {
        0 => "no violations".to_owned(),
        1 => "1 violation".to_owned(),
        _ if *n_more > 0 => format!("{n} violations, {} of them shown", validation.violations.len()),
        _ => format!("{n} violations"),
    };
    format!("{n_manifests} manifests, {n_rows} rows, {n_images} images decoded: {found}")
}
