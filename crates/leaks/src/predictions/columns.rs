//! What columns of predictions are usually called.

use std::path::Path;

use crate::{Config, Refused};

/// Columns of images' ids.
const IDS: [&str; 2] = ["image_id", "id"];
/// Columns of names of files.
const FILES: [&str; 10] =
    ["file", "filename", "file_name", "path", "filepath", "file_path", "image_path", "source", "image", "name"];
/// Columns of images' places in the split, counted from 0. pandas writes its index under no name, and reads that as `Unnamed: 0`.
const PLACES: [&str; 5] = ["index", "idx", "position", "", "unnamed: 0"];
const PREDICTED: [&str; 9] = [
    "predicted",
    "prediction",
    "pred",
    "y_pred",
    "predicted_label",
    "predicted_class",
    "pred_label",
    "preds",
    "predictions",
];
const LABELS: [&str; 9] =
    ["label", "labels", "y_true", "true_label", "target", "targets", "ground_truth", "class", "true"];

/// The columns that are read, by their names in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) image: Option<ImageColumn>,
    pub(super) predicted: String,
    pub(super) label: Option<String>,
}

/// A column that says which image a row is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageColumn {
    pub(super) name: String,
    /// Whether it holds places in the split; else ids or names of files.
    pub(super) has_places: bool,
}

/// All usual names, for a delimiter to be found by.
pub(super) fn usual() -> Vec<&'static str> {
    [&IDS[..], &FILES, &PLACES[..3], &PREDICTED, &LABELS].concat()
}

impl Columns {
    /// The columns of a header: those that are set, else the first of the usual names that is there.
    pub(super) fn of(header: &[String], config: &Config, path: &Path) -> Result<Self, Refused> {
        let usual = |names: &[&str]| {
            let named = |name: &&str| header.iter().find(|column| column.eq_ignore_ascii_case(name));
            names.iter().find_map(named).cloned()
        };
        let set = |flag: &str, name: &Option<String>| match name {
            Some(name) if !header.contains(name) => {
                Err(Refused::at(path, "header", listed(header), format!("the column `{name}` of {flag}")))
            }
            name => Ok(name.clone()),
        };
        let image = match set("--image-column", &config.image_column)? {
            Some(name) => Some(name),
            None => usual(&["image_id"]).or_else(|| usual(&FILES)).or_else(|| usual(&IDS)).or_else(|| usual(&PLACES)),
        };
        let image = image.map(|name| {
            let has_places = PLACES.iter().any(|place| name.eq_ignore_ascii_case(place));
            ImageColumn { name, has_places }
        });
        let label = set("--label-column", &config.label_column)?.or_else(|| usual(&LABELS));
        let predicted = match set("--predicted-column", &config.predicted_column)?.or_else(|| usual(&PREDICTED)) {
            Some(name) => name,
            None => {
                let expected = format!("a column of predicted classes, such as `{}`", PREDICTED[0]);
                let hint = "name the column: --predicted-column NAME";
                return Err(Refused::at(path, "header", listed(header), expected).hint(hint));
            }
        };
        Ok(Self { image, predicted, label })
    }
}

/// The first names of a header.
fn listed(header: &[String]) -> String {
    const N_SHOWN: usize = 12;
    if header.is_empty() {
        return "no column".to_owned();
    }
    let shown: Vec<String> = header.iter().take(N_SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if header.len() > N_SHOWN { ", …" } else { "" };
    format!("the columns {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_found_and_set_ones_come_first() {
        let check = |header: &str, config: &Config, expected: Result<(Option<&str>, &str, Option<&str>), &str>| {
            let header: Vec<String> = header.split(',').map(str::to_owned).collect();
            let found = Columns::of(&header, config, Path::new("a.csv")).map_err(|error| error.to_string());
            match (found, expected) {
                (Ok(found), Ok((image, predicted, label))) => {
                    let image_name = found.image.as_ref().map(|image| image.name.as_str());
                    assert_eq!(
                        (image_name, found.predicted.as_str(), found.label.as_deref()),
                        (image, predicted, label)
                    );
                }
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{found:?}, expected {expected:?}"),
            }
        };
        let usual = Config::default();
        check("id,predicted", &usual, Ok((Some("id"), "predicted", None)));
        check("id,Filename,Pred,y_true", &usual, Ok((Some("Filename"), "Pred", Some("y_true"))));
        check(",prediction,label", &usual, Ok((Some(""), "prediction", Some("label"))));
        check("predicted", &usual, Ok((None, "predicted", None)));
        check("id,guess", &usual, Err("found the columns `id`, `guess`, expected a column of predicted classes"));
        let set = Config { predicted_column: Some("guess".into()), image_column: Some("key".into()), ..usual };
        check("key,id,guess,pred", &set, Ok((Some("key"), "guess", None)));
        check("id,guess", &set, Err("expected the column `key` of --image-column"));
    }
}
