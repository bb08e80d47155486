//! Encoded images as a column.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use bytes::Bytes;

use crate::column::{Value, text_array};

/// An encoded image, in Hugging Face's image convention: its bytes, or the path of the file that holds them, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageData {
    /// The encoded file (PNG, JPEG, …); a clone shares it.
    pub bytes: Option<Bytes>,
    /// The file's path; what it is relative to is told by the manifest's provenance config.
    pub path: Option<String>,
}

impl Value for ImageData {
    fn data_type() -> DataType {
        DataType::Struct(image_fields())
    }

    fn n_bytes(&self) -> usize {
        self.bytes.as_ref().map_or(0, Bytes::len) + self.path.as_ref().map_or(0, String::len)
    }

    fn encode<'a>(values: impl Iterator<Item = Option<&'a Self>>) -> ArrayRef {
        let images: Vec<_> = values.collect();
        let bytes: BinaryArray = images.iter().map(|image| image.and_then(|image| image.bytes.as_ref())).collect();
        let paths = text_array(images.iter().map(|image| image.and_then(|image| image.path.as_deref())));
        Arc::new(StructArray::new(image_fields(), vec![Arc::new(bytes), Arc::new(paths)], None))
    }

    fn decode(array: &dyn Array) -> Result<Vec<Option<Self>>, String> {
        let fields = array.as_struct();
        let (bytes, path) = (fields.column(0).as_binary::<i32>(), fields.column(1).as_string::<i32>());
        Ok((0..array.len())
            .map(|row| {
                fields.is_valid(row).then(|| Self {
                    bytes: bytes.is_valid(row).then(|| Bytes::copy_from_slice(bytes.value(row))),
                    path: path.is_valid(row).then(|| path.value(row).to_owned()),
                })
            })
            .collect())
    }
}

/// Hugging Face's image convention.
fn image_fields() -> Fields {
    Fields::from(vec![Field::new("bytes", DataType::Binary, true), Field::new("path", DataType::Utf8, true)])
}
