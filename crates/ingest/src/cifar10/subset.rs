//! A part of the images, the same number of each class.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

use super::batch::{BATCHES, Batch, N_RECORDS};
use super::split;
use crate::IngestError;
use crate::draws::Draws;

/// A stratified part of the images: of each class the same number, drawn by seed without replacement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Subset {
    /// Training images of each class, 1 to 5000.
    pub train_per_class: u32,
    /// Test images of each class, 0 to 1000.
    pub test_per_class: u32,
    /// What the draw depends on.
    #[serde(default)]
    pub seed: u64,
}

impl Subset {
    pub(super) fn validate(&self) -> Result<(), InvalidField> {
        let (train, test) = (self.train_per_class, self.test_per_class);
        InvalidField::unless((1..=5000).contains(&train), "subset.train-per-class", train, "1 to 5000")?;
        InvalidField::unless(test <= 1000, "subset.test-per-class", test, "0 to 1000")
    }

    /// The ids of the images, ascending.
    pub(super) fn draw(&self, batches: &[Batch], class_names: &[String]) -> Result<Vec<usize>, IngestError> {
        let mut ids = Vec::new();
        for (part, asked) in [(Split::Train, self.train_per_class), (Split::Test, self.test_per_class)] {
            for (label, class) in class_names.iter().enumerate() {
                let all = (0..BATCHES.len() * N_RECORDS).filter(|&id| {
                    split(id) == part && usize::from(batches[id / N_RECORDS].label(id % N_RECORDS)) == label
                });
                let mut of_class: Vec<_> = all.collect();
                if of_class.len() < asked as usize {
                    let found = of_class.len();
                    return Err(IngestError::SubsetTooLarge { class: class.clone(), split: part, found, asked });
                }
                // A stream for each class and split: how many are drawn of one does not change which of another.
                let stream = 2 * label as u64 + u64::from(part == Split::Test);
                Draws::new(self.seed, stream).shuffle(&mut of_class);
                ids.extend(&of_class[..asked as usize]);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }
}
