//! Reading a manifest under the schema that is asked for.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use crate::file::ManifestFile;
use crate::{Input, ManifestError, Provenance, Row, digest_file};

/// An open manifest: an iterator over batches of its rows, so that a set larger than memory passes through.
pub struct Reader<R> {
    file: ManifestFile,
    path: PathBuf,
    row: PhantomData<R>,
}

impl<R: Row> Reader<R> {
    /// Opens a manifest and checks that its footer says [`Row::SCHEMA`].
    ///
    /// # Errors
    /// When the file cannot be read, is cut short, or holds another schema.
    pub fn open(path: &Path) -> Result<Self, ManifestError> {
        Ok(Self { file: ManifestFile::open(path, R::SCHEMA)?, path: path.to_owned(), row: PhantomData })
    }

    /// Where the manifest comes from.
    pub fn provenance(&self) -> &Provenance {
        &self.file.provenance
    }

    /// How many rows it has.
    pub fn n_rows(&self) -> u64 {
        self.file.n_rows
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
        Some(self.file.next_batch()?.and_then(|batch| {
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
