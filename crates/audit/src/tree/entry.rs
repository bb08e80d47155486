//! A *file* of a tree: its kind, digest and provenance.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use twinset_manifest::{Digest, ManifestError, Provenance, Untyped, digest_file, digest_of_shards};

use super::place::{folder_of, name_of, relative, store_of_run};
use super::shards::shards_in;
use crate::weights;

/// A file of a tree.
#[derive(Debug)]
pub struct Entry {
    /// Its path.
    pub path: PathBuf,
    /// Its path relative to the tree's root, with `/` between folders.
    pub relative: String,
    /// The number of files: one, or the number of shards.
    pub n_files: u64,
    /// Its size, or the size of all shards.
    pub n_bytes: u64,
    /// Its kind.
    pub kind: Kind,
    /// Whether it is selected, and not only around the selected files.
    pub is_selected: bool,
    /// The digest in its run's `digests.json`, if that is trusted.
    pub(super) recorded: Option<Digest>,
    digest: OnceLock<Result<Digest, String>>,
    provenance: OnceLock<Option<Provenance>>,
}

/// The kind of a file.
#[derive(Debug)]
pub enum Kind {
    /// A Parquet file with `twinset.schema` in its footer, or a folder of shards that have it.
    Manifest(Untyped),
    /// A Parquet file that no stage wrote.
    Foreign(Untyped),
    /// A file `*.parquet` that is truncated or not Parquet, or shards that do not belong together; with the reader's
    /// error.
    Damaged(String),
    /// The weights of a network, whose header has a schema and a provenance as a manifest's footer has.
    Weights(weights::Header),
    /// Any other file that a manifest was made from.
    Other,
}

impl Entry {
    pub(super) fn new(path: PathBuf, root: &Path, kind: Kind, is_selected: &impl Fn(&Path) -> bool) -> Self {
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let (n_files, n_bytes) = match path.is_dir() {
            true => shards_in(&path).iter().fold((0, 0), |(n, bytes), shard| (n + 1, bytes + size(shard))),
            false => (1, size(&path)),
        };
        let (relative, is_selected) = (relative(&path, root), is_selected(&path));
        let (digest, provenance) = (OnceLock::new(), OnceLock::new());
        Self { path, relative, n_files, n_bytes, kind, is_selected, recorded: None, digest, provenance }
    }

    /// The folder that contains it.
    pub fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// The digest of its bytes, or of its shards' digests. It is taken from `digests.json` if that is trusted; else the
    /// file is read, once.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn digest(&self) -> Result<Digest, String> {
        let digest = |path: &Path| digest_file(path).map_err(|error| error.to_string());
        let of_all = || match &self.kind {
            Kind::Manifest(manifest) if manifest.is_sharded() => {
                Ok(digest_of_shards(manifest.files().map(digest).collect::<Result<Vec<_>, _>>()?))
            }
            _ => digest(&self.path),
        };
        match self.recorded {
            Some(recorded) => Ok(recorded),
            None => self.digest.get_or_init(of_all).clone(),
        }
    }

    /// Whether its digest is taken from `digests.json`, without reading the file.
    pub fn is_believed(&self) -> bool {
        self.recorded.is_some()
    }

    /// Whether its provenance has an input with this digest.
    pub fn is_made_from(&self, blake3: Digest) -> bool {
        self.known_provenance().is_some_and(|provenance| provenance.inputs.iter().any(|input| input.blake3 == blake3))
    }

    /// The manifest, if the file is one.
    pub fn manifest(&self) -> Option<&Untyped> {
        match &self.kind {
            Kind::Manifest(manifest) => Some(manifest),
            _ => None,
        }
    }

    /// The Parquet file, whether it is a manifest or not.
    pub fn parquet(&self) -> Option<&Untyped> {
        match &self.kind {
            Kind::Manifest(file) | Kind::Foreign(file) => Some(file),
            _ => None,
        }
    }

    /// Its schema, if it has one.
    pub fn schema(&self) -> Option<&str> {
        match &self.kind {
            Kind::Manifest(manifest) => manifest.schema(),
            Kind::Weights(header) => header.schema.as_deref(),
            _ => None,
        }
    }

    /// Its provenance, if it has one.
    pub fn provenance(&self) -> Option<Provenance> {
        self.known_provenance().cloned()
    }

    fn known_provenance(&self) -> Option<&Provenance> {
        let read = || match &self.kind {
            Kind::Manifest(manifest) => manifest.provenance().ok(),
            Kind::Weights(header) => header.provenance.clone(),
            _ => None,
        };
        self.provenance.get_or_init(read).as_ref()
    }

    /// Whether both seem to be from the same run: the same stage made them from the same files.
    pub fn is_made_with(&self, other: &Self) -> bool {
        let both = self.known_provenance().zip(other.known_provenance());
        both.is_some_and(|(own, other)| own.stage == other.stage && own.inputs == other.inputs)
    }

    /// The stage that made it and its version. If the file has no provenance but is in a store, only the stage.
    pub fn made_by(&self) -> Option<String> {
        if let Some(provenance) = self.provenance() {
            return Some(format!("{} {}", provenance.stage, provenance.version));
        }
        let folder = self.folder();
        store_of_run(folder)?;
        Some(name_of(folder_of(folder)))
    }
}

impl Kind {
    pub(super) fn of(path: &Path) -> Self {
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            return weights::Header::read(path).map_or(Self::Other, Self::Weights);
        }
        match Untyped::open(path) {
            Ok(file) if file.schema().is_some() => Self::Manifest(file),
            Ok(file) => Self::Foreign(file),
            Err(ManifestError::Damaged { detail, .. }) => Self::Damaged(detail),
            Err(error) => Self::Damaged(error.to_string()),
        }
    }
}
