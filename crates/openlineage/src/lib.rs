//! A *run event* tells a lineage service what a run of a stage reads and writes: one when it begins, one when it ends, as
//! JSON after OpenLineage 2-0-2.
//!
//! A [`Run`] is one execution of a *job*, a stage's program (`twinset.ingest`). Its *datasets* are files: a manifest has
//! its columns with their meaning, its rows, bytes and nulls, and its BLAKE3 as *facets*. Events go where the environment
//! says, in the variables that OpenLineage's own clients read ([`Settings`]); where it says nothing, there are none.
//!
//! ```
//! use twinset_openlineage::{Run, Settings};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let log = folder.path().join("events.jsonl");
//! let variable = |name: &str| match name {
//!     "OPENLINEAGE__TRANSPORT__TYPE" => Some("file".to_owned()),
//!     "OPENLINEAGE__TRANSPORT__APPEND" => Some("true".to_owned()),
//!     "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH" => Some(log.display().to_string()),
//!     _ => None,
//! };
//! let settings = Settings::from_environment(variable)?.expect("there is a transport");
//! let mut run = Run::new(settings, "twinset.ingest", &[]);
//! run.start()?;
//! run.complete(&[])?;
//! let events = std::fs::read_to_string(&log).unwrap();
//! assert_eq!(events.lines().count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dataset;
mod facet;
mod parent;
mod run;
mod settings;
mod transport;

pub use run::{Run, RunError};
pub use settings::{Settings, SettingsError};
pub use transport::TransportError;
