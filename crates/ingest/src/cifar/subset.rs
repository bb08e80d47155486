//! A part of the images, the same number of each class.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

use super::{Record, Source};
use crate::IngestError;
use crate::draws::Draws;
use crate::error::wrong;

/// A stratified part of the images: of each class the same number, drawn by seed without replacement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Subset {
    /// Training images of each class: CIFAR-10 has 5000, CIFAR-100 500 of a fine one and 2500 of a coarse one.
    pub train_per_class: u32,
    /// Test images of each class: CIFAR-10 has 1000, CIFAR-100 100 of a fine one and 500 of a coarse one.
    pub test_per_class: u32,
    /// What the draw depends on.
    #[serde(default)]
    pub seed: u64,
}

impl Subset {
    pub(crate) fn validate(&self, source: &Source<'_>) -> Result<(), InvalidField> {
        let (train, test) = (self.train_per_class, self.test_per_class);
        let (most_train, most_test) = (source.per_class(Split::Train), source.per_class(Split::Test));
        let is_valid = (1..=most_train).contains(&train);
        InvalidField::unless(is_valid, "subset.train-per-class", train, &format!("1 to {most_train}"))?;
        InvalidField::unless(test <= most_test, "subset.test-per-class", test, &format!("0 to {most_test}"))
    }

    /// The places of the images, ascending, among all images.
    pub(super) fn draw(&self, images: &[Record<'_>], class_names: &[String]) -> Result<Vec<usize>, IngestError> {
        let mut places = Vec::new();
        for (part, asked) in [(Split::Train, self.train_per_class), (Split::Test, self.test_per_class)] {
            for (label, class) in class_names.iter().enumerate() {
                let is_of_class = |image: &Record<'_>| image.split == part && usize::from(image.label) == label;
                let mut of_class: Vec<_> = (0..images.len()).filter(|place| is_of_class(&images[*place])).collect();
                if of_class.len() < asked as usize {
                    let found = of_class.len();
                    return Err(wrong!(
                        "class `{class}` has {found} {part} images, expected at least the {asked} that `subset` asks for"
                    )
                    .into());
                }
                // A stream for each class and split: how many are drawn of one does not change which of another.
                let stream = 2 * label as u64 + u64::from(part == Split::Test);
                Draws::new(self.seed, stream).shuffle(&mut of_class);
                places.extend(&of_class[..asked as usize]);
            }
        }
        places.sort_unstable();
        Ok(places)
    }
}
