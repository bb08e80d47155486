//! `twinset-report`: a study's manifests → one HTML page and a `cells` manifest.

use std::fs::create_dir_all;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use twinset_manifest::{write_atomically, write_manifest};
use twinset_report::{Config, File, Report, Study, gather, gather_outcomes, needs, outcomes, unknown_conditions};
use twinset_stage::CommonArgs;

/// Make one HTML page of all that a study came to: accuracies with their intervals, plots, duplicates found, provenance.
///
/// Reads the manifests that the study's JSON names. Writes DIR/index.html, which needs neither a network nor JavaScript,
/// DIR/cells.parquet with the same numbers as rows, DIR/outcomes.parquet with what each network made of each image, DIR/claims.parquet
/// with the verdict on each claim, DIR/efficiency.parquet with what training took, each figure as SVG and CSV in DIR/figures (all their
/// numbers: DIR/figures.parquet), and LaTeX tables in DIR/tables.
#[derive(Parser)]
#[command(name = "twinset-report", version, after_help = EXAMPLE)]
struct Args {
    /// The study's JSON, as the runner writes it; the paths in it are relative to the current folder.
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    study: Option<PathBuf>,

    /// Folder that images which are files of their own are looked for in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    data: PathBuf,

    /// With --check: print as JSON how many seeds each claim needs to find its smallest effect with probability P, as far as the cells
    /// of --study tell that are done; without --study nothing is known.
    #[arg(long, value_name = "P", requires = "check", value_parser = power)]
    power: Option<f64>,

    /// With --check: the pipeline's arms and their rates, as JSON; claims have to speak of these.
    #[arg(long, value_name = "JSON", requires = "check", hide = true)]
    arms: Option<String>,

    #[command(flatten)]
    common: CommonArgs,
}

fn power(text: &str) -> Result<f64, String> {
    let power = text.parse().ok().filter(|power| *power > 0.0 && *power < 1.0);
    power.ok_or_else(|| "expected a probability between 0 and 1, such as 0.8".to_owned())
}

const EXAMPLE: &str = "\
Config keys and their defaults:
  title         the pipeline's name
  gallery-pairs = 24      near-duplicate pairs shown as pictures
  confidence    = 0.95    level of all intervals
  claim         none      what the study claims, one table each: name, text, left and right = { arm, rate }, direction =
                          lower, higher or differs, and where not usual smallest-effect = 0.01 (a point of accuracy),
                          split = test, attack = clean (worst-case for robust accuracy), level = 0.05, metric = accuracy,
                          mean-accuracy-over-samples or { samples-to-accuracy = 0.6 }, family = what stands before the
                          name's first colon (claims of a family share the level), published-difference = what a paper
                          says, such as -0.05
  published     none      what a paper says, one table for each arm and measure: source, arm, split = test, attack = clean,
                          values = [{ rate, accuracy }, …]
  gaussian-published      what it says of the Gaussian toy, one table for each selection: source, selection = uniform or
                non-uniform, values = [{ n-duplicates, accuracy, negative, positive }, …], span = { lowest, highest }

Example:
  twinset-report --study study.json --set gallery-pairs=12 --out reports/quick";

fn main() -> ExitCode {
    let args: Args = twinset_stage::arguments();
    twinset_stage::run(|| {
        let config = args.common.config(Config::validate)?;
        if let Some(arms) = &args.arms {
            let arms = serde_json::from_str(arms).context("failed to read --arms")?;
            let unknown = unknown_conditions(&config, &arms);
            if !unknown.is_empty() {
                bail!("{}", unknown.join("; "));
            }
        }
        if args.common.check {
            return args.power.map_or(Ok(()), |power| print_needs(args.study.as_deref(), &config, power));
        }
        let path = args.study.as_deref().context("failed to read: --study names no file")?;
        let study = Study::read(path).context("failed to read the study")?;
        let evidence = gather(&study, &config, &args.data).context("failed to read the study's results")?;
        let report = Report::of(&study, &evidence, &config).context("failed to make the report")?;

        let out = args.common.out_folder()?;
        let page = out.join("index.html");
        let written = write_manifest(&out.join("cells.parquet"), report.cells, &report.provenance)
            .context("failed to write the cells")?;
        write_manifest(&out.join("outcomes.parquet"), outcomes(&study, &evidence), &report.provenance)
            .context("failed to write the outcomes")?;
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

fn print_needs(study: Option<&Path>, config: &Config, power: f64) -> anyhow::Result<()> {
    let study = study.map(Study::read).transpose().context("failed to read the study")?;
    let outcomes = study.as_ref().map(gather_outcomes).transpose().context("failed to read the study's results")?;
    let needs = needs(study.as_ref().zip(outcomes.as_ref()), config, power).context("failed to judge the claims")?;
    println!("{}", serde_json::to_string(&needs)?);
    Ok(())
}
