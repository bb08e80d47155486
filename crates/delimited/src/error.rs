//! What can be wrong with delimited text.

/// What can be wrong with delimited text. Lines and columns are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelimitedError {
    /// The header lacks a column.
    #[error("line 1: found {}, expected the column `{expected}`", listed(.found))]
    NoColumn {
        /// The column's name.
        expected: String,
        /// The header.
        found: Vec<String>,
    },
    /// The first line names none of the columns that are read.
    #[error("line 1: found {}, expected the header `{expected}`", listed(.found))]
    NoHeader {
        /// The header that is expected.
        expected: String,
        /// The first line.
        found: Vec<String>,
    },
    /// Two columns have the name of one that is read.
    #[error("line 1: found columns {left} and {right} both called `{name}`, expected one of that name")]
    TwoColumns {
        /// Their name.
        name: String,
        /// The place of the first one.
        left: usize,
        /// The place of the second one.
        right: usize,
    },
    /// A row has more or fewer fields than the header.
    #[error("line {line}: found {found} fields, expected {expected} as in the header")]
    Fields {
        /// The line on which the row begins.
        line: u64,
        /// How many fields it has.
        found: u64,
        /// How many the header has.
        expected: u64,
    },
    /// The last row has a field whose quote is never closed.
    #[error("line {line}: found a quote that is not closed, expected a second `\"`")]
    OpenQuote {
        /// The line on which the row begins.
        line: u64,
    },
    /// A row is no UTF-8.
    #[error("line {line}: found bytes that are not UTF-8, expected UTF-8")]
    NotUtf8 {
        /// The line on which the row begins.
        line: u64,
    },
    /// The text is UTF-16, as its byte order mark says.
    #[error("line 1: found UTF-16, expected UTF-8")]
    Utf16,
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    const N_SHOWN: usize = 20;
    let shown: Vec<_> = names.iter().take(N_SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(N_SHOWN) {
        _ if names.is_empty() => "no column".to_owned(),
        0 => format!("the columns {}", shown.join(", ")),
        n_more => format!("the columns {}, … ({n_more} more)", shown.join(", ")),
    }
}
