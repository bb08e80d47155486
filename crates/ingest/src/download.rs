//! To *download* a public dataset is to fetch its official files from their home, or from a mirror, into a folder; a file gets
//! its name only once its SHA-256 is the official one.
//!
//! What was received of a file stays beside it as `<name>.partial`, and the next attempt or the next run asks for the rest.
//! A *mirror* is laid out as the folder that is downloaded to: serving that folder makes a mirror of it.

mod client;
mod error;
mod fetch;
mod sets;

use std::path::Path;
use std::time::Duration;

use twinset_stage::Progress;

pub use error::{DownloadError, Problem};
pub use fetch::{Fetched, State, fetch, state};
pub use sets::{RemoteFile, Set};

/// How files are fetched.
#[derive(Clone, Debug)]
pub struct Options {
    /// The mirror's address, which the files' paths are appended to; none for their homes.
    pub mirror: Option<String>,
    /// How often in a row a home is tried that answers nothing or breaks off.
    pub n_attempts: u32,
    /// How long is waited before the second attempt; before each further one, twice as long.
    pub first_wait: Duration,
    /// How long may pass without a byte.
    pub stall: Duration,
    /// How progress is shown.
    pub progress: Progress,
}

impl Default for Options {
    fn default() -> Self {
        let (first_wait, stall) = (Duration::from_secs(1), Duration::from_secs(30));
        Self { mirror: None, n_attempts: 5, first_wait, stall, progress: Progress::hidden() }
    }
}

impl Options {
    /// Checks the mirror's address.
    ///
    /// # Errors
    /// When it is no address.
    pub fn validate(&self) -> Result<(), DownloadError> {
        let is_address = |mirror: &str| mirror.starts_with("http://") || mirror.starts_with("https://");
        match self.mirror.as_deref().filter(|mirror| !is_address(mirror)) {
            Some(mirror) => Err(DownloadError::Mirror { mirror: mirror.to_owned() }),
            None => Ok(()),
        }
    }

    /// Where a file may be had, the first address first.
    pub fn addresses(&self, file: &RemoteFile) -> Vec<String> {
        match &self.mirror {
            Some(mirror) => vec![format!("{}/{}", mirror.trim_end_matches('/'), file.path)],
            None => file.homes.iter().map(|home| format!("{home}{}", file.name())).collect(),
        }
    }
}

/// Fetches those of the files that are not in the folder `to`; what became of each, in their order.
///
/// # Errors
/// When one cannot be had, or something else has its name.
pub fn download(files: &[RemoteFile], to: &Path, options: &Options) -> Result<Vec<Fetched>, DownloadError> {
    let mut fetched = Vec::new();
    for (at, file) in files.iter().enumerate() {
        // A user without a network is told of all that is missing, and not of one file after the other.
        fetched.push(fetch(file, to, options).map_err(|error| with_missing(error, &files[at..], to, options))?);
    }
    Ok(fetched)
}

/// The error with all files that are missing, of which the first could not be fetched.
fn with_missing(mut error: DownloadError, files: &[RemoteFile], to: &Path, options: &Options) -> DownloadError {
    if let DownloadError::NotFetched { missing, .. } = &mut error {
        let is_missing = |file: &&RemoteFile| !matches!(state(file, to), Ok(State::Present));
        *missing = files.iter().filter(is_missing).map(|file| placement(file, to, options)).collect();
    }
    error
}

/// Where a file may be had, where it belongs, and how it is known.
fn placement(file: &RemoteFile, to: &Path, options: &Options) -> String {
    let (addresses, path) = (options.addresses(file).join(" or "), to.join(file.path));
    format!("{addresses} as `{}` ({} bytes, SHA-256 {})", path.display(), file.n_bytes, file.sha256)
}

#[cfg(test)]
mod tests;
