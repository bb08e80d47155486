//! A Parquet file, opened with distrust: what it promises is checked against its size, as memory is reserved for it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use crate::guard::guarded;
use crate::pages::check_pages;
use crate::{ManifestError, PROVENANCE_KEY, Provenance, SCHEMA_KEY, schema_name};

/// A Parquet file whose footer says that it is a manifest of the schema that was asked for.
///
/// Row group after row group is read, so that no batch holds more than one: in bytes, large images are few to a group.
pub(crate) struct ManifestFile {
    pub(crate) path: PathBuf,
    pub(crate) provenance: Provenance,
    pub(crate) n_rows: u64,
    file: File,
    metadata: ArrowReaderMetadata,
    next_group: usize,
    /// Rows of the row group that is read, as the footer has them.
    n_left: u64,
    batches: Option<ParquetRecordBatchReader>,
}

impl ManifestFile {
    /// Rows in a batch.
    const BATCH_ROWS: usize = 1024;

    pub(crate) fn open(path: &Path, expected: &'static str) -> Result<Self, ManifestError> {
        let (parquet, file) = Parquet::open(path)?;
        check_rows(parquet.metadata.metadata(), parquet.n_bytes).map_err(|detail| damaged(path, detail))?;
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
        Ok(Self { path, provenance, n_rows, file, metadata, next_group: 0, n_left: 0, batches: None })
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
        check_group(&self.file, self.metadata.metadata().row_group(group))
            .map_err(|detail| damaged(&self.path, detail))?;
        let file = self.file.try_clone().map_err(|source| ManifestError::Read { path: self.path.clone(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_batch_size(Self::BATCH_ROWS);
        build(builder).map_err(|detail| damaged(&self.path, detail))
    }
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

/// Most rows of a row group; we write 65,536, other writers by default about a million.
const MAX_GROUP_ROWS: u64 = 1 << 20;
/// Most rows a byte of the file: rows of ours name an image or a cell, which takes more than this leaves them.
const MAX_ROWS_PER_BYTE: u64 = 1 << 10;

/// The rows that a manifest's footer promises must be possible in a file of this size.
fn check_rows(metadata: &ParquetMetaData, n_bytes: u64) -> Result<(), String> {
    let mut n_rows = 0_u64;
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let n_group_rows = u64::try_from(group.num_rows()).unwrap_or(u64::MAX);
        if n_group_rows > MAX_GROUP_ROWS {
            return Err(format!(
                "row group {at} is said to have {n_group_rows} rows, expected at most {MAX_GROUP_ROWS}"
            ));
        }
        n_rows += n_group_rows;
    }
    let n_said = metadata.file_metadata().num_rows();
    if u64::try_from(n_said) != Ok(n_rows) || n_rows / MAX_ROWS_PER_BYTE > n_bytes {
        return Err(format!("{n_said} rows are said to be in {n_rows} rows of row groups and {n_bytes} bytes"));
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
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))
            .map_err(|panic| damaged(path, panic))?
            .map_err(|error| damaged(path, error))?;
        check_columns(metadata.metadata(), n_bytes).map_err(|detail| damaged(path, detail))?;
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

/// Most bytes that a byte of a column becomes: a block of zstd, of 4 bytes at least, holds at most 128 KiB, and no other
/// compression that we read packs as much.
pub(crate) const MAX_EXPANSION: u64 = 1 << 15;

fn check_columns(metadata: &ParquetMetaData, n_bytes: u64) -> Result<(), String> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let name = column.column_path().string();
        let (start, n_compressed) = range(column).ok_or_else(|| format!("column `{name}` has no place in the file"))?;
        if start.checked_add(n_compressed).is_none_or(|end| end > n_bytes) {
            return Err(format!("column `{name}` is said to end after the file"));
        }
        let n_expanded = u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX);
        if n_expanded / MAX_EXPANSION > n_compressed {
            return Err(format!("column `{name}` is said to become {n_expanded} bytes of {n_compressed}"));
        }
    }
    Ok(())
}

/// Checks the page headers of a row group.
pub(crate) fn check_group(file: &File, group: &RowGroupMetaData) -> Result<(), String> {
    for column in group.columns() {
        let (start, n_compressed) = range(column).unwrap_or_default();
        let n_expanded = u64::try_from(column.uncompressed_size()).unwrap_or_default();
        check_pages(file, start, n_compressed, n_expanded)
            .map_err(|detail| format!("column `{}`: {detail}", column.column_path().string()))?;
    }
    Ok(())
}

/// Where a column's bytes begin, and how many they are.
fn range(column: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    Some((u64::try_from(start).ok()?, u64::try_from(column.compressed_size()).ok()?))
}

pub(crate) fn damaged(path: &Path, error: impl std::fmt::Display) -> ManifestError {
    ManifestError::Damaged { path: path.to_owned(), detail: error.to_string() }
}
