//! A *sharded manifest* is a folder of manifests that are read as one, in the order of their numbers: `images/` with
//! `images-00000-of-00010.parquet` and so on, as Hugging Face names them.
//!
//! Each shard is a manifest of its own. All were written by the same stage with the same config; the inputs of each are
//! what its own rows were made from.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Digest, ManifestError, Provenance};

/// The name of a shard, `index` counted from 0.
pub fn shard_name(stem: &str, index: usize, count: usize) -> String {
    format!("{stem}-{index:05}-of-{count:05}.parquet")
}

/// Whether a file is called as a shard is.
pub fn is_shard_name(name: &str) -> bool {
    Numbered::parse(name).is_some()
}

/// The digest of a sharded manifest: over those of its shards, in order.
pub fn digest_of_shards(shards: impl IntoIterator<Item = Digest>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for Digest(bytes) in shards {
        hasher.update(&bytes);
    }
    Digest(*hasher.finalize().as_bytes())
}

/// The shards in a folder, in order: all of them, and no other Parquet file.
///
/// # Errors
/// When the folder cannot be listed or holds no shard, when a shard is missing, or another Parquet file lies there.
pub fn list_shards(folder: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let read_error = |source| ManifestError::Read { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(read_error)? {
        let name = entry.map_err(read_error)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".parquet") && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort_by_cached_key(|name| (Numbered::parse(name).map(|shard| shard.index), name.clone()));
    let no_shards = || ManifestError::NoShards { folder: folder.to_owned(), expected: None };
    let Numbered { stem, count, .. } = names.iter().find_map(|name| Numbered::parse(name)).ok_or_else(no_shards)?;
    let is_shard =
        |name: &&String| Numbered::parse(name).is_some_and(|shard| shard.stem == stem && shard.count == count);
    if let Some(found) = names.iter().find(|name| !is_shard(name)) {
        let expected = shard_name(stem, 0, count);
        return Err(ManifestError::OtherShard { folder: folder.to_owned(), found: found.clone(), expected });
    }
    // All are different, of the same count and below it: as many as there should be are all.
    match (0..names.len() + 1).map(|index| shard_name(stem, index, count)).find(|name| !names.contains(name)) {
        Some(missing) if names.len() < count => Err(ManifestError::MissingShard { folder: folder.to_owned(), missing }),
        _ => Ok(names.iter().map(|name| folder.join(name)).collect()),
    }
}

/// Adds what a further shard was made from to the provenance of those before it.
pub(crate) fn join(
    provenance: &mut Provenance,
    shard: Provenance,
    path: &Path,
    first: &Path,
) -> Result<(), ManifestError> {
    let Provenance { stage, version, config, seed, device, inputs, warnings, checks } = shard;
    let fields = [
        ("stage", stage == provenance.stage),
        ("version", version == provenance.version),
        ("config", config == provenance.config),
        ("seed", seed == provenance.seed),
        ("device", device == provenance.device),
    ];
    if let Some((field, _)) = fields.into_iter().find(|(_, is_same)| !is_same) {
        let (path, first) = (path.to_owned(), crate::provenance::file_name(first));
        return Err(ManifestError::ShardsDiffer { path, field, first });
    }
    for input in inputs {
        if !provenance.inputs.contains(&input) {
            provenance.inputs.push(input);
        }
    }
    for warning in warnings {
        if !provenance.warnings.contains(&warning) {
            provenance.warnings.push(warning);
        }
    }
    for check in checks {
        if !provenance.checks.contains(&check) {
            provenance.checks.push(check);
        }
    }
    Ok(())
}

/// What a shard's name says.
struct Numbered<'a> {
    stem: &'a str,
    index: usize,
    count: usize,
}

impl<'a> Numbered<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (rest, count) = name.strip_suffix(".parquet")?.rsplit_once("-of-")?;
        let (stem, index) = rest.rsplit_once('-')?;
        let shard = Self { stem, index: index.parse().ok()?, count: count.parse().ok()? };
        (shard.index < shard.count && shard_name(stem, shard.index, shard.count) == name).then_some(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_all_shards_and_nothing_else() {
        let check = |files: &[&str], expected: Result<usize, &str>| {
            let folder = tempfile::tempdir().unwrap();
            for file in files {
                fs::write(folder.path().join(file), "").unwrap();
            }
            let found = list_shards(folder.path());
            let found = found.map(|shards| shards.len()).map_err(|error| error.to_string());
            let found = found.map_err(|error| error.replace(&folder.path().display().to_string(), "F"));
            assert_eq!(found, expected.map_err(str::to_owned), "{files:?}");
        };
        let (zero, one, two) = ("a-00000-of-00003.parquet", "a-00001-of-00003.parquet", "a-00002-of-00003.parquet");
        check(&[zero, one, two], Ok(3));
        check(&["b-c-00000-of-00001.parquet", "README.md", ".a.parquet.7-0.partial"], Ok(1));
        check(&[], Err("folder `F` holds no manifest, expected shards such as `images-00000-of-00010.parquet`"));
        check(
            &["a.parquet"],
            Err("folder `F` holds no manifest, expected shards such as `images-00000-of-00010.parquet`"),
        );
        check(&[zero, two], Err("sharded manifest `F` lacks its shard `a-00001-of-00003.parquet`"));
        check(&[one, two], Err("sharded manifest `F` lacks its shard `a-00000-of-00003.parquet`"));
        check(&[zero, one], Err("sharded manifest `F` lacks its shard `a-00002-of-00003.parquet`"));
        let other = "a-00003-of-00004.parquet";
        check(
            &[zero, one, two, other],
            Err(
                "sharded manifest `F` holds `a-00003-of-00004.parquet`, expected only shards like `a-00000-of-00003.parquet`",
            ),
        );
        check(
            &[zero, one, two, "a.parquet"],
            Err("sharded manifest `F` holds `a.parquet`, expected only shards like `a-00000-of-00003.parquet`"),
        );
        check(
            &["a-00003-of-00003.parquet"],
            Err("folder `F` holds no manifest, expected shards such as `images-00000-of-00010.parquet`"),
        );
    }
}
