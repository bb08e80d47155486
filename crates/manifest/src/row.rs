//! The macro that makes a row type out of one declaration.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};

/// What `SCHEMAS.md` says of a column.
#[derive(Clone, Debug)]
pub struct ColumnDoc {
    /// The column's name.
    pub name: &'static str,
    /// The type as Arrow has it.
    pub data_type: DataType,
    /// Whether a value may be missing.
    pub is_nullable: bool,
    /// The field's doc comment.
    pub doc: &'static str,
}

/// A row of a manifest. Declared with `row!` in [`rows`](crate::rows), nowhere else.
pub trait Row: Clone + Sized {
    /// The schema and its version, for instance `images/3`.
    const SCHEMA: &'static str;
    /// The doc comment of the type.
    const DOC: &'static str;
    /// Rows of a row group; fewer, where they are large.
    const ROW_GROUP_ROWS: usize;

    /// The columns, in order.
    fn columns() -> Vec<ColumnDoc>;
    /// Bytes that the row takes in memory and in arrays, about: what a row group is cut by.
    fn n_bytes(&self) -> usize;
    /// The rows as arrays, in the order of [`columns`](Row::columns).
    fn to_arrays(rows: &[Self]) -> Vec<ArrayRef>;
    /// The rows of a batch; columns are found by name.
    ///
    /// # Errors
    /// Names the column, what it holds and what it should hold.
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, ColumnMismatch>;

    /// The Arrow schema that a manifest is written under. In it every column may be null, as Hugging Face's `datasets` knows no
    /// others: it would not take a picture for one. That nothing is missing where nothing may be is for the reader to see.
    fn arrow_schema() -> Arc<Schema> {
        let fields: Vec<_> = Self::columns()
            .into_iter()
            .zip(Self::to_arrays(&[]))
            .map(|(column, array)| arrow_schema::Field::new(column.name, array.data_type().clone(), true))
            .collect();
        Arc::new(Schema::new(fields))
    }
}

/// The schema's name without its version: `images` of `images/3`.
pub fn schema_name(schema: &str) -> &str {
    schema.split_once('/').map_or(schema, |(name, _)| name)
}

/// A column that does not hold what its row type says.
#[derive(Debug)]
pub struct ColumnMismatch {
    pub(crate) column: &'static str,
    pub(crate) found: String,
    pub(crate) expected: String,
}

/// The values of one column of a batch.
pub(crate) fn column<C: crate::Column>(
    batch: &RecordBatch,
    name: &'static str,
) -> Result<Vec<C::Field>, ColumnMismatch> {
    let mismatch = |found| ColumnMismatch { column: name, found, expected: C::expected() };
    let array = batch.column_by_name(name).ok_or_else(|| mismatch("no such column".to_owned()))?;
    C::decode_column(array.as_ref()).map_err(mismatch)
}

/// Declares a row type: a struct with documented fields, its schema's name and version, and the size of a row group.
///
/// A field `name: type` is a column as its type says; `name: type as column` is one as [`Column`](crate::Column) `column` says,
/// for instance `label: u32 as ClassLabel`.
macro_rules! row {
    (@column $type:ty) => { $type };
    (@column $type:ty as $column:ty) => { $column };
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident = $schema:literal, row_group_rows = $rows:literal {
            $( $(#[doc = $field_doc:literal])* $field:ident: $type:ty $(as $column:ty)?, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $field_doc])* pub $field: $type, )*
        }

        impl $crate::Row for $name {
            const SCHEMA: &'static str = $schema;
            const DOC: &'static str = concat!($($doc, "\n"),*);
            const ROW_GROUP_ROWS: usize = $rows;

            fn columns() -> Vec<$crate::ColumnDoc> {
                vec![$( $crate::ColumnDoc {
                    name: stringify!($field),
                    data_type: <$crate::row::row!(@column $type $(as $column)?) as $crate::Column>::data_type(),
                    is_nullable: <$crate::row::row!(@column $type $(as $column)?) as $crate::Column>::NULLABLE,
                    doc: concat!($($field_doc, "\n"),*),
                } ),*]
            }

            fn n_bytes(&self) -> usize {
                0 $( + <$crate::row::row!(@column $type $(as $column)?) as $crate::Column>::n_bytes(&self.$field) )*
            }

            fn to_arrays(rows: &[Self]) -> Vec<arrow_array::ArrayRef> {
                vec![$( <$crate::row::row!(@column $type $(as $column)?) as $crate::Column>::encode_column(
                    rows.iter().map(|row| &row.$field)
                ) ),*]
            }

            fn from_batch(batch: &arrow_array::RecordBatch) -> Result<Vec<Self>, $crate::row::ColumnMismatch> {
                $( let mut $field =
                    $crate::row::column::<$crate::row::row!(@column $type $(as $column)?)>(batch, stringify!($field))?.into_iter(); )*
                Ok((0..batch.num_rows())
                    .map(|_| Self { $( $field: $field.next().expect("every column has num_rows values") ),* })
                    .collect())
            }
        }
    };
}
pub(crate) use row;

/// Declares an enum that is text in a manifest and in a config.
macro_rules! text_enum {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident {
            $( $(#[doc = $variant_doc:literal])* $variant:ident = $text:literal, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $( $(#[doc = $variant_doc])* #[serde(rename = $text)] $variant, )*
        }

        impl $name {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text that stands for it.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $( $text => Ok(Self::$variant), )*
                    _ => Err(format!("`{text}`, expected one of {}", [$(concat!("`", $text, "`")),*].join(", "))),
                }
            }
        }

        impl $crate::column::Text for $name {}
    };
}
pub(crate) use text_enum;
