//! Reading a Parquet file under whatever schema it has: what an audit needs, and no stage.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::file::{Parquet, check_group, damaged};
use crate::{ManifestError, PROVENANCE_KEY, Provenance, SCHEMA_KEY};

/// A Parquet file whose footer was read: a manifest of any schema and version, or one that is not ours.
#[derive(Clone, Debug)]
pub struct Untyped {
    path: PathBuf,
    parquet: ArrowReaderMetadata,
}

/// The rows of an [`Untyped`] file, batch by batch.
pub struct Batches {
    reader: ParquetRecordBatchReader,
    path: PathBuf,
}

impl Untyped {
    /// Reads a file's footer, and no more.
    ///
    /// # Errors
    /// When the file cannot be read or is no whole Parquet file.
    pub fn open(path: &Path) -> Result<Self, ManifestError> {
        Ok(Self { path: path.to_owned(), parquet: Parquet::open(path)?.metadata })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The schema that the footer names; none of a file that is no manifest.
    pub fn schema(&self) -> Option<&str> {
        self.footer(SCHEMA_KEY)
    }

    /// Where a manifest comes from.
    ///
    /// # Errors
    /// When the footer has no provenance, or one that cannot be understood.
    pub fn provenance(&self) -> Result<Provenance, ManifestError> {
        let json = self.footer(PROVENANCE_KEY).ok_or_else(|| "it is missing".to_owned());
        json.and_then(|json| serde_json::from_str(json).map_err(|error| error.to_string()))
            .map_err(|detail| ManifestError::Provenance { path: self.path.clone(), detail })
    }

    /// The footer's entry of this key.
    pub fn footer(&self, key: &str) -> Option<&str> {
        self.entries().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// All entries of the footer, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.parquet.metadata().file_metadata().key_value_metadata();
        entries.into_iter().flatten().map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap_or_default()))
    }

    /// The columns as Arrow has them.
    pub fn columns(&self) -> &Arc<Schema> {
        self.parquet.schema()
    }

    /// How many rows it has.
    pub fn n_rows(&self) -> u64 {
        self.parquet.metadata().file_metadata().num_rows().max(0).cast_unsigned()
    }

    /// How many row groups it has.
    pub fn n_row_groups(&self) -> usize {
        self.parquet.metadata().num_row_groups()
    }

    /// The rows, of all columns or of some: a column's name, or a field's within it, such as `image.path`. Names that are not
    /// there are left out. The columns come in the file's order.
    ///
    /// # Errors
    /// When the file cannot be opened, or a manifest's page headers promise what it cannot hold.
    pub fn batches(&self, columns: Option<&[&str]>, batch_rows: usize) -> Result<Batches, ManifestError> {
        let file = File::open(&self.path).map_err(|source| ManifestError::Read { path: self.path.clone(), source })?;
        // What other programs write, they may count otherwise.
        if self.schema().is_some() {
            let mut groups = self.parquet.metadata().row_groups().iter();
            groups.try_for_each(|group| check_group(&file, group)).map_err(|detail| damaged(&self.path, detail))?;
        }
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.parquet.clone());
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let reader = builder.with_batch_size(batch_rows).build().map_err(|error| damaged(&self.path, error))?;
        Ok(Batches { reader, path: self.path.clone() })
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.reader.next()?.map_err(|error| damaged(&self.path, error)))
    }
}
