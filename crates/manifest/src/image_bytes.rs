//! The column `image.bytes`, which holds nearly all of a manifest of embedded images.

use std::io::Write;
use std::mem;

use bytes::{BufMut, Bytes, BytesMut};
use parquet::basic::{Compression, Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, LevelHistogram, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use crate::parquet_writer::PAGE_ROWS;

/// The column's path.
pub(crate) const PATH: [&str; 2] = ["image", "bytes"];

/// Bytes after which a page is full: so few that what it is made of is in the processor's cache still.
const PAGE_BYTES: usize = 256 << 10;

/// The column in the row group under way.
///
/// A page is written as soon as it is full, and so stands before the row group's other columns, which are compressed and wait
/// for its end. That is why the column is the first: readers that part a file by ranges of bytes, Spark for one, take a row group to
/// begin where its first column does. A value is copied once, into its page.
pub(crate) struct ImageBytes {
    column: ColumnDescPtr,
    /// The values of the page under way, and the bytes that they take in it.
    values: Vec<Option<Bytes>>,
    n_bytes: usize,
    /// Memory for a page.
    page: BytesMut,
    chunk: Chunk,
}

/// The pages that were written.
#[derive(Default)]
struct Chunk {
    begin: Option<u64>,
    n_values: usize,
    n_null: usize,
    n_compressed: usize,
    n_uncompressed: usize,
    n_value_bytes: usize,
    n_pages: i32,
    offset_index: OffsetIndexBuilder,
}

/// What the footer says of the column in a row group.
pub(crate) struct Ended {
    pub(crate) metadata: ColumnChunkMetaData,
    pub(crate) offset_index: OffsetIndexMetaData,
}

impl ImageBytes {
    /// None of a schema whose first column is another.
    pub(crate) fn of(schema: &SchemaDescriptor) -> Option<Self> {
        let column = schema.columns().first().filter(|column| column.path().parts() == PATH)?.clone();
        Some(Self { column, values: Vec::new(), n_bytes: 0, page: BytesMut::new(), chunk: Chunk::default() })
    }

    /// Adds the value of a row.
    pub(crate) fn push<W: Write + Send>(&mut self, value: Option<Bytes>, file: &mut TrackedWrite<W>) -> Result<()> {
        self.n_bytes += value.as_ref().map_or(0, |bytes| size_of::<u32>() + bytes.len());
        self.values.push(value);
        if self.n_bytes >= PAGE_BYTES || self.values.len() >= PAGE_ROWS { self.write_page(file) } else { Ok(()) }
    }

    /// Writes what is left, and begins anew.
    pub(crate) fn end<W: Write + Send>(&mut self, file: &mut TrackedWrite<W>) -> Result<Ended> {
        if !self.values.is_empty() {
            self.write_page(file)?;
        }
        let chunk = mem::take(&mut self.chunk);
        let levels = [0, chunk.n_null as i64, (chunk.n_values - chunk.n_null) as i64];
        let of_pages =
            PageEncodingStats { page_type: PageType::DATA_PAGE, encoding: Encoding::PLAIN, count: chunk.n_pages };
        let metadata = ColumnChunkMetaData::builder(self.column.clone())
            .set_compression(Compression::UNCOMPRESSED)
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_page_encoding_stats(vec![of_pages])
            .set_num_values(chunk.n_values as i64)
            .set_data_page_offset(chunk.begin.expect("a row group has rows") as i64)
            .set_total_compressed_size(chunk.n_compressed as i64)
            .set_total_uncompressed_size(chunk.n_uncompressed as i64)
            .set_unencoded_byte_array_data_bytes(Some(chunk.n_value_bytes as i64))
            .set_definition_level_histogram(Some(LevelHistogram::from(levels.to_vec())))
            // No image is the smallest.
            .set_statistics(Statistics::byte_array(None, None, None, Some(chunk.n_null as u64), false))
            .build()?;
        Ok(Ended { metadata, offset_index: chunk.offset_index.build() })
    }

    /// A page is how long its levels are, the levels, and each value behind its length (parquet-format, data page of version 1).
    fn write_page<W: Write + Send>(&mut self, file: &mut TrackedWrite<W>) -> Result<()> {
        let (page, level) = (&mut self.page, self.column.max_def_level() as u8);
        page.put_u32_le(0);
        for run in self.values.chunk_by(|left, right| left.is_some() == right.is_some()) {
            put_varint(page, run.len() << 1);
            // One that is not there has the level below: no row is without an `image`.
            page.put_u8(level - u8::from(run[0].is_none()));
        }
        let n_level_bytes = page.len() - size_of::<u32>();
        page[..size_of::<u32>()].copy_from_slice(&(n_level_bytes as u32).to_le_bytes());
        page.reserve(self.n_bytes);
        for value in self.values.iter().flatten() {
            page.put_u32_le(value.len() as u32);
            page.put_slice(value);
        }

        let n_bytes = page.len();
        let data_page = Page::DataPage {
            buf: page.split().freeze(),
            num_values: self.values.len() as u32,
            encoding: Encoding::PLAIN,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = SerializedPageWriter::new(file).write_page(CompressedPage::new(data_page, n_bytes))?;
        self.chunk.add(&written, &self.values);
        self.values.clear();
        self.n_bytes = 0;
        if n_bytes > 2 * PAGE_BYTES {
            // One large image is no reason to hold as much until the end.
            self.page = BytesMut::new();
        }
        Ok(())
    }
}

impl Chunk {
    fn add(&mut self, written: &PageWriteSpec, values: &[Option<Bytes>]) {
        let n_value_bytes = values.iter().flatten().map(Bytes::len).sum::<usize>();
        self.begin.get_or_insert(written.offset);
        self.n_values += values.len();
        self.n_null += values.iter().filter(|value| value.is_none()).count();
        self.n_compressed += written.compressed_size;
        self.n_uncompressed += written.uncompressed_size;
        self.n_value_bytes += n_value_bytes;
        self.n_pages += 1;
        self.offset_index.append_row_count(values.len() as i64);
        self.offset_index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        self.offset_index.append_unencoded_byte_array_data_bytes(Some(n_value_bytes as i64));
    }
}

/// Seven bits a byte, the lowest first.
fn put_varint(buffer: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        buffer.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value as u8);
}
