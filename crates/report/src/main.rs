//! `twinset-report`: a study's manifests → one HTML page and a `cells` manifest.

use std::fs::create_dir_all;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use twinset_manifest::{write_atomically, write_manifest};
use twinset_report::{Config, File, Report, Study, gather};
use twinset_stage::CommonArgs;

/// Make one HTML page of all that a study came to: accuracies with their intervals, plots, duplicates found, provenance.
///
/// Reads the manifests that the study's JSON names. Writes DIR/index.html, which needs neither a network nor JavaScript,
/// DIR/cells.parquet with the same numbers as rows, DIR/claims.parquet with the verdict on each claim, DIR/efficiency.parquet with
/// what training took, each figure as SVG and CSV in DIR/figures (all their numbers: DIR/figures.parquet), and LaTeX tables in DIR/tables.
#[derive(Parser)]
#[command(name = "twinset-report", version, after_help = EXAMPLE)]
struct Args {
    /// The study's JSON, as the runner writes it; the paths in it are relative to the current folder.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    study: Option<PathBuf>,

    /// Folder that images which are files of their own are looked for in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    data: PathBuf,

    #[command(flatten)]
    common: CommonArgs,
}

const EXAMPLE: &str = "\
Config keys and their defaults:
  title         the pipeline's name
  gallery-pairs = 24      near-duplicate pairs shown as pictures
  confidence    = 0.95    level of all intervals
  claim         none      what the study claims, one table each: name, text, left and right = { arm, rate }, direction =
                          lower, higher or differs, smallest-effect (0.02 is two points), and where not usual split = test,
                          attack = clean, level = 0.05, metric = accuracy, mean-accuracy-over-samples or
                          { samples-to-accuracy = 0.6 }
  published     none      what a paper says, one table for each arm and measure: source, arm, split = test, attack = clean,
                          values = [{ rate, accuracy }, …]

Example:
  twinset-report --study study.json --set gallery-pairs=12 --out reports/quick";

fn main() -> ExitCode {
    let args = Args::parse();
    twinset_stage::run(|| {
        let config = args.common.config(Config::validate)?;
        let (Some(path), false) = (&args.study, args.common.check) else { return Ok(()) };
        let study = Study::read(path).context("failed to read the study")?;
        let evidence = gather(&study, &config, &args.data).context("failed to read the study's results")?;
        let report = Report::of(&study, &evidence, &config).context("failed to make the report")?;

        let out = args.common.out_folder()?;
        let page = out.join("index.html");
        let written = write_manifest(&out.join("cells.parquet"), report.cells, &report.provenance)
            .context("failed to write the cells")?;
        write_manifest(&out.join("claims.parquet"), report.claims, &report.provenance)
            .context("failed to write the claims")?;
        write_manifest(&out.join("efficiency.parquet"), report.efficiency, &report.provenance)
            .context("failed to write the efficiency")?;
        write_manifest(&out.join("figures.parquet"), report.figures, &report.provenance)
            .context("failed to write the figures' numbers")?;
        for File { path, text } in &report.files {
            let path = out.join(path);
            let folder = path.parent().unwrap_or(out);
            create_dir_all(folder).with_context(|| format!("failed to make folder `{}`", folder.display()))?;
            write_atomically(&path, text.as_bytes())
                .with_context(|| format!("failed to write `{}`", path.display()))?;
        }
        write_atomically(&page, report.html.as_bytes())
            .with_context(|| format!("failed to write `{}`", page.display()))?;
        println!("wrote {} and {} ({} rows)", page.display(), written.path.display(), written.n_rows);
        Ok(())
    })
}
