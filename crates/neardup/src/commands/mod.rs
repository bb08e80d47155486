//! The commands, each with its arguments: load, one library call, write.

pub(crate) mod clean;
pub(crate) mod evaluate;
pub(crate) mod find;
pub(crate) mod finish;
pub(crate) mod gallery;
pub(crate) mod parts;
pub(crate) mod reference;
mod search_flags;
pub(crate) mod split;

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use twinset_manifest::rows::{ImageFacts, Pair};
use twinset_manifest::{Input, Provenance, Reader, Row, list_shards};
use twinset_neardup::{ImageIndex, Missing, NeardupError, NotDuplicates, Phase};
use twinset_stage::{Progress, with_hint};

/// An error where duplicates were searched between splits alone: of those within a split nothing is known.
fn expect_whole_search(found_by: &Provenance, path: &Path, hint: &str) -> anyhow::Result<()> {
    if found_by.config["between-splits"] != true {
        return Ok(());
    }
    let path = path.display();
    let error = anyhow!("`{path}` is of a search with `between-splits = true`, expected one among all images");
    Err(with_hint(error, hint))
}

/// An error where images would be written beside shards of images: both would be read as those of one folder.
fn expect_no_shards(to: &Path) -> anyhow::Result<()> {
    let shards = to.with_extension("");
    if list_shards(&shards).is_ok() {
        bail!(
            "failed to write `{}`: `{}` holds shards, expected another folder for --out",
            to.display(),
            shards.display()
        );
    }
    Ok(())
}

/// An error where the manifest that is read would be written over.
fn expect_other_file(from: &Path, to: &Path, what_is_done: &str) -> anyhow::Result<()> {
    let is_input = fs::canonicalize(to).is_ok_and(|to| fs::canonicalize(from).is_ok_and(|from| from == to));
    if is_input {
        let to = to.display();
        bail!("failed to write `{to}`: it is the manifest that is {what_is_done}, expected another folder for --out");
    }
    Ok(())
}

/// The images of a manifest, without their pictures.
fn read_index(images: &Path) -> anyhow::Result<ImageIndex> {
    let reader = Reader::<ImageFacts>::open(images).context("failed to read the images")?;
    let batches = reader.map(|batch| Ok::<_, anyhow::Error>(batch?));
    ImageIndex::read(batches).with_context(|| format!("failed to read `{}`", images.display()))
}

/// The pairs that are no duplicates, among these images, and their file.
fn read_not_duplicates(path: &Path, images: &Path) -> anyhow::Result<(NotDuplicates, Input)> {
    let index = read_index(images)?;
    let context = || format!("failed to use the file `{}`", path.display());
    let input = Input::of_file(path).with_context(context)?;
    Ok((NotDuplicates::read(path, &index, Missing::Refused).with_context(context)?, input))
}

/// A manifest that must have been made from these images.
fn open<R: Row>(path: &Path, images: &Input) -> anyhow::Result<(Reader<R>, Input)> {
    let reader = Reader::<R>::open(path)?;
    reader.expect_made_from(images)?;
    let input = reader.as_input()?;
    Ok((reader, input))
}

/// An error where the pairs are of another search than the clusters.
fn expect_same_search(of_pairs: &Provenance, of_clusters: &Provenance, pairs: &Path) -> anyhow::Result<()> {
    let Some(of_pairs) = of_pairs.config.as_object() else { return Ok(()) };
    match of_pairs.iter().find(|(key, value)| of_clusters.config.get(*key) != Some(*value)) {
        None => Ok(()),
        Some((key, found)) => {
            let (pairs, expected) = (pairs.display(), &of_clusters.config[key]);
            bail!("`{pairs}` is of a search with `{key}` {found}, expected that of the clusters, with {expected}")
        }
    }
}

/// Reads the pairs of the search that found the clusters, batch by batch.
fn read_pairs(
    path: &Path,
    images: &Input,
    clusters_found_by: &Provenance,
    mut add: impl FnMut(&[Pair]) -> anyhow::Result<()>,
) -> anyhow::Result<Input> {
    let (reader, input) = open::<Pair>(path, images)?;
    expect_same_search(reader.provenance(), clusters_found_by, path)?;
    for batch in reader {
        add(&batch?).with_context(|| format!("`{}`", path.display()))?;
    }
    Ok(input)
}

/// Shows the progress of the search and of the verification.
fn begin(progress: Progress) -> impl Fn(Phase, u64) -> Box<dyn Fn(u64) + Sync> {
    move |phase, n_steps| {
        let (unit, doing) = match phase {
            Phase::Search => ("images", "searching"),
            Phase::Verification => ("pairs", "verifying"),
            Phase::Alignment => ("pairs", "aligning"),
        };
        let bar = progress.begin(unit, n_steps, doing);
        Box::new(move |n_steps| bar.inc(n_steps))
    }
}

/// An error, with what can be done about it.
fn hinted(error: NeardupError) -> anyhow::Error {
    let hint = match &error {
        NeardupError::TooManyPairs { .. } => {
            Some("a smaller `max-distance`, or 256 `hash-bits`, tells more images apart")
        }
        NeardupError::Image(error) => error.hint(),
        _ => None,
    };
    match hint {
        Some(hint) => with_hint(error.into(), hint),
        None => error.into(),
    }
}
