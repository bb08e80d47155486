//! What can be wrong with a study's evidence.

use std::path::PathBuf;

use twinset_delimited::DelimitedError;
use twinset_manifest::ManifestError;
use twinset_manifest::rows::WORST_CASE;

/// What can be wrong with what a study names: the study's field, the file, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A manifest cannot be read, or is another one.
    #[error("study's `{field}`: {source}")]
    Manifest {
        /// The field of `study.json` that names it.
        field: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A manifest without rows where at least one is needed.
    #[error("study's `{field}`: manifest `{path}` has no rows, expected at least one")]
    Empty {
        /// The field of `study.json` that names it.
        field: String,
        /// The manifest.
        path: PathBuf,
    },
    /// An attack has the name of all attacks together.
    #[error("study's `{field}`: manifest `{path}` has an attack called `{WORST_CASE}`, expected another name")]
    Reserved {
        /// The field of `study.json` that names it.
        field: String,
        /// The manifest.
        path: PathBuf,
    },
    /// A file that is no manifest cannot be read.
    #[error("study's `{field}`: cannot read `{path}`: {source}")]
    File {
        /// The field of `study.json` that names it.
        field: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The truth file cannot be understood.
    #[error("truth `{path}`, {source}")]
    Truth {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TruthError,
    },
    /// A claim names what the study does not have.
    #[error("`{field}`: found {found}, expected {expected}")]
    Claim {
        /// The config's field.
        field: String,
        /// What it names.
        found: String,
        /// What there is.
        expected: String,
    },
    /// A template cannot be filled.
    #[error("cannot fill the page: {0}")]
    Page(#[from] askama::Error),
}

/// What is wrong with a truth file.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// It is no table with the columns that are needed.
    #[error(transparent)]
    Table(#[from] DelimitedError),
    /// A row tells of no pair.
    #[error("line {line}: found `{found}`, expected {expected}")]
    Row {
        /// The line, counted from 1.
        line: u64,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
}
