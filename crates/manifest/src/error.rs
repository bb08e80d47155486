//! What can be wrong with a manifest.

use std::io;
use std::path::PathBuf;

use parquet::errors::ParquetError;

use crate::Digest;

/// What can be wrong with a manifest: which file, what was found, what was expected.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be opened or read.
    #[error("cannot read manifest `{path}`: {source}")]
    Read {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written; nothing was left behind.
    #[error("cannot write `{path}`: {detail}")]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// The file is no Parquet file, or it is cut short or damaged.
    #[error("manifest `{path}` is not a whole Parquet file: {detail}")]
    Damaged {
        /// The manifest.
        path: PathBuf,
        /// What Parquet's reader says.
        detail: String,
    },
    /// A sound Parquet file with a column that cannot be read.
    #[error("cannot read column `{column}` of `{path}`: it is {found}, which is not supported")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type or its compression.
        found: String,
    },
    /// A Parquet file that no stage wrote.
    #[error("`{path}` is a Parquet file without `twinset.schema` in its footer, expected a manifest of `{expected}`")]
    NoSchema {
        /// The file.
        path: PathBuf,
        /// The schema that was asked for.
        expected: &'static str,
    },
    /// A manifest of another schema.
    #[error("manifest `{path}` holds `{found}`, expected `{expected}`")]
    WrongSchema {
        /// The manifest.
        path: PathBuf,
        /// The schema in its footer.
        found: String,
        /// The schema that was asked for.
        expected: &'static str,
    },
    /// A manifest of the schema in another version.
    #[error("manifest `{path}` holds `{found}`, expected `{expected}`: another version wrote it, run {stage} again")]
    OtherVersion {
        /// The manifest.
        path: PathBuf,
        /// The schema in its footer.
        found: String,
        /// The schema that was asked for.
        expected: &'static str,
        /// What wrote it, for instance `` `ingest` ``.
        stage: String,
    },
    /// A column is missing, of another type, or holds what its type cannot.
    #[error("manifest `{path}`, column `{column}`: found {found}, expected {expected}")]
    Column {
        /// The manifest.
        path: PathBuf,
        /// The column's name.
        column: &'static str,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// A folder in which there is no shard of a manifest.
    #[error("folder `{folder}` holds no manifest, expected shards such as `images-00000-of-00010.parquet`")]
    NoShards {
        /// The folder.
        folder: PathBuf,
        /// The schema that was asked for, where one was.
        expected: Option<&'static str>,
    },
    /// A sharded manifest of which a part is missing.
    #[error("sharded manifest `{folder}` lacks its shard `{missing}`")]
    MissingShard {
        /// The folder of the shards.
        folder: PathBuf,
        /// The first one that is missing.
        missing: String,
    },
    /// Something in the folder of a sharded manifest that does not belong to it.
    #[error("sharded manifest `{folder}` holds `{found}`, expected only shards like `{expected}`")]
    OtherShard {
        /// The folder of the shards.
        folder: PathBuf,
        /// A Parquet file in it.
        found: String,
        /// The name of the first shard.
        expected: String,
    },
    /// Shards that were not written as parts of one manifest.
    #[error("shard `{path}` was written with another {field} than `{first}`, expected the same")]
    ShardsDiffer {
        /// The shard.
        path: PathBuf,
        /// The field of the provenance.
        field: &'static str,
        /// The name of the first shard.
        first: String,
    },
    /// It was made from other images than those at hand.
    #[error("`{path}` was made from other images: from `{name}` with BLAKE3 {found}, expected {expected}")]
    OtherImages {
        /// The manifest.
        path: PathBuf,
        /// The images that it was made from.
        name: String,
        /// Their digest.
        found: Box<Digest>,
        /// The digest of the images at hand.
        expected: Box<Digest>,
        /// The stage that made it.
        stage: String,
    },
    /// The footer's provenance cannot be understood.
    #[error("manifest `{path}` has no readable `twinset.provenance`: {detail}")]
    Provenance {
        /// The manifest.
        path: PathBuf,
        /// Why.
        detail: String,
    },
}

impl ManifestError {
    /// The same error of one who asks for a schema.
    pub(crate) fn of_schema(self, schema: &'static str) -> Self {
        match self {
            Self::NoShards { folder, .. } => Self::NoShards { folder, expected: Some(schema) },
            other => other,
        }
    }
}

/// The innermost cause: Parquet wraps I/O errors in its own.
pub(crate) fn innermost(error: &ParquetError) -> String {
    let mut cause: &dyn std::error::Error = error;
    if let ParquetError::External(inner) = error {
        cause = inner.as_ref();
    }
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
