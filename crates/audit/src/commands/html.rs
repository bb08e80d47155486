//! `html`: the audit as a page.

use std::path::PathBuf;

use anyhow::Context;
use twinset_audit::page::html;
use twinset_audit::{Options, validate};
use twinset_stage::{Progress, expect_page, write_page};

use super::{expect_some, tree};
use crate::Answer;

/// Write an HTML page: manifests, violations, lineage, schemas, statistics
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest or a folder.
    path: PathBuf,

    /// The page.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

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

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    expect_page(&args.out, &[&args.path]).context("failed to write the page")?;
    let tree = tree(&args.path, args.tree.as_deref())?;
    expect_some(&tree, &args.path, |_| true)?;
    let progress = if args.quiet { Progress::hidden() } else { Progress::from_environment() };
    let bar = progress.begin("files", tree.selected().count() as u64, "validating");
    let folder = args.folder.as_deref();
    let options = Options { pixels: !args.no_pixels, folder, max_per_rule: 100, strict: false };
    let validation = validate(&tree, &options, || bar.inc(1));
    drop(bar);
    let title =
        args.path.file_name().map_or_else(|| "Manifests".to_owned(), |name| name.to_string_lossy().into_owned());
    let page = html(&tree, &validation, &title).context("failed to make the page")?;
    write_page(&args.out, &page).context("failed to write the page")?;
    say!("wrote {}", args.out.display());
    Ok(Answer::Sound)
}
