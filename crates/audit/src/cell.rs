//! A *cell* is one value of a manifest as JSON. Bytes are shown as their number and their digest.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalUnit, IntervalYearMonthType, RunEndIndexType, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde_json::{Map, Number, Value, json};

use crate::time::{date, duration, time_of_day, timestamp};

/// Digits of a digest that tell it from all others that a reader sees.
pub const SHORT_DIGEST: usize = 12;

/// A column that is no struct: one of the batch's, or a field of a struct under a name such as `image.path`.
#[derive(Clone, Debug)]
pub(crate) struct Flat {
    /// The name.
    pub(crate) name: String,
    /// The values. Where the struct itself is null, a value stands for nothing.
    pub(crate) array: ArrayRef,
    /// Where the struct itself is null.
    pub(crate) nulls: Option<NullBuffer>,
}

impl Flat {
    /// The columns of a batch, structs taken apart.
    pub(crate) fn of_batch(batch: &RecordBatch) -> Vec<Self> {
        let mut columns = Vec::new();
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            flatten(field.name().clone(), array, None, &mut columns);
        }
        columns
    }

    /// The value in a row.
    pub(crate) fn cell(&self, row: usize) -> Value {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => Value::Null,
            _ => cell(self.array.as_ref(), row),
        }
    }
}

fn flatten(name: String, array: &ArrayRef, nulls: Option<&NullBuffer>, columns: &mut Vec<Flat>) {
    match array.as_struct_opt() {
        Some(fields) => {
            let nulls = NullBuffer::union(nulls, fields.nulls());
            for (field, array) in fields.fields().iter().zip(fields.columns()) {
                flatten(format!("{name}.{}", field.name()), array, nulls.as_ref(), columns);
            }
        }
        None => columns.push(Flat { name, array: array.clone(), nulls: nulls.cloned() }),
    }
}

/// The value of an array in a row. Numbers that JSON cannot hold, dates and times are texts; lists and maps are arrays, a map's
/// entries objects with `key` and `value`.
pub(crate) fn cell(array: &dyn Array, row: usize) -> Value {
    macro_rules! value {
        ($arrow:ty) => {
            array.as_primitive::<$arrow>().value(row)
        };
    }
    macro_rules! decimal {
        ($arrow:ty) => {
            array.as_primitive::<$arrow>().value_as_string(row).into()
        };
    }
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::UInt8 => value!(UInt8Type).into(),
        DataType::UInt16 => value!(UInt16Type).into(),
        DataType::UInt32 => value!(UInt32Type).into(),
        DataType::UInt64 => value!(UInt64Type).into(),
        DataType::Int8 => value!(Int8Type).into(),
        DataType::Int16 => value!(Int16Type).into(),
        DataType::Int32 => value!(Int32Type).into(),
        DataType::Int64 => value!(Int64Type).into(),
        DataType::Float16 => float32(value!(Float16Type).to_f32()),
        DataType::Float32 => float32(value!(Float32Type)),
        DataType::Float64 => float64(value!(Float64Type)),
        DataType::Decimal32(..) => decimal!(Decimal32Type),
        DataType::Decimal64(..) => decimal!(Decimal64Type),
        DataType::Decimal128(..) => decimal!(Decimal128Type),
        DataType::Decimal256(..) => decimal!(Decimal256Type),
        DataType::Date32 => date(value!(Date32Type).into()).into(),
        DataType::Date64 => date64(value!(Date64Type)).into(),
        DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) | DataType::Duration(_) => {
            time(array, row).into()
        }
        DataType::Interval(unit) => interval(array, row, *unit).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => bytes(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row)),
        DataType::List(_) => cells(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => cells(&array.as_list::<i64>().value(row)),
        DataType::ListView(_) => cells(&array.as_list_view::<i32>().value(row)),
        DataType::LargeListView(_) => cells(&array.as_list_view::<i64>().value(row)),
        DataType::FixedSizeList(..) => cells(&array.as_fixed_size_list().value(row)),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let entry = |i| json!({ "key": cell(entries.column(0), i), "value": cell(entries.column(1), i) });
            (0..entries.len()).map(entry).collect()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let values = columns.map(|(field, column)| (field.name().clone(), cell(column, row)));
            Value::Object(values.collect::<Map<_, _>>())
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = cell(dictionary.keys(), row).as_u64().and_then(|key| usize::try_from(key).ok());
            key.map_or(Value::Null, |key| cell(dictionary.values(), key))
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => run::<Int16Type>(array, row),
            DataType::Int32 => run::<Int32Type>(array, row),
            _ => run::<Int64Type>(array, row),
        },
        // Parquet has no unions.
        other @ DataType::Union(..) => other.to_string().into(),
    }
}

fn cells(array: &ArrayRef) -> Value {
    (0..array.len()).map(|row| cell(array, row)).collect()
}

fn run<R: RunEndIndexType>(array: &dyn Array, row: usize) -> Value {
    let runs = array.as_run::<R>();
    cell(runs.values(), runs.get_physical_index(row))
}

fn date64(n_milliseconds: i64) -> String {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    match n_milliseconds % DAY {
        0 => date(n_milliseconds / DAY),
        _ => timestamp(n_milliseconds, TimeUnit::Millisecond, false),
    }
}

fn time(array: &dyn Array, row: usize) -> String {
    macro_rules! value {
        ($arrow:ty) => {
            array.as_primitive::<$arrow>().value(row)
        };
    }
    match array.data_type() {
        DataType::Time32(TimeUnit::Second) => time_of_day(value!(Time32SecondType).into(), TimeUnit::Second),
        DataType::Time32(unit) => time_of_day(value!(Time32MillisecondType).into(), *unit),
        DataType::Time64(TimeUnit::Nanosecond) => time_of_day(value!(Time64NanosecondType), TimeUnit::Nanosecond),
        DataType::Time64(unit) => time_of_day(value!(Time64MicrosecondType), *unit),
        DataType::Timestamp(unit, zone) => {
            let value = match unit {
                TimeUnit::Second => value!(TimestampSecondType),
                TimeUnit::Millisecond => value!(TimestampMillisecondType),
                TimeUnit::Microsecond => value!(TimestampMicrosecondType),
                TimeUnit::Nanosecond => value!(TimestampNanosecondType),
            };
            timestamp(value, *unit, zone.is_some())
        }
        DataType::Duration(unit) => {
            let value = match unit {
                TimeUnit::Second => value!(DurationSecondType),
                TimeUnit::Millisecond => value!(DurationMillisecondType),
                TimeUnit::Microsecond => value!(DurationMicrosecondType),
                TimeUnit::Nanosecond => value!(DurationNanosecondType),
            };
            duration(value, *unit)
        }
        other => other.to_string(),
    }
}

fn interval(array: &dyn Array, row: usize, unit: IntervalUnit) -> String {
    match unit {
        IntervalUnit::YearMonth => format!("{} months", array.as_primitive::<IntervalYearMonthType>().value(row)),
        IntervalUnit::DayTime => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(row);
            format!("{} days {} milliseconds", value.days, value.milliseconds)
        }
        IntervalUnit::MonthDayNano => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            format!("{} months {} days {} nanoseconds", value.months, value.days, value.nanoseconds)
        }
    }
}

/// Bytes as they are shown: never themselves.
pub(crate) fn bytes(bytes: &[u8]) -> Value {
    json!({ "n_bytes": bytes.len(), "blake3": blake3::hash(bytes).to_hex().as_str() })
}

/// A number as it was written, not as its neighbour among the 64-bit floats.
pub(crate) fn float32(number: f32) -> Value {
    number.to_string().parse().map_or(Value::Null, float64)
}

/// A number; one that JSON has no word for is a text.
pub(crate) fn float64(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// A value as a table or CSV shows it; null is nothing.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => match (fields.get("n_bytes"), fields.get("blake3").and_then(Value::as_str)) {
            (Some(n_bytes), Some(blake3)) => format!("{n_bytes} bytes {}", &blake3[..SHORT_DIGEST]),
            _ => value.to_string(),
        },
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, Float32Array, Float64Array, StringArray, StructArray, UInt64Array};
    use arrow::datatypes::{Field, Fields};

    use super::*;

    #[test]
    fn a_value_is_shown_as_it_was_written() {
        let check = |array: &dyn Array, expected: [&str; 2]| {
            assert_eq!([0, 1].map(|row| text(&cell(array, row))), expected);
        };
        check(&UInt64Array::from(vec![Some(u64::MAX), None]), ["18446744073709551615", ""]);
        check(&Float32Array::from(vec![0.1, 8.0 / 255.0]), ["0.1", "0.03137255"]);
        check(&Float64Array::from(vec![0.5, f64::NAN]), ["0.5", "NaN"]);
        check(&BinaryArray::from(vec![b"abc".as_slice(), b""]), ["3 bytes 6437b3ac3846", "0 bytes af1349b9f5f9"]);
    }

    #[test]
    fn a_struct_is_taken_apart_and_its_nulls_are_those_of_its_fields() {
        let path: ArrayRef = Arc::new(StringArray::from(vec![Some("a.png"), Some("b.png")]));
        let fields = Fields::from(vec![Field::new("path", DataType::Utf8, true)]);
        let image: ArrayRef = Arc::new(StructArray::new(fields, vec![path], Some(NullBuffer::from(vec![true, false]))));
        let columns = Flat::of_batch(&RecordBatch::try_from_iter([("image", image)]).unwrap());
        assert_eq!(columns[0].name, "image.path");
        assert_eq!([columns[0].cell(0), columns[0].cell(1)], [json!("a.png"), Value::Null]);
    }
}
