//! What is wrong with an archive.

use std::io;

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// No tar, cut short, or damaged.
    #[error("`{path}` cannot be read as a tar archive: {source}")]
    Damaged {
        /// The archive.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file without bytes.
    #[error("`{path}` has 0 bytes, expected a tar archive")]
    Empty {
        /// The file.
        path: String,
    },
    /// A file that is packed in another way.
    #[error("`{path}` is a {found} file, expected a tar archive, perhaps packed with gzip")]
    Packed {
        /// The file.
        path: String,
        /// In which.
        found: &'static str,
    },
    /// A member's path is absolute or goes up.
    #[error("`{path}`: member `{member}` is absolute or leaves the folder, expected paths within it")]
    Outside {
        /// The archive.
        path: String,
        /// The member's path.
        member: String,
    },
}
