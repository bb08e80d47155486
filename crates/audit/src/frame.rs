//! Converts a batch of a manifest to a Polars frame, column by column, because Polars has Arrow arrays of its own.
//!
//! All whole numbers become signed, so that a difference can be negative. Lists and maps become JSON text.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use polars::prelude::{
    self as pl, BinaryChunked, BooleanChunked, DataFrame, Float32Chunked, Float64Chunked, Int32Chunked, Int64Chunked,
    Int128Chunked, IntoSeries, NewChunkedArray, PlSmallStr, PolarsResult, Series, StringChunked, StructChunked,
    polars_err,
};
use twinset_manifest::{Untyped, type_name};

use crate::cell;

/// The most digits that a decimal of Polars can have.
const MAX_DECIMAL_DIGITS: u8 = 38;

/// The columns of manifests with their types in SQL.
pub(crate) fn sql_schema(manifests: &[&Untyped]) -> pl::Schema {
    let mut schema = pl::Schema::default();
    for field in manifests.iter().take(1).flat_map(|manifest| manifest.columns().fields()) {
        let is_narrow = || manifests.iter().all(|manifest| manifest.fits_signed(field.name()));
        let of_sql = match field.data_type() {
            DataType::UInt64 if !is_narrow() => pl::DataType::Int128,
            other => sql_type(other),
        };
        schema.with_column(field.name().into(), of_sql);
    }
    schema
}

/// Converts a batch to a frame. Columns have the types of `schema` ([`sql_schema`]), or else types that hold every
/// value.
///
/// # Errors
/// When a column's type is not supported in SQL, or a value does not fit into the SQL type. Names the column.
pub(crate) fn frame(batch: &RecordBatch, schema: &pl::Schema) -> PolarsResult<DataFrame> {
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    let columns = fields.map(|(field, array)| {
        let name = field.name().as_str();
        let as_type = schema.get(name).cloned();
        let as_type = as_type.unwrap_or_else(|| match field.data_type() {
            DataType::UInt64 => pl::DataType::Int128,
            other => sql_type(other),
        });
        let found = series(name, array.as_ref(), &as_type).map_err(|error| {
            let found = type_name(field.data_type());
            polars_err!(ComputeError: "column `{name}` is {found}: {}", message(error))
        });
        Ok(found?.into())
    });
    DataFrame::new(batch.num_rows(), columns.collect::<PolarsResult<Vec<pl::Column>>>()?)
}

/// The message of a Polars error, without the error's kind.
pub(crate) fn message(error: pl::PolarsError) -> String {
    match error {
        pl::PolarsError::ComputeError(message) => message.to_string(),
        other => other.to_string(),
    }
}

/// The SQL type of an Arrow type.
fn sql_type(data_type: &DataType) -> pl::DataType {
    match data_type {
        DataType::Boolean => pl::DataType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 => pl::DataType::Int32,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 | DataType::Int64 => {
            pl::DataType::Int64
        }
        DataType::Float16 | DataType::Float32 => pl::DataType::Float32,
        DataType::Float64 => pl::DataType::Float64,
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => {
            pl::DataType::Decimal((*digits).min(MAX_DECIMAL_DIGITS).into(), (*scale).max(0).unsigned_abs().into())
        }
        DataType::Date32 => pl::DataType::Date,
        DataType::Date64 => pl::DataType::Datetime(pl::TimeUnit::Milliseconds, None),
        DataType::Timestamp(unit, zone) => {
            pl::DataType::Datetime(polars_unit(*unit), zone.is_some().then_some(pl::TimeZone::UTC))
        }
        DataType::Time32(_) | DataType::Time64(_) => pl::DataType::Time,
        DataType::Duration(unit) => pl::DataType::Duration(polars_unit(*unit)),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            pl::DataType::Binary
        }
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| pl::Field::new(field.name().into(), sql_type(field.data_type())));
            pl::DataType::Struct(fields.collect())
        }
        DataType::Dictionary(_, values) => sql_type(values),
        DataType::RunEndEncoded(_, values) => sql_type(values.data_type()),
        _ => pl::DataType::String,
    }
}

/// The nearest unit that Polars has: it has no unit of seconds.
fn polars_unit(unit: TimeUnit) -> pl::TimeUnit {
    match unit {
        TimeUnit::Second | TimeUnit::Millisecond => pl::TimeUnit::Milliseconds,
        TimeUnit::Microsecond => pl::TimeUnit::Microseconds,
        TimeUnit::Nanosecond => pl::TimeUnit::Nanoseconds,
    }
}

fn series(name: &str, array: &dyn Array, as_type: &pl::DataType) -> PolarsResult<Series> {
    let named = PlSmallStr::from(name);
    macro_rules! numbers {
        ($chunked:ty, $arrow:ty, $native:ty) => {{
            let array = array.as_primitive::<$arrow>();
            match array.null_count() {
                0 => <$chunked>::from_vec(named, array.values().iter().map(|v| <$native>::from(*v)).collect()),
                _ => <$chunked>::from_iter_options(named, array.iter().map(|v| v.map(<$native>::from))),
            }
        }};
    }
    // Each number is multiplied by `n`, which converts it to the unit of the series.
    macro_rules! units {
        ($arrow:ty, $n:expr) => {{
            let values = array.as_primitive::<$arrow>().iter();
            let values = values.map(|value| value.map(|value| times(i64::from(value), $n)).transpose());
            Int64Chunked::from_iter_options(named, values.collect::<PolarsResult<Vec<_>>>()?.into_iter())
        }};
    }
    macro_rules! texts {
        ($values:expr) => {
            StringChunked::from_iter_options(named, $values.iter()).into_series()
        };
    }
    macro_rules! binaries {
        ($values:expr) => {
            BinaryChunked::from_iter_options(named, $values.iter()).into_series()
        };
    }
    Ok(match array.data_type() {
        DataType::Boolean => BooleanChunked::from_iter_options(named, array.as_boolean().iter()).into_series(),
        DataType::Int8 => numbers!(Int32Chunked, Int8Type, i32).into_series(),
        DataType::Int16 => numbers!(Int32Chunked, Int16Type, i32).into_series(),
        DataType::Int32 => numbers!(Int32Chunked, Int32Type, i32).into_series(),
        DataType::Int64 => numbers!(Int64Chunked, Int64Type, i64).into_series(),
        DataType::UInt8 => numbers!(Int64Chunked, UInt8Type, i64).into_series(),
        DataType::UInt16 => numbers!(Int64Chunked, UInt16Type, i64).into_series(),
        DataType::UInt32 => numbers!(Int64Chunked, UInt32Type, i64).into_series(),
        DataType::UInt64 if *as_type == pl::DataType::Int128 => numbers!(Int128Chunked, UInt64Type, i128).into_series(),
        DataType::UInt64 => {
            let signed = |n: u64| i64::try_from(n).map_err(|_| polars_err!(ComputeError: "{n} has more than 63 bits"));
            let array = array.as_primitive::<UInt64Type>();
            if array.null_count() == 0 {
                let values = array.values().iter().map(|value| signed(*value)).collect::<PolarsResult<Vec<_>>>()?;
                return Ok(Int64Chunked::from_vec(named, values).into_series());
            }
            let values = array.iter().map(|value| value.map(signed).transpose());
            Int64Chunked::from_iter_options(named, values.collect::<PolarsResult<Vec<_>>>()?.into_iter()).into_series()
        }
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>().iter().map(|value| value.map(|value| value.to_f32()));
            Float32Chunked::from_iter_options(named, values).into_series()
        }
        DataType::Float32 => numbers!(Float32Chunked, Float32Type, f32).into_series(),
        DataType::Float64 => numbers!(Float64Chunked, Float64Type, f64).into_series(),
        DataType::Decimal128(digits, scale) if *scale >= 0 && *digits <= MAX_DECIMAL_DIGITS => {
            let values = numbers!(Int128Chunked, Decimal128Type, i128);
            values.into_decimal_unchecked((*digits).into(), scale.unsigned_abs().into()).into_series()
        }
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => {
            let to = DataType::Decimal128((*digits).min(MAX_DECIMAL_DIGITS), (*scale).max(0));
            series(name, cast(array, &to)?.as_ref(), as_type)?
        }
        DataType::Date32 => numbers!(Int32Chunked, Date32Type, i32).into_date().into_series(),
        DataType::Date64 => {
            numbers!(Int64Chunked, Date64Type, i64).into_datetime(pl::TimeUnit::Milliseconds, None).into_series()
        }
        DataType::Timestamp(unit, zone) => {
            let values = match unit {
                TimeUnit::Second => units!(TimestampSecondType, 1000),
                TimeUnit::Millisecond => units!(TimestampMillisecondType, 1),
                TimeUnit::Microsecond => units!(TimestampMicrosecondType, 1),
                TimeUnit::Nanosecond => units!(TimestampNanosecondType, 1),
            };
            let zone = zone.is_some().then_some(pl::TimeZone::UTC);
            values.into_datetime(polars_unit(*unit), zone).into_series()
        }
        DataType::Time32(TimeUnit::Second) => units!(Time32SecondType, 1_000_000_000).into_time().into_series(),
        DataType::Time32(_) => units!(Time32MillisecondType, 1_000_000).into_time().into_series(),
        DataType::Time64(TimeUnit::Nanosecond) => units!(Time64NanosecondType, 1).into_time().into_series(),
        DataType::Time64(_) => units!(Time64MicrosecondType, 1000).into_time().into_series(),
        DataType::Duration(unit) => {
            let values = match unit {
                TimeUnit::Second => units!(DurationSecondType, 1000),
                TimeUnit::Millisecond => units!(DurationMillisecondType, 1),
                TimeUnit::Microsecond => units!(DurationMicrosecondType, 1),
                TimeUnit::Nanosecond => units!(DurationNanosecondType, 1),
            };
            values.into_duration(polars_unit(*unit)).into_series()
        }
        DataType::Utf8 => texts!(array.as_string::<i32>()),
        DataType::LargeUtf8 => texts!(array.as_string::<i64>()),
        DataType::Utf8View => texts!(array.as_string_view()),
        DataType::Binary => binaries!(array.as_binary::<i32>()),
        DataType::LargeBinary => binaries!(array.as_binary::<i64>()),
        DataType::BinaryView => binaries!(array.as_binary_view()),
        DataType::FixedSizeBinary(_) => binaries!(array.as_fixed_size_binary()),
        DataType::Struct(_) => {
            let fields = array.as_struct();
            let columns = fields
                .fields()
                .iter()
                .zip(fields.columns())
                .map(|(field, array)| series(field.name(), array.as_ref(), &sql_type(field.data_type())));
            let columns = columns.collect::<PolarsResult<Vec<Series>>>()?;
            let nulls = fields.nulls().map(|nulls| nulls.iter().collect());
            StructChunked::from_series(named, array.len(), columns.iter())?.with_outer_validity(nulls).into_series()
        }
        DataType::Dictionary(_, values) => series(name, cast(array, values)?.as_ref(), as_type)?,
        DataType::RunEndEncoded(_, values) => series(name, cast(array, values.data_type())?.as_ref(), as_type)?,
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Map(..) => {
            let text = |row| (!array.is_null(row)).then(|| cell::text(&cell::cell(array, row)));
            StringChunked::from_iter_options(named, (0..array.len()).map(text)).into_series()
        }
        DataType::Null => Series::full_null(named, array.len(), &pl::DataType::String),
        // These are not converted to text, because comparisons of the text would be wrong.
        DataType::Interval(_) | DataType::Union(..) => {
            return Err(polars_err!(ComputeError: "SQL does not take this type, `show` does"));
        }
    })
}

fn times(value: i64, n: i64) -> PolarsResult<i64> {
    value.checked_mul(n).ok_or_else(|| polars_err!(ComputeError: "{value} is too large for SQL, `show` takes it"))
}

/// The array as another type. It is an error if a value does not fit.
fn cast(array: &dyn Array, to: &DataType) -> PolarsResult<arrow::array::ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|error| polars_err!(ComputeError: "{error}"))
}
