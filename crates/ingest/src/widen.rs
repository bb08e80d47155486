//! Columns of somebody else's Parquet file as the widest type of their kind: text, whole numbers, other numbers, bytes.
//!
//! `arrow-cast` knows all types, and is slow to compile. These are the few that Parquet files have.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, LargeBinaryArray, StringArray, make_array};
use arrow_schema::DataType;

/// The column as `Utf8`, `Int64`, `Float64` or `LargeBinary`, from another type of the same kind.
///
/// # Errors
/// When it is of another kind, or a number does not fit.
pub(crate) fn widen(array: &dyn Array, to: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == to {
        return Ok(make_array(array.to_data()));
    }
    let widened = match to {
        DataType::Utf8 => text(array).map(|text| Arc::new(text) as ArrayRef),
        DataType::Int64 => whole_numbers(array)?.map(|numbers| Arc::new(numbers) as ArrayRef),
        DataType::Float64 => numbers(array).map(|numbers| Arc::new(numbers) as ArrayRef),
        DataType::LargeBinary => bytes(array).map(|bytes| Arc::new(bytes) as ArrayRef),
        _ => None,
    };
    widened.ok_or_else(|| format!("a column of {} cannot be read as {to}", array.data_type()))
}

fn text(array: &dyn Array) -> Option<StringArray> {
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().clone(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().collect(),
        DataType::Utf8View => array.as_string_view().iter().collect(),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let values = text(dictionary.values())?;
            // An empty dictionary has no keys that could be looked at.
            let keys = if values.is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
            let is_there = |row: usize, key: usize| dictionary.keys().is_valid(row) && values.is_valid(key);
            let rows = keys.iter().enumerate();
            rows.map(|(row, &key)| is_there(row, key).then(|| values.value(key))).collect()
        }
        _ => return None,
    })
}

fn whole_numbers(array: &dyn Array) -> Result<Option<Int64Array>, String> {
    macro_rules! widened {
        ($of:ty) => {
            array.as_primitive::<$of>().iter().map(|value| value.map(i64::from)).collect()
        };
    }
    Ok(Some(match array.data_type() {
        DataType::Int8 => widened!(Int8Type),
        DataType::Int16 => widened!(Int16Type),
        DataType::Int32 => widened!(Int32Type),
        DataType::Int64 => widened!(Int64Type),
        DataType::UInt8 => widened!(UInt8Type),
        DataType::UInt16 => widened!(UInt16Type),
        DataType::UInt32 => widened!(UInt32Type),
        DataType::UInt64 => {
            let too_large = |value: u64| format!("the number {value} is too large, expected at most {}", i64::MAX);
            let signed = |value: u64| i64::try_from(value).map_err(|_| too_large(value));
            let values = array.as_primitive::<UInt64Type>().iter();
            values.map(|value| value.map(signed).transpose()).collect::<Result<Int64Array, _>>()?
        }
        _ => return Ok(None),
    }))
}

fn numbers(array: &dyn Array) -> Option<Float64Array> {
    macro_rules! widened {
        ($of:ty) => {
            array.as_primitive::<$of>().iter().map(|value| value.map(f64::from)).collect()
        };
    }
    Some(match array.data_type() {
        DataType::Float16 => widened!(Float16Type),
        DataType::Float32 => widened!(Float32Type),
        DataType::Float64 => widened!(Float64Type),
        _ => return None,
    })
}

fn bytes(array: &dyn Array) -> Option<LargeBinaryArray> {
    Some(match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().iter().collect(),
        DataType::LargeBinary => array.as_binary::<i64>().clone(),
        DataType::BinaryView => array.as_binary_view().iter().collect(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::compute::cast;

    /// As Arrow's own cast, from each type that it makes of `column`, nulls included.
    #[track_caller]
    fn check(column: ArrayRef, to: &DataType, from: &[DataType]) {
        let expected = cast(&column, to).unwrap();
        for from in from {
            let narrow = cast(&column, from).unwrap();
            assert_eq!(narrow.data_type(), from);
            assert_eq!(*widen(&narrow, to).unwrap(), *expected, "{from}");
            // A part of an array has an offset.
            let part = widen(&narrow.slice(1, 2), to).unwrap();
            assert_eq!(*part, *expected.slice(1, 2), "{from}");
        }
    }

    fn dictionary(keys: DataType, values: DataType) -> DataType {
        DataType::Dictionary(Box::new(keys), Box::new(values))
    }

    #[test]
    fn columns_are_widened_as_arrow_does() {
        use DataType::{
            Binary, BinaryView, Float16, Float32, Float64, Int8, Int16, Int32, Int64, LargeBinary, LargeUtf8, UInt8,
            UInt16, UInt32, UInt64, Utf8, Utf8View,
        };
        let texts =
            Arc::new(StringArray::from(vec![Some("cat"), None, Some("a name of more than twelve bytes"), Some("")]));
        let dictionaries = [dictionary(Int32, Utf8), dictionary(UInt8, LargeUtf8), dictionary(Int8, Utf8)];
        check(texts, &Utf8, &[&[Utf8, LargeUtf8, Utf8View], &dictionaries[..]].concat());
        let whole = Arc::new(Int64Array::from(vec![Some(0), None, Some(127), Some(7)]));
        check(whole, &Int64, &[Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64]);
        let numbers = Arc::new(Float64Array::from(vec![Some(0.5), None, Some(-3.0), Some(7.0)]));
        check(numbers, &Float64, &[Float16, Float32, Float64]);
        let images = Arc::new(LargeBinaryArray::from(vec![
            Some(&b"\x89PNG"[..]),
            None,
            Some(b""),
            Some(b"more than twelve bytes"),
        ]));
        check(images, &LargeBinary, &[Binary, LargeBinary, BinaryView]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let large = arrow::array::UInt64Array::from(vec![1, u64::MAX]);
        let error = widen(&large, &DataType::Int64).unwrap_err();
        assert_eq!(error, "the number 18446744073709551615 is too large, expected at most 9223372036854775807");
        let truths = arrow::array::BooleanArray::from(vec![true]);
        let error = widen(&truths, &DataType::Int64).unwrap_err();
        assert_eq!(error, "a column of Boolean cannot be read as Int64");
        let none =
            cast(&StringArray::from(vec![None::<&str>; 3]), &dictionary(DataType::Int32, DataType::Utf8)).unwrap();
        assert_eq!(*widen(&none, &DataType::Utf8).unwrap(), StringArray::from(vec![None::<&str>; 3]));
    }
}
