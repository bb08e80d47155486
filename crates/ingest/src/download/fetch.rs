//! One file: from the first of its homes that gives it.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use twinset_manifest::ResumableFile;

use super::client::{Client, Failure};
use super::{DownloadError, Options, Problem, RemoteFile};

/// An attempt that brings so much counts as none that failed: a slow line may break often.
const PROGRESS_BYTES: u64 = 1 << 20;
const MAX_WAIT: Duration = Duration::from_secs(30);

/// What there is of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// All, and it is the official one.
    Present,
    /// Something else has its name.
    Other {
        /// Its size or SHA-256.
        found: String,
        /// The official one's.
        expected: String,
    },
    /// So many bytes of it, from an earlier run.
    Partial(u64),
    /// Nothing.
    Missing,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Where it came from; none where it was there already.
    pub from: Option<String>,
    /// How many bytes of it came in this run.
    pub n_received: u64,
}

/// What there is of a file in the folder `to`.
///
/// # Errors
/// When it cannot be read.
pub fn state(file: &RemoteFile, to: &Path) -> Result<State, DownloadError> {
    let path = to.join(file.path);
    let read = |source| DownloadError::Read { path: path.clone(), source };
    let n_bytes = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let partial = fs::metadata(to.join(format!("{}.partial", file.path)));
            return Ok(match partial.map(|metadata| metadata.len()) {
                Ok(n @ 1..) => State::Partial(n),
                _ => State::Missing,
            });
        }
        Err(error) => return Err(read(error)),
    };
    if n_bytes != file.n_bytes {
        return Ok(State::Other { found: format!("{n_bytes} bytes"), expected: file.n_bytes.to_string() });
    }
    let found = File::open(&path).and_then(sha256).map_err(read)?;
    Ok(if found == file.sha256 {
        State::Present
    } else {
        State::Other { found: format!("SHA-256 {found}"), expected: file.sha256.to_owned() }
    })
}

/// Fetches a file into the folder `to`, unless it is there.
///
/// # Errors
/// When none of its homes gives it, when it cannot be written, or when something else has its name.
pub fn fetch(file: &RemoteFile, to: &Path, options: &Options) -> Result<Fetched, DownloadError> {
    let path = to.join(file.path);
    match state(file, to)? {
        State::Present => return Ok(Fetched { path, from: None, n_received: 0 }),
        State::Other { found, expected } => return Err(DownloadError::Occupied { path, found, expected }),
        State::Partial(_) | State::Missing => {}
    }
    let here = |source| DownloadError::Write { path: path.clone(), source };
    fs::create_dir_all(path.parent().unwrap_or(to)).map_err(here)?;
    let mut partial = ResumableFile::open(&path).map_err(here)?;
    let client = Client::new(options.stall)?;
    let mut n_received = 0;
    let mut failures = Vec::new();
    for address in options.addresses(file) {
        match fetch_from(&client, &address, file, &mut partial, options, &mut n_received) {
            Ok(()) => {
                partial.commit().map_err(here)?;
                return Ok(Fetched { path, from: Some(address), n_received });
            }
            Err(Failure::Here(source)) => return Err(here(source)),
            Err(Failure::Again(problem) | Failure::Never(problem)) => failures.push((address, problem)),
        }
    }
    let n_kept = partial.n_bytes();
    if n_kept == 0 {
        partial.discard().map_err(here)?;
    }
    Err(DownloadError::NotFetched { name: file.name(), failures, n_kept, missing: Vec::new() })
}

/// Fetches a file from one address, in as many attempts as it takes and the options allow.
fn fetch_from(
    client: &Client,
    address: &str,
    file: &RemoteFile,
    partial: &mut ResumableFile,
    options: &Options,
    n_received: &mut u64,
) -> Result<(), Failure> {
    let mut n_failed = 0;
    loop {
        let n_before = partial.n_bytes();
        let result = attempt(client, address, file, partial, options);
        let n_now = partial.n_bytes();
        let n_gained = n_now.saturating_sub(n_before);
        *n_received += n_gained;
        let problem = match result {
            Err(Failure::Again(problem)) => problem,
            // What an earlier run left, or another home, may be what is wrong with the whole: once more from its start.
            Err(Failure::Never(problem @ Problem::WrongBytes { .. })) if n_before > 0 => problem,
            other => return other,
        };
        n_failed = if n_gained >= PROGRESS_BYTES { 1 } else { n_failed + 1 };
        if n_failed >= options.n_attempts.max(1) {
            return Err(Failure::Again(problem));
        }
        let n_doublings = (n_failed - 1).min(10);
        thread::sleep((options.first_wait * 2u32.pow(n_doublings)).min(MAX_WAIT));
    }
}

fn attempt(
    client: &Client,
    address: &str,
    file: &RemoteFile,
    partial: &mut ResumableFile,
    options: &Options,
) -> Result<(), Failure> {
    if partial.n_bytes() > file.n_bytes {
        partial.restart().map_err(Failure::Here)?;
    }
    if partial.n_bytes() < file.n_bytes {
        let bar = options.progress.begin("bytes", file.n_bytes, file.name());
        client.get(address, file.n_bytes, partial, &bar)?;
    }
    let found = partial.read().and_then(sha256).map_err(Failure::Here)?;
    if found == file.sha256 {
        return Ok(());
    }
    partial.restart().map_err(Failure::Here)?;
    Err(Failure::Never(Problem::WrongBytes { found, expected: file.sha256 }))
}

fn sha256(mut file: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
