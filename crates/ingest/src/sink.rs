//! Where all sources' images go: made in parallel, written in order.

use std::collections::BTreeMap;
use std::path::Path;

use twinset_manifest::rows::{Image, Reject};
use twinset_manifest::{Provenance, Writer};
use twinset_stage::{Bar, Progress};

use crate::in_batches::in_batches;
use crate::losses::Losses;
use crate::{Counts, IngestError, Summary};

/// The manifests that a source fills.
pub(crate) struct Sink {
    manifests: Manifests,
    bar: Bar,
}

/// What an item became, and what its source notes of it.
pub(crate) type Made<N> = (Result<Image, Reject>, N);

impl Sink {
    pub(crate) fn create(out: &Path, total: usize, progress: &Progress) -> Result<Self, IngestError> {
        let bar = progress.begin("images", total as u64, "ingesting");
        Self::create_at(&out.join("images.parquet"), &out.join("rejects.parquet"), bar)
    }

    /// Begins two manifests of any names; the bar may be that of several sinks.
    pub(crate) fn create_at(images: &Path, rejects: &Path, bar: Bar) -> Result<Self, IngestError> {
        let manifests = Manifests {
            images: Writer::create(images)?,
            rejects: Writer::create(rejects)?,
            counts: Counts::default(),
            rejects_by_reason: BTreeMap::new(),
            losses: Losses::default(),
        };
        Ok(Self { manifests, bar })
    }

    /// Makes an image or a reject of each item, in parallel, and writes them in the items' order.
    ///
    /// `n_bytes` is how many bytes an item holds until it is written. `note` gets the notes of `make`, in the items' order.
    pub(crate) fn write<'a, T: Sync, N: Send>(
        &mut self,
        items: &'a [T],
        n_bytes: impl Fn(&T) -> u64 + Sync,
        make: impl Fn(&'a T) -> Made<N> + Sync,
        mut note: impl FnMut(N) + Send,
    ) -> Result<(), IngestError> {
        in_batches(items, n_bytes, make, |made| {
            let n_made = made.len() as u64;
            for (image, noted) in made {
                note(noted);
                self.manifests.push(image)?;
            }
            self.bar.inc(n_made);
            Ok(())
        })
    }

    /// Writes the images so far: what the disk cannot hold is told.
    pub(crate) fn flush(&mut self) -> Result<(), IngestError> {
        Ok(self.manifests.images.flush()?)
    }

    /// Gives the manifests their names; the images last, so that where they are, all is. What was lost of images is added to the
    /// provenance's warnings.
    pub(crate) fn finish(self, provenance: &Provenance, class_names: Vec<String>) -> Result<Summary, IngestError> {
        let Manifests { mut images, rejects, counts, rejects_by_reason, losses } = self.manifests;
        let mut provenance = provenance.clone();
        provenance.warnings.extend(losses.warnings());
        let provenance = &provenance;
        // The last images are written while the disk has the rejects.
        let (rejects, flushed) = rayon::join(|| rejects.finish(provenance), || images.flush());
        let (rejects, ()) = (rejects?, flushed?);
        let images = images.finish_images(provenance, &class_names)?;
        Ok(Summary {
            images,
            rejects,
            counts: Counts { classes: class_names.len() as u64, ..counts },
            class_names,
            rejects_by_reason,
            n_planted_pairs: None,
            warnings: provenance.warnings.clone(),
            n_kept_shards: 0,
            n_known: None,
        })
    }
}

/// The manifests under way, and what is in them.
struct Manifests {
    images: Writer<Image>,
    rejects: Writer<Reject>,
    counts: Counts,
    rejects_by_reason: BTreeMap<String, u64>,
    losses: Losses,
}

impl Manifests {
    fn push(&mut self, made: Result<Image, Reject>) -> Result<(), IngestError> {
        match made {
            Ok(image) => {
                *self.counts.of_split(image.split) += 1;
                self.losses.add(&image);
                self.images.push(image)?;
            }
            Err(reject) => {
                *self.rejects_by_reason.entry(reject.reason.clone()).or_default() += 1;
                self.rejects.push(reject)?;
            }
        }
        Ok(())
    }
}
