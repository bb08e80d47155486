//! The column of a class that Hugging Face `datasets` shows by its name.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::DataType;

use crate::Column;
use crate::column::type_name;

/// The column of a field that is a class, counted from 0: int64, the only type that `datasets` takes for a class label.
#[derive(Clone, Copy, Debug)]
pub enum ClassLabel {}

impl Column for ClassLabel {
    type Field = u32;

    const NULLABLE: bool = false;

    fn data_type() -> DataType {
        DataType::Int64
    }

    fn expected() -> String {
        format!("{} from 0 to {}", type_name(&Self::data_type()), u32::MAX)
    }

    fn n_bytes(_: &u32) -> usize {
        size_of::<i64>()
    }

    fn encode_column<'a>(fields: impl Iterator<Item = &'a u32>) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(fields.map(|&label| label.into())))
    }

    fn decode_column(array: &dyn Array) -> Result<Vec<u32>, String> {
        let labels = i64::decode_column(array)?.into_iter().enumerate();
        labels.map(|(row, label)| u32::try_from(label).map_err(|_| format!("{label} in row {row}"))).collect()
    }
}
