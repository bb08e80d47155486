//! Writing a manifest, whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use crate::error::innermost;
use crate::image_bytes::{self, ImageBytes};
use crate::{AtomicFile, Digest, Input, ManifestError, PROVENANCE_KEY, Provenance, Row, SCHEMA_KEY};

/// Bytes of rows after which a row group ends, however few they are: a reader holds one in memory.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Rows and bytes of rows after which what was pushed is encoded: few, so that memory is used again while it is warm.
const BATCH: Size = Size { rows: 1024, bytes: 4 << 20 };
/// Rows of a page.
const PAGE_ROWS: usize = 4096;
/// Bytes that are written and digested at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Writes rows to a temporary sibling in row groups of bounded size; [`finish`](Writer::finish) gives it its name.
///
/// The same rows and provenance give the same bytes, however they were pushed, and [flushed](Writer::flush) at the same places.
pub struct Writer<R> {
    file: SerializedFileWriter<BufWriter<Digesting>>,
    path: PathBuf,
    row_groups: ArrowRowGroupWriterFactory,
    /// The columns of the row group under way; none before its first rows.
    columns: Vec<ArrowColumnWriter>,
    image_bytes: Option<ImageBytes>,
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
        let file = begin::<R>(file).map_err(|error| write_error(path, &innermost(&error)))?;
        Ok(Self {
            row_groups: ArrowRowGroupWriterFactory::new(&file, R::arrow_schema()),
            columns: Vec::new(),
            image_bytes: ImageBytes::of(file.schema_descr()),
            file,
            path: path.to_owned(),
            pending: Vec::new(),
            batch: Size::default(),
            row_group: Size::default(),
            n_rows: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a full row group cannot be written.
    pub fn push(&mut self, row: R) -> Result<(), ManifestError> {
        let n_bytes = row.n_bytes();
        self.batch.add(n_bytes);
        self.row_group.add(n_bytes);
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
    /// When a full row group cannot be written.
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
        let buffer = file.into_inner().map_err(|error| write_error(&path, &innermost(&error)))?;
        let Digesting { file, hasher } = buffer.into_inner().map_err(|error| write_error(&path, error.error()))?;
        file.commit().map_err(|error| write_error(&path, &error))?;
        Ok(Written { path, n_rows, blake3: Digest(*hasher.finalize().as_bytes()) })
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
        if self.columns.is_empty() {
            self.columns = self.row_groups.create_column_writers(self.file.flushed_row_groups().len())?;
        }
        let mut columns = self.columns.iter_mut();
        for (field, array) in R::arrow_schema().fields().iter().zip(R::to_arrays(&self.pending)) {
            for (leaf, column) in compute_leaves(field, &array)?.iter().zip(&mut columns) {
                column.write(leaf)?;
            }
        }
        let mut of_rows = self.pending.iter().map(R::image_bytes);
        match &mut self.image_bytes {
            Some(image_bytes) => image_bytes.extend(of_rows),
            None => assert!(of_rows.all(|bytes| bytes.is_none()), "an image's bytes are in the column `image.bytes`"),
        }
        self.n_rows += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn end_row_group(&mut self) -> ParquetResult<()> {
        self.row_group = Size::default();
        if self.columns.is_empty() {
            return Ok(());
        }
        let mut row_group = self.file.next_row_group()?;
        for (place, column) in self.columns.drain(..).enumerate() {
            match &mut self.image_bytes {
                Some(image_bytes) if image_bytes.is_at(place) => image_bytes.write(&mut row_group)?,
                _ => column.close()?.append_to_row_group(&mut row_group)?,
            }
        }
        row_group.close()?;
        Ok(())
    }
}

/// Begins a Parquet file, without Arrow's own schema in its footer: Parquet's types say as much, and readers that find one,
/// pyarrow and with it `datasets`, look for `huggingface` in there alone.
fn begin<R: Row>(file: BufWriter<Digesting>) -> ParquetResult<SerializedFileWriter<BufWriter<Digesting>>> {
    let schema = ArrowSchemaConverter::new().convert(&R::arrow_schema())?;
    SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::new(properties::<R>()))
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

fn properties<R: Row>() -> WriterProperties {
    let encoded_image = ColumnPath::new(image_bytes::PATH.map(str::to_owned).to_vec());
    let digest = ColumnPath::new(vec!["pixels_blake3".to_owned()]);
    WriterProperties::builder()
        .set_created_by("twinset".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("3 is a level of zstd")))
        .set_max_row_group_row_count(Some(R::ROW_GROUP_ROWS))
        // A PNG or JPEG is compressed already, and no two digests are alike.
        .set_column_compression(encoded_image.clone(), Compression::UNCOMPRESSED)
        .set_column_dictionary_enabled(encoded_image, false)
        .set_column_compression(digest.clone(), Compression::UNCOMPRESSED)
        .set_column_dictionary_enabled(digest, false)
        // A page is compressed once it is full: so little is left for the end of a row group.
        .set_data_page_row_count_limit(PAGE_ROWS)
        .build()
}

fn write_error(path: &Path, detail: &dyn std::fmt::Display) -> ManifestError {
    ManifestError::Write { path: path.to_owned(), detail: detail.to_string() }
}
