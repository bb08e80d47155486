//! The rows of a CSV or Parquet file as text.

use std::path::Path;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use twinset_delimited::{DelimitedError, Table};
use twinset_manifest::Untyped;

use super::TruthError;

/// The rows of a CSV or Parquet file as text. A value that is null is empty.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    header: Vec<String>,
    rows: Vec<Row>,
}

/// A row, and where it stands: its line in a CSV, its row in a Parquet file, counted from 1.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) line: u64,
    fields: Vec<String>,
}

/// The place of a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column(usize);

impl Listing {
    /// Reads a file, a Parquet file by its first bytes; of its columns those that are `wanted`.
    pub(crate) fn read(path: &Path, wanted: &[&str]) -> Result<Self, TruthError> {
        let bytes = std::fs::read(path).map_err(|error| TruthError::File(error.to_string()))?;
        if bytes.starts_with(b"PAR1") { Self::parquet(path, wanted) } else { Self::csv(&bytes, wanted) }
    }

    /// Reads the text of a CSV; `wanted` tell its delimiter.
    pub(crate) fn csv(text: &[u8], wanted: &[&str]) -> Result<Self, TruthError> {
        let mut table = Table::parse(text, None, wanted)?;
        let header = table.header().to_vec();
        let mut columns = Vec::new();
        for name in wanted {
            columns.extend(table.column(name)?.map(|column| (*name, column)));
        }
        let mut rows = Vec::new();
        while let Some(row) = table.next_row()? {
            let mut fields = vec![String::new(); header.len()];
            for (name, column) in &columns {
                let place = header.iter().position(|column| column == name).expect("the column is there");
                fields[place] = row.field(*column).to_owned();
            }
            rows.push(Row { line: row.line(), fields });
        }
        Ok(Self { header, rows })
    }

    fn parquet(path: &Path, wanted: &[&str]) -> Result<Self, TruthError> {
        let damaged = |error: &dyn std::fmt::Display| TruthError::File(error.to_string());
        let file = Untyped::open(path).map_err(|error| damaged(&error))?;
        let header: Vec<String> = file.columns().fields().iter().map(|field| field.name().clone()).collect();
        let mut rows = Vec::new();
        for batch in file.batches(Some(wanted), 8192).map_err(|error| damaged(&error))? {
            let batch = batch.map_err(|error| damaged(&error))?;
            let options = FormatOptions::default();
            let mut columns = Vec::new();
            for (array, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
                let place = header.iter().position(|column| column == field.name()).expect("the column is there");
                let text = ArrayFormatter::try_new(array, &options).map_err(|error| damaged(&error))?;
                columns.push((place, text));
            }
            for number in 0..batch.num_rows() {
                let mut fields = vec![String::new(); header.len()];
                columns.iter().for_each(|(place, text)| fields[*place] = text.value(number).to_string());
                rows.push(Row { line: rows.len() as u64 + 1, fields });
            }
        }
        Ok(Self { header, rows })
    }

    /// Whether there is a column of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.header.iter().any(|column| column == name)
    }

    /// The column of this name, if there is one.
    pub(crate) fn column(&self, name: &str) -> Option<Column> {
        self.header.iter().position(|column| column == name).map(Column)
    }

    /// The column of this name.
    pub(crate) fn needed(&self, name: &str) -> Result<Column, TruthError> {
        let missing = || DelimitedError::NoColumn { expected: name.to_owned(), found: self.header.clone() };
        Ok(self.column(name).ok_or_else(missing)?)
    }

    /// The error of a file that has none of the columns of this header.
    pub(crate) fn without_header(&self, expected: &str) -> TruthError {
        DelimitedError::NoHeader { expected: expected.to_owned(), found: self.header.clone() }.into()
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Row {
    /// The text of a column.
    pub(crate) fn field(&self, column: Column) -> &str {
        &self.fields[column.0]
    }
}
