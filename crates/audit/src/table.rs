//! Rows as text: a table to read, CSV or JSON for a program.

use std::io::{self, Write};

use serde_json::Value;
use twinset_stage::printable_line;

use crate::cell::text;

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Columns side by side, numbers to the right.
    #[default]
    Table,
    /// Comma-separated values with a header, as RFC 4180 has them.
    Csv,
    /// An array of objects, one a line.
    Json,
}

/// Writes rows as they come; a table only at its end, since its columns are as wide as their widest value.
pub struct Table<W> {
    to: W,
    format: Format,
    header: Vec<String>,
    pending: Vec<Vec<Value>>,
    n_rows: u64,
}

impl<W: Write> Table<W> {
    /// Begins a table with these columns.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn begin(mut to: W, format: Format, header: Vec<String>) -> io::Result<Self> {
        if format == Format::Csv {
            writeln!(to, "{}", header.iter().map(|name| csv_field(name)).collect::<Vec<_>>().join(","))?;
        }
        Ok(Self { to, format, header, pending: Vec::new(), n_rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, row: Vec<Value>) -> io::Result<()> {
        self.n_rows += 1;
        match self.format {
            Format::Table => self.pending.push(row),
            Format::Csv => {
                let fields: Vec<_> = row.iter().map(|value| csv_field(&text(value))).collect();
                writeln!(self.to, "{}", fields.join(","))?;
            }
            Format::Json => {
                let before = if self.n_rows == 1 { "[" } else { ",\n " };
                let fields = self.header.iter().zip(&row);
                let fields: Vec<_> =
                    fields.map(|(name, value)| format!("{}: {value}", Value::from(name.as_str()))).collect();
                write!(self.to, "{before}{{{}}}", fields.join(", "))?;
            }
        }
        Ok(())
    }

    /// Ends the table and tells how many rows it has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self) -> io::Result<u64> {
        match self.format {
            Format::Table => self.write_table()?,
            Format::Json if self.n_rows == 0 => writeln!(self.to, "[]")?,
            Format::Json => writeln!(self.to, "]")?,
            Format::Csv => {}
        }
        self.to.flush()?;
        Ok(self.n_rows)
    }

    fn write_table(&mut self) -> io::Result<()> {
        let rows: Vec<Vec<String>> = self.pending.iter().map(|row| row.iter().map(shown).collect()).collect();
        let header: Vec<String> = self.header.iter().map(|name| printable_line(name).into_owned()).collect();
        let width = |text: &String| text.chars().count();
        let widths: Vec<usize> = (0..header.len())
            .map(|i| rows.iter().map(|row| width(&row[i])).chain([width(&header[i])]).max().unwrap_or(0))
            .collect();
        let is_number = |i: usize| {
            let mut values = self.pending.iter().map(|row| &row[i]).filter(|value| !value.is_null()).peekable();
            values.peek().is_some() && values.all(Value::is_number)
        };
        let is_number: Vec<bool> = (0..header.len()).map(is_number).collect();
        let mut line = |row: &[String]| {
            let mut text = String::new();
            for (i, field) in row.iter().enumerate() {
                let fill = " ".repeat(widths[i] - width(field));
                let gap = if i == 0 { "" } else { "  " };
                text += &if is_number[i] { format!("{gap}{fill}{field}") } else { format!("{gap}{field}{fill}") };
            }
            writeln!(self.to, "{}", text.trim_end())
        };
        line(&header)?;
        rows.iter().try_for_each(|row| line(row))
    }
}

/// A value on one line, without what a terminal would obey.
fn shown(value: &Value) -> String {
    printable_line(&text(value)).into_owned()
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_escapes_what_a_terminal_obeys_and_data_stay_exact() {
        let check = |format: Format, expected: &str| {
            let mut to = Vec::new();
            let mut table = Table::begin(&mut to, format, vec!["a\u{1b}[2J".to_owned()]).unwrap();
            table.push(vec![json!("x\u{1b}[31m\n\u{202e}y")]).unwrap();
            table.end().unwrap();
            assert_eq!(String::from_utf8(to).unwrap(), expected);
        };
        check(Format::Table, "a\\u{1b}[2J\nx\\u{1b}[31m\\n\\u{202e}y\n");
        check(Format::Csv, "a\u{1b}[2J\n\"x\u{1b}[31m\n\u{202e}y\"\n");
        check(Format::Json, "[{\"a\\u001b[2J\": \"x\\u001b[31m\\n\u{202e}y\"}]\n");
    }

    #[test]
    fn rows_are_written_in_each_format() {
        let check = |format: Format, expected: &str| {
            let mut to = Vec::new();
            let mut table = Table::begin(&mut to, format, vec!["n".to_owned(), "text".to_owned()]).unwrap();
            table.push(vec![json!(7), json!("a, \"b\"")]).unwrap();
            table.push(vec![json!(1234), Value::Null]).unwrap();
            assert_eq!(table.end().unwrap(), 2);
            assert_eq!(String::from_utf8(to).unwrap(), expected);
        };
        check(Format::Table, "   n  text\n   7  a, \"b\"\n1234\n");
        check(Format::Csv, "n,text\n7,\"a, \"\"b\"\"\"\n1234,\n");
        check(Format::Json, "[{\"n\": 7, \"text\": \"a, \\\"b\\\"\"},\n {\"n\": 1234, \"text\": null}]\n");
    }
}
