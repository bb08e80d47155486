//! Predictions in a CSV or Parquet file.

use std::path::Path;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use twinset_delimited::Table;
use twinset_manifest::Untyped;

use super::by_image::{Called, Finder, Meant};
use super::classes::ClassReader;
use super::columns::{Columns, usual};
use super::{FileRead, unreadable};
use crate::{Config, Dataset, LeaksError, Refused};

/// What is read of a file: texts, and where they stand.
struct Rows {
    format: &'static str,
    columns: Columns,
    /// `line` of a CSV, `row` of a Parquet file.
    place: &'static str,
    rows: Vec<TextRow>,
}

struct TextRow {
    number: u64,
    image: String,
    predicted: String,
    label: String,
}

pub(super) fn read(path: &Path, dataset: &Dataset, config: &Config) -> Result<(Vec<u32>, FileRead), LeaksError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    let rows = if bytes.starts_with(b"PAR1") { parquet(path, config)? } else { csv(path, &bytes, config)? };
    if rows.rows.is_empty() {
        return Err(Refused::file(path, "no row below the header", n_expected(dataset)).into());
    }
    let places = rows.places(path, dataset)?;
    let predicted = rows.predicted(path, dataset, config)?;
    rows.check_labels(path, dataset, config, &places)?;
    let mut by_image = vec![0; dataset.images.len()];
    for (place, class) in places.iter().zip(predicted).filter_map(|(place, class)| Some(((*place)?, class))) {
        by_image[place] = class;
    }
    let n_of_other_splits = places.iter().filter(|place| place.is_none()).count() as u64;
    Ok((by_image, rows.as_read(n_of_other_splits)))
}

fn csv(path: &Path, text: &[u8], config: &Config) -> Result<Rows, LeaksError> {
    let set = [&config.image_column, &config.predicted_column, &config.label_column];
    let wanted: Vec<&str> = set.into_iter().flatten().map(String::as_str).chain(usual()).collect();
    let wrong = |source| LeaksError::Delimited { path: path.display().to_string(), source };
    let mut table = Table::parse(text, None, &wanted).map_err(wrong)?;
    let columns = Columns::of(table.header(), config, path)?;
    let column = |name: Option<&String>| name.map(|name| table.needed(name)).transpose();
    let image = column(columns.image.as_ref().map(|image| &image.name)).map_err(wrong)?;
    let label = column(columns.label.as_ref()).map_err(wrong)?;
    let predicted = table.needed(&columns.predicted).map_err(wrong)?;
    let mut rows = Vec::new();
    while let Some(row) = table.next_row().map_err(wrong)? {
        let text = |column: Option<_>| column.map(|column| row.field(column).to_owned()).unwrap_or_default();
        rows.push(TextRow {
            number: row.line(),
            image: text(image),
            predicted: text(Some(predicted)),
            label: text(label),
        });
    }
    Ok(Rows { format: "CSV", columns, place: "line", rows })
}

fn parquet(path: &Path, config: &Config) -> Result<Rows, LeaksError> {
    let file = Untyped::open(path)?;
    let header: Vec<String> = file.columns().fields().iter().map(|field| field.name().clone()).collect();
    let columns = Columns::of(&header, config, path)?;
    let image = columns.image.as_ref().map(|image| image.name.as_str());
    let names = [image, Some(columns.predicted.as_str()), columns.label.as_deref()];
    let wanted: Vec<&str> = names.into_iter().flatten().collect();
    let mut rows = Vec::new();
    for batch in file.batches(Some(&wanted), 8192)? {
        let batch = batch?;
        let options = FormatOptions::default();
        let formatter = |name: Option<&str>| {
            let array = name.and_then(|name| batch.column_by_name(name));
            array.map(|array| ArrayFormatter::try_new(array, &options)).transpose()
        };
        let [image, predicted, label] = names.map(formatter);
        let wrong = |error| Refused::file(path, error, "columns of numbers or text");
        let [image, predicted, label] = [image.map_err(wrong)?, predicted.map_err(wrong)?, label.map_err(wrong)?];
        let text = |column: &Option<ArrayFormatter<'_>>, row: usize| {
            column.as_ref().map(|column| column.value(row).to_string()).unwrap_or_default()
        };
        for row in 0..batch.num_rows() {
            let number = rows.len() as u64 + 1;
            let (image, predicted, label) = (text(&image, row), text(&predicted, row), text(&label, row));
            rows.push(TextRow { number, image, predicted, label });
        }
    }
    Ok(Rows { format: "Parquet", columns, place: "row", rows })
}

impl Rows {
    fn at(&self, row: &TextRow) -> String {
        format!("{} {}", self.place, row.number)
    }

    /// How the file calls images; none where no column says it.
    fn called(&self, dataset: &Dataset) -> Option<Called> {
        let image = self.columns.image.as_ref()?;
        let are_numbers = || self.rows.iter().all(|row| row.image.parse::<u64>().is_ok());
        let is_file = || dataset.images.iter().any(|image| image.source == self.rows[0].image);
        Some(match image.has_places {
            true if are_numbers() => Called::Place,
            false if are_numbers() && !is_file() => Called::Id,
            _ => Called::File,
        })
    }

    /// The place in the split of each row's image; none of images of other splits.
    fn places(&self, path: &Path, dataset: &Dataset) -> Result<Vec<Option<usize>>, Refused> {
        let n = dataset.images.len();
        let Some(called) = self.called(dataset) else {
            if self.rows.len() != n {
                let found = format!("{} rows, and no column that says which image each is of", self.rows.len());
                let hint = "add a column `file`, `id` or `index` (the place in the split, counted from 0), or write one row for each image in the order of the images' manifest";
                return Err(Refused::file(path, found, n_expected(dataset)).hint(hint));
            }
            return Ok((0..n).map(Some).collect());
        };
        let finder = Finder::new(dataset, called);
        let mut first: Vec<Option<u64>> = vec![None; n];
        let mut places = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let expected = |what: &str| format!("{what} of the split `{}` ({})", dataset.split, called.words());
            let at = |found: String, expected: String| Refused::at(path, &self.at(row), found, expected);
            match finder.find(&row.image) {
                Meant::Image(place) => {
                    if let Some(before) = first[place].replace(row.number) {
                        let found =
                            format!("a second prediction of `{}`, after that of {} {before}", row.image, self.place);
                        return Err(at(found, "one prediction for each image".to_owned()));
                    }
                    places.push(Some(place));
                }
                Meant::Other(_) => places.push(None),
                Meant::Several => {
                    let hint = "write more of the path, as the column `source` of the images has it";
                    let found = format!("`{}`, which several images are called", row.image);
                    return Err(at(found, expected("the name of one image")).hint(hint));
                }
                Meant::Nothing => {
                    let hint = format!(
                        "images are called as in the columns `image_id` and `source`, for instance {} and `{}`; places in the split go \
                         into a column `index`",
                        dataset.images[0].image_id, dataset.images[0].source
                    );
                    return Err(at(format!("`{}`, which is no image", row.image), expected("an image")).hint(hint));
                }
            }
        }
        self.expect_all(path, dataset, &first, called)?;
        Ok(places)
    }

    /// That each image of the split has a row.
    fn expect_all(&self, path: &Path, dataset: &Dataset, first: &[Option<u64>], called: Called) -> Result<(), Refused> {
        let n_missing = first.iter().filter(|row| row.is_none()).count();
        let Some(missing) = first.iter().position(Option::is_none) else { return Ok(()) };
        let n = dataset.images.len();
        if n_missing == n {
            let found = format!("{} predictions, all of images of other splits", self.rows.len());
            let hint = match called {
                Called::Id => {
                    "if the numbers are places in the split, counted from 0, call the column `index`; of another split, give --split"
                }
                _ => "give --split if another split was predicted",
            };
            return Err(Refused::file(path, found, n_expected(dataset)).hint(hint));
        }
        let last = first.iter().rposition(Option::is_none).unwrap_or(missing);
        let name = |place| called.name(&dataset.images[place], place);
        let are_together = last - missing + 1 == n_missing;
        let which = match (n_missing, are_together) {
            (1, _) => format!("1 is missing, {}", name(missing)),
            (_, true) => format!("{n_missing} are missing, all from {} to {}", name(missing), name(last)),
            (_, false) => format!("{n_missing} are missing, the first of them {}", name(missing)),
        };
        let found = format!("predictions of {} of {n} images: {which}", n - n_missing);
        let hint = if are_together && last + 1 == n && n_missing > 1 {
            "the last images are missing: was the file cut off? An accuracy over some of the images cannot be compared"
        } else {
            "predict every image of the split: an accuracy over some of them cannot be compared"
        };
        Err(Refused::file(path, found, n_expected(dataset)).hint(hint))
    }

    fn predicted(&self, path: &Path, dataset: &Dataset, config: &Config) -> Result<Vec<u32>, Refused> {
        let values = self.rows.iter().map(|row| row.predicted.as_str());
        let column = self.columns.predicted.as_str();
        let reader = ClassReader::of(values, config.classes, dataset, (path, column))?;
        let class = |row: &TextRow| {
            let wrong = |expected| {
                let found =
                    if row.predicted.is_empty() { "nothing".to_owned() } else { format!("`{}`", row.predicted) };
                Refused::at(path, &self.at(row), format!("{found} in `{column}`"), expected)
            };
            reader.class(&row.predicted).map_err(wrong)
        };
        self.rows.iter().map(class).collect()
    }

    /// That labels are those of the images.
    fn check_labels(
        &self,
        path: &Path,
        dataset: &Dataset,
        config: &Config,
        places: &[Option<usize>],
    ) -> Result<(), Refused> {
        let Some(column) = self.columns.label.as_deref() else { return Ok(()) };
        let values = self.rows.iter().map(|row| row.label.as_str());
        let reader = ClassReader::of(values, config.classes, dataset, (path, column))?;
        let mut first = None;
        let mut n_wrong = 0;
        for (row, place) in self.rows.iter().zip(places).filter_map(|(row, place)| Some((row, (*place)?))) {
            let image = &dataset.images[place];
            let label = reader.class(&row.label).map_err(|expected| {
                Refused::at(path, &self.at(row), format!("`{}` in `{column}`", row.label), expected)
            })?;
            if label != image.label {
                n_wrong += 1;
                first.get_or_insert((row, label, image));
            }
        }
        let Some((row, label, image)) = first else { return Ok(()) };
        let found = format!(
            "the class {} in `{column}`; {n_wrong} of {} labels are not those of the images",
            dataset.class(label),
            dataset.images.len()
        );
        let expected = format!("{}, the class of `{}`", dataset.class(image.label), image.source);
        let hint = match self.columns.image {
            Some(_) => {
                "the classes may be counted in another order: write their names, or count as the images' manifest does"
            }
            None => "the rows may be in another order than the images: add a column `file` or `id`",
        };
        Err(Refused::at(path, &self.at(row), found, expected).hint(hint))
    }

    fn as_read(&self, n_of_other_splits: u64) -> FileRead {
        let Columns { image, predicted, label } = &self.columns;
        let images_by = match (image, label) {
            (Some(image), _) if image.name.is_empty() => "the first column".to_owned(),
            (Some(image), _) => format!("column `{}`", image.name),
            (None, Some(label)) => format!("the images' order, checked by column `{label}`"),
            (None, None) => "the images' order".to_owned(),
        };
        FileRead {
            format: self.format,
            images_by,
            predicted_column: Some(predicted.clone()),
            label_column: label.clone(),
            n_of_other_splits,
            is_order_unchecked: image.is_none() && label.is_none(),
            ..FileRead::default()
        }
    }
}

/// `a prediction of each of the 10000 images of the split test`.
pub(super) fn n_expected(dataset: &Dataset) -> String {
    format!("a prediction of each of the {} images of the split `{}`", dataset.images.len(), dataset.split)
}
