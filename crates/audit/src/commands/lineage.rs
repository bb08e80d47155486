//! `lineage`: where does it come from?

use std::path::PathBuf;

use anyhow::Context;
use twinset_audit::lineage::{Subject, of_file, of_image};

use super::tree;
use crate::Answer;

/// Follow a file, an image or a position of a training set back to the source
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A manifest, or a network's weights.
    file: PathBuf,

    /// The image with this id: where it stands, which copies of it there are and why.
    #[arg(long, value_name = "ID", conflicts_with = "position")]
    image_id: Option<u64>,

    /// The image at this position of a training set.
    #[arg(long, value_name = "N")]
    position: Option<u64>,

    /// Where the files lie that it was made from [default: the runner's store of FILE, else FILE's folder].
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,

    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Answer> {
    let tree = tree(&args.file, args.tree.as_deref())?;
    let entry = tree.at(&args.file).with_context(|| format!("failed to read: `{}` is no file", args.file.display()))?;
    let subject = args.image_id.map(Subject::Image).or(args.position.map(Subject::Position));
    let step = match subject {
        Some(subject) => of_image(&tree, entry, subject),
        None => of_file(&tree, entry),
    };
    let step = step.context("failed to follow it back")?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&step)?);
    } else {
        print!("{step}");
    }
    Ok(Answer::Sound)
}
