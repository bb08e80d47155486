//! What can be wrong with images, pairs and predictions.

use std::fmt;
use std::io;
use std::path::Path;

use twinset_delimited::DelimitedError;
use twinset_manifest::ManifestError;

/// What can be wrong with images, pairs and predictions.
#[derive(Debug, thiserror::Error)]
pub enum LeaksError {
    /// A manifest cannot be read, or was made from other images.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A CSV is not sound.
    #[error("`{path}`, {source}")]
    Delimited {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: DelimitedError,
    },
    /// A file cannot be used.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// A file that cannot be used: where, what was found, what was expected, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: found {found}, expected {expected}")]
pub struct Refused {
    /// The file, with the line where there is one.
    pub place: String,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to do; empty where the message says it.
    pub hint: String,
}

impl LeaksError {
    /// What can be done about it; none where a manifest's own error says it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(Refused { hint, .. }) if !hint.is_empty() => Some(hint),
            _ => None,
        }
    }
}

impl Refused {
    /// Of a whole file.
    pub(crate) fn file(path: &Path, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        let place = format!("`{}`", path.display());
        Self { place, found: found.to_string(), expected: expected.to_string(), hint: String::new() }
    }

    /// Of a line of a file, or of a row.
    pub(crate) fn at(path: &Path, place: &str, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        let place = format!("`{}`, {place}", path.display());
        Self { place, ..Self::file(path, found, expected) }
    }

    /// The same with what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}
