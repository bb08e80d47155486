//! What became of a source's items, and whether enough of them is left.

use std::collections::BTreeMap;
use std::path::Path;

use twinset_manifest::rows::Split;

use crate::IngestError;
use crate::error::{no_dataset, wrong};
use crate::summary::listed;

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

    /// An error where there is no item, or nothing is left of the whole.
    pub(crate) fn check(&self, source: &Path) -> Result<(), IngestError> {
        if self.of_all.n == 0 {
            return Err(no_dataset(source, "holds no image", "at least one"));
        }
        match self.of_all.only_rejected() {
            Some(example) => {
                let (source, n) = (source.display(), self.of_all.n);
                Err(wrong!("all {n} files of `{source}` were rejected, for instance {example}").into())
            }
            None => Ok(()),
        }
    }

    /// How many of the items, called `items`, were rejected; none where none was.
    pub(crate) fn warning(&self, items: &str) -> Option<String> {
        let Outcome { n, n_rejected, .. } = self.of_all;
        (n_rejected > 0).then(|| format!("{n_rejected} of {n} {items} were rejected, see rejects.parquet"))
    }

    /// A warning for each split that has lost all images of classes, and one for classes of which no split has any left.
    pub(crate) fn lost_classes(&self, class_names: &[String]) -> Vec<String> {
        let mut warnings = Vec::new();
        let lost = self.of_classes.iter().filter_map(|(&(split, label), outcome)| {
            Some((split, class_names.get(label? as usize)?, outcome.only_rejected()?))
        });
        let lost: Vec<_> = lost.collect();
        for of_split in lost.chunk_by(|left, right| left.0 == right.0) {
            let (split, _, example) = &of_split[0];
            let names: Vec<_> = of_split.iter().map(|(_, name, _)| (*name).clone()).collect();
            warnings.push(format!(
                "split `{split}` has no image left of {}, as all were rejected, for instance {example}",
                classes(&names)
            ));
        }
        let is_left = |label: u32| {
            let mut of_class = self.of_classes.iter().filter(|((_, of), _)| *of == Some(label));
            of_class.any(|(_, outcome)| outcome.n > outcome.n_rejected)
        };
        let mut gone: Vec<_> = lost.iter().map(|(_, name, _)| *name).collect();
        gone.sort_unstable();
        gone.dedup();
        gone.retain(|name| {
            class_names.iter().position(|other| other == *name).is_none_or(|label| !is_left(label as u32))
        });
        if !gone.is_empty() {
            let names: Vec<_> = gone.into_iter().cloned().collect();
            warnings.push(format!("no image at all is left of {}, which training refuses", classes(&names)));
        }
        warnings
    }
}

fn classes(names: &[String]) -> String {
    match names {
        [name] => format!("class `{name}`"),
        names => format!("{} classes: {}", names.len(), listed(names, 6)),
    }
}
