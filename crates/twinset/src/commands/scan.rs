//! `twinset scan`: reads a folder of pictures, finds the duplicates and shows them, in one step.
//!
//! The programs do the work, one after another, into the folders of `--out`. What they know of pictures and pairs they keep there, so a
//! scan of a folder that has changed decodes, searches and verifies what is new alone. Of a folder that has not changed nothing runs.

mod copies;
mod findings;
mod in_reference;
mod listing;
mod marks;
mod place;
mod read;
mod record;
mod step;
mod text;
mod within;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use twinset_stage::{Progress, counted, shell_word, verb, with_hint};

use crate::programs::own_name;
use findings::Findings;
use marks::{LeftOut, Marks};
use place::Place;
use record::Done;
pub(crate) use record::Record;
use step::Step;

const EXAMPLES: &str = "\
Examples:
  twinset scan my-photos/                          # writes my-photos-duplicates/: open gallery.html in it
  twinset scan my-photos/ --reference benchmark/   # which of my pictures are in there?
  twinset scan my-data/ --fail-on-leak --json      # for a pipeline: exit code 3 if test pictures are in train, too
  twinset clean my-photos-duplicates --copy-to my-photos-clean

The folder may be laid out in any way. If it has folders train, val or test, these are splits, and duplicates between them are leaks.
Pictures are not touched.";

/// Find the duplicates in a folder of pictures, and show them on a page.
///
/// Reads the pictures, searches for duplicates, and writes a page of them, with a summary. Called again after pictures were added,
/// removed or changed, it decodes and searches only what is new. After Ctrl-C the same command goes on.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ScanArgs {
    /// The folder of the pictures.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// Folder for what is found; made if missing. Default: FOLDER-duplicates in the current folder, or FOLDER-in-REFERENCE.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Another set: a folder of pictures, or an images.parquet. Say which pictures of FOLDER have a duplicate there, instead of those
    /// within FOLDER.
    #[arg(long, value_name = "OTHER")]
    reference: Option<PathBuf>,

    /// Folder of the reference's pictures, if OTHER is an images.parquet that references them: what twinset ingest had as --data.
    #[arg(long, value_name = "DIR", requires = "reference")]
    reference_folder: Option<PathBuf>,

    /// Which dataset FOLDER is, if it holds no picture files: hugging-face, webdataset, cifar10, cifar100 or idx, as in twinset ingest. Each
    /// scan then reads all of it.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["layout", "reference"])]
    dataset: Option<String>,

    /// What the folders are: splits (<split>/<class>/<image>), classes (<class>/<image>) or flat. Default: splits if folders are
    /// called train, val or test; else flat.
    #[arg(long, value_name = "LAYOUT", value_parser = ["splits", "classes", "flat"])]
    layout: Option<String>,

    /// Also find pictures that are mirrored, turned by right angles (all) or turned by any angle (any).
    #[arg(long, value_name = "WHICH", value_parser = ["upright", "mirrored", "all", "any"])]
    orientations: Option<String>,

    /// CSV file of pairs that are no duplicates: they are left out. Columns: left,right (names of files). It is copied to
    /// not-duplicates.csv in the folder of what is found, in place of an earlier one, and later scans use it by themselves. Remove it
    /// there to have all pairs again. You may also put a file there yourself. Parquet, and ids instead of names, are for one scan.
    #[arg(long, value_name = "FILE", conflicts_with = "reference")]
    not_duplicates: Option<PathBuf>,

    /// End with exit code 3 if a picture has a duplicate in another split, or in the reference, and name the pairs. All outputs are
    /// still written. A folder without splits is an error.
    #[arg(long)]
    fail_on_leak: bool,

    /// Print what was found as JSON on stdout, and nothing else there.
    #[arg(long)]
    json: bool,

    /// No progress.
    #[arg(long, short)]
    quiet: bool,
}

/// The exit code where a leak was found and `--fail-on-leak` was given.
const LEAK: u8 = 3;
/// Pairs that `--fail-on-leak` names.
const N_LEAKS_TOLD: usize = 10;

pub(crate) fn run(args: &ScanArgs) -> ExitCode {
    let mut found = None;
    let code = twinset_stage::run(|| {
        let findings = scan(args)?;
        match args.json {
            true => println!("{}", serde_json::to_string_pretty(&findings).context("failed to print what was found")?),
            false => print!("{}", text::Text(&findings)),
        }
        if args.fail_on_leak && findings.leaks.is_none() {
            let error = anyhow::anyhow!(
                "--fail-on-leak: `{}` has one split, expected two or more, such as folders `train` and `test`",
                args.folder.display()
            );
            return Err(with_hint(error, "or name another set with --reference"));
        }
        found = Some(findings);
        Ok(())
    });
    let leaks = found.and_then(|findings| findings.leaks).filter(|leaks| args.fail_on_leak && leaks.n_pairs > 0);
    match leaks {
        Some(leaks) if code == ExitCode::SUCCESS => {
            let n = leaks.n_pairs;
            eprintln!("{} of duplicates {} (--fail-on-leak)", counted(n, "pair"), verb(n, "leaks", "leak"));
            leaks.pairs.iter().take(N_LEAKS_TOLD).for_each(|pair| eprintln!("  {pair}"));
            ExitCode::from(LEAK)
        }
        _ => code,
    }
}

fn scan(args: &ScanArgs) -> anyhow::Result<Findings> {
    let place = Place::of(args)?;
    let files = listing::digest(&place.folder.path)?;
    let reference_files = match &place.reference {
        Some(place::Reference::Folder(folder)) => Some(listing::digest(&folder.path)?),
        Some(place::Reference::Manifest { images, .. }) => Some(listing::digest(images)?),
        None => None,
    };
    let mut marks = Marks::of(args, &place)?;
    let settings = settings(args, marks.as_ref());
    // Of a scan that found nothing to read nothing is left.
    let (is_first, is_new) = (!Record::is_in(&place.out), !place.out.exists());
    let mut record = place.open()?;
    let _lock = lock(&place.out)?;
    let done = Done { version: env!("CARGO_PKG_VERSION").to_owned(), settings, files, reference_files };
    let is_unchanged = record.done.as_ref() == Some(&done) && place.outputs().iter().all(|output| output.exists());
    let mut n_known = None;
    if let Some(marks) = marks.as_mut().filter(|_| is_unchanged) {
        marks.keep(&place)?;
    }
    if !is_unchanged {
        // Until all is done, what lies there is of no known state.
        record.done = None;
        record.write(&place.out)?;
        (n_known, record.left_out) = run_steps(args, &place, marks.as_mut()).inspect_err(|_| {
            if is_first {
                place.remove_if_useless(is_new);
            }
        })?;
        record.done = Some(done);
        record.write(&place.out)?;
    }
    read::read(&place, is_unchanged, n_known, record.left_out)
}

/// What else than the pictures decides what is found.
fn settings(args: &ScanArgs, marks: Option<&Marks>) -> Vec<String> {
    let not_duplicates = marks.map(|marks| format!("not-duplicates={}", marks.digest));
    let dataset = args.dataset.as_ref().map(|dataset| format!("dataset={dataset}"));
    let layout = args.layout.as_ref().map(|layout| format!("layout={layout}"));
    let orientations = args.orientations.as_ref().map(|orientations| format!("orientations={orientations}"));
    let reference_folder =
        args.reference_folder.as_ref().map(|folder| format!("reference-folder={}", folder.display()));
    [dataset, layout, orientations, not_duplicates, reference_folder].into_iter().flatten().collect()
}

/// Runs the programs; how many pictures an earlier scan had decoded, and what the pairs that are no duplicates did.
fn run_steps(
    args: &ScanArgs,
    place: &Place,
    mut marks: Option<&mut Marks>,
) -> anyhow::Result<(Option<u64>, Option<LeftOut>)> {
    let progress = if args.quiet { Progress::hidden() } else { Progress::from_environment() };
    let layout = args.layout.as_ref().map(|layout| format!("layout={layout}"));
    let ingest = |folder: &place::Folder, out: PathBuf, cache: &str| {
        let mut step = Step::new("twinset-ingest");
        step.arg(&folder.path).arg("--out").arg(out);
        if let Some(dataset) = &args.dataset {
            step.args(["--dataset", dataset]);
            return step;
        }
        step.args(["--set", "embed=false"]).arg("--cache").arg(place.cache(cache));
        if let Some(layout) = &layout {
            step.args(["--set", layout]);
        }
        step
    };
    let mut steps = vec![ingest(&place.folder, place.images_folder(), "files")];
    if let Some(place::Reference::Folder(folder)) = &place.reference {
        steps.push(ingest(folder, place.reference_images_folder(), "reference-files"));
    }

    let mut search = Step::new("twinset-neardup");
    search.arg("--images").arg(place.images()).arg("--folder").arg(&place.folder.data);
    let mut gallery = Step::new("twinset-neardup");
    gallery.arg("gallery").arg("--images").arg(place.images()).arg("--folder").arg(&place.folder.data);
    if let Some(reference) = &place.reference {
        let images = reference.images(place);
        for step in [&mut search, &mut gallery] {
            step.arg("--reference").arg(&images).arg("--reference-folder").arg(reference.data());
        }
    } else {
        search.arg("--cache").arg(place.cache("pairs"));
    }
    if let Some(orientations) = &args.orientations {
        search.args(["--orientations", orientations]);
    }
    if let Some(marks) = &marks {
        search.arg("--not-duplicates").arg(&marks.file);
        // Pictures may have gone since the file was kept.
        if !marks.is_given {
            search.args(["--skip-missing"]);
        }
    }
    search.arg("--out").arg(place.pairs_folder());
    let search_at = steps.len();
    steps.push(search);
    if place.reference.is_none() {
        let mut plan = Step::new("twinset-neardup");
        plan.arg("clean").arg("--images").arg(place.images()).arg("--pairs").arg(place.pairs());
        plan.arg("--clusters").arg(place.clusters()).arg("--plan").arg(place.removed());
        steps.push(plan);
    }
    gallery.arg("--pairs").arg(place.pairs()).arg("--out").arg(place.gallery());
    if place.reference.is_none() {
        gallery.args(["--search-again", &search_again(args)]);
    }
    steps.push(gallery);

    let of = steps.len();
    let (mut n_known, mut left_out) = (None, None);
    for (at, step) in steps.into_iter().enumerate() {
        let stdout = step.run(at + 1, of, &progress)?;
        if at == 0 {
            n_known = stdout
                .lines()
                .find_map(|line| line.trim().strip_prefix("known")?.split_whitespace().next()?.parse().ok());
        }
        if let Some(marks) = marks.as_deref_mut().filter(|_| at == search_at) {
            marks.keep(place)?;
            left_out = Some(marks.left_out(&stdout)?);
        }
    }
    Ok((n_known, left_out))
}

/// The command that searches again and leaves out the pairs that were marked on the page, in the file that it downloads.
fn search_again(args: &ScanArgs) -> String {
    let out = args.out.as_ref().map(shell_word);
    let (dataset, layout) = (args.dataset.clone(), args.layout.clone());
    let options =
        [("--out", out), ("--dataset", dataset), ("--layout", layout), ("--orientations", args.orientations.clone())];
    let options = options.into_iter().filter_map(|(option, value)| Some(format!(" {option} {}", value?)));
    let (own, folder) = (own_name(), shell_word(&args.folder));
    format!("{own} scan {folder}{} --not-duplicates not-duplicates.csv", options.collect::<String>())
}

/// Held while a scan writes.
fn lock(out: &Path) -> anyhow::Result<File> {
    let path = out.join(".lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another `twinset scan` writes to `{}`; wait for its end, or name another --out", out.display())
        }
        // A file system without locks.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// A path as an absolute one.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    // `.` and `..` have no name of their own.
    match path.file_name() {
        Some(_) => std::path::absolute(path),
        None => fs::canonicalize(path),
    }
    .with_context(|| format!("cannot read `{}`", path.display()))
}
