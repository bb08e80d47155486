//! The images of a set, counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinset_manifest::ManifestError;
use twinset_manifest::rows::{Image, Split};

/// What is known of a set's images, whether they are shown or not.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) n_images_of: BTreeMap<Split, u64>,
    pub(super) classes: BTreeSet<String>,
    /// Of the images that have duplicates.
    pub(super) n_pixels: HashMap<u64, u64>,
}

impl Counted {
    /// Adds a batch, if it could be read. `has_duplicates` says of which images the sizes are wanted.
    pub(super) fn add(&mut self, batch: &Result<Vec<Image>, ManifestError>, has_duplicates: impl Fn(u64) -> bool) {
        for row in batch.iter().flatten() {
            *self.n_images_of.entry(row.split).or_default() += 1;
            if !self.classes.contains(&row.class_name) {
                self.classes.insert(row.class_name.clone());
            }
            if has_duplicates(row.image_id) {
                self.n_pixels.insert(row.image_id, u64::from(row.width) * u64::from(row.height));
            }
        }
    }

    /// Adds the batches that are left.
    pub(super) fn add_rest(
        &mut self,
        batches: impl IntoIterator<Item = Result<Vec<Image>, ManifestError>>,
        has_duplicates: impl Fn(u64) -> bool,
        on_progress: impl Fn(u64),
    ) -> Result<(), ManifestError> {
        for batch in batches {
            self.add(&batch, &has_duplicates);
            on_progress(batch?.len() as u64);
        }
        Ok(())
    }
}
