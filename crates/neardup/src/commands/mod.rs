//! The commands, each with its arguments: load, one library call, write.

pub(crate) mod clean;
pub(crate) mod evaluate;
pub(crate) mod find;
pub(crate) mod gallery;
pub(crate) mod split;

use std::fs;
use std::path::Path;

use anyhow::bail;

/// An error where the manifest that is read would be written over.
fn expect_other_file(from: &Path, to: &Path, what_is_done: &str) -> anyhow::Result<()> {
    let is_input = fs::canonicalize(to).is_ok_and(|to| fs::canonicalize(from).is_ok_and(|from| from == to));
    if is_input {
        let to = to.display();
        bail!("failed to write `{to}`: it is the manifest that is {what_is_done}, expected another folder for --out");
    }
    Ok(())
}
