//! How a field's type becomes an Arrow array and back.

use std::fmt::{Display, Write};
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray};
use arrow_schema::DataType;

use crate::Digest;

/// A type that a manifest's column can hold, null aside.
pub trait Value: Clone + 'static {
    /// The Arrow type.
    fn data_type() -> DataType;
    /// Bytes that the value takes in an array, about.
    fn n_bytes(&self) -> usize {
        size_of::<Self>()
    }
    /// The values as an array.
    fn encode<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef;
    /// The values of an array.
    ///
    /// # Errors
    /// Says what was found instead.
    fn decode(array: &dyn Array) -> Result<Vec<Option<Self>>, String>;
}

/// What a column holds. A field's type says it: a [`Value`], or an `Option` of one where the column may hold null. Where `row!`
/// has `field: type as column`, that column does, for instance [`ClassLabel`](crate::ClassLabel).
pub trait Column {
    /// The field's type.
    type Field: 'static;
    /// Whether null is a value.
    const NULLABLE: bool;
    /// The Arrow type.
    fn data_type() -> DataType;
    /// What is expected of an array, as a message says it.
    fn expected() -> String {
        format!("{}{}", type_name(&Self::data_type()), if Self::NULLABLE { " or null" } else { "" })
    }
    /// Bytes that a field takes in an array, about.
    fn n_bytes(field: &Self::Field) -> usize;
    /// The fields as an array.
    fn encode_column<'a>(fields: impl Iterator<Item = &'a Self::Field>) -> ArrayRef;
    /// The fields of an array.
    ///
    /// # Errors
    /// Says what was found instead.
    fn decode_column(array: &dyn Array) -> Result<Vec<Self::Field>, String>;
}

impl<V: Value> Column for V {
    type Field = Self;

    const NULLABLE: bool = false;

    fn data_type() -> DataType {
        V::data_type()
    }

    fn n_bytes(field: &Self) -> usize {
        Value::n_bytes(field)
    }

    fn encode_column<'a>(fields: impl Iterator<Item = &'a Self>) -> ArrayRef {
        V::encode(fields.map(Some))
    }

    fn decode_column(array: &dyn Array) -> Result<Vec<Self>, String> {
        let values = decode_typed::<V>(array)?;
        values.into_iter().enumerate().map(|(row, value)| value.ok_or_else(|| format!("null in row {row}"))).collect()
    }
}

impl<V: Value> Column for Option<V> {
    type Field = Self;

    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        V::data_type()
    }

    fn n_bytes(field: &Self) -> usize {
        field.as_ref().map_or(0, Value::n_bytes)
    }

    fn encode_column<'a>(fields: impl Iterator<Item = &'a Self>) -> ArrayRef {
        V::encode(fields.map(Option::as_ref))
    }

    fn decode_column(array: &dyn Array) -> Result<Vec<Self>, String> {
        decode_typed::<V>(array)
    }
}

fn decode_typed<V: Value>(array: &dyn Array) -> Result<Vec<Option<V>>, String> {
    if !array.data_type().equals_datatype(&V::data_type()) {
        return Err(type_name(array.data_type()));
    }
    V::decode(array)
}

/// The name of an Arrow type in lower case, as messages and `SCHEMAS.md` show it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Struct(fields) => {
            let fields: Vec<_> = fields.iter().map(|f| format!("{}: {}", f.name(), type_name(f.data_type()))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::Utf8 => "text".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

macro_rules! primitive_value {
    ($($native:ty => $arrow:ty,)*) => {$(
        impl Value for $native {
            fn data_type() -> DataType {
                <$arrow as arrow_array::types::ArrowPrimitiveType>::DATA_TYPE
            }

            fn encode<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
                Arc::new(values.map(Option::<&Self>::copied).collect::<PrimitiveArray<$arrow>>())
            }

            fn decode(array: &dyn Array) -> Result<Vec<Option<Self>>, String> {
                Ok(array.as_primitive::<$arrow>().iter().collect())
            }
        }
    )*};
}

primitive_value! {
    u32 => UInt32Type,
    u64 => UInt64Type,
    i64 => Int64Type,
    f32 => Float32Type,
    f64 => Float64Type,
}

impl Value for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn encode<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        Arc::new(values.map(Option::<&Self>::copied).collect::<BooleanArray>())
    }

    fn decode(array: &dyn Array) -> Result<Vec<Option<Self>>, String> {
        Ok(array.as_boolean().iter().collect())
    }
}

/// A type that a column holds as text.
pub(crate) trait Text: Clone + Display + FromStr<Err = String> + 'static {}

impl Text for Digest {}

/// `String` is text too, but borrowing its bytes is cheaper than formatting them.
impl Value for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn n_bytes(&self) -> usize {
        self.len()
    }

    fn encode<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        Arc::new(text_array(values.map(|value| value.map(String::as_str))))
    }

    fn decode(array: &dyn Array) -> Result<Vec<Option<Self>>, String> {
        Ok(array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
    }
}

impl<T: Text> Value for T {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn encode<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        let mut builder = StringBuilder::new();
        for value in values {
            match value {
                Some(value) => {
                    write!(builder, "{value}").expect("text is written into memory");
                    builder.append_value("");
                }
                None => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    }

    fn decode(array: &dyn Array) -> Result<Vec<Option<Self>>, String> {
        array.as_string::<i32>().iter().map(|text| text.map(str::parse).transpose()).collect()
    }
}

/// Bytes, for instance a perceptual hash.
impl Value for Vec<u8> {
    fn data_type() -> DataType {
        DataType::Binary
    }

    fn n_bytes(&self) -> usize {
        self.len()
    }

    fn encode<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        Arc::new(BinaryArray::from_iter(values))
    }

    fn decode(array: &dyn Array) -> Result<Vec<Option<Self>>, String> {
        Ok(array.as_binary::<i32>().iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect())
    }
}

pub(crate) fn text_array<'a>(values: impl Iterator<Item = Option<&'a str>>) -> StringArray {
    let mut builder = StringBuilder::new();
    values.for_each(|value| builder.append_option(value));
    builder.finish()
}
