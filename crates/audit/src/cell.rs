//! A *cell* is one value of a manifest as it is shown: JSON, where bytes stand as their number and digest.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Number, Value, json};

/// Digits of a digest that tell it from all others that a reader sees.
pub const SHORT_DIGEST: usize = 12;

/// A column that is no struct: one of the batch's, or a field of a struct under a name such as `image.path`.
#[derive(Clone, Debug)]
pub(crate) struct Flat {
    /// The name.
    pub(crate) name: String,
    array: ArrayRef,
    /// Where the struct itself is null.
    nulls: Option<NullBuffer>,
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

/// The value of an array in a row.
pub(crate) fn cell(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float32 => float32(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => float64(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => bytes(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row)),
        _ => ArrayFormatter::try_new(array, &FormatOptions::default())
            .map_or(Value::Null, |formatter| Value::String(formatter.value(row).to_string())),
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
