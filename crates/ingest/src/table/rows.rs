//! The rows of a table: which image, which label, which split.

use std::fs;
use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use twinset_delimited::{DelimitedError, Table};
use twinset_manifest::rows::Split;

use super::Config;
use crate::error::{no_dataset, wrong};
use crate::inner_path::within;
use crate::intake::Roll;
use crate::labels::{Found, Labels};
use crate::parquet_file::{LABEL_TYPES, ParquetFile, cast, damaged, each_label, is_label, is_text};
use crate::splits;
use crate::{IngestError, SourceError};

/// The rows of a table, in order.
pub(super) struct Rows {
    /// Of each image its path within the folder, without `.`.
    pub(super) paths: Vec<String>,
    pub(super) roll: Roll,
}

impl Rows {
    pub(super) fn read(config: &Config, table: &Path) -> Result<Self, IngestError> {
        if config.split_column.is_none() && config.asked().key().is_none() {
            return Err(splits::no_splits(table, "no `split-column` is named").into());
        }
        match std::fs::metadata(table) {
            Ok(metadata) if metadata.is_file() => {}
            found => {
                let found = if found.is_ok() { "is no file" } else { "does not exist" };
                return Err(no_dataset(table, found, "a .csv, .tsv or .parquet file"));
            }
        }
        let is_parquet = table.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
        let reading = Reading {
            config,
            table,
            place: if is_parquet { "row" } else { "line" },
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
    /// What a row's place is called: its `row` in Parquet, its `line` in a CSV.
    place: &'static str,
    paths: Vec<String>,
    /// Of each row its place, from 1.
    places: Vec<u64>,
    splits: Vec<Split>,
    labels: Labels,
}

impl Reading<'_> {
    fn csv(mut self) -> Result<Rows, IngestError> {
        let (config, table) = (self.config, self.table);
        let text = fs::read(table).map_err(|source| IngestError::Read { path: table.to_owned(), source })?;
        let wrong = |source| {
            let error = wrong!("`{}`, {source}", table.display());
            match source {
                DelimitedError::NoColumn { found, .. } if found.len() == 1 => {
                    error.with_hint("where other characters part the columns, `delimiter` names one: delimiter = \":\"")
                }
                _ => error,
            }
        };
        let split_column = config.split_column.as_deref();
        let wanted: Vec<_> =
            [config.image_column.as_str(), &config.label_column].into_iter().chain(split_column).collect();
        let mut csv = Table::parse(&text, config.delimiter.map(|delimiter| delimiter as u8), &wanted).map_err(wrong)?;
        let image = csv.needed(&config.image_column).map_err(wrong)?;
        let label = csv.needed(&config.label_column).map_err(wrong)?;
        let split = split_column.map(|name| csv.needed(name)).transpose().map_err(wrong)?;
        while let Some(row) = csv.next_row().map_err(wrong)? {
            let found = match row.field(label) {
                "" => Found::Nothing,
                name => Found::Name(name),
            };
            self.push(row.line(), Some(row.field(image)), split.map(|split| row.field(split)))?;
            self.labels.push(&found, || format!("`{}`, line {}", table.display(), row.line()))?;
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
        let damaged = |detail: String| damaged(&path, &detail);
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
                self.labels.push(&found, || format!("`{path}`, row {n_labels}"))
            })?;
        }
        self.finish()
    }

    /// Adds what is beside a row's label.
    fn push(&mut self, place: u64, image: Option<&str>, split: Option<&str>) -> Result<(), SourceError> {
        let at = || format!("`{}`, {} {place}", self.table.display(), self.place);
        let image = image.map(str::trim).filter(|image| !image.is_empty());
        let column = &self.config.image_column;
        let image =
            image.ok_or_else(|| wrong!("{}: column `{column}` is empty, expected the path of an image", at()))?;
        let path = within(image).filter(|path| !path.is_empty());
        let outside = || wrong!("{}: `{image}` is absolute or leaves the folder, expected a path within it", at());
        let path = path.ok_or_else(outside)?;
        let split = match split.map(str::trim) {
            None => Split::Train,
            Some(word) => {
                splits::named(word).ok_or_else(|| wrong!("{}: split `{word}`, expected train, val or test", at()))?
            }
        };
        self.paths.push(path);
        self.places.push(place);
        self.splits.push(split);
        Ok(())
    }

    fn finish(self) -> Result<Rows, IngestError> {
        let Self { config, table, place, paths, places, splits, labels } = self;
        if let Some((first, second)) = first_twice(&paths) {
            let place = |row: usize| format!("{place} {}", places[row]);
            let (table, image, left, right) = (table.display(), &paths[first], place(first), place(second));
            return Err(
                wrong!("`{table}`: `{image}` stands in {left} and in {right}, expected every image once").into()
            );
        }
        Ok(Rows { roll: Roll::new(labels.finish(), splits, config.asked()), paths })
    }
}

/// The first row whose path an earlier one has, after that one.
fn first_twice(paths: &[String]) -> Option<(usize, usize)> {
    let mut rows: Vec<_> = (0..paths.len()).collect();
    rows.sort_by_key(|&row| (&paths[row], row));
    let twice = rows.windows(2).filter(|pair| paths[pair[0]] == paths[pair[1]]);
    twice.map(|pair| (pair[0], pair[1])).min_by_key(|&(_, second)| second)
}
