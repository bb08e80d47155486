//! Predictions that `twinset-evaluate` wrote.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use twinset_manifest::rows::Prediction;
use twinset_manifest::{Input, Reader};

use super::FileRead;
use super::table::n_expected;
use crate::{Config, Dataset, LeaksError, Refused};

pub(super) fn read(path: &Path, dataset: &Dataset, config: &Config) -> Result<(Vec<u32>, FileRead, Input), LeaksError> {
    let reader = Reader::<Prediction>::open(path)?;
    reader.expect_made_from(&dataset.inputs[0])?;
    let input = reader.as_input()?;
    let places: HashMap<u64, usize> =
        dataset.images.iter().enumerate().map(|(place, image)| (image.image_id, place)).collect();
    let mut predicted: Vec<Option<u32>> = vec![None; dataset.images.len()];
    let mut attacks = BTreeSet::new();
    let mut n_of_other_splits = 0;
    for batch in reader {
        for row in batch? {
            if row.attack != config.attack {
                attacks.insert(row.attack);
                continue;
            }
            let Some(&place) = places.get(&row.image_id) else {
                n_of_other_splits += 1;
                continue;
            };
            let label = dataset.images[place].label;
            if row.label != label {
                let found = format!("the label {} of image {}", row.label, row.image_id);
                let hint = "run twinset-evaluate again, on these images";
                return Err(Refused::file(path, found, format!("{label}, as the images have it")).hint(hint).into());
            }
            if predicted[place].replace(row.predicted).is_some() {
                let found = format!("two predictions of image {} under `{}`", row.image_id, config.attack);
                return Err(Refused::file(path, found, "one for each image").into());
            }
        }
    }
    let n_predicted = predicted.iter().flatten().count();
    if n_predicted < predicted.len() {
        let others: Vec<String> = attacks.iter().map(|attack| format!("`{attack}`")).collect();
        let others = if others.is_empty() { String::new() } else { format!(", besides rows of {}", others.join(", ")) };
        let found = format!("predictions of {n_predicted} of them under `{}`{others}", config.attack);
        let hint = "evaluate the network on the whole split; --set attack='\"NAME\"' takes the rows of an attack";
        return Err(Refused::file(path, found, n_expected(dataset)).hint(hint).into());
    }
    let read = FileRead {
        format: "predictions of twinset-evaluate",
        images_by: "column `image_id`".to_owned(),
        predicted_column: Some("predicted".to_owned()),
        label_column: Some("label".to_owned()),
        n_of_other_splits,
        ..FileRead::default()
    };
    Ok((predicted.into_iter().flatten().collect(), read, input))
}
