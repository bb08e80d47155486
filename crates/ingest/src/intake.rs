//! The images of a file source on their way into the sink: what is known of each beforehand, and what became of them.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use twinset_manifest::Provenance;
use twinset_manifest::rows::{Image, Split};

use crate::sink::Sink;
use crate::splits::{Asked, without_classes};
use crate::take::{Keep, Place, Rejection, Take, reject, told};
use crate::{Counts, IngestError, Summary};

/// What is known of a source's items before any is decoded: the classes' names, and of each item, by id, label and split.
pub(crate) struct Roll {
    pub(crate) class_names: Vec<String>,
    pub(crate) labels: Vec<Option<u32>>,
    pub(crate) splits: Vec<Split>,
}

impl Roll {
    /// With the splits that the config asks for, else those of the source.
    pub(crate) fn new(
        (class_names, labels): (Vec<String>, Vec<Option<u32>>),
        of_source: Vec<Split>,
        asked: Asked,
    ) -> Self {
        let splits = asked.resolve(&labels, of_source);
        Self { class_names, labels, splits }
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts { classes: self.class_names.len() as u64, ..Counts::default() };
        self.splits.iter().for_each(|&split| *counts.of_split(split) += 1);
        counts
    }
}

/// An item as it comes: its `source`, its bytes, and what is to be noted of it.
pub(crate) type Item<N> = (String, Result<(Bytes, Keep), Rejection>, N);

/// The images on their way.
pub(crate) struct Intake<'a> {
    source: &'a Path,
    roll: &'a Roll,
    take: Take<'a>,
    sink: Sink,
    n_taken: usize,
    outcomes: BTreeMap<(Split, Option<u32>), Outcome>,
}

/// What became of the items of one class and split.
#[derive(Default)]
struct Outcome {
    n: usize,
    n_rejected: usize,
    example: Option<String>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(source: &'a Path, roll: &'a Roll, take: Take<'a>, sink: Sink) -> Self {
        Self { source, roll, take, sink, n_taken: 0, outcomes: BTreeMap::new() }
    }

    /// Takes the next items, in parallel. `size` is how many bytes an item takes while it is made; `note` gets what
    /// is to be noted, in order.
    pub(crate) fn write<'i, T: Sync, N: Send>(
        &mut self,
        items: &'i [T],
        size: impl Fn(&T) -> u64 + Sync,
        make: impl Fn(&'i T) -> Item<N> + Sync,
        mut note: impl FnMut(N) + Send,
    ) -> Result<(), IngestError> {
        let (first, end) = (self.n_taken, self.n_taken + items.len());
        if end > self.roll.labels.len() {
            let source = std::io::Error::other("it changed while it was read");
            return Err(IngestError::Read { path: self.source.to_owned(), source });
        }
        let numbered: Vec<_> = items.iter().enumerate().map(|(at, item)| (first + at, item)).collect();
        let (roll, take, outcomes) = (self.roll, self.take, &mut self.outcomes);
        let make = |&(id, item): &(usize, &'i T), room: &mut dyn FnMut(u64)| {
            room(size(item));
            let (source, bytes, note) = make(item);
            match bytes.and_then(|(bytes, keep)| row(take, roll, id, source.clone(), bytes, keep)) {
                Ok(image) => (Ok(image), (id, None, note)),
                Err(rejection) => {
                    let reject = reject(&source, rejection);
                    let example = told(&reject);
                    (Err(reject), (id, Some(example), note))
                }
            }
        };
        self.sink.write(&numbered, make, |(id, rejected, own): (usize, Option<String>, N)| {
            let outcome = outcomes.entry((roll.splits[id], roll.labels[id])).or_default();
            outcome.n += 1;
            outcome.n_rejected += usize::from(rejected.is_some());
            outcome.example = outcome.example.take().or(rejected);
            note(own);
        })?;
        self.n_taken = end;
        Ok(())
    }

    /// Writes the manifests, unless nothing is left of the whole, or of a class in a split.
    pub(crate) fn finish(self, mut provenance: Provenance) -> Result<Summary, IngestError> {
        let (n, n_rejected) = self
            .outcomes
            .values()
            .fold((0, 0), |(n, n_rejected), outcome| (n + outcome.n, n_rejected + outcome.n_rejected));
        if n == 0 {
            let (path, found) = (self.source.to_owned(), "holds no image");
            return Err(IngestError::NoDataset { path, found, expected: "at least one" });
        }
        let only_rejected = |outcome: &Outcome| outcome.example.clone().filter(|_| outcome.n == outcome.n_rejected);
        if let Some(example) = self.outcomes.values().find_map(only_rejected).filter(|_| n == n_rejected) {
            return Err(IngestError::AllRejected { folder: self.source.to_owned(), n, example });
        }
        for (&(split, label), outcome) in &self.outcomes {
            if let (Some(label), Some(example)) = (label, only_rejected(outcome)) {
                let class = self.roll.class_names[label as usize].clone();
                return Err(IngestError::ClassRejected { class, split, n: outcome.n, example });
            }
        }
        provenance.warnings.extend(self.missing_classes());
        if n_rejected > 0 {
            provenance.warnings.push(format!("{n_rejected} of {n} images were rejected, see rejects.parquet"));
        }
        self.sink.finish(&provenance, self.roll.class_names.clone())
    }

    /// A warning for each split that lacks classes.
    fn missing_classes(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for &split in Split::ALL {
            let is_there = |label: u32| self.outcomes.contains_key(&(split, Some(label)));
            let names = || self.roll.class_names.iter().zip(0..);
            let missing: Vec<_> =
                names().filter(|&(_, label)| !is_there(label)).map(|(name, _)| name.clone()).collect();
            if (1..self.roll.class_names.len()).contains(&missing.len()) {
                warnings.extend(without_classes(split, &missing));
            }
        }
        warnings
    }
}

fn row(take: Take, roll: &Roll, id: usize, source: String, bytes: Bytes, keep: Keep) -> Result<Image, Rejection> {
    let unlabelled = || ("unlabelled", "it has no label".to_owned());
    let label = roll.labels[id].ok_or_else(unlabelled)?;
    take.image(Place { image_id: id as u64, split: roll.splits[id], label, source }, bytes, keep)
}
