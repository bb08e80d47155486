//! A Parquet file: reading it ends in rows or in an error, never in a panic.
//!
//! Nothing limits the memory that a file asks for. Whoever reads files of strangers limits the process.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

use crate::arrow_schema::unknown_column;
use crate::guard::guarded;
use crate::{ManifestError, PROVENANCE_KEY, Provenance, Row, SCHEMA_KEY, schema_name};

/// A Parquet file whose footer says that it is a manifest of the schema that was asked for.
///
/// Row group after row group is read, so that no batch holds more than one: in bytes, large images are few to a group.
pub(crate) struct ManifestFile {
    pub(crate) path: PathBuf,
    pub(crate) provenance: Provenance,
    pub(crate) n_rows: u64,
    file: File,
    metadata: ArrowReaderMetadata,
    /// The columns of the row type that asks: what else is there is not decoded.
    columns: ProjectionMask,
    next_group: usize,
    /// Rows of the row group that is read, as the footer has them.
    n_left: u64,
    batches: Option<ParquetRecordBatchReader>,
}

impl ManifestFile {
    /// Rows in a batch.
    const BATCH_ROWS: usize = 1024;

    pub(crate) fn open<R: Row>(path: &Path) -> Result<Self, ManifestError> {
        let expected = R::SCHEMA;
        let (parquet, file) = Parquet::open(path)?;
        check_rows(parquet.metadata.metadata()).map_err(|detail| damaged(path, detail))?;
        let found = parquet.entry(SCHEMA_KEY);
        let found = found.ok_or_else(|| ManifestError::NoSchema { path: path.to_owned(), expected })?.to_owned();
        let provenance = parquet.provenance();
        if found != expected {
            let path = path.to_owned();
            return Err(match schema_name(&found) == schema_name(expected) {
                true => {
                    let stage = provenance.map_or_else(|_| "its stage".to_owned(), |made| format!("`{}`", made.stage));
                    ManifestError::OtherVersion { path, found, expected, stage }
                }
                false => ManifestError::WrongSchema { path, found, expected },
            });
        }
        let (provenance, n_rows) = (provenance?, parquet.n_rows());
        let Parquet { path, metadata, .. } = parquet;
        let columns = columns_of::<R>(metadata.metadata());
        Ok(Self { path, provenance, n_rows, file, metadata, columns, next_group: 0, n_left: 0, batches: None })
    }

    /// Passes over the next row groups that have at most `n_rows` rows together, without reading them. Gives how many rows they have.
    pub(crate) fn skip_groups(&mut self, n_rows: u64) -> u64 {
        let mut n_skipped = 0;
        while n_skipped < n_rows
            && self.n_left == 0
            && let Some(group) = self.metadata.metadata().row_groups().get(self.next_group)
        {
            let n_next = group.num_rows().max(0).cast_unsigned();
            if n_skipped + n_next > n_rows {
                break;
            }
            n_skipped += n_next;
            self.next_group += 1;
        }
        n_skipped
    }

    /// The next rows; none after the last.
    pub(crate) fn next_batch(&mut self) -> Option<Result<RecordBatch, ManifestError>> {
        loop {
            let batch = self.batches.as_mut().and_then(next_batch);
            if let Some(batch) = batch {
                return Some(match batch {
                    Ok(batch) if batch.num_rows() as u64 <= self.n_left => {
                        self.n_left -= batch.num_rows() as u64;
                        Ok(batch)
                    }
                    Ok(_) => Err(damaged(&self.path, "a row group has more rows than its footer says")),
                    Err(detail) => {
                        self.batches = None;
                        Err(damaged(&self.path, detail))
                    }
                });
            }
            self.batches = None;
            if self.n_left > 0 {
                let detail = format!("a row group lacks {} rows that its footer promises", self.n_left);
                self.n_left = 0;
                return Some(Err(damaged(&self.path, detail)));
            }
            let group = self.metadata.metadata().row_groups().get(self.next_group)?;
            self.n_left = group.num_rows().max(0).cast_unsigned();
            match self.open_group(self.next_group) {
                Ok(batches) => self.batches = Some(batches),
                Err(error) => {
                    self.n_left = 0;
                    self.next_group = usize::MAX;
                    return Some(Err(error));
                }
            }
            self.next_group += 1;
        }
    }

    fn open_group(&self, group: usize) -> Result<ParquetRecordBatchReader, ManifestError> {
        let file = self.file.try_clone().map_err(|source| ManifestError::Read { path: self.path.clone(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(self.columns.clone())
            .with_batch_size(Self::BATCH_ROWS);
        build(builder).map_err(|detail| damaged(&self.path, detail))
    }
}

/// The columns of a row type that a file has.
fn columns_of<R: Row>(metadata: &ParquetMetaData) -> ProjectionMask {
    let schema = metadata.file_metadata().schema_descr();
    let names: Vec<&str> = R::columns().into_iter().map(|column| column.name).collect();
    let fields = schema.root_schema().get_fields().iter().enumerate();
    let wanted = fields.filter(|(_, field)| names.contains(&field.name()));
    ProjectionMask::roots(schema, wanted.map(|(number, _)| number))
}

/// A builder's reader. Parquet's readers check most of what they read, and panic over some of the rest.
pub(crate) fn build(builder: ParquetRecordBatchReaderBuilder<File>) -> Result<ParquetRecordBatchReader, String> {
    guarded(|| builder.build())?.map_err(|error| error.to_string())
}

/// A reader's next rows; after an error it must not be asked again.
pub(crate) fn next_batch(reader: &mut ParquetRecordBatchReader) -> Option<Result<RecordBatch, String>> {
    match guarded(|| reader.next()) {
        Ok(batch) => Some(batch?.map_err(|error| error.to_string())),
        Err(panic) => Some(Err(panic)),
    }
}

/// A manifest's footer must say the same number of rows as its row groups.
fn check_rows(metadata: &ParquetMetaData) -> Result<(), String> {
    let n_said = metadata.file_metadata().num_rows();
    let of_groups = metadata.row_groups().iter().map(|group| group.num_rows());
    let n_rows = of_groups.fold(0, i64::saturating_add);
    if n_said != n_rows || n_said < 0 {
        return Err(format!("the footer says {n_said} rows, its row groups have {n_rows}"));
    }
    Ok(())
}

/// Any Parquet file whose columns are within it: its footer.
#[derive(Clone, Debug)]
pub(crate) struct Parquet {
    pub(crate) path: PathBuf,
    pub(crate) n_bytes: u64,
    pub(crate) metadata: ArrowReaderMetadata,
}

impl Parquet {
    pub(crate) fn open(path: &Path) -> Result<(Self, File), ManifestError> {
        let read_error = |source| ManifestError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read_error)?;
        let of_file = file.metadata().map_err(read_error)?;
        if of_file.is_dir() {
            return Err(read_error(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
        }
        let n_bytes = of_file.len();
        let load =
            |options| guarded(|| ArrowReaderMetadata::load(&file, options)).map_err(|panic| damaged(path, panic));
        let metadata = load(ArrowReaderOptions::new())?.or_else(|error| {
            // Without the Arrow schema that its writer left in the footer, it may be sound.
            let plain = load(ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
            let unknown = plain.ok().and_then(|plain| unknown_column(plain.metadata()));
            Err(unknown.map_or_else(|| damaged(path, error), |(column, found)| unsupported(path, &column, &found)))
        })?;
        for chunk in metadata.metadata().row_groups().iter().flat_map(|group| group.columns()) {
            let column = chunk.column_path().string();
            if chunk.compression() == Compression::LZO {
                return Err(unsupported(path, &column, "compressed with LZO"));
            }
            let (start, n) = guarded(|| chunk.byte_range()).map_err(|panic| damaged(path, panic))?;
            if start.checked_add(n).is_none_or(|end| end > n_bytes) {
                return Err(damaged(path, format!("column `{column}` is said to end after the file")));
            }
        }
        Ok((Self { path: path.to_owned(), n_bytes, metadata }, file))
    }

    /// All entries of the footer, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.metadata.metadata().file_metadata().key_value_metadata();
        entries.into_iter().flatten().map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap_or_default()))
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&str> {
        self.entries().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    pub(crate) fn provenance(&self) -> Result<Provenance, ManifestError> {
        let json = self.entry(PROVENANCE_KEY).ok_or_else(|| "it is missing".to_owned());
        json.and_then(|json| serde_json::from_str(json).map_err(|error| error.to_string()))
            .map_err(|detail| ManifestError::Provenance { path: self.path.clone(), detail })
    }

    pub(crate) fn n_rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().max(0).cast_unsigned()
    }
}

pub(crate) fn damaged(path: &Path, error: impl std::fmt::Display) -> ManifestError {
    ManifestError::Damaged { path: path.to_owned(), detail: error.to_string() }
}

pub(crate) fn unsupported(path: &Path, column: &str, found: &str) -> ManifestError {
    ManifestError::Unsupported { path: path.to_owned(), column: column.to_owned(), found: found.to_owned() }
}
