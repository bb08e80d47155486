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
}

impl Source<'_> {
    fn labels(&self) -> &'static Labels {
        &self.family.labels[self.label]
    }

    /// Images of each class in a split, as the official files have them.
    pub(crate) fn per_class(&self, split: Split) -> u32 {
        (self.family.n_records(split) / self.labels().n_classes) as u32
    }

    pub(crate) fn count(&self) -> Counts {
        let n_classes = self.labels().n_classes as u64;
        let asked = |split| match (self.subset, split) {
            (None, split) => self.family.n_records(split) as u64,
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
        provenance.warnings = unverified(&batches, self.allow_unverified)?;
        provenance.seed = self.subset.map(|subset| subset.seed);
        provenance.inputs = inputs;
        let records: Vec<_> =
            batches.iter().flat_map(|batch| (0..batch.n_records()).map(move |at| (batch, at))).collect();
        let labels: Vec<_> = records.iter().map(|(batch, at)| (batch.split(), batch.label(*at, self.label))).collect();
        let ids = match self.subset {
            None => (0..records.len()).collect(),
            Some(subset) => subset.draw(&labels, &class_names)?,
        };
        let mut sink = Sink::create(out, ids.len(), progress)?;
        sink.write(
            &ids,
            |_| family::PIXEL_BYTES as u64,
            |&id| {
                let ((batch, at), (split, label)) = (records[id], labels[id]);
                (Ok(image(id, split, u32::from(label), &class_names, batch, at)), ())
            },
            |()| (),
        )?;
        sink.finish(&provenance, class_names)
    }
}

/// A warning for each batch that is not the official one.
fn unverified(batches: &[Batch], is_allowed: bool) -> Result<Vec<String>, SourceError> {
    let mut warnings = Vec::new();
    for batch in batches {
        let Err((digest, found, expected)) = batch.verify() else { continue };
        if !is_allowed {
            let path = batch.path().display();
            let error = wrong!("`{path}` is not the official file: {digest} {found}, expected {expected}");
            return Err(error.with_hint(
                "set allow-unverified = true to take it all the same; the manifest will say so in its warnings",
            ));
        }
        let name = batch.name();
        warnings.push(format!("`{name}` is not the official file: {digest} {found}, expected {expected}"));
    }
    Ok(warnings)
}

/// The image at a place in the official order.
fn image(id: usize, split: Split, label: u32, class_names: &[String], batch: &Batch, at: usize) -> Image {
    let pixels = batch.pixels(at);
    let place = Place {
        image_id: id as u64,
        split,
        label,
        class_name: class_names[label as usize].clone(),
        source: format!("{}#{at}", batch.name()),
    };
    place.png_row(&pixels)
}
