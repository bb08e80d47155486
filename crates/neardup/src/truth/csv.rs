//! Comma-separated values under a header.

use std::str::FromStr;

use super::TruthError;

/// The rows below a header, each with as many fields as that.
#[derive(Clone, Debug)]
pub(super) struct Csv {
    header: Vec<String>,
    rows: Vec<Row>,
}

/// A row and the line that it stands on, counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) line: usize,
    fields: Vec<String>,
}

/// A column by its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column(usize);

impl Csv {
    /// Reads a text; a field in double quotes may hold commas, and quotes doubled, but no line's end. Where the header has
    /// semicolons and no commas, they separate the fields.
    ///
    /// # Errors
    /// When a line has more or fewer fields than the header.
    pub(super) fn parse(text: &str) -> Result<Self, TruthError> {
        // Some programs begin a file with a mark of its encoding.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let header = text.lines().next().unwrap_or_default();
        let separator = if header.contains(';') && !header.contains(',') { ';' } else { ',' };
        let fields = |line| fields(line, separator);
        let mut lines = text.lines().enumerate().map(|(index, line)| Row { line: index + 1, fields: fields(line) });
        let header = lines.next().map(|row| row.fields).unwrap_or_default();
        let rows: Vec<_> = lines.collect();
        match rows.iter().find(|row| row.fields.len() != header.len()) {
            None => Ok(Self { header, rows }),
            Some(row) => Err(row.error(format!("found {} fields, expected {}", row.fields.len(), header.len()))),
        }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn column(&self, name: &str) -> Option<Column> {
        self.header.iter().position(|column| column == name).map(Column)
    }

    /// # Errors
    /// When there is no such column.
    pub(super) fn needed(&self, name: &str) -> Result<Column, TruthError> {
        self.column(name).ok_or_else(|| {
            let detail = format!("found the columns `{}`, expected `{name}` among them", self.header.join(","));
            TruthError { line: 1, detail }
        })
    }

    /// A row's value in a column.
    ///
    /// # Errors
    /// Names the line, the column, what was found, and what was `expected`.
    pub(super) fn value<T: FromStr>(&self, row: &Row, column: Column, expected: &str) -> Result<T, TruthError> {
        let text = row.text(column);
        text.parse()
            .map_err(|_| row.error(format!("found `{text}` in `{}`, expected {expected}", self.header[column.0])))
    }
}

impl Row {
    pub(super) fn text(&self, column: Column) -> &str {
        &self.fields[column.0]
    }

    pub(super) fn error(&self, detail: String) -> TruthError {
        TruthError { line: self.line, detail }
    }
}

fn fields(line: &str, separator: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let field = fields.last_mut().expect("there is always a field");
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => fields.push(String::new()),
            _ => field.push(character),
        }
    }
    fields
}
