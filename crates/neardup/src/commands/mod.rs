//! The commands, each with its arguments: load, one library call, write.

pub(crate) mod clean;
pub(crate) mod evaluate;
pub(crate) mod find;
pub(crate) mod gallery;
pub(crate) mod split;

use std::fs;
use std::path::Path;

use anyhow::{anyhow, bail};
use twinset_manifest::{Provenance, list_shards};
use twinset_stage::with_hint;

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
