//! Reads the row groups of an [`Untyped`] manifest one by one: their statistics in the footer, and selected rows.

use arrow_array::{Array, BooleanArray};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use crate::file::Parquet;
use crate::untyped::{Batches, Rows};
use crate::{ManifestError, Untyped};

/// A row group of a manifest. Its rows are not read yet.
#[derive(Clone, Copy, Debug)]
pub struct RowGroup<'a> {
    manifest: &'a Untyped,
    part: &'a Parquet,
    place: usize,
}

/// A lower and an upper bound of the values of a column chunk, except for nulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// Bounds of whole numbers.
    Integers(i128, i128),
    /// Bounds of texts, in the order of their bytes.
    Text(Vec<u8>, Vec<u8>),
}

impl Untyped {
    /// The row groups of all files, in order.
    pub fn row_groups(&self) -> impl Iterator<Item = RowGroup<'_>> {
        let of_part = |part: &'_ Parquet| part.metadata.metadata().num_row_groups();
        self.parts().flat_map(move |part| (0..of_part(part)).map(move |place| RowGroup { manifest: self, part, place }))
    }
}

impl RowGroup<'_> {
    /// How many rows it has.
    pub fn n_rows(&self) -> usize {
        usize::try_from(self.metadata().num_rows()).unwrap_or_default()
    }

    /// The bounds of a column of whole numbers or texts; none if the footer does not have them.
    pub fn bounds(&self, column: &str) -> Option<Bounds> {
        let (root, field) = self.manifest.columns().column_with_name(column)?;
        let schema = self.part.metadata.metadata().file_metadata().schema_descr();
        let leaf = (0..schema.num_columns()).find(|&leaf| schema.get_column_root_idx(leaf) == root)?;
        // Deprecated statistics are not used: old writers compared unsigned numbers and texts as signed values.
        let statistics = self.metadata().column(leaf).statistics().filter(|of| !of.is_min_max_deprecated())?;
        match (statistics, field.data_type()) {
            (Statistics::Int32(of), DataType::UInt32) => {
                let [min, max] = [of.min_opt()?, of.max_opt()?].map(|n| n.cast_unsigned().into());
                Some(Bounds::Integers(min, max))
            }
            (
                Statistics::Int32(of),
                DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16,
            ) => Some(Bounds::Integers((*of.min_opt()?).into(), (*of.max_opt()?).into())),
            (Statistics::Int64(of), DataType::UInt64) => {
                let [min, max] = [of.min_opt()?, of.max_opt()?].map(|n| n.cast_unsigned().into());
                Some(Bounds::Integers(min, max))
            }
            (Statistics::Int64(of), DataType::Int64) => {
                Some(Bounds::Integers((*of.min_opt()?).into(), (*of.max_opt()?).into()))
            }
            (Statistics::ByteArray(of), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                Some(Bounds::Text(of.min_opt()?.data().to_owned(), of.max_opt()?.data().to_owned()))
            }
            _ => None,
        }
    }

    /// Its rows, as those of [`Untyped::batches`]; with `picked`, which has a value for each row, only those where it is true.
    /// Pages without such rows are not decoded.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn batches(
        &self,
        columns: Option<&[&str]>,
        batch_rows: usize,
        picked: Option<&BooleanArray>,
    ) -> Result<Batches, ManifestError> {
        let is_true = |picked: &BooleanArray| match picked.nulls() {
            Some(nulls) => BooleanArray::new(picked.values() & nulls.inner(), None),
            None => picked.clone(),
        };
        let selection = picked.map(|picked| RowSelection::from_filters(&[is_true(picked)]));
        let rows = Rows { groups: Some(vec![self.place]), selection };
        Batches::of_part(self.part, self.manifest.projection(columns), batch_rows, rows)
    }

    fn metadata(&self) -> &RowGroupMetaData {
        self.part.metadata.metadata().row_group(self.place)
    }
}
