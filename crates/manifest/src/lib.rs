//! A *manifest* is a Parquet file with typed rows that says in its footer what it is and where it comes from.
//!
//! Stages meet in manifests alone. This crate is their contract: the [row types](rows), how they are [written](Writer)
//! (whole or not at all) and [read](Reader) (only under the schema that was asked for), the [provenance](Provenance) in
//! each footer, and the [units] that configs are written in.
//!
//! Reading ends in rows or in an error, never in a panic. It does not limit memory: a manifest is its user's own file, and whoever
//! reads Parquet files of strangers has to limit the process.
//!
//! ```
//! use twinset_manifest::{Provenance, Reader, Writer, rows::Cluster};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("clusters.parquet");
//! let row = Cluster { image_id: 7, cluster_id: 3, cluster_size: 2, is_representative: false, source: String::new() };
//!
//! let mut writer = Writer::create(&path)?;
//! writer.push(row.clone())?;
//! writer.finish(&Provenance::of_stage("example", "0.1.0"))?;
//!
//! let reader = Reader::<Cluster>::open(&path)?;
//! assert_eq!(reader.provenance().stage, "example");
//! assert_eq!(reader.read_all()?, [row]);
//! # Ok(())
//! # }
//! ```

mod arrow_schema;
mod atomic;
mod catalog;
mod check;
mod class_label;
mod column;
mod differences;
mod error;
mod examples;
mod file;
mod footer;
mod guard;
mod hint;
pub mod huggingface;
mod image_data;
mod provenance;
mod reader;
mod resumable;
mod row;
mod row_group;
pub mod rows;
mod schemas;
mod shards;
pub mod units;
mod untyped;
mod writer;

pub use atomic::{AtomicFile, append_line, write_atomically};
pub use catalog::{SchemaDoc, catalog, one_line};
pub use check::{Check, CheckOutcome};
pub use class_label::ClassLabel;
pub use column::{Column, Value, type_name};
pub use differences::differences;
pub use error::ManifestError;
pub use footer::{ColumnSummary, Footer};
pub use guard::guarded;
pub use provenance::{Digest, Input, Provenance, digest_file};
pub use reader::{Reader, read_manifest};
pub use resumable::ResumableFile;
pub use row::{ColumnDoc, Row, schema_name};
pub use row_group::{Bounds, RowGroup};
pub use rows::Constraint;
pub use schemas::schemas_markdown;
pub use shards::{digest_of_shards, is_shard_name, list_shards, shard_name};
pub use untyped::{Batches, Untyped};
pub use writer::{Writer, Written, write_manifest};

/// Footer key that holds the schema, for instance `images/3`.
pub const SCHEMA_KEY: &str = "twinset.schema";
/// Footer key that holds the [`Provenance`] as JSON.
pub const PROVENANCE_KEY: &str = "twinset.provenance";
