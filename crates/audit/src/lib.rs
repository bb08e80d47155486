//! An *audit* asks manifests what a data engineer must vouch for: what is here, who made it from what, does it keep its
//! rules, and why is this image in the training set five times?
//!
//! A [`Tree`] is the files that are asked about and those around them. Over it there are a [listing](list), [rows](show), an
//! [SQL query](sql), a [validation](validate()), the [lineage](lineage) of a file or an image, [statistics](stats), a
//! [comparison](diff) of two manifests or trees, and a [page](page) of it all. Nothing is changed, and nothing but violations
//! and the page is written.
//!
//! ```
//! use twinset_audit::{Options, Tree, validate};
//! use twinset_manifest::{Provenance, rows::Cluster, write_manifest};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! // A component of two, one of whose images is missing.
//! let row = Cluster { image_id: 3, cluster_id: 3, cluster_size: 2, is_representative: true, source: String::new() };
//! write_manifest(&folder.path().join("clusters.parquet"), [row], &Provenance::of_stage("example", "0.1.0"))?;
//!
//! let tree = Tree::open(folder.path(), None)?;
//! let found = validate(&tree, &Options { pixels: true, folder: None, max_per_rule: 100, strict: false }, || ());
//! assert_eq!(found.violations.len(), 1);
//! assert_eq!(found.violations[0].rule.as_str(), "count");
//! assert_eq!(found.violations[0].found, "2");
//! assert_eq!(found.violations[0].expected, "1, the rows of cluster_id 3");
//! # Ok(())
//! # }
//! ```

mod cell;
pub mod diff;
mod filter;
mod frame;
pub mod lineage;
pub mod list;
pub mod page;
mod pick;
mod rules;
pub mod show;
pub mod sql;
pub mod stats;
mod table;
mod time;
mod tree;
mod validate;
mod weights;

pub use cell::{SHORT_DIGEST, text};
pub use table::{Format, Table};
pub use tree::{Entry, Kind, Output, Record, Tree, TreeError, is_sharded};
pub use validate::{Absent, Options, Validation, validate};
