//! What a column's page headers claim, checked before Parquet's reader reserves memory for it.
//!
//! A page header is a struct in Thrift's compact protocol; its second field is how many bytes the page becomes, its third how
//! many follow the header, its seventh that of a dictionary, whose first field is how many values it has (parquet-format,
//! `PageHeader`).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use parquet::arrow::ProjectionMask;
use parquet::file::metadata::ParquetMetaData;

use crate::file::MAX_EXPANSION;
use crate::guarded;

/// Bytes in which a page header ends: ours have no statistics of values in them, which could be long.
const MAX_HEADER_BYTES: u64 = 16 << 10;
/// The same for files of others, which may have them: so many are read, and where that is not enough, so many more.
const MAX_FOREIGN_HEADER_BYTES: [u64; 3] = [MAX_HEADER_BYTES, 1 << 20, 64 << 20];

/// Checks that the pages in these bytes of the file become no more than `n_expanded` bytes, and no dictionary more values
/// than it has bytes.
pub(crate) fn check_pages(file: &File, start: u64, n_bytes: u64, n_expanded: u64) -> Result<(), String> {
    let (mut at, mut n_left, mut n_expanded_left) = (start, n_bytes, n_expanded);
    while n_left > 0 {
        let bytes = read(file, at, n_left.min(MAX_HEADER_BYTES))?;
        let Some(page) = Page::parse(&bytes) else { return Err(format!("no page header at byte {at}")) };
        let too_large = || format!("the page at byte {at} is said to become more bytes than its column");
        n_expanded_left = n_expanded_left.checked_sub(page.n_header + page.n_expanded).ok_or_else(too_large)?;
        page.check_dictionary(at)?;
        let beyond = || format!("the page at byte {at} is said to end after its column");
        n_left = n_left.checked_sub(page.n_header + page.n_compressed).ok_or_else(beyond)?;
        at += page.n_header + page.n_compressed;
    }
    Ok(())
}

/// Checks the page headers of those columns of a file of others that will be read.
///
/// # Errors
/// Says which column has none where a page begins, or one that promises more than can be in the page.
pub fn check_foreign(file: &File, metadata: &ParquetMetaData, mask: &ProjectionMask) -> Result<(), String> {
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns().iter().enumerate());
    chunks.filter(|(leaf, _)| mask.leaf_included(*leaf)).try_for_each(|(_, chunk)| {
        let (start, n_bytes) = guarded(|| chunk.byte_range())?;
        check_page_headers(file, start, n_bytes)
            .map_err(|detail| format!("column `{}`: {detail}", chunk.column_path().string()))
    })
}

/// Parquet's reader reserves what a page header promises, and goes on for ever in one that ends behind the file.
fn check_page_headers(file: &File, start: u64, n_bytes: u64) -> Result<(), String> {
    let end = start.saturating_add(n_bytes);
    let mut at = start;
    while at < end {
        let mut page = None;
        for n in MAX_FOREIGN_HEADER_BYTES {
            page = Page::parse(&read(file, at, n)?);
            if page.is_some() {
                break;
            }
        }
        let page = page.ok_or_else(|| format!("no page header at byte {at}"))?;
        if page.n_expanded / MAX_EXPANSION > page.n_compressed {
            let Page { n_expanded, n_compressed, .. } = page;
            return Err(format!("the page at byte {at} is said to become {n_expanded} bytes of {n_compressed}"));
        }
        page.check_dictionary(at)?;
        at += page.n_header + page.n_compressed;
    }
    Ok(())
}

fn read(mut file: &File, at: u64, n: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let outcome = file.seek(SeekFrom::Start(at)).and_then(|_| file.take(n).read_to_end(&mut bytes));
    outcome.map(|_| bytes).map_err(|error| error.to_string())
}

/// The sizes of a page, in bytes, none of which is more than 31 bits.
#[derive(Debug, PartialEq)]
struct Page {
    n_header: u64,
    n_expanded: u64,
    n_compressed: u64,
    /// Values of a dictionary; 0 of another page.
    n_dictionary: u64,
}

impl Page {
    fn check_dictionary(&self, at: u64) -> Result<(), String> {
        if self.n_dictionary > self.n_expanded {
            return Err(format!("the dictionary at byte {at} is said to have more values than bytes"));
        }
        Ok(())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Compact(bytes);
        let (mut id, mut n_expanded, mut n_compressed, mut n_dictionary) = (0, None, None, 0);
        while let Some(kind) = rest.field(&mut id)? {
            match (id, kind) {
                (2, I32) => n_expanded = Some(rest.size()?),
                (3, I32) => n_compressed = Some(rest.size()?),
                (7, STRUCT) => n_dictionary = rest.dictionary()?,
                _ => rest.skip(kind, 0)?,
            }
        }
        let n_header = (bytes.len() - rest.0.len()) as u64;
        Some(Self { n_header, n_expanded: n_expanded?, n_compressed: n_compressed?, n_dictionary })
    }
}

/// The kind of a 32-bit number in the compact protocol.
const I32: u8 = 5;
/// The kind of a struct.
const STRUCT: u8 = 12;
/// Structs and lists within others that are followed; page headers have two.
const MAX_DEPTH: u32 = 8;

/// Bytes in Thrift's compact protocol; each method takes what it reads, and gives none where that is not there.
struct Compact<'a>(&'a [u8]);

impl Compact<'_> {
    /// The next field's kind, none at the struct's end; its id follows from the one before.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        *id = match byte >> 4 {
            0 => self.number()?,
            delta => id.checked_add(i64::from(delta))?,
        };
        Some(Some(byte & 15))
    }

    /// How many values a dictionary's header says.
    fn dictionary(&mut self) -> Option<u64> {
        let (mut id, mut n) = (0, None);
        while let Some(kind) = self.field(&mut id)? {
            match (id, kind) {
                (1, I32) => n = Some(self.size()?),
                _ => self.skip(kind, 1)?,
            }
        }
        n
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            1 | 2 => {}
            3 => self.bytes(1)?,
            4..=6 => {
                self.varint()?;
            }
            7 => self.bytes(8)?,
            8 => {
                let n = self.varint()?;
                self.bytes(n)?;
            }
            9 | 10 if depth < MAX_DEPTH => {
                let header = self.byte()?;
                let n = if header >> 4 == 15 { self.varint()? } else { u64::from(header >> 4) };
                // Truth values take a byte each in a list, unlike in a struct.
                let kind = if matches!(header & 15, 1 | 2) { 3 } else { header & 15 };
                for _ in 0..n {
                    self.skip(kind, depth + 1)?;
                }
            }
            STRUCT if depth < MAX_DEPTH => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn size(&mut self) -> Option<u64> {
        self.number().and_then(|n| u64::try_from(n).ok()).filter(|&n| n <= i32::MAX as u64)
    }

    fn number(&mut self) -> Option<i64> {
        let zigzag = self.varint()?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn bytes(&mut self, n: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(n).ok()?..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page that becomes 70 bytes, of which 40 follow; with a header of its own and a field from the future.
    const HEADER: &[u8] =
        &[0x15, 0x00, 0x15, 0x8c, 0x01, 0x15, 0x50, 0x2c, 0x15, 0x04, 0x15, 0x00, 0x00, 0x19, 0x25, 0x02, 0x04, 0x00];

    #[test]
    fn a_page_header_says_its_sizes() {
        let expected = Page { n_header: HEADER.len() as u64, n_expanded: 70, n_compressed: 40, n_dictionary: 0 };
        assert_eq!(Page::parse(HEADER), Some(expected));
        assert!((0..HEADER.len()).all(|n| Page::parse(&HEADER[..n]).is_none()), "cut short");
        assert_eq!(Page::parse(&[0x15, 0x00, 0x15, 0x01, 0x15, 0x50, 0x00]), None, "a size below zero");
        assert_eq!(Page::parse(&[0x1c; 100]), None, "structs within structs");
    }

    /// A dictionary of so many values, fewer than 64, that becomes 20 bytes, of which 4 follow.
    fn dictionary(n_values: u8) -> Vec<u8> {
        vec![0x15, 0x04, 0x15, 0x28, 0x15, 0x08, 0x4c, 0x15, 2 * n_values, 0x15, 0x00, 0x12, 0x00, 0x00, 7, 7, 7, 7]
    }

    #[test]
    fn a_dictionary_has_no_more_values_than_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let check = |n_values: u8, expected: Result<(), &str>| {
            let (path, page) = (folder.path().join("column"), dictionary(n_values));
            std::fs::write(&path, &page).unwrap();
            let found = check_pages(&File::open(&path).unwrap(), 0, page.len() as u64, 100);
            assert_eq!(found, expected.map_err(str::to_owned), "{n_values}");
        };
        check(20, Ok(()));
        check(21, Err("the dictionary at byte 0 is said to have more values than bytes"));
    }

    #[test]
    fn pages_that_claim_more_than_their_column_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("column");
        let page = [HEADER, &[7; 40]].concat();
        std::fs::write(&path, [page.as_slice(), page.as_slice()].concat()).unwrap();
        let file = File::open(&path).unwrap();
        let (n_page, n_expanded) = (page.len() as u64, HEADER.len() as u64 + 70);
        let check = |n_bytes: u64, n_expanded: u64, expected: Result<(), &str>| {
            assert_eq!(check_pages(&file, 0, n_bytes, n_expanded), expected.map_err(str::to_owned));
        };
        check(2 * n_page, 2 * n_expanded, Ok(()));
        check(0, 0, Ok(()));
        let larger = "the page at byte 58 is said to become more bytes than its column";
        check(2 * n_page, 2 * n_expanded - 1, Err(larger));
        check(2 * n_page - 1, 2 * n_expanded, Err("the page at byte 58 is said to end after its column"));
        check(2 * n_page + 5, 2 * n_expanded, Err("no page header at byte 116"));
    }

    #[test]
    fn pages_of_others_are_within_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("column");
        let check = |bytes: &[u8], expected: Result<(), &str>| {
            std::fs::write(&path, bytes).unwrap();
            let found = check_page_headers(&File::open(&path).unwrap(), 0, bytes.len() as u64);
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        let page = [HEADER, &[7; 40]].concat();
        check(&[page.as_slice(), page.as_slice()].concat(), Ok(()));
        check(&[page.as_slice(), b"none"].concat(), Err("no page header at byte 58"));
        check(&dictionary(20), Ok(()));
        check(&dictionary(21), Err("the dictionary at byte 0 is said to have more values than bytes"));
        // 200,000 bytes of 4.
        let expanding = [0x15, 0x00, 0x15, 0x80, 0xb5, 0x18, 0x15, 0x08, 0x00, 7, 7, 7, 7];
        check(&expanding, Err("the page at byte 0 is said to become 200000 bytes of 4"));
    }
}
