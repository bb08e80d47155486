//! A Parquet file under way, whose encoded images do not wait for the end of their row group.

use std::io::{self, BufWriter, Write};
use std::iter;
use std::sync::{Arc, Mutex};

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::metadata::page_index::PageIndexBuilder;
use parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;

use crate::AtomicFile;
use crate::image_bytes::{Ended, ImageBytes, PATH};

/// Bytes that are written and digested at once.
const BUFFER_BYTES: usize = 256 << 10;
/// What a Parquet file begins and ends with.
const MAGIC: &[u8] = b"PAR1";
/// Rows after which a page is full, however few their bytes.
pub(crate) const PAGE_ROWS: usize = 4096;

/// Row groups of Arrow arrays, and of images' bytes beside them.
///
/// Parquet's own writer of files has its caller hand over a column at a time. Here the pages of `image.bytes`, the first column, are
/// written as they fill; the rest of a row group, which is small, behind them. All encoding is Parquet's but for
/// [those pages](ImageBytes).
pub(crate) struct ParquetWriter {
    file: TrackedWrite<Output>,
    output: Output,
    properties: WriterPropertiesPtr,
    schema: SchemaDescPtr,
    arrow_schema: SchemaRef,
    /// What waits for the end of a row group: all columns but `image.bytes`.
    waiting: SchemaDescPtr,
    column_writers: ArrowRowGroupWriterFactory,
    /// The columns of the row group under way; none before its first rows.
    columns: Vec<ArrowColumnWriter>,
    image_bytes: Option<ImageBytes>,
    row_groups: Vec<RowGroup>,
    key_values: Vec<KeyValue>,
}

/// What the footer says of a row group.
struct RowGroup {
    metadata: RowGroupMetaData,
    column_indexes: Vec<Option<ColumnIndexMetaData>>,
    offset_indexes: Vec<Option<OffsetIndexMetaData>>,
}

impl ParquetWriter {
    /// Begins the file, without Arrow's own schema in its footer: Parquet's types say as much, and readers that find one,
    /// pyarrow and with it `datasets`, look for `huggingface` in there alone.
    pub(crate) fn new(file: AtomicFile, arrow_schema: SchemaRef, properties: WriterProperties) -> Result<Self> {
        let (properties, output) = (Arc::new(properties), Output::new(file));
        let schema = descriptor(&arrow_schema)?;
        // It makes writers of columns for a writer of files alone.
        let unused = SerializedFileWriter::new(io::sink(), schema.root_schema_ptr(), properties.clone())?;
        let column_writers = ArrowRowGroupWriterFactory::new(&unused, arrow_schema.clone());
        let mut file = TrackedWrite::new(output.clone());
        file.write_all(MAGIC)?;
        Ok(Self {
            file,
            output,
            properties,
            waiting: descriptor(&without_image_bytes(&arrow_schema))?,
            image_bytes: ImageBytes::of(&schema),
            schema,
            arrow_schema,
            column_writers,
            columns: Vec::new(),
            row_groups: Vec::new(),
            key_values: Vec::new(),
        })
    }

    /// Adds what a row has in the column `image.bytes`; nothing where there is no such column in front.
    pub(crate) fn push_image_bytes(&mut self, value: Option<Bytes>) -> Result<()> {
        match &mut self.image_bytes {
            Some(image_bytes) => image_bytes.push(value, &mut self.file),
            None => {
                assert!(value.is_none(), "an image's bytes are in the first column, `image.bytes`");
                Ok(())
            }
        }
    }

    /// Adds what rows have in the other columns, by field of the Arrow schema.
    pub(crate) fn write(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        if self.columns.is_empty() {
            self.columns = self.column_writers.create_column_writers(self.row_groups.len())?;
        }
        let mut columns = self.columns.iter_mut();
        for (field, array) in self.arrow_schema.fields().iter().zip(arrays) {
            for (leaf, column) in compute_leaves(field, array)?.iter().zip(&mut columns) {
                column.write(leaf)?;
            }
        }
        Ok(())
    }

    /// Ends the row group under way, if it has rows.
    pub(crate) fn end_row_group(&mut self) -> Result<()> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let image_bytes = self.image_bytes.as_mut().map(|image_bytes| image_bytes.end(&mut self.file)).transpose()?;
        let waited = self.write_waiting()?;
        self.row_groups.push(match image_bytes {
            Some(image_bytes) => waited.behind(image_bytes, &self.schema)?,
            None => waited,
        });
        Ok(())
    }

    /// Writes the columns that waited.
    fn write_waiting(&mut self) -> Result<RowGroup> {
        let mut row_group = None;
        let keep = |_: &mut _, metadata, _, column_indexes, offset_indexes| {
            row_group = Some(RowGroup { metadata, column_indexes, offset_indexes });
            Ok(())
        };
        let (schema, properties, at) = (self.waiting.clone(), self.properties.clone(), self.row_groups.len() as i32);
        let mut writer = SerializedRowGroupWriter::new(schema, properties, &mut self.file, at, Some(Box::new(keep)));
        // The first is that of the images' bytes where there are such, and has null in each row.
        for column in self.columns.drain(..).skip(usize::from(self.image_bytes.is_some())) {
            column.close()?.append_to_row_group(&mut writer)?;
        }
        writer.close()?;
        Ok(row_group.expect("a row group that is closed is handed over"))
    }

    /// Adds an entry of the footer.
    pub(crate) fn put_metadata(&mut self, key: &str, value: String) {
        self.key_values.push(KeyValue::new(key.to_owned(), value));
    }

    /// Writes the footer; the file, and the digest of its bytes.
    pub(crate) fn finish(mut self) -> Result<(AtomicFile, blake3::Hash)> {
        self.end_row_group()?;
        let n_rows = self.row_groups.iter().map(|row_group| row_group.metadata.num_rows()).sum();
        let (version, created_by) =
            (self.properties.writer_version().as_num(), self.properties.created_by().to_owned());
        let file =
            FileMetaData::new(version, n_rows, Some(created_by), Some(self.key_values), self.schema.clone(), None);
        let mut page_index = PageIndexBuilder::new(self.row_groups.len(), self.schema.num_columns());
        let mut metadata = ParquetMetaDataBuilder::new(file);
        for (at, row_group) in self.row_groups.into_iter().enumerate() {
            metadata = metadata.add_row_group(row_group.metadata);
            let indexes = row_group.column_indexes.into_iter().zip(row_group.offset_indexes);
            for (column, (of_values, of_pages)) in indexes.enumerate() {
                if let Some(index) = of_values {
                    page_index.put_column_index(index, at, column);
                }
                if let Some(index) = of_pages {
                    page_index.put_offset_index(index, at, column);
                }
            }
        }
        let metadata = metadata.set_page_index(Some(Arc::new(page_index.build()))).build();
        let footer = ParquetMetaDataWriter::new_with_tracked(self.file, &metadata);
        footer.with_preserve_page_index_locations(false).finish()?;
        self.output.finish()
    }
}

impl RowGroup {
    /// With the images' bytes in front.
    fn behind(self, Ended { metadata, offset_index }: Ended, schema: &SchemaDescPtr) -> Result<Self> {
        let Self { metadata: others, mut column_indexes, mut offset_indexes } = self;
        assert_eq!(metadata.num_values(), others.num_rows(), "each row has an image's bytes, or null");
        column_indexes.insert(0, None);
        offset_indexes.insert(0, Some(offset_index));
        let metadata = RowGroupMetaData::builder(schema.clone())
            .set_num_rows(others.num_rows())
            .set_ordinal(others.ordinal().expect("a row group has its place"))
            .set_file_offset(metadata.data_page_offset())
            .set_total_byte_size(others.total_byte_size() + metadata.uncompressed_size())
            .set_column_metadata(iter::once(metadata).chain(others.columns().iter().cloned()).collect());
        Ok(Self { metadata: metadata.build()?, column_indexes, offset_indexes })
    }
}

fn descriptor(schema: &Schema) -> Result<SchemaDescPtr> {
    Ok(Arc::new(ArrowSchemaConverter::new().convert(schema)?))
}

fn without_image_bytes(schema: &Schema) -> Schema {
    let [image, bytes] = PATH;
    let without = |field: &Arc<Field>| match field.data_type() {
        DataType::Struct(fields) if field.name() == image => {
            let fields: Fields = fields.iter().filter(|field| field.name() != bytes).cloned().collect();
            Arc::new(field.as_ref().clone().with_data_type(DataType::Struct(fields)))
        }
        _ => field.clone(),
    };
    Schema::new(schema.fields().iter().map(without).collect::<Fields>())
}

/// The file that is written: Parquet's writer of footers takes one for itself, and does not say what it cannot write at the end.
#[derive(Clone)]
struct Output(Arc<Mutex<Shared>>);

struct Shared {
    buffer: BufWriter<Digesting>,
    /// The first error: nothing is written behind it, so that nothing is written twice.
    error: Option<io::Error>,
}

/// A file whose digest is known when it is written.
struct Digesting {
    file: AtomicFile,
    hasher: blake3::Hasher,
}

const ONE_THREAD: &str = "no other thread writes";

impl Output {
    fn new(file: AtomicFile) -> Self {
        let digesting = Digesting { file, hasher: blake3::Hasher::new() };
        let buffer = BufWriter::with_capacity(BUFFER_BYTES, digesting);
        Self(Arc::new(Mutex::new(Shared { buffer, error: None })))
    }

    fn unless_failed<T>(&self, write: impl FnOnce(&mut BufWriter<Digesting>) -> io::Result<T>) -> io::Result<T> {
        let mut shared = self.0.lock().expect(ONE_THREAD);
        let Shared { buffer, error } = &mut *shared;
        let outcome = if error.is_none() { write(buffer) } else { Err(io::ErrorKind::Other.into()) };
        outcome.map_err(|new| {
            let first = error.get_or_insert(new);
            io::Error::new(first.kind(), first.to_string())
        })
    }

    fn finish(self) -> Result<(AtomicFile, blake3::Hash)> {
        let shared = Arc::into_inner(self.0).expect("whoever wrote the footer has let it go");
        let Shared { buffer, error } = shared.into_inner().expect(ONE_THREAD);
        if let Some(error) = error {
            return Err(error.into());
        }
        let Digesting { file, hasher } = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, hasher.finalize()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_failed(|buffer| buffer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_failed(BufWriter::flush)
    }
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
