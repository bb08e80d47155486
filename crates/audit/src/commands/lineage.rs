//! `lineage`: where does it come from?

use std::path::PathBuf;

use anyhow::Context;
use twinset_audit::lineage::{LineageError, Subject, image_of_source, of_file, of_image};
use twinset_audit::{Entry, Tree};
use twinset_manifest::schema_name;
use twinset_stage::with_hint;

use super::{print_json, print_text, tree};
use crate::Answer;

/// Follow a file, an image or a position of a training set back to the source
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest, or a network's weights.
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

    /// Folder to look for inputs in [default: the store that FILE lies in, else FILE's folder and the folders beside it].
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,

    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let tree = tree(&args.file, args.tree.as_deref())?;
    let entry = tree.at(&args.file).with_context(|| format!("failed to read: `{}` is no file", args.file.display()))?;
    let of_source = args.source.as_deref().map(|source| image_of_source(entry, source));
    let image_id = args.image_id.or(of_source.transpose().context("failed to follow it back")?);
    let subject = image_id.map(Subject::Image).or(args.position.map(Subject::Position));
    let step = match subject {
        Some(subject) => of_image(&tree, entry, subject),
        None => of_file(&tree, entry),
    };
    let step = step.map_err(|error| hinted(error, &tree, entry)).context("failed to follow it back")?;
    note_absent(&step.absent(), &tree);
    if args.json {
        print_json(&step)?;
    } else {
        print_text(&step.to_string())?;
    }
    Ok(Answer::Sound)
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
