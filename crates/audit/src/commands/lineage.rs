//! `lineage`: where does it come from?

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use twinset_audit::lineage::{
    LineageError, Step, Subject, image_of_source, manifest_of_images, of_file, of_folder, of_image, of_source,
};
use twinset_audit::{Entry, Tree, is_sharded};
use twinset_manifest::schema_name;
use twinset_stage::with_hint;

use super::{print_json, print_text, tree};
use crate::Answer;

/// Follow a file, an image or a position of a training set back to the source
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest, a network's weights, the folder of a run, or a file of a dataset, also one that `clean` removed.
    #[arg(value_name = "PATH")]
    file: PathBuf,

    /// Follow the image with this id: where it stands, which copies exist, and why.
    #[arg(long, value_name = "ID", conflicts_with = "position")]
    image_id: Option<u64>,

    /// Follow the image with this `source`, as the manifest of the images has it.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["image_id", "position"])]
    source: Option<String>,

    /// Follow the image at this position of a training set.
    #[arg(long, value_name = "N")]
    position: Option<u64>,

    /// Folder to look for inputs in [default: the store that PATH lies in, else PATH's folder and the folders beside it].
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,

    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let is_manifest = is_manifest_like(&args.file) || is_sharded(&args.file);
    let (tree, step) = if !is_manifest && !args.file.is_dir() {
        let tree = tree(&folder_of_source(args)?, args.tree.as_deref())?;
        let step = of_source(&tree, &args.file).map_err(anyhow::Error::from);
        (tree, step)
    } else {
        let tree = tree(&args.file, args.tree.as_deref())?;
        let step = of_path(args, &tree);
        (tree, step)
    };
    let step = step.context("failed to follow it back")?;
    note_absent(&step.absent(), &tree);
    if args.json {
        print_json(&step)?;
    } else {
        print_text(&step.to_string())?;
    }
    Ok(Answer::Sound)
}

/// Of a manifest or a folder, itself or what of it was asked for.
fn of_path(args: &Args, tree: &Tree) -> anyhow::Result<Step> {
    let is_of_image = args.image_id.is_some() || args.source.is_some() || args.position.is_some();
    let entry = match tree.at(&args.file) {
        Some(entry) => entry,
        None if !is_of_image => return Ok(of_folder(tree, &args.file)?),
        None => manifest_of_images(tree)
            .with_context(|| format!("`{}` holds no manifest with images", args.file.display()))?,
    };
    let of_source = args.source.as_deref().map(|source| image_of_source(tree, entry, source));
    let image_id = args.image_id.or(of_source.transpose()?);
    let step = match image_id.map(Subject::Image).or(args.position.map(Subject::Position)) {
        Some(subject) => of_image(tree, entry, subject),
        None => of_file(tree, entry),
    };
    step.map_err(|error| hinted(error, tree, entry))
}

fn is_manifest_like(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet" || extension == "safetensors")
}

/// The folder whose manifests may know a file of a dataset: the nearest one that is there, or `--tree`.
fn folder_of_source(args: &Args) -> anyhow::Result<PathBuf> {
    if args.image_id.is_some() || args.source.is_some() || args.position.is_some() {
        bail!("failed to follow it back: `{}` is no manifest and no folder", args.file.display());
    }
    if let Some(folder) = &args.tree {
        return Ok(folder.clone());
    }
    let mut folders = args.file.ancestors().skip(1).map(|folder| match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    });
    Ok(folders.find(|folder| folder.is_dir()).unwrap_or(Path::new(".")).to_owned())
}

/// Of images that were never there a manifest beside may tell.
fn hinted(error: LineageError, tree: &Tree, entry: &Entry) -> anyhow::Error {
    let is_of = |entry: &Entry, schema: &str| entry.schema().is_some_and(|found| schema_name(found) == schema);
    let mut beside = tree.beside(entry).filter(|other| is_of(other, "rejects"));
    match beside.find(|other| other.manifest().is_some_and(|rejects| rejects.n_rows() > 0)) {
        Some(rejects) if matches!(error, LineageError::NoRow { .. }) && is_of(entry, "images") => {
            let path = rejects.path.display();
            let hint = format!(
                "ids without an image may be rejects: `twinset-audit show {path}` lists what was rejected and why"
            );
            with_hint(error.into(), hint)
        }
        _ => error.into(),
    }
}

/// Says where files were looked for that are not there, and how they are found.
fn note_absent(absent: &[String], tree: &Tree) {
    const MAX_NAMED: usize = 3;
    if absent.is_empty() {
        return;
    }
    let more = absent.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let named = absent[..absent.len().min(MAX_NAMED)].join(", ");
    note!("note: not found: {named}{more}; looked for in {}", tree.places());
    note!("hint: --tree <folder that holds it> looks in another folder, and below");
}
