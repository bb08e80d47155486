//! What can go wrong with a download.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What can go wrong with a download.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// A mirror's address that is none.
    #[error("mirror `{mirror}` is no address, expected one that begins with http:// or https://")]
    Mirror {
        /// What was given.
        mirror: String,
    },
    /// A file of root certificates that holds none.
    #[error("`{path}`, which SSL_CERT_FILE names, holds no certificate")]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else has the file's name.
    #[error("`{path}` is there already and is not the official file: {found}, expected {expected}")]
    Occupied {
        /// The file.
        path: PathBuf,
        /// Its size or SHA-256.
        found: String,
        /// The official one's.
        expected: String,
    },
    /// None of its homes gave the file.
    #[error("cannot fetch `{name}`: {}", .failures.iter().map(|(address, problem)| format!("{address}: {problem}"))
        .collect::<Vec<_>>().join("; "))]
    NotFetched {
        /// The file.
        name: &'static str,
        /// What happened with each address.
        failures: Vec<(String, Problem)>,
        /// How much of it is kept for the next run, in bytes.
        n_kept: u64,
        /// This file, and those after it that are missing too, with where each may be had and where it belongs.
        missing: Vec<String>,
    },
}

/// Why an address did not give a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The server cannot be reached, or breaks off.
    #[error("{0}")]
    Network(String),
    /// Nothing came for too long.
    #[error("nothing came for {0:?}")]
    Stalled(Duration),
    /// The server has something else to say.
    #[error("the server answers with status {0}")]
    Status(u16),
    /// The server's file has another size.
    #[error("the server's file has {found} bytes, expected {expected}")]
    WrongSize {
        /// Its size, or a size that it exceeds.
        found: String,
        /// The official one's.
        expected: u64,
    },
    /// The connection ended before the file did.
    #[error("the file ended after {found} bytes, expected {expected}")]
    Cut {
        /// How much came, with what had come before.
        found: u64,
        /// How much should have come.
        expected: u64,
    },
    /// The server sent another part than it was asked for.
    #[error("the server sent part `{found}`, expected `bytes {expected}-`")]
    WrongPart {
        /// What it says it sent.
        found: String,
        /// The first byte that it was asked for.
        expected: u64,
    },
    /// All came, and it is not the official file.
    #[error("the file's SHA-256 is {found}, expected {expected}; it was thrown away")]
    WrongBytes {
        /// Its digest.
        found: String,
        /// The official one's.
        expected: &'static str,
    },
}

impl DownloadError {
    /// What a user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Occupied { .. } => Some("move it away, and the official file is fetched in its place".to_owned()),
            Self::NotFetched { n_kept, missing, .. } => {
                let kept = match n_kept {
                    0 => String::new(),
                    n => format!("the {n} bytes that came are kept, and the next run asks for the rest; "),
                };
                Some(format!(
                    "{kept}--mirror names another home; without a network, put what is missing where it belongs, and the \
                     same command checks it and fetches nothing:\n  {}",
                    missing.join("\n  ")
                ))
            }
            _ => None,
        }
    }
}
