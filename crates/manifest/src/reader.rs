//! Reading a manifest under the schema that is asked for.

use std::fs::File;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::{Input, ManifestError, PROVENANCE_KEY, Provenance, Row, SCHEMA_KEY, digest_file};

/// An open manifest: an iterator over batches of its rows, so that a set larger than memory passes through.
pub struct Reader<R> {
    batches: ParquetRecordBatchReader,
    path: PathBuf,
    provenance: Provenance,
    n_rows: u64,
    row: PhantomData<R>,
}

impl<R: Row> Reader<R> {
    /// Rows in a batch.
    const BATCH_ROWS: usize = 1024;

    /// Opens a manifest and checks that its footer says [`Row::SCHEMA`].
    ///
    /// # Errors
    /// When the file cannot be read, is cut short, or holds another schema.
    pub fn open(path: &Path) -> Result<Self, ManifestError> {
        let read_error = |source| ManifestError::Read { path: path.to_owned(), source };
        let damaged = |error| damaged(path, error);
        let file = File::open(path).map_err(read_error)?;
        if file.metadata().map_err(read_error)?.is_dir() {
            return Err(read_error(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder")));
        }
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        let footer = builder.metadata().file_metadata();
        let entry = |key: &str| {
            footer.key_value_metadata()?.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.clone())
        };
        let found =
            entry(SCHEMA_KEY).ok_or_else(|| ManifestError::NoSchema { path: path.to_owned(), expected: R::SCHEMA })?;
        if found != R::SCHEMA {
            return Err(ManifestError::WrongSchema { path: path.to_owned(), found, expected: R::SCHEMA });
        }
        let provenance = entry(PROVENANCE_KEY).ok_or_else(|| "it is missing".to_owned());
        let provenance = provenance
            .and_then(|json| serde_json::from_str(&json).map_err(|error| error.to_string()))
            .map_err(|detail| ManifestError::Provenance { path: path.to_owned(), detail })?;
        let n_rows = footer.num_rows().max(0).cast_unsigned();
        let batches = builder.with_batch_size(Self::BATCH_ROWS).build().map_err(damaged)?;
        Ok(Self { batches, path: path.to_owned(), provenance, n_rows, row: PhantomData })
    }

    /// Where the manifest comes from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// How many rows it has.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The manifest as an input of the stage that reads it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn as_input(&self) -> Result<Input, ManifestError> {
        let blake3 =
            digest_file(&self.path).map_err(|source| ManifestError::Read { path: self.path.clone(), source })?;
        Ok(Input { name: crate::provenance::file_name(&self.path), schema: Some(R::SCHEMA.to_owned()), blake3 })
    }

    /// All rows that are left.
    ///
    /// # Errors
    /// When a batch cannot be read.
    pub fn read_all(self) -> Result<Vec<R>, ManifestError> {
        let mut rows = Vec::new();
        for batch in self {
            rows.append(&mut batch?);
        }
        Ok(rows)
    }
}

impl<R: Row> Iterator for Reader<R> {
    type Item = Result<Vec<R>, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.next()?;
        Some(batch.map_err(|error| damaged(&self.path, error)).and_then(|batch| {
            R::from_batch(&batch).map_err(|mismatch| ManifestError::Column {
                path: self.path.clone(),
                column: mismatch.column,
                found: mismatch.found,
                expected: mismatch.expected,
            })
        }))
    }
}

/// Reads a manifest whose rows fit in memory, and says what it was, for the provenance of what is made from it.
///
/// # Errors
/// As [`Reader::open`] and [`Reader::read_all`].
pub fn read_manifest<R: Row>(path: &Path) -> Result<(Vec<R>, Input), ManifestError> {
    let reader = Reader::open(path)?;
    let input = reader.as_input()?;
    Ok((reader.read_all()?, input))
}

fn damaged(path: &Path, error: impl std::fmt::Display) -> ManifestError {
    ManifestError::Damaged { path: path.to_owned(), detail: error.to_string() }
}
