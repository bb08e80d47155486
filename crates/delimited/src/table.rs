//! The header and the rows.

use csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Trim};

use crate::DelimitedError;
use crate::lines::{Lines, is_end};

/// What may part columns where nothing says it, the most usual first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Delimited text whose header was read.
#[derive(Debug)]
pub struct Table<'t> {
    text: &'t [u8],
    reader: Reader<&'t [u8]>,
    header: Vec<String>,
    record: StringRecord,
    lines: Lines<'t>,
}

/// A column of a table, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column(usize);

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    record: &'r StringRecord,
    line: u64,
}

impl<'t> Table<'t> {
    /// Reads the header of a text. Without a `delimiter` it is the one under which most of the `wanted` columns are there, and of
    /// several such ones that with the most columns.
    ///
    /// # Errors
    /// When the header is not UTF-8.
    pub fn parse(text: &'t [u8], delimiter: Option<u8>, wanted: &[&str]) -> Result<Self, DelimitedError> {
        if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
            return Err(DelimitedError::Utf16);
        }
        if let Some(delimiter) = delimiter {
            return Self::with_delimiter(text, delimiter);
        }
        let rank = |table: &Self| {
            let n_wanted = wanted.iter().filter(|&&name| table.header.iter().any(|column| column == name)).count();
            (n_wanted, table.header.len())
        };
        let mut best = Self::with_delimiter(text, DELIMITERS[0])?;
        for &delimiter in &DELIMITERS[1..] {
            let table = Self::with_delimiter(text, delimiter)?;
            if rank(&table) > rank(&best) {
                best = table;
            }
        }
        Ok(best)
    }

    fn with_delimiter(text: &'t [u8], delimiter: u8) -> Result<Self, DelimitedError> {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(text);
        let mut lines = Lines::new(text);
        let header = reader.headers().map_err(|error| explain(&error, &mut lines))?;
        let header = header.iter().map(str::to_owned).collect();
        Ok(Self { text, reader, header, record: StringRecord::new(), lines })
    }

    /// The columns' names, in their order.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The column of this name, if there is one.
    ///
    /// # Errors
    /// When there are two. Columns that nobody asks for may have one name, as the empty ones that spreadsheets write.
    pub fn column(&self, name: &str) -> Result<Option<Column>, DelimitedError> {
        let mut places = (0..self.header.len()).filter(|&place| self.header[place] == name);
        match (places.next(), places.next()) {
            (Some(left), Some(right)) => {
                Err(DelimitedError::TwoColumns { name: name.to_owned(), left: left + 1, right: right + 1 })
            }
            (place, _) => Ok(place.map(Column)),
        }
    }

    /// The column of this name.
    ///
    /// # Errors
    /// When there is none, or two.
    pub fn needed(&self, name: &str) -> Result<Column, DelimitedError> {
        let missing = || DelimitedError::NoColumn { expected: name.to_owned(), found: self.header.clone() };
        self.column(name)?.ok_or_else(missing)
    }

    /// The next row; none after the last one.
    ///
    /// # Errors
    /// When it has more or fewer fields than the header, opens a quote that is not closed, or is not UTF-8.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, DelimitedError> {
        if !self.reader.read_record(&mut self.record).map_err(|error| explain(&error, &mut self.lines))? {
            return Ok(None);
        }
        let start = self.record.position().map_or(0, Position::byte);
        let line = self.lines.of_row(start);
        if self.leaves_quote_open(start) {
            return Err(DelimitedError::OpenQuote { line });
        }
        Ok(Some(Row { record: &self.record, line }))
    }

    /// Whether the row that was read goes on to the text's end because of a quote that is never closed: the reader takes the
    /// rest for one field. Such a row has a line end in a field, and an odd number of quotes.
    fn leaves_quote_open(&self, start: u64) -> bool {
        let is_last = self.reader.position().byte() >= self.text.len() as u64;
        let row = usize::try_from(start).ok().and_then(|start| self.text.get(start..)).unwrap_or_default();
        is_last
            && self.record.iter().any(|field| field.bytes().any(is_end))
            && row.iter().filter(|&&byte| byte == b'"').count() % 2 == 1
    }
}

impl<'r> Row<'r> {
    /// The line on which the row begins, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The text of a column, without blanks around it.
    pub fn field(&self, column: Column) -> &'r str {
        &self.record[column.0]
    }
}

/// What the CSV reader says.
fn explain(error: &csv::Error, lines: &mut Lines) -> DelimitedError {
    let mut line = |position: &Option<Position>| lines.of_row(position.as_ref().map_or(0, Position::byte));
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            DelimitedError::Fields { line: line(pos), found: *len, expected: *expected_len }
        }
        // A text in memory is read without errors of the system, and nothing is deserialised.
        _ => DelimitedError::NotUtf8 { line: line(&error.position().cloned()) },
    }
}
