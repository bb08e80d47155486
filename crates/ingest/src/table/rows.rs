//! The rows of a table: which image, which label, which split.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use twinset_manifest::rows::Split;

use super::Config;
use super::csv_text::{delimiter, line_of};
use crate::IngestError;
use crate::inner_path::within;
use crate::intake::Roll;
use crate::labels::{Found, Labels};
use crate::parquet_file::{LABEL_TYPES, ParquetError, ParquetFile, cast, each_label, is_label, is_text};
use crate::splits::{self, SplitError};
use crate::summary::listed;

/// What is wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It cannot be read as CSV.
    #[error("`{path}` cannot be read as CSV: {detail}")]
    Csv {
        /// The table.
        path: String,
        /// What the reader said.
        detail: String,
    },
    /// A column is missing.
    #[error("`{path}` has no column `{expected}`, found {}", if .found.is_empty() { "none".to_owned() } else { listed(.found, 20) })]
    NoColumn {
        /// The table.
        path: String,
        /// The column.
        expected: String,
        /// The columns that there are.
        found: Vec<String>,
    },
    /// A row without an image's path.
    #[error("{at}: column `{column}` is empty, expected the path of an image")]
    NoPath {
        /// Where it stands.
        at: String,
        /// The column.
        column: String,
    },
    /// A path that is absolute or goes up.
    #[error("{at}: `{found}` is absolute or leaves the folder, expected a path within it")]
    Outside {
        /// Where it stands.
        at: String,
        /// The path.
        found: String,
    },
    /// The images' folder is not there.
    #[error("there is no folder {at}, expected the one that the paths of column `{column}` are relative to")]
    NoFolder {
        /// The folder, and which key says so.
        at: String,
        /// The column.
        column: String,
    },
    /// No image is in their folder.
    #[error("none of the {n} images of `{path}` is in {at}, for instance `{example}`")]
    OtherFolder {
        /// The table.
        path: PathBuf,
        /// How many rows it has.
        n: usize,
        /// The folder, and which key says so.
        at: String,
        /// Where the first one was looked for.
        example: PathBuf,
        /// The column.
        column: String,
    },
    /// A word that names no split.
    #[error("{at}: split `{found}`, expected train, val or test")]
    Split {
        /// Where it stands.
        at: String,
        /// The word.
        found: String,
    },
    /// Two rows of one image.
    #[error("`{path}`: `{image}` stands in {left} and in {right}, expected every image once")]
    Twice {
        /// The table.
        path: String,
        /// The image's path.
        image: String,
        /// One row.
        left: String,
        /// The other row.
        right: String,
    },
}

impl TableError {
    pub(crate) fn hint(&self) -> Option<String> {
        let (Self::NoFolder { column, .. } | Self::OtherFolder { column, .. }) = self else { return None };
        Some(format!(
            "`folder` is relative to the folder that --data names, and the paths of column `{column}` are relative to it"
        ))
    }
}

/// The rows of a table, in order.
pub(super) struct Rows {
    /// Of each image its path within the folder, without `.`.
    pub(super) paths: Vec<String>,
    pub(super) roll: Roll,
}

impl Rows {
    pub(super) fn read(config: &Config, table: &Path) -> Result<Self, IngestError> {
        if config.split_column.is_none() && config.asked().key().is_none() {
            let source_name = format!("`{}`", table.display());
            return Err(SplitError::NoSplits { source_name, found: "no `split-column` is named".to_owned() }.into());
        }
        match std::fs::metadata(table) {
            Ok(metadata) if metadata.is_file() => {}
            found => {
                let found = if found.is_ok() { "is no file" } else { "does not exist" };
                let expected = "a .csv, .tsv or .parquet file";
                return Err(IngestError::NoDataset { path: table.to_owned(), found, expected });
            }
        }
        let is_parquet = table.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
        let reading = Reading {
            config,
            table,
            is_parquet,
            paths: Vec::new(),
            places: Vec::new(),
            splits: Vec::new(),
            labels: Labels::new(config.class_names.clone()),
        };
        if is_parquet { reading.parquet() } else { reading.csv() }
    }
}

/// A table while it is read.
struct Reading<'a> {
    config: &'a Config,
    table: &'a Path,
    is_parquet: bool,
    paths: Vec<String>,
    /// Of each row its number from 1, or the byte in the CSV from which on it was looked for.
    places: Vec<u64>,
    splits: Vec<Split>,
    labels: Labels,
}

impl Reading<'_> {
    fn csv(mut self) -> Result<Rows, IngestError> {
        let (config, table) = (self.config, self.table);
        let damaged =
            |error: csv::Error| TableError::Csv { path: table.display().to_string(), detail: detail(&error, table) };
        let unreadable = |source| IngestError::Read { path: table.to_owned(), source };
        let delimiter = delimiter(table).map_err(unreadable)?;
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(table).map_err(damaged)?;
        let header: Vec<_> = reader.headers().map_err(damaged)?.iter().map(str::to_owned).collect();
        let find = |name: &str| {
            header.iter().position(|column| column == name).ok_or_else(|| TableError::NoColumn {
                path: table.display().to_string(),
                expected: name.to_owned(),
                found: header.iter().map(|name| format!("`{name}`")).collect(),
            })
        };
        let image = find(&config.image_column)?;
        let label = find(&config.label_column)?;
        let split = config.split_column.as_deref().map(find).transpose()?;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(damaged)? {
            let byte = record.position().map_or(0, csv::Position::byte);
            let found = match record[label].trim() {
                "" => Found::Nothing,
                name => Found::Name(name),
            };
            self.push(byte, Some(&record[image]), split.map(|split| &record[split]))?;
            self.labels.push(&found, || format!("`{}`, {}", table.display(), line(table, byte)))?;
        }
        self.finish()
    }

    fn parquet(mut self) -> Result<Rows, IngestError> {
        let (config, table) = (self.config, self.table);
        let file = ParquetFile::open(table)?;
        let image = file.find(&[&config.image_column])?;
        file.expect_type(&image, is_text, "text")?;
        let label = file.find(&[&config.label_column])?;
        file.expect_type(&label, is_label, LABEL_TYPES)?;
        let mut columns = vec![image.as_str(), label.as_str()];
        if let Some(split) = &config.split_column {
            columns.push(split);
            file.find(&[split])?;
            file.expect_type(split, is_text, "text")?;
        }
        let (path, mut n_labels) = (table.display().to_string(), 0_u64);
        let damaged = |detail: String| -> IngestError { ParquetError::Damaged { path: path.clone(), detail }.into() };
        for batch in file.batches(&columns, 8192)? {
            let batch = batch?;
            let as_text = |at: usize| cast(&batch[at], &DataType::Utf8).map_err(damaged);
            let images = as_text(0)?;
            let splits = if columns.len() > 2 { Some(as_text(2)?) } else { None };
            for (at, image) in images.as_string::<i32>().iter().enumerate() {
                let split =
                    splits.as_ref().map(|splits| splits.as_string::<i32>()).map(|splits| match splits.is_valid(at) {
                        true => splits.value(at),
                        false => "",
                    });
                self.push(self.paths.len() as u64 + 1, image, split)?;
            }
            each_label(&batch[1], damaged, |found| {
                n_labels += 1;
                Ok(self.labels.push(&found, || format!("`{path}`, row {n_labels}"))?)
            })?;
        }
        self.finish()
    }

    /// Adds what is beside a row's label.
    fn push(&mut self, place: u64, image: Option<&str>, split: Option<&str>) -> Result<(), TableError> {
        let at = || format!("`{}`, {}", self.table.display(), told(self.table, self.is_parquet, place));
        let image = image.map(str::trim).filter(|image| !image.is_empty());
        let image = image.ok_or_else(|| TableError::NoPath { at: at(), column: self.config.image_column.clone() })?;
        let path = within(image).filter(|path| !path.is_empty());
        let path = path.ok_or_else(|| TableError::Outside { at: at(), found: image.to_owned() })?;
        let split = match split.map(str::trim) {
            None => Split::Train,
            Some(word) => splits::named(word).ok_or_else(|| TableError::Split { at: at(), found: word.to_owned() })?,
        };
        self.paths.push(path);
        self.places.push(place);
        self.splits.push(split);
        Ok(())
    }

    fn finish(self) -> Result<Rows, IngestError> {
        let Self { config, table, is_parquet, paths, places, splits, labels } = self;
        if let Some((first, second)) = first_twice(&paths) {
            let place = |row: usize| told(table, is_parquet, places[row]);
            let (path, image) = (table.display().to_string(), paths[first].clone());
            return Err(TableError::Twice { path, image, left: place(first), right: place(second) }.into());
        }
        Ok(Rows { roll: Roll::new(labels.finish(), splits, config.asked()), paths })
    }
}

/// What a row is called that has this place.
fn told(table: &Path, is_parquet: bool, place: u64) -> String {
    if is_parquet { format!("row {place}") } else { line(table, place) }
}

fn line(table: &Path, byte: u64) -> String {
    line_of(table, byte).map_or_else(|_| "a line".to_owned(), |line| format!("line {line}"))
}

/// The first row whose path an earlier one has, after that one.
fn first_twice(paths: &[String]) -> Option<(usize, usize)> {
    let mut rows: Vec<_> = (0..paths.len()).collect();
    rows.sort_by_key(|&row| (&paths[row], row));
    let twice = rows.windows(2).filter(|pair| paths[pair[0]] == paths[pair[1]]);
    twice.map(|pair| (pair[0], pair[1])).min_by_key(|&(_, second)| second)
}

/// What the CSV reader says, in the words of this crate where it is a common mistake.
fn detail(error: &csv::Error, table: &Path) -> String {
    let at = |position: &Option<csv::Position>| match position {
        Some(position) => line(table, position.byte()),
        None => "a line".to_owned(),
    };
    let said = |at: String, what: &dyn Display| format!("{at} {what}");
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            said(at(pos), &format_args!("has {len} fields, expected {expected_len} as in the lines before"))
        }
        csv::ErrorKind::Utf8 { pos, .. } => said(at(pos), &"is not UTF-8"),
        _ => error.to_string(),
    }
}
