//! Writing a manifest, whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::error::innermost;
use crate::{AtomicFile, Digest, Input, ManifestError, PROVENANCE_KEY, Provenance, Row, SCHEMA_KEY};

/// Bytes of rows after which a row group ends, however few they are: a reader holds one in memory.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Rows and bytes of rows after which what was pushed is encoded: few, so that memory is used again while it is warm.
const BATCH: Size = Size { rows: 1024, bytes: 4 << 20 };
/// Rows after which a page ends, however few their bytes.
const PAGE_ROWS: usize = 4096;
/// Bytes that are written and digested at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes rows to a temporary sibling in row groups of bounded size; [`finish`](Writer::finish) gives it its name.
///
/// The same rows and provenance give the same bytes, however they were pushed, and [flushed](Writer::flush) at the same places.
pub struct Writer<R> {
    file: ArrowWriter<BufWriter<Digesting>>,
    path: PathBuf,
    pending: Vec<R>,
    batch: Size,
    row_group: Size,
    n_rows: u64,
}

/// So many rows, of so many bytes.
#[derive(Clone, Copy, Default)]
struct Size {
    rows: usize,
    bytes: usize,
}

impl Size {
    fn add(&mut self, n_bytes: usize) {
        self.rows += 1;
        self.bytes = self.bytes.saturating_add(n_bytes);
    }

    fn fills(self, limit: Self) -> bool {
        self.rows >= limit.rows || self.bytes >= limit.bytes
    }
}

/// A manifest that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// How many rows it has.
    pub n_rows: u64,
    /// The digest of its bytes.
    pub blake3: Digest,
}

impl<R: Row> Writer<R> {
    /// Begins a manifest at `path`, whose folder must exist.
    ///
    /// # Errors
    /// When the temporary sibling cannot be created.
    pub fn create(path: &Path) -> Result<Self, ManifestError> {
        let file = AtomicFile::create(path).map_err(|error| write_error(path, &error))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, Digesting { file, hasher: blake3::Hasher::new() });
        // Without Arrow's own schema in the footer: Parquet's types say as much, and readers that find one, pyarrow and with it
        // `datasets`, look for `huggingface` in there alone.
        let options = ArrowWriterOptions::new().with_properties(properties::<R>()).with_skip_arrow_metadata(true);
        let file = ArrowWriter::try_new_with_options(file, R::arrow_schema(), options)
            .map_err(|error| write_error(path, &innermost(&error)))?;
        let (batch, row_group) = (Size::default(), Size::default());
        Ok(Self { file, path: path.to_owned(), pending: Vec::new(), batch, row_group, n_rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When what is full cannot be written.
    pub fn push(&mut self, row: R) -> Result<(), ManifestError> {
        self.row_group.add(row.n_bytes());
        self.batch.add(row.n_bytes());
        self.pending.push(row);
        if self.row_group.fills(Size { rows: R::ROW_GROUP_ROWS, bytes: ROW_GROUP_BYTES }) {
            self.flush()
        } else if self.batch.fills(BATCH) {
            self.encode().map_err(|error| write_error(&self.path, &innermost(&error)))
        } else {
            Ok(())
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When what is full cannot be written.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = R>) -> Result<(), ManifestError> {
        rows.into_iter().try_for_each(|row| self.push(row))
    }

    /// Adds a footer entry for readers that are not ours, for instance `huggingface`.
    pub fn put_metadata(&mut self, key: &str, value: String) {
        self.file.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Writes the footer, syncs the file and gives it its name.
    ///
    /// # Errors
    /// When writing, syncing or renaming fails; what stood at the path is then as it was.
    pub fn finish(mut self, provenance: &Provenance) -> Result<Written, ManifestError> {
        self.flush()?;
        let provenance = serde_json::to_string(provenance).expect("provenance serialises to JSON");
        self.put_metadata(SCHEMA_KEY, R::SCHEMA.to_owned());
        self.put_metadata(PROVENANCE_KEY, provenance);
        let Self { file, path, n_rows, .. } = self;
        let written = file
            .into_inner()
            .and_then(|buffer| buffer.into_inner().map_err(|error| ParquetError::from(error.into_error())));
        let Digesting { file, hasher } = written.map_err(|error| write_error(&path, &innermost(&error)))?;
        let blake3 = hasher.finalize();
        file.commit().map_err(|error| write_error(&path, &error))?;
        Ok(Written { path, n_rows, blake3: Digest(*blake3.as_bytes()) })
    }

    /// Writes all rows so far: the row group ends.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Result<(), ManifestError> {
        self.encode().and_then(|()| self.end_row_group()).map_err(|error| write_error(&self.path, &innermost(&error)))
    }

    /// Hands the pending rows to the row group.
    fn encode(&mut self) -> ParquetResult<()> {
        self.batch = Size::default();
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write(&RecordBatch::try_new(R::arrow_schema(), R::to_arrays(&self.pending))?)?;
        self.n_rows += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn end_row_group(&mut self) -> ParquetResult<()> {
        self.row_group = Size::default();
        self.file.flush()
    }
}

/// A file whose digest is known when it is written.
struct Digesting {
    file: AtomicFile,
    hasher: blake3::Hasher,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Written {
    /// The manifest as an input of a later stage.
    pub fn as_input<R: Row>(&self) -> Input {
        Input {
            name: crate::provenance::file_name(&self.path),
            schema: Some(R::SCHEMA.to_owned()),
            blake3: self.blake3,
        }
    }
}

/// Writes a manifest whose rows fit in memory.
///
/// # Errors
/// As [`Writer::create`] and [`Writer::finish`].
pub fn write_manifest<R: Row>(
    path: &Path,
    rows: impl IntoIterator<Item = R>,
    provenance: &Provenance,
) -> Result<Written, ManifestError> {
    let mut writer = Writer::create(path)?;
    writer.extend(rows)?;
    writer.finish(provenance)
}

/// Columns of few values, which are runs of their places in a dictionary: no codec makes them smaller, but takes its time for
/// each row group.
const FEW_VALUES: [&str; 5] = ["split", "label", "class_name", "width", "height"];
/// Columns whose values are all different, which a dictionary would hold beside their places in it.
const ALL_DIFFERENT: [&str; 5] = ["image_id", "image.bytes", "image.path", "source", "pixels_blake3"];
/// Columns whose bytes have nothing in common: images are encoded already.
const RANDOM: [&str; 2] = ["image.bytes", "pixels_blake3"];

fn properties<R: Row>() -> WriterProperties {
    let column = |name: &str| ColumnPath::new(name.split('.').map(str::to_owned).collect());
    let mut properties = WriterProperties::builder()
        .set_created_by("twinset".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("3 is a level of zstd")))
        .set_max_row_group_row_count(Some(R::ROW_GROUP_ROWS))
        // A page is compressed once it is full: so little is left for the end of a row group.
        .set_data_page_row_count_limit(PAGE_ROWS);
    for name in FEW_VALUES.into_iter().chain(RANDOM) {
        properties = properties.set_column_compression(column(name), Compression::UNCOMPRESSED);
    }
    for name in ALL_DIFFERENT {
        properties = properties.set_column_dictionary_enabled(column(name), false);
    }
    properties.build()
}

fn write_error(path: &Path, detail: &dyn std::fmt::Display) -> ManifestError {
    ManifestError::Write { path: path.to_owned(), detail: detail.to_string() }
}
