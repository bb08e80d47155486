//! A Parquet file of somebody else: its columns, whatever width their types have.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use twinset_manifest::guarded;

use crate::SourceError;
use crate::error::wrong;
use crate::labels::Found;
use crate::widen::widen;

/// The error of a file that is no Parquet, or damaged; `detail` is what the reader said.
pub(crate) fn damaged(path: &str, detail: &str) -> SourceError {
    wrong!("`{path}` cannot be read as Parquet: {detail}")
}

/// A Parquet file whose footer was read.
pub(crate) struct ParquetFile {
    name: String,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

impl ParquetFile {
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let damaged = |detail: String| damaged(&name, &detail);
        let file = File::open(path).map_err(|error| damaged(error.to_string()))?;
        let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(damaged)?;
        let builder = builder.map_err(|error| damaged(error.to_string()))?;
        Ok(Self { name, builder })
    }

    /// An entry of the footer.
    pub(crate) fn footer(&self, key: &str) -> Option<&str> {
        self.builder.schema().metadata().get(key).map(String::as_str)
    }

    /// The first of these columns that there is.
    pub(crate) fn find(&self, names: &[&str]) -> Result<String, SourceError> {
        let schema = self.builder.schema();
        let found = names.iter().find(|name| schema.column_with_name(name).is_some());
        found.map(|&name| name.to_owned()).ok_or_else(|| {
            let expected = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
            let fields = schema.fields().iter();
            let found = fields.map(|field| format!("`{}` ({})", field.name(), type_name(field.data_type())));
            let found = Some(found.collect::<Vec<_>>().join(", ")).filter(|found| !found.is_empty());
            wrong!("`{}` has no column {expected}, found {}", self.name, found.as_deref().unwrap_or("none"))
        })
    }

    /// An error unless the column has a type that will do.
    pub(crate) fn expect_type(
        &self,
        column: &str,
        will_do: impl Fn(&DataType) -> bool,
        expected: &str,
    ) -> Result<(), SourceError> {
        let found = self.builder.schema().column_with_name(column).map(|(_, field)| field.data_type());
        match found {
            Some(data_type) if will_do(data_type) => Ok(()),
            found => {
                let found = found.map_or_else(|| "missing".to_owned(), type_name);
                Err(wrong!("column `{column}` of `{}` is {found}, expected {expected}", self.name))
            }
        }
    }

    /// How many bytes a row of the column takes, in the row group where it takes most.
    pub(crate) fn row_bytes(&self, column: &str) -> u64 {
        let of_group = |group: &parquet::file::metadata::RowGroupMetaData| {
            let columns = group
                .columns()
                .iter()
                .filter(|chunk| chunk.column_path().parts().first().is_some_and(|root| root == column));
            let bytes: u64 = columns.map(|chunk| u64::try_from(chunk.uncompressed_size()).unwrap_or_default()).sum();
            bytes / u64::try_from(group.num_rows()).unwrap_or_default().max(1)
        };
        self.builder.metadata().row_groups().iter().map(of_group).max().unwrap_or_default()
    }

    /// Batches of at most so many rows of these columns, each batch with its columns in the order that is asked for.
    pub(crate) fn batches(
        self,
        columns: &[&str],
        batch_rows: usize,
    ) -> Result<impl Iterator<Item = Result<Vec<ArrayRef>, SourceError>>, SourceError> {
        let Self { name, builder } = self;
        let damaged = |detail: String| damaged(&name, &detail);
        let roots: Vec<_> =
            columns.iter().filter_map(|column| Some(builder.schema().column_with_name(column)?.0)).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let reader = guarded(|| builder.with_projection(mask).with_batch_size(batch_rows).build()).map_err(damaged)?;
        let mut reader = Some(reader.map_err(|error| damaged(error.to_string()))?);
        let columns: Vec<_> = columns.iter().map(|&column| column.to_owned()).collect();
        let of_batch = move |batch: RecordBatch| -> Option<Vec<ArrayRef>> {
            columns.iter().map(|column| batch.column_by_name(column).cloned()).collect()
        };
        Ok(std::iter::from_fn(move || {
            let batch = match guarded(|| reader.as_mut()?.next()) {
                Ok(batch) => batch?.map_err(|error| error.to_string()),
                Err(panic) => {
                    reader = None;
                    Err(panic)
                }
            };
            let arrays = batch.and_then(|batch| of_batch(batch).ok_or("a column is missing from a batch".to_owned()));
            Some(arrays.map_err(|detail| self::damaged(&name, &detail)))
        }))
    }
}

/// Whether a column can hold labels: whole numbers, also in a column of decimals, or text.
pub(crate) fn is_label(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || is_text(data_type)
}

/// What [`is_label`] takes, for messages.
pub(crate) const LABEL_TYPES: &str = "whole numbers or text";

/// Whether a column holds text, in a dictionary too.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Whether a column holds bytes.
pub(crate) fn is_binary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// The column as another type, an error where a value does not fit.
pub(crate) fn cast(array: &dyn Array, to: &DataType) -> Result<ArrayRef, String> {
    guarded(|| widen(array, to))?
}

/// Below it each whole number is a float of 64 bits.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Visits the labels of a column that [`is_label`].
pub(crate) fn each_label(
    column: &ArrayRef,
    damaged: impl Fn(String) -> SourceError,
    mut visit: impl FnMut(Found) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    if is_text(column.data_type()) {
        let text = cast(column, &DataType::Utf8).map_err(damaged)?;
        text.as_string::<i32>()
            .iter()
            .try_for_each(|name| visit(name.filter(|name| !name.is_empty()).map_or(Found::Nothing, Found::Name)))
    } else if column.data_type().is_floating() {
        let numbers = cast(column, &DataType::Float64).map_err(damaged)?;
        let is_whole = |number: f64| number.fract() == 0.0 && number.abs() < MAX_WHOLE;
        numbers.as_primitive::<Float64Type>().iter().try_for_each(|number| {
            visit(match number {
                None => Found::Nothing,
                Some(number) if is_whole(number) => Found::Number(number as i64),
                Some(number) => Found::Fraction(number),
            })
        })
    } else {
        let numbers = cast(column, &DataType::Int64).map_err(damaged)?;
        let mut numbers = numbers.as_primitive::<Int64Type>().iter();
        numbers.try_for_each(|number| visit(number.map_or(Found::Nothing, Found::Number)))
    }
}

/// An Arrow type as messages show it.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Struct(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{}: {}", field.name(), type_name(field.data_type()))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::List(item) | DataType::LargeList(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
