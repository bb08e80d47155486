//! Where the images will stand, and whether something else stands there or beside.
//!
//! Images are one manifest, `images.parquet`, or a folder of shards, `images/`. Both in one folder would be read as two
//! sets. A new folder of shards takes the place of the old one, so that this must hold nothing else.

use std::fs;
use std::io;
use std::path::Path;

use twinset_manifest::is_shard_name;

use crate::IngestError;
use crate::sharding::STEM;

/// An error where the other form of the images stands in the folder `out`, or shards would replace what is none.
pub(crate) fn check(out: &Path, is_sharded: bool) -> Result<(), IngestError> {
    let (whole, folder) = (out.join("images.parquet"), out.join(STEM));
    if is_sharded && whole.is_file() {
        let found = "holds the images of an earlier ingest without `shard-images`".to_owned();
        return Err(IngestError::Taken { path: whole, found });
    }
    let names = match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) if !is_sharded && error.kind() == io::ErrorKind::NotADirectory => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let mut names: Vec<String> = names.map_err(|source| IngestError::Read { path: folder.clone(), source })?;
    names.sort_unstable();
    let is_ours = |name: &&String| is_shard_name(name) && name.starts_with(STEM);
    if !is_sharded {
        let is_taken = names.iter().any(|name| is_ours(&name));
        let found = "holds shards of an earlier ingest with `shard-images`".to_owned();
        return if is_taken { Err(IngestError::Taken { path: folder, found }) } else { Ok(()) };
    }
    match names.iter().find(|name| !is_ours(name)) {
        Some(other) => Err(IngestError::Taken { path: folder, found: format!("holds `{other}`, which is no shard") }),
        None => Ok(()),
    }
}
