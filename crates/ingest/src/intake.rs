//! The images of a file source on their way into the sink: what is known of each beforehand, and what became of them.

use std::path::Path;

use bytes::Bytes;
use twinset_manifest::Provenance;
use twinset_manifest::rows::{Image, Split};

use crate::image_row::Place;
use crate::labels::Labelled;
use crate::outcomes::Outcomes;
use crate::rejection::{Rejection, UNLABELLED, reject, told};
use crate::sink::Sink;
use crate::splits::{Asked, missing_classes};
use crate::take::{Keep, Take};
use crate::{Counts, IngestError, Summary, unicode_forms};

/// What is known of a source's items before any is decoded: the classes' names, and of each item, by id, label and split.
pub(crate) struct Roll {
    pub(crate) class_names: Vec<String>,
    pub(crate) labels: Vec<Option<u32>>,
    pub(crate) splits: Vec<Split>,
    /// What a reader of the labels should know.
    warnings: Vec<String>,
}

impl Roll {
    /// With the splits that the config asks for, else those of the source.
    pub(crate) fn new(labelled: Labelled, of_source: Vec<Split>, asked: Asked) -> Self {
        let Labelled { class_names, labels, mut warnings } = labelled;
        let splits = asked.resolve(&labels, of_source);
        warnings.extend(unicode_forms::twins_within(&class_names));
        Self { class_names, labels, splits, warnings }
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts { classes: self.class_names.len() as u64, ..Counts::default() };
        self.splits.iter().for_each(|&split| *counts.of_split(split) += 1);
        counts
    }

    /// What a reader should know: of the labels, of splits that lack classes, and of those that were to be drawn and have
    /// nothing.
    pub(crate) fn warnings(&self, asked: Asked) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        warnings.extend(asked.draw_split.into_iter().flat_map(|draw_split| draw_split.unfilled(&self.splits)));
        let images = self.labels.iter().copied().zip(self.splits.iter().copied());
        warnings.extend(missing_classes(&self.class_names, images));
        warnings
    }
}

/// The images on their way.
pub(crate) struct Intake<'a> {
    source: &'a Path,
    roll: &'a Roll,
    take: Take<'a>,
    sink: Sink,
    n_taken: usize,
    outcomes: Outcomes,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(source: &'a Path, roll: &'a Roll, take: Take<'a>, sink: Sink) -> Self {
        Self { source, roll, take, sink, n_taken: 0, outcomes: Outcomes::default() }
    }

    /// Takes the next items, in parallel. `size` is how many bytes an item takes while it is made; `make` gives its `source`
    /// and its bytes.
    pub(crate) fn write<T: Sync>(
        &mut self,
        items: &[T],
        size: impl Fn(&T) -> u64 + Sync,
        make: impl Fn(&T) -> (String, Result<Bytes, Rejection>) + Sync,
    ) -> Result<(), IngestError> {
        let (first, end) = (self.n_taken, self.n_taken + items.len());
        if end > self.roll.labels.len() {
            return Err(self.changed());
        }
        let numbered: Vec<_> = items.iter().enumerate().map(|(at, item)| (first + at, item)).collect();
        let (roll, take, outcomes) = (self.roll, self.take, &mut self.outcomes);
        let make = |&(id, item): &(usize, &T)| {
            let (source, bytes) = make(item);
            match bytes.and_then(|bytes| image(take, roll, id, source.clone(), bytes)) {
                Ok(image) => (Ok(image), (id, None)),
                Err(rejection) => {
                    let reject = reject(&source, rejection);
                    let rejected = Some(told(&reject));
                    (Err(reject), (id, rejected))
                }
            }
        };
        self.sink.write(
            &numbered,
            |&(_, item)| size(item),
            make,
            |(id, rejected): (usize, Option<String>)| {
                outcomes.add(roll.splits[id], roll.labels[id], rejected.as_deref());
            },
        )?;
        self.n_taken = end;
        Ok(())
    }

    /// It has not as many items as when the roll was called.
    fn changed(&self) -> IngestError {
        let source = std::io::Error::other("it changed while it was read");
        IngestError::Read { path: self.source.to_owned(), source }
    }

    /// Writes the manifests, unless nothing is left of the whole.
    pub(crate) fn finish(self, asked: Asked, mut provenance: Provenance) -> Result<Summary, IngestError> {
        if self.n_taken < self.roll.labels.len() {
            return Err(self.changed());
        }
        self.outcomes.check(self.source)?;
        provenance.warnings.extend(self.roll.warnings(asked));
        provenance.warnings.extend(self.outcomes.warning("images"));
        provenance.warnings.extend(self.outcomes.lost_classes(&self.roll.class_names));
        self.sink.finish(&provenance, self.roll.class_names.clone())
    }
}

fn image(take: Take, roll: &Roll, id: usize, source: String, bytes: Bytes) -> Result<Image, Rejection> {
    let unlabelled = || (UNLABELLED.0, UNLABELLED.1.to_owned());
    let label = roll.labels[id].ok_or_else(unlabelled)?;
    let class_name = roll.class_names[label as usize].clone();
    let place = Place { image_id: id as u64, split: roll.splits[id], label, class_name, source };
    take.image(place, bytes, Keep::Bytes)
}
