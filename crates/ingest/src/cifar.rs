//! CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 60,000 colour images of 32×32 pixels each, of the same making.
//!
//! A *batch* is a file of records. In the binary version a record is a label byte (of CIFAR-100 two, coarse and fine) and
//! 3072 pixel bytes (red, green, blue plane, row-major); the Python version is a pickled dict with the labels as lists and
//! the pixels as an array of 3072 bytes a row. Whichever is read becomes the [`Batch`] of the binary version, so images and
//! ids are the same.
//!
//! An image's id is its place in the official order, 0 to 49999 for training and 50000 to 59999 for test, in a subset
//! too, so that ids mean the same image everywhere.

mod batch;
mod family;
mod files;
mod python;
mod subset;

use std::path::{Path, PathBuf};

use twinset_manifest::Provenance;
use twinset_manifest::rows::{Image, Split};
use twinset_stage::Progress;

use crate::error::wrong;
use crate::image_row::Place;
use crate::sink::Sink;
use crate::{Counts, IngestError, SourceError, Summary};
pub use batch::Batch;
pub use family::{CIFAR10, CIFAR100, Family, Labels, Official};
use files::Files;
pub use subset::Subset;

/// A dataset of the two, under one of its labels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// Which of the two.
    pub(crate) family: &'static Family,
    /// The place of its label among [`Family::labels`].
    pub(crate) label: usize,
    /// Whether a batch is taken that is not the official one.
    pub(crate) allow_unverified: bool,
    /// How much of it is taken.
    pub(crate) subset: Option<&'a Subset>,
    /// The training batch, counted from 1, that is the test split; the official test images are left out then.
    pub(crate) test_batch: Option<u8>,
}

impl Source<'_> {
    fn labels(&self) -> &'static Labels {
        &self.family.labels[self.label]
    }

    /// The split of the images of a batch, by its place; none where they are left out.
    fn split(&self, batch: usize) -> Option<Split> {
        match (self.family.batches[batch].split, self.test_batch) {
            (split, None) => Some(split),
            (Split::Train, Some(number)) => {
                Some(if usize::from(number) == batch + 1 { Split::Test } else { Split::Train })
            }
            (_, Some(_)) => None,
        }
    }

    /// Images in a split.
    fn n_images(&self, split: Split) -> usize {
        let batches = self.family.batches.iter().enumerate().filter(|(place, _)| self.split(*place) == Some(split));
        batches.map(|(_, batch)| batch.n_records).sum()
    }

    /// Images of each class in a split, as the official files have them; of single training batches so many on average.
    pub(crate) fn per_class(&self, split: Split) -> u32 {
        (self.n_images(split) / self.labels().n_classes) as u32
    }

    pub(crate) fn count(&self) -> Counts {
        let n_classes = self.labels().n_classes as u64;
        let asked = |split| match (self.subset, split) {
            (None, split) => self.n_images(split) as u64,
            (Some(subset), Split::Train) => u64::from(subset.train_per_class) * n_classes,
            (Some(subset), _) => u64::from(subset.test_per_class) * n_classes,
        };
        Counts { train: asked(Split::Train), val: 0, test: asked(Split::Test), classes: n_classes, ..Counts::default() }
    }

    /// The files that will be read.
    pub(crate) fn list_inputs(&self, path: &Path) -> Result<Vec<PathBuf>, IngestError> {
        files::list(self.family, self.labels(), path)
    }

    /// Writes the images that the config asks for.
    pub(crate) fn ingest(
        &self,
        path: &Path,
        mut provenance: Provenance,
        out: &Path,
        progress: &Progress,
    ) -> Result<Summary, IngestError> {
        let Files { batches, class_names, inputs } = Files::load(self.family, self.labels(), path)?;
        let batches: Vec<_> =
            batches.iter().enumerate().filter_map(|(place, batch)| Some((batch, place, self.split(place)?))).collect();
        provenance.warnings = unverified(batches.iter().map(|(batch, ..)| *batch), self.allow_unverified)?;
        provenance.seed = self.subset.map(|subset| subset.seed);
        provenance.inputs = inputs;
        let mut records = Vec::new();
        for &(batch, place, split) in &batches {
            let first = self.family.batches[..place].iter().map(|batch| batch.n_records).sum::<usize>();
            let record = |at| Record { id: first + at, split, label: batch.label(at, self.label), batch, at };
            records.extend((0..batch.n_records()).map(record));
        }
        let chosen = match self.subset {
            None => (0..records.len()).collect(),
            Some(subset) => subset.draw(&records, &class_names)?,
        };
        let mut sink = Sink::create(out, chosen.len(), progress)?;
        sink.write(
            &chosen,
            |_| family::PIXEL_BYTES as u64,
            |&place| (Ok(records[place].image(&class_names)), ()),
            |()| (),
        )?;
        sink.finish(&provenance, class_names)
    }
}

/// A warning for each batch that is not the official one.
fn unverified<'a>(batches: impl IntoIterator<Item = &'a Batch>, is_allowed: bool) -> Result<Vec<String>, SourceError> {
    let mut warnings = Vec::new();
    for batch in batches {
        let Err((digest, found, expected)) = batch.verify() else { continue };
        if !is_allowed {
            let path = batch.path().display();
            let error = wrong!("`{path}` is not the official file: {digest} {found}, expected {expected}");
            return Err(error.with_hint(
                "allow-unverified = true in the config, or --set allow-unverified=true, takes it all the same; the manifest will say so in its warnings",
            ));
        }
        let name = batch.name();
        warnings.push(format!("`{name}` is not the official file: {digest} {found}, expected {expected}"));
    }
    Ok(warnings)
}

/// An image in its batch.
struct Record<'a> {
    /// Its place in the official order.
    id: usize,
    split: Split,
    label: u8,
    batch: &'a Batch,
    at: usize,
}

impl Record<'_> {
    fn image(&self, class_names: &[String]) -> Image {
        let place = Place {
            image_id: self.id as u64,
            split: self.split,
            label: u32::from(self.label),
            class_name: class_names[usize::from(self.label)].clone(),
            source: format!("{}#{}", self.batch.name(), self.at),
        };
        place.png_row(&self.batch.pixels(self.at))
    }
}
