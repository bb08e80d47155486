//! What can be wrong with the files of CIFAR-10 and CIFAR-100.

use std::path::PathBuf;

use crate::pickle::PickleError;

/// What can be wrong with the files of CIFAR-10 and CIFAR-100: where, what was found, what was expected.
#[derive(Debug, thiserror::Error)]
pub enum CifarError {
    /// There is nothing at the config's path.
    #[error("dataset `{path}` does not exist, expected the folder `{expected}` of {name}, or its .tar.gz")]
    Absent {
        /// The path.
        path: PathBuf,
        /// The folder that should be there.
        expected: &'static str,
        /// The dataset's name.
        name: &'static str,
        /// Its name for `twinset-ingest download`.
        download: &'static str,
        /// What lies beside the path and may be what is meant.
        sibling: Option<PathBuf>,
    },
    /// A batch file of another size.
    #[error("`{path}` has {found} bytes, expected {} ({n_records} records of {record_bytes} bytes)",
        .n_records * .record_bytes)]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// How many records an official one has.
        n_records: usize,
        /// Bytes of a record.
        record_bytes: usize,
    },
    /// A file that is far larger than the official one.
    #[error("`{path}` has {found} bytes, expected at most {limit}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// The most that is read.
        limit: u64,
    },
    /// A label that is no class.
    #[error("`{path}`, record {record}: {what} {found}, expected 0 to {}", .n_classes - 1)]
    WrongLabel {
        /// The file.
        path: PathBuf,
        /// The record, counted from 0.
        record: usize,
        /// Which label.
        what: &'static str,
        /// The label.
        found: i64,
        /// How many classes there are.
        n_classes: usize,
    },
    /// A file that is not the official one.
    #[error("`{path}` is not the official file: {digest} {found}, expected {expected}")]
    Unverified {
        /// The file.
        path: PathBuf,
        /// Which digest.
        digest: &'static str,
        /// The file's.
        found: String,
        /// The official file's.
        expected: String,
    },
    /// A file that does not name the classes.
    #[error("`{path}` names {found}, expected {expected} different class names{}",
        if *.is_text { ", one a line" } else { "" })]
    ClassNames {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// How many classes there are.
        expected: usize,
        /// Whether it is a text file.
        is_text: bool,
    },
    /// A pickle that cannot be read, or must not.
    #[error("`{path}`, {source}")]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: PickleError,
    },
    /// A pickle with something else in it than a batch or names.
    #[error("`{path}` holds {found}, expected {expected}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
}

impl CifarError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Absent { sibling: Some(sibling), .. } => Some(format!("did you mean `{}`?", sibling.display())),
            Self::Absent { download, .. } => Some(format!(
                "`path` in the config is relative to the folder that --data names; `twinset-ingest download {download}` \
                 fetches the dataset"
            )),
            Self::Unverified { .. } => Some(
                "set allow-unverified = true to take it all the same; the manifest will say so in its warnings"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
