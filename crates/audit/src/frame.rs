//! A batch of a manifest as a Polars frame, column by column: the two libraries have Arrow arrays of their own.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use polars::prelude::{
    self as pl, BinaryChunked, BooleanChunked, DataFrame, Float32Chunked, Float64Chunked, Int32Chunked, Int64Chunked,
    IntoSeries, NewChunkedArray, PlSmallStr, PolarsResult, Series, StringChunked, StructChunked, UInt32Chunked,
    UInt64Chunked,
};

use crate::cell;

/// A batch as a frame. Types that Polars is not asked to know come as text.
///
/// # Errors
/// When a batch has two columns of one name.
pub(crate) fn frame(batch: &RecordBatch) -> PolarsResult<DataFrame> {
    let schema = batch.schema();
    let columns: PolarsResult<Vec<pl::Column>> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| Ok(series(field.name(), array.as_ref())?.into()))
        .collect();
    DataFrame::new(batch.num_rows(), columns?)
}

/// A batch as SQL sees it: without unsigned numbers, of which the smaller less the larger is no number.
///
/// # Errors
/// As [`frame`], and when a number has more than 63 bits.
pub(crate) fn signed_frame(batch: &RecordBatch) -> PolarsResult<DataFrame> {
    let mut rows = frame(batch)?;
    for field in batch.schema().fields() {
        let of_sql = sql_type(field);
        if of_sql != polars_type(field) {
            let column = rows.column(field.name())?.strict_cast(&of_sql)?;
            rows.with_column(column)?;
        }
    }
    Ok(rows)
}

/// The type of an Arrow column in SQL.
pub(crate) fn sql_type(field: &Field) -> pl::DataType {
    match polars_type(field) {
        pl::DataType::UInt32 | pl::DataType::UInt64 => pl::DataType::Int64,
        other => other,
    }
}

/// The Polars type of an Arrow column.
fn polars_type(field: &Field) -> pl::DataType {
    match field.data_type() {
        DataType::Boolean => pl::DataType::Boolean,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => pl::DataType::UInt32,
        DataType::UInt64 => pl::DataType::UInt64,
        DataType::Int8 | DataType::Int16 | DataType::Int32 => pl::DataType::Int32,
        DataType::Int64 => pl::DataType::Int64,
        DataType::Float32 => pl::DataType::Float32,
        DataType::Float64 => pl::DataType::Float64,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            pl::DataType::Binary
        }
        DataType::Struct(fields) => {
            let field = |field: &std::sync::Arc<Field>| pl::Field::new(field.name().into(), polars_type(field));
            pl::DataType::Struct(fields.iter().map(field).collect())
        }
        _ => pl::DataType::String,
    }
}

fn series(name: &str, array: &dyn Array) -> PolarsResult<Series> {
    let name = PlSmallStr::from(name);
    macro_rules! numbers {
        ($chunked:ty, $arrow:ty, $native:ty) => {
            <$chunked>::from_iter_options(name, array.as_primitive::<$arrow>().iter().map(|v| v.map(<$native>::from)))
                .into_series()
        };
    }
    Ok(match array.data_type() {
        DataType::Boolean => BooleanChunked::from_iter_options(name, array.as_boolean().iter()).into_series(),
        DataType::UInt8 => numbers!(UInt32Chunked, UInt8Type, u32),
        DataType::UInt16 => numbers!(UInt32Chunked, UInt16Type, u32),
        DataType::UInt32 => numbers!(UInt32Chunked, UInt32Type, u32),
        DataType::UInt64 => numbers!(UInt64Chunked, UInt64Type, u64),
        DataType::Int8 => numbers!(Int32Chunked, Int8Type, i32),
        DataType::Int16 => numbers!(Int32Chunked, Int16Type, i32),
        DataType::Int32 => numbers!(Int32Chunked, Int32Type, i32),
        DataType::Int64 => numbers!(Int64Chunked, Int64Type, i64),
        DataType::Float32 => numbers!(Float32Chunked, Float32Type, f32),
        DataType::Float64 => numbers!(Float64Chunked, Float64Type, f64),
        DataType::Binary => BinaryChunked::from_iter_options(name, array.as_binary::<i32>().iter()).into_series(),
        DataType::LargeBinary => BinaryChunked::from_iter_options(name, array.as_binary::<i64>().iter()).into_series(),
        DataType::BinaryView => BinaryChunked::from_iter_options(name, array.as_binary_view().iter()).into_series(),
        DataType::FixedSizeBinary(_) => {
            BinaryChunked::from_iter_options(name, array.as_fixed_size_binary().iter()).into_series()
        }
        DataType::Struct(_) => {
            let fields = array.as_struct();
            let columns: PolarsResult<Vec<Series>> = fields
                .fields()
                .iter()
                .zip(fields.columns())
                .map(|(field, array)| series(field.name(), array.as_ref()))
                .collect();
            StructChunked::from_series(name, array.len(), columns?.iter())?.into_series()
        }
        DataType::Utf8 => StringChunked::from_iter_options(name, array.as_string::<i32>().iter()).into_series(),
        _ => {
            let text = |row| (!array.is_null(row)).then(|| cell::text(&cell::cell(array, row)));
            StringChunked::from_iter_options(name, (0..array.len()).map(text)).into_series()
        }
    })
}
