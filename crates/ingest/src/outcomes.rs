//! What became of a source's items, and whether enough of them is left.

use std::collections::BTreeMap;
use std::path::Path;

use twinset_manifest::rows::Split;

use crate::IngestError;

/// What became of the items so far.
#[derive(Default)]
pub(crate) struct Outcomes {
    of_all: Outcome,
    of_classes: BTreeMap<(Split, Option<u32>), Outcome>,
}

/// How many there were, how many of them were rejected, and the first of these.
#[derive(Default)]
struct Outcome {
    n: usize,
    n_rejected: usize,
    example: Option<String>,
}

impl Outcome {
    fn add(&mut self, rejected: Option<&str>) {
        self.n += 1;
        self.n_rejected += usize::from(rejected.is_some());
        if self.example.is_none() {
            self.example = rejected.map(str::to_owned);
        }
    }

    /// The first rejection, where there is nothing else.
    fn only_rejected(&self) -> Option<String> {
        self.example.clone().filter(|_| self.n == self.n_rejected)
    }
}

impl Outcomes {
    /// Adds an item, and as which it was rejected, if it was.
    pub(crate) fn add(&mut self, split: Split, label: Option<u32>, rejected: Option<&str>) {
        self.of_all.add(rejected);
        self.of_classes.entry((split, label)).or_default().add(rejected);
    }

    /// An error where there is no item, or nothing is left of the whole, or of a class in a split.
    pub(crate) fn check(&self, source: &Path, class_names: &[String]) -> Result<(), IngestError> {
        if self.of_all.n == 0 {
            let (path, found) = (source.to_owned(), "holds no image");
            return Err(IngestError::NoDataset { path, found, expected: "at least one" });
        }
        if let Some(example) = self.of_all.only_rejected() {
            return Err(IngestError::AllRejected { folder: source.to_owned(), n: self.of_all.n, example });
        }
        for (&(split, label), outcome) in &self.of_classes {
            if let (Some(label), Some(example)) = (label, outcome.only_rejected()) {
                let class = class_names[label as usize].clone();
                return Err(IngestError::ClassRejected { class, split, n: outcome.n, example });
            }
        }
        Ok(())
    }

    /// How many of the items, called `items`, were rejected; none where none was.
    pub(crate) fn warning(&self, items: &str) -> Option<String> {
        let Outcome { n, n_rejected, .. } = self.of_all;
        (n_rejected > 0).then(|| format!("{n_rejected} of {n} {items} were rejected, see rejects.parquet"))
    }
}
