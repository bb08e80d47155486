//! What is wrong with a table.

use std::path::PathBuf;

use twinset_delimited::DelimitedError;

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is no CSV with the columns that are needed.
    #[error("`{path}`, {source}")]
    Csv {
        /// The table.
        path: String,
        /// What is wrong with it.
        source: DelimitedError,
    },
    /// A row without an image's path.
    #[error("{at}: column `{column}` is empty, expected the path of an image")]
    NoPath {
        /// Where it stands.
        at: String,
        /// The column.
        column: String,
    },
    /// A path that is absolute or goes up.
    #[error("{at}: `{found}` is absolute or leaves the folder, expected a path within it")]
    Outside {
        /// Where it stands.
        at: String,
        /// The path.
        found: String,
    },
    /// The images' folder is not there.
    #[error("there is no folder {at}, expected the one that the paths of column `{column}` are relative to")]
    NoFolder {
        /// The folder, and which key says so.
        at: String,
        /// The column.
        column: String,
    },
    /// No image is in their folder.
    #[error("none of the {n} images of `{path}` is in {at}, for instance `{example}`")]
    OtherFolder {
        /// The table.
        path: PathBuf,
        /// How many rows it has.
        n: usize,
        /// The folder, and which key says so.
        at: String,
        /// Where the first one was looked for.
        example: PathBuf,
        /// The column.
        column: String,
    },
    /// A word that names no split.
    #[error("{at}: split `{found}`, expected train, val or test")]
    Split {
        /// Where it stands.
        at: String,
        /// The word.
        found: String,
    },
    /// Two rows of one image.
    #[error("`{path}`: `{image}` stands in {left} and in {right}, expected every image once")]
    Twice {
        /// The table.
        path: String,
        /// The image's path.
        image: String,
        /// One row.
        left: String,
        /// The other row.
        right: String,
    },
}

impl TableError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoFolder { column, .. } | Self::OtherFolder { column, .. } => Some(format!(
                "`folder` is relative to the folder that --data names, and the paths of column `{column}` are relative to it"
            )),
            Self::Csv { source: DelimitedError::NoColumn { found, .. }, .. } if found.len() == 1 => {
                Some("where other characters part the columns, `delimiter` names one: delimiter = \":\"".to_owned())
            }
            _ => None,
        }
    }
}
