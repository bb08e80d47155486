//! The Arrow schema that a Parquet file's writer left in its footer, where the `parquet` crate cannot read it.

use arrow_ipc::{Field, Type, root_as_message};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parquet::file::metadata::ParquetMetaData;

/// Footer key of the schema: a message of Arrow's IPC format in base64.
const KEY: &str = "ARROW:schema";

/// The first column whose type the `arrow` crate lacks, and its type: integers of more than 64 bits, which Polars writes.
pub(crate) fn unknown_column(metadata: &ParquetMetaData) -> Option<(String, String)> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    let encoded = entries.iter().find(|entry| entry.key == KEY)?.value.as_deref()?;
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    // A mark and the message's length may come before it.
    let message = if bytes.starts_with(&[255; 4]) { bytes.get(8..)? } else { &bytes };
    let message = root_as_message(message).ok()?;
    message.header_as_schema()?.fields()?.iter().find_map(|field| {
        let n_bits = n_wide_bits(&field, 0)?;
        Some((field.name().unwrap_or_default().to_owned(), format!("an integer of {n_bits} bits")))
    })
}

/// Bits of the first integer of more than 64 bits in a column or within its type.
fn n_wide_bits(field: &Field<'_>, depth: usize) -> Option<i32> {
    const MAX_DEPTH: usize = 64;
    let own = (field.type_type() == Type::Int).then(|| field.type_as_int()).flatten().map(|int| int.bitWidth());
    own.filter(|&n_bits| n_bits > 64).or_else(|| {
        let children = (depth < MAX_DEPTH).then(|| field.children()).flatten()?;
        children.iter().find_map(|child| n_wide_bits(&child, depth + 1))
    })
}
