//! What duplicates do to the accuracy of anybody's models.
//!
//! An image of the test split that has a *twin* in the training split (an exact or a near duplicate) has *leaked*. From images, pairs and
//! a file of predictions for each model follow the accuracy as it is reported, the accuracy on images without a twin, and the
//! difference of the two: the [overstatement](statistics::overstatement). [`analyse`] computes it, [`page`] shows it, and [`text`] says it.
//!
//! Leaked images may simply be easier than others. The difference says what they add to a figure, and not that a model remembers them:
//! only training without the twins tells the two apart.

mod analysis;
mod config;
mod dataset;
mod error;
mod numerals;
mod page;
mod predictions;
mod ranking;
mod sentences;
pub mod statistics;
mod summary;

pub use analysis::{Accuracy, Analysis, ModelResult, Subset, analyse};
pub use config::{ClassNotation, Config};
pub use dataset::{Dataset, SplitImage};
pub use error::{LeaksError, Refused};
pub use page::{PageSource, Shown, page, pairs_shown};
pub use predictions::{FileRead, Model, ModelFile, find_models};
pub use ranking::{Ranked, Ranking, Reversal};
pub use summary::text;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use twinset_manifest::rows::Split;

    use crate::{Dataset, SplitImage};

    /// Images of the test split, with ids from 0 on and a class each in turn, and of the training split, with the ids after these.
    pub(crate) fn dataset(test: &[&str], train: &[&str]) -> Dataset {
        let image = |(place, source): (usize, &&str)| SplitImage {
            image_id: place as u64,
            label: place as u32 % 2,
            source: (*source).to_owned(),
            leak: None,
            has_twin_within: false,
        };
        let ids = (test.len() as u64..).map(|id| (id, Split::Train)).take(train.len());
        Dataset {
            split: Split::Test,
            images: test.iter().enumerate().map(image).collect(),
            classes: ["cat", "dog"].map(str::to_owned).into(),
            inputs: Vec::new(),
            warnings: Vec::new(),
            is_searched_within: true,
            others: ids.collect::<HashMap<_, _>>(),
            other_sources: train.iter().map(|source| ((*source).to_owned(), Split::Train)).collect(),
        }
    }
}
