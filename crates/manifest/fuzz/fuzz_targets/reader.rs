//! Any bytes as a manifest's file: reading ends in rows or in an error, never in a crash. Memory is not limited.
//!
//! `cargo fuzz run -s none reader seeds/reader -- -rss_limit_mb=0 -malloc_limit_mb=0 -max_len=16384`

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use twinset_manifest::rows::{Cluster, Image};
use twinset_manifest::{Footer, ManifestError, Reader, Row, Untyped};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("fuzzed.parquet");
    std::fs::write(&path, bytes).expect("the temporary folder takes a file");
    drop(Footer::read(&path));
    drop(read_untyped(&path));
    match read::<Image>(&path) {
        Err(ManifestError::WrongSchema { .. }) => drop(read::<Cluster>(&path)),
        result => drop(result),
    }
});

/// Reads all rows, and counts as many as the footer promised.
fn read<R: Row>(path: &Path) -> Result<(), ManifestError> {
    let reader = Reader::<R>::open(path)?;
    let (n_expected, mut n_rows) = (reader.n_rows(), 0);
    for batch in reader {
        n_rows += batch?.len() as u64;
    }
    assert_eq!(n_rows, n_expected, "rows that the footer promised");
    Ok(())
}

/// Reads all rows of any Parquet file.
fn read_untyped(path: &Path) -> Result<(), ManifestError> {
    Untyped::open(path)?.batches(None, 1024)?.try_for_each(|batch| batch.map(drop))
}
