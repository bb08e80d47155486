//! `validate`: do manifests keep their rules?

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};
use twinset_audit::{Absent, Kind, Options, Validation, validate};
use twinset_manifest::rows::Violation;
use twinset_manifest::{Input, Provenance, write_manifest};
use twinset_stage::Progress;

use super::{expect_some, print_json, tree};
use crate::Answer;

/// Check types, ranges, keys, references between manifests, pixels, digests and runs; exit code 3 if a rule is violated
///
/// The digests of a run's files are those of its digests.json, unless a file has another size or is newer: such a file is read. The
/// summary says how many were taken from there.
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

    /// Read all files for their digests, and believe no digests.json.
    #[arg(long)]
    deep: bool,

    /// Take it for a violation that a file is not there which a manifest was made from. Files of a dataset, which no stage made, are
    /// not meant.
    #[arg(long)]
    strict: bool,

    /// Print all that was found as JSON.
    #[arg(long)]
    json: bool,

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
    let tree = if args.deep { tree.deep() } else { tree };
    if tree.runs().next().is_none() {
        expect_some(&tree, &args.path, |entry| !matches!(entry.kind, Kind::Foreign(_)))?;
    }
    let progress = if args.quiet { Progress::hidden() } else { Progress::from_environment() };
    let bar = progress.begin("files", tree.selected().count() as u64, "validating");
    let (pixels, folder) = (!args.no_pixels, args.folder.as_deref());
    let options = Options { pixels, folder, max_per_rule: args.max, strict: args.strict };
    let validation = validate(&tree, &options, || bar.inc(1));
    drop(bar);
    if args.json {
        print_json(&json(&validation))?;
    } else {
        for violation in &validation.violations {
            say!("{}", line(violation));
        }
    }
    if !args.quiet && !args.json {
        validation.notes.iter().for_each(|note| note!("note: {note}"));
    }
    if let Some(out) = &args.out {
        let inputs = tree.manifests().filter_map(|(entry, manifest)| {
            let name = entry.path.file_name()?.to_string_lossy().into_owned();
            Some(Input { name, schema: manifest.schema().map(str::to_owned), blake3: entry.digest().ok()? })
        });
        let provenance = Provenance::of_stage("audit", env!("CARGO_PKG_VERSION"))
            .with_config(&json!({ "pixels": options.pixels, "max": args.max }))
            .with_inputs(inputs);
        fs::create_dir_all(out).with_context(|| format!("failed to make the output folder `{}`", out.display()))?;
        write_manifest(&out.join("violations.parquet"), validation.violations.clone(), &provenance)?;
    }
    if !args.json {
        say!("{}", summary(&validation, args.strict));
    }
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

fn summary(validation: &Validation, is_strict: bool) -> String {
    let Validation { n_manifests, n_rows, n_images, n_more, .. } = validation;
    let n = validation.n_violations();
    let found = match n {
        0 => "no violations".to_owned(),
        1 => "1 violation".to_owned(),
        _ if *n_more > 0 => format!("{n} violations, {} of them shown", validation.violations.len()),
        _ => format!("{n} violations"),
    };
    let mut lines = vec![format!("{n_manifests} manifests, {n_rows} rows, {n_images} images decoded: {found}")];
    let n_sources = validation.absent.iter().filter(|absent| absent.is_source).count();
    let is = |n: usize, what: &str| if n == 1 { format!("1 {what} is") } else { format!("{n} {what}s are") };
    match validation.absent.len() - n_sources {
        n if n == 0 || is_strict => {}
        n => lines.push(format!("{} not there; --strict takes that for violations", is(n, "input"))),
    }
    if n_sources > 0 {
        lines.push(format!("{} a dataset's, elsewhere and not checked", is(n_sources, "input")));
    }
    if validation.n_believed > 0 {
        let n = validation.n_believed;
        let are = if n == 1 { "1 digest is".to_owned() } else { format!("{n} digests are") };
        lines.push(format!("{are} taken from digests.json; --deep reads the files"));
    }
    lines.join("\n")
}

fn json(validation: &Validation) -> Value {
    let Validation { violations, n_manifests, n_rows, n_images, n_believed, absent, notes, .. } = validation;
    let violation = |it: &Violation| {
        let Violation { path, schema, made_by, rule, row, image_id, column, found, expected } = it;
        json!({
            "path": path, "schema": schema, "made_by": made_by, "rule": rule.as_str(), "row": row, "image_id": image_id,
            "column": column, "found": found, "expected": expected,
        })
    };
    let absent_input = |it: &Absent| {
        let Absent { name, blake3, users, is_source, .. } = it;
        json!({ "name": name, "blake3": blake3, "made_from_it": users, "is_of_a_dataset": is_source })
    };
    json!({
        "n_manifests": n_manifests,
        "n_rows": n_rows,
        "n_images": n_images,
        "n_violations": validation.n_violations(),
        "n_digests_from_digests_json": n_believed,
        "violations": violations.iter().map(violation).collect::<Vec<_>>(),
        "absent_inputs": absent.iter().map(absent_input).collect::<Vec<_>>(),
        "notes": notes,
    })
}
