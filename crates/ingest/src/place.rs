//! Where the images will stand, and whether something else stands there or beside.
//!
//! Images are one manifest, `images.parquet`, or a folder of shards, `images/`. Both in one folder would be read as two
//! sets. A new folder of shards takes the place of the old one, and `checkpoints` goes when it is finished, so that neither may
//! hold anything else.

use std::fs;
use std::io;
use std::path::Path;

use twinset_manifest::is_shard_name;

use crate::IngestError;
use crate::error::wrong;
use crate::sharding::{CHECKPOINTS, STEM, is_kept};

/// An error where the other form of the images stands in the folder `out`, or shards would replace what is none.
pub(crate) fn check(out: &Path, is_sharded: bool) -> Result<(), IngestError> {
    let (whole, folder, checkpoints) = (out.join("images.parquet"), out.join(STEM), out.join(CHECKPOINTS));
    let taken = |path: &Path, found: &str| {
        Err(wrong!("`{}` {found}, expected it gone, or another --out", path.display()).into())
    };
    let is_shard = |name: &str| is_shard_name(name) && name.starts_with(STEM);
    let shards = names(&folder)?;
    if !is_sharded {
        let is_taken = shards.iter().any(|name| is_shard(name));
        return if is_taken { taken(&folder, "holds shards of an earlier ingest with `shard-images`") } else { Ok(()) };
    }
    if whole.is_file() {
        return taken(&whole, "holds the images of an earlier ingest without `shard-images`");
    }
    if folder.is_file() {
        return taken(&folder, "is a file where the folder of shards belongs");
    }
    // What a file manager leaves may go with the shards.
    if let Some(other) = shards.iter().find(|name| !is_shard(name) && !name.starts_with('.')) {
        return taken(&folder, &format!("holds `{other}`, which is no shard"));
    }
    let is_checkpoint = |name: &str| name.starts_with('.') || is_kept(name);
    match names(&checkpoints)?.iter().find(|name| !is_checkpoint(name)) {
        Some(other) => taken(&checkpoints, &format!("holds `{other}`, which is of no interrupted ingest")),
        None => Ok(()),
    }
}

/// What is written into the folder `out`, beside shards.
const WRITTEN: [&str; 4] = ["images.parquet", "rejects.parquet", "croissant.json", "truth.csv"];

/// An error where the folder `out` lies in one whose files are read, as a later run would read what this one writes, or
/// where what is written would take the place of the file that is read.
pub(crate) fn check_beside(out: &Path, read: &Path) -> Result<(), IngestError> {
    let file = fs::canonicalize(read).ok().filter(|file| file.is_file());
    let is_file = |path: &Path| file.is_some() && fs::canonicalize(path).ok() == file;
    let shards = fs::canonicalize(out.join(STEM)).ok();
    let is_shard = shards.is_some_and(|shards| file.as_ref().is_some_and(|file| file.starts_with(shards)));
    if is_shard || WRITTEN.iter().any(|name| is_file(&out.join(name))) {
        let (out, input) = (out.display(), read.display());
        return Err(wrong!(
            "--out `{out}` holds `{input}`, which is read and would be replaced, expected another folder"
        )
        .into());
    }
    match (fs::canonicalize(out), fs::canonicalize(read)) {
        (Ok(whole), Ok(folder)) if whole.starts_with(&folder) => {
            let (out, folder) = (out.display(), read.display());
            Err(wrong!("--out `{out}` lies in `{folder}`, all of which is read, expected a folder beside it").into())
        }
        _ => Ok(()),
    }
}

/// What a folder holds, sorted; nothing where there is none.
fn names(folder: &Path) -> Result<Vec<String>, IngestError> {
    let names = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let mut names: Vec<String> = names.map_err(|source| IngestError::Read { path: folder.to_owned(), source })?;
    names.sort_unstable();
    Ok(names)
}
