//! What can be wrong with a source: where, what was found, what was expected.

use std::io;
use std::path::{Path, PathBuf};

use twinset_manifest::ManifestError;

/// What keeps a source from being ingested.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file or folder of the source cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An output cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl IngestError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<String> {
        if let Self::Source(error) = self { error.hint.clone() } else { None }
    }
}

/// What is wrong with a source, in one line: where, what was found, what was expected. It is written where it is found.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    message: String,
    hint: Option<String>,
}

impl SourceError {
    /// A mistake of which no more is to be said.
    pub(crate) fn new(message: String) -> Self {
        Self { message, hint: None }
    }

    /// With what a user can do about it.
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A [`SourceError`] with a message as of `format!`.
macro_rules! wrong {
    ($($message:tt)*) => { $crate::SourceError::new(format!($($message)*)) };
}
pub(crate) use wrong;

/// There is nothing at the source's path, or something else than expected.
pub(crate) fn no_dataset(path: &Path, found: &str, expected: &str) -> IngestError {
    let hint = home_hint(path).unwrap_or("`path` in the config is relative to the folder that --data names");
    wrong!("dataset `{}` {found}, expected {expected}", path.display()).with_hint(hint).into()
}

/// What to say of a path with `~` for a folder, in whose place a shell would have put another one.
pub(crate) fn home_hint(path: &Path) -> Option<&'static str> {
    let has_tilde = path.components().any(|part| part.as_os_str() == "~");
    has_tilde
        .then_some("only the shell knows `~`, and not within quotes: --data ~/datasets or --data \"$HOME/datasets\"")
}
