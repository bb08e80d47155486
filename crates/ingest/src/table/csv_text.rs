//! What the CSV reader does not tell: where a record begins, and what parts the columns.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// How much of a table is looked at for its first line.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// The line, from 1, of the record that the reader began to look for at this byte.
///
/// The reader's own count is one too small where lines end in CR LF, and where empty lines stand before the record.
pub(super) fn line_of(table: &Path, start: u64) -> io::Result<u64> {
    let (mut line, mut last) = (1, 0);
    for (at, byte) in (0..).zip(BufReader::new(File::open(table)?).bytes()) {
        let byte = byte?;
        if at >= start && !is_end(byte) {
            break;
        }
        line += u64::from(is_end(byte) && (last, byte) != (b'\r', b'\n'));
        last = byte;
    }
    Ok(line)
}

/// What parts a table's columns: the tab in a `.tsv`; in a `.csv` the comma, or, where its first line has none, the tab, or the
/// semicolon, which spreadsheets write where the comma parts decimals.
pub(super) fn delimiter(table: &Path) -> io::Result<u8> {
    if table.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv")) {
        return Ok(b'\t');
    }
    let mut start = Vec::new();
    File::open(table)?.take(MAX_HEADER_BYTES).read_to_end(&mut start)?;
    let header = start.split(|&byte| is_end(byte)).find(|line| !line.is_empty()).unwrap_or_default();
    Ok(b",\t;".iter().copied().find(|delimiter| header.contains(delimiter)).unwrap_or(b','))
}

fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
