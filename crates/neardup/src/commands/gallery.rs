//! `twinset-neardup gallery`: pairs to look at.

use std::path::{Path, PathBuf};

use anyhow::Context;
use twinset_neardup::{GalleryError, GallerySource, gallery};
use twinset_stage::{Progress, expect_page, with_hint, write_page};

const USAGE: &str = "twinset gallery FOLDER-duplicates --out FILE [OPTIONS]
       twinset gallery --images FILE --pairs FILE --out FILE [OPTIONS]";

/// Write an HTML page that shows the duplicates: a card for each group of images, with its pairs side by side and a picture of
/// their difference.
///
/// The page can be sorted, and filtered by similarity, kind, splits, label conflict and file name. Keys go through the pairs and
/// show them large (`?` lists them). Pairs can be marked as no duplicates, and the marks exported as the file that
/// --not-duplicates takes. The page is a single file that needs no network.
///
/// FOLDER-duplicates is the folder that `twinset scan FOLDER` wrote. It stands for --images, --pairs and --folder.
#[derive(clap::Args)]
#[command(override_usage = USAGE)]
pub(crate) struct GalleryArgs {
    /// Manifest of the images.
    #[arg(long, value_name = "FILE")]
    images: PathBuf,

    /// Manifest of the pairs that were found among them.
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,

    /// Manifest of the images of the reference, if the pairs are those of a search with --reference.
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,

    /// Folder of the reference's images, if its manifest references them; --folder if it is the same.
    #[arg(long, value_name = "DIR", requires = "reference")]
    reference_folder: Option<PathBuf>,

    /// Folder of the images, if the manifest references them (embed = false): what twinset-ingest had as --data.
    /// After `twinset-ingest --data ~/datasets` it is `--folder ~/datasets`.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// Show at most this many pairs, the most similar ones. A page of 5000 pairs of photos has some 50 MB.
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    max_pairs: u64,

    /// The page; its folder is made if missing. It appears whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &GalleryArgs) -> anyhow::Result<()> {
    let GalleryArgs { images, pairs, folder, max_pairs, out, quiet, .. } = args;
    let reference = args.reference.as_deref();
    let inputs: Vec<&Path> = [Some(images.as_path()), Some(pairs), reference].into_iter().flatten().collect();
    expect_page(out, &inputs).context("failed to write the gallery")?;
    let reference_folder = args.reference_folder.as_deref().unwrap_or(folder);
    let reference = reference.map(|reference| (reference, reference_folder));
    let source = GallerySource { images, pairs, folder, reference, max_pairs: *max_pairs as usize };
    let progress = if *quiet { Progress::hidden() } else { Progress::from_environment() };
    let begin = |n_images| {
        let bar = progress.begin("images", n_images, "looking for pictures");
        move |n_images| bar.inc(n_images)
    };
    let gallery = gallery(&source, begin).map_err(hinted).context("failed to make the gallery")?;
    let (n_missing, n_pictures) =
        (gallery.pictures.values().filter(|p| p.uri.is_err()).count(), gallery.pictures.len());
    if n_missing > 0 {
        eprintln!("warning: {n_missing} of {n_pictures} images cannot be shown; the gallery says why in their place");
    }
    if gallery.n_left_out > 0 {
        eprintln!(
            "warning: {} less similar pairs are left out, the gallery shows {max_pairs} (`--max-pairs`)",
            gallery.n_left_out
        );
    }
    write_page(out, &gallery.html()).context("failed to write the gallery")?;
    println!("wrote {} groups of {} pairs to {}", gallery.groups.len(), gallery.n_pairs(), out.display());
    Ok(())
}

fn hinted(error: GalleryError) -> anyhow::Error {
    let hint = match &error {
        GalleryError::NoPicture { first, .. } => first.hint().map(str::to_owned),
        GalleryError::Manifest(error) => error.hint(),
        _ => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}
