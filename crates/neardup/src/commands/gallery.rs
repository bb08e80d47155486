//! `twinset-neardup gallery`: pairs to look at.

use std::path::{Path, PathBuf};

use anyhow::Context;
use twinset_manifest::Reader;
use twinset_manifest::rows::{Image, Pair, PairKind};
use twinset_neardup::{Config, GalleryError, GallerySource, gallery};
use twinset_stage::{Progress, counted, expect_page, shell_word, verb, with_hint, write_page};

const USAGE: &str = "twinset gallery FOLDER-duplicates --out FILE [OPTIONS]
       twinset gallery --images FILE --pairs FILE --out FILE [OPTIONS]";

/// Write an HTML page that shows the duplicates: a card for each group of images, with its pairs side by side and a picture of
/// their difference.
///
/// The page can be sorted, and filtered by similarity, kind, splits, leaks, label conflict and file name. Keys go through the pairs and
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

    /// The command that the page prints for searching again without the pairs that were marked on it. By default the call of
    /// `twinset neardup` that found these pairs, with --not-duplicates.
    #[arg(long, value_name = "COMMAND")]
    search_again: Option<String>,

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
    let search_again = match &args.search_again {
        Some(command) => command.clone(),
        // Pairs with images of a reference are not marked.
        None if reference.is_some() => String::new(),
        None => search_again(args).map_err(hinted).context("failed to make the gallery")?,
    };
    let max_pairs = *max_pairs as usize;
    let source = GallerySource { images, pairs, folder, reference, max_pairs, search_again: &search_again };
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
            "warning: {} less similar {} left out, the gallery shows {max_pairs} (`--max-pairs`)",
            gallery.n_left_out,
            verb(gallery.n_left_out, "pair is", "pairs are")
        );
    }
    write_page(out, &gallery.html()).context("failed to write the gallery")?;
    let pairs = || gallery.groups.iter().flat_map(|group| &group.pairs);
    let n_similar = pairs().filter(|pair| pair.kind == PairKind::Similar).count();
    let n_groups = gallery.groups.iter().filter(|group| !group.is_similar()).count();
    let count = |n: usize, what: &str| counted(n as u64, what);
    let (groups, of) = (count(n_groups, "group"), count(pairs().count() - n_similar, "pair"));
    let similar = if n_similar == 0 { String::new() } else { format!(", and {}", count(n_similar, "similar pair")) };
    println!("wrote {groups} of {of}{similar} to {}", out.display());
    Ok(())
}

/// The command that finds these pairs without those that a file tells to be no duplicates.
fn search_again(args: &GalleryArgs) -> Result<String, GalleryError> {
    let mut words = vec!["twinset".into(), "neardup".into(), "--images".into(), shell_word(&args.images)];
    if args.folder != Path::new(".") {
        words.extend(["--folder".into(), shell_word(&args.folder)]);
    }
    // The settings of the search, where they are not the default ones.
    let n_images = Reader::<Image>::open(&args.images)?.n_rows();
    let default = serde_json::to_value(Config::default().resolved(n_images)).expect("a config is JSON");
    let settings = Reader::<Pair>::open(&args.pairs)?.provenance().config.clone();
    for (key, value) in settings.as_object().into_iter().flatten() {
        if default.get(key).is_some_and(|default| default != value) && !value.is_null() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            words.extend(["--set".into(), shell_word(format!("{key}={value}"))]);
        }
    }
    let out = args.pairs.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    words.extend(["--not-duplicates", "not-duplicates.csv", "--out"].map(str::to_owned));
    words.push(shell_word(out));
    Ok(words.join(" "))
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
