//! What earlier runs found out of files, so that only new ones are decoded.
//!
//! A file is known by the digest of its bytes, not by its name or time. What is kept of it is what a row says of its pixels; a file
//! that was rejected is tried again. Each file is noted as soon as it is decoded, one line of JSON each, so a run that was
//! interrupted is gone on with. A line that a run had no time to finish is passed over.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use twinset_manifest::Digest;
use twinset_manifest::rows::Image;

use crate::IngestError;

/// Counted up when decoding gives other pixels, or another word for what was lost.
const VERSION: u32 = 1;

/// What is known of files.
pub(crate) struct KnownFiles {
    path: PathBuf,
    files: HashMap<Digest, Pixels>,
    /// Lines of this run, at the end of what earlier runs left, and all that this run has met.
    log: Mutex<Log>,
}

struct Log {
    file: File,
    met: HashMap<Digest, Pixels>,
    /// Files that were not decoded.
    n_known: u64,
    /// The first failure; a full disk ends the run as it does with any output.
    failed: Option<io::Error>,
}

/// What a row says of a file's pixels.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels_blake3: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<String>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    file_blake3: Digest,
    #[serde(flatten)]
    pixels: Pixels,
}

impl KnownFiles {
    /// Reads what earlier runs left in a cache; it is made if it is missing.
    pub(crate) fn open(cache: &Path) -> Result<Self, IngestError> {
        let path = cache.join(format!("files-v{VERSION}.jsonl"));
        let open = || -> io::Result<Self> {
            fs::create_dir_all(cache)?;
            let mut file = File::options().read(true).append(true).create(true).open(&path)?;
            let mut files = HashMap::new();
            for line in BufReader::new(&file).split(b'\n') {
                if let Ok(Line { file_blake3, pixels }) = serde_json::from_slice(&line?) {
                    files.insert(file_blake3, pixels);
                }
            }
            // Ends a line that an earlier run did not.
            file.write_all(b"\n")?;
            let log = Log { file, met: HashMap::new(), n_known: 0, failed: None };
            Ok(Self { path: path.clone(), files, log: Mutex::new(log) })
        };
        open().map_err(|source| IngestError::Write { path: path.clone(), source })
    }

    /// What is known of a file with these bytes; nothing where it has more pixels than are decoded now.
    pub(crate) fn get(&self, file: Digest, max_pixels: u64) -> Option<Pixels> {
        let pixels = self.files.get(&file)?;
        if u64::from(pixels.width) * u64::from(pixels.height) > max_pixels {
            return None;
        }
        let mut log = self.lock();
        log.met.insert(file, pixels.clone());
        log.n_known += 1;
        Some(pixels.clone())
    }

    /// Notes what a file's row says of its pixels.
    pub(crate) fn add(&self, file: Digest, image: &Image) {
        let &Image { width, height, pixels_blake3, ref lost, .. } = image;
        let pixels = Pixels { width, height, pixels_blake3, lost: lost.clone() };
        let line = line(file, &pixels);
        let mut log = self.lock();
        if let Err(error) = log.file.write_all(&line) {
            log.failed.get_or_insert(error);
        }
        log.met.insert(file, pixels);
    }

    /// How many of the files were known.
    pub(crate) fn n_known(&self) -> u64 {
        self.lock().n_known
    }

    /// Keeps what this run has met, and nothing else.
    pub(crate) fn finish(&self) -> Result<(), IngestError> {
        let mut log = self.lock();
        let write = |source| IngestError::Write { path: self.path.clone(), source };
        if let Some(error) = log.failed.take() {
            return Err(write(error));
        }
        let mut met: Vec<_> = log.met.iter().collect();
        met.sort_unstable_by_key(|(file, _)| file.0);
        let lines: Vec<u8> = met.into_iter().flat_map(|(file, pixels)| line(*file, pixels)).collect();
        twinset_manifest::write_atomically(&self.path, &lines).map_err(write)
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(file_blake3: Digest, pixels: &Pixels) -> Vec<u8> {
    let line = Line { file_blake3, pixels: pixels.clone() };
    let mut line = serde_json::to_vec(&line).expect("a line is JSON");
    line.push(b'\n');
    line
}
