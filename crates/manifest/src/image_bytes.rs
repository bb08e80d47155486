//! The column `image.bytes`, which holds nearly all of a manifest of embedded images.

use std::io::Write;

use bytes::Bytes;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::Result;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::SchemaDescriptor;

/// The column's path.
pub(crate) const PATH: [&str; 2] = ["image", "bytes"];

/// The column's values in the row group under way.
///
/// They are kept as they came until the row group is written, page by page. As an Arrow array each would have its view first,
/// and all pages would be held at once.
pub(crate) struct ImageBytes {
    /// The column's place among the leaves of the schema.
    place: usize,
    /// The level of a value that is there. One that is not has the level below: no row is without an `image`.
    level: i16,
    levels: Vec<i16>,
    values: Vec<ByteArray>,
    /// How many levels and values there were at the end of each batch.
    ends: Vec<(usize, usize)>,
}

impl ImageBytes {
    /// None of a schema that has no such column.
    pub(crate) fn of(schema: &SchemaDescriptor) -> Option<Self> {
        let place = schema.columns().iter().position(|column| column.path().parts() == PATH)?;
        let level = schema.column(place).max_def_level();
        Some(Self { place, level, levels: Vec::new(), values: Vec::new(), ends: Vec::new() })
    }

    pub(crate) fn is_at(&self, place: usize) -> bool {
        self.place == place
    }

    /// Adds the values of a batch of rows.
    pub(crate) fn extend<'a>(&mut self, batch: impl Iterator<Item = Option<&'a Bytes>>) {
        for bytes in batch {
            self.levels.push(self.level - i16::from(bytes.is_none()));
            self.values.extend(bytes.cloned().map(ByteArray::from));
        }
        self.ends.push((self.levels.len(), self.values.len()));
    }

    /// Writes the values as the next column, and forgets them; batch by batch, for by its first values Parquet's writer judges
    /// how many go into a page.
    pub(crate) fn write<W: Write + Send>(&mut self, row_group: &mut SerializedRowGroupWriter<W>) -> Result<()> {
        let mut column = row_group.next_column()?.expect("the schema has this column");
        let mut begin = (0, 0);
        for end in self.ends.drain(..) {
            let (levels, values) = (&self.levels[begin.0..end.0], &self.values[begin.1..end.1]);
            column.typed::<ByteArrayType>().write_batch(values, Some(levels), None)?;
            begin = end;
        }
        self.levels.clear();
        self.values.clear();
        column.close()
    }
}
