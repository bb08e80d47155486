//! Delimited text, such as CSV: a header, then rows that know their lines.
//!
//! Text is UTF-8, with or without a byte order mark. Lines end in LF, CR LF or CR. Empty lines are passed over. A field in double
//! quotes may hold delimiters and line ends, and doubled quotes. Blanks around a field are no part of it.
//!
//! The delimiter is a comma, a semicolon, a tab or a bar. [`Table::parse`] takes the one under which the header has most of the
//! wanted columns. So it needs no rule about quotes or about commas in a header's text.
//!
//! ```
//! use twinset_delimited::Table;
//!
//! let mut table = Table::parse(b"id;kind\n7;near\n\n", None, &["id", "kind"])?;
//! let kind = table.needed("kind")?;
//! let row = table.next_row()?.expect("there is one row");
//! assert_eq!((row.line(), row.field(kind)), (2, "near"));
//! assert!(table.next_row()?.is_none());
//! # Ok::<(), twinset_delimited::DelimitedError>(())
//! ```

mod error;
mod lines;
mod table;

pub use error::DelimitedError;
pub use table::{Column, Row, Table};
