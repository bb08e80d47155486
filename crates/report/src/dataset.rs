//! The *dataset* of a study: how many images of which class in which split.

use std::collections::{BTreeMap, BTreeSet};

use twinset_manifest::rows::{ImageFacts, Reject, Split};
use twinset_manifest::{Provenance, Reader};

use crate::ReportError;

/// What an `images` manifest holds, counted.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// What the stage that wrote it calls the dataset.
    pub name: String,
    /// The classes' names by label.
    pub classes: BTreeMap<u32, String>,
    /// Images by split and label.
    pub counts: BTreeMap<(Split, u32), u64>,
    /// Width and height of the narrowest and of the widest image.
    pub sizes: Option<[(u32, u32); 2]>,
}

/// The source items that could not be read for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectCount {
    /// The reason.
    pub reason: String,
    /// How many.
    pub n: u64,
    /// The first of them: where it stands, and what the decoder said.
    pub example: (String, String),
}

impl Dataset {
    /// The accuracy of a guess.
    pub fn chance(&self) -> f64 {
        1.0 / self.classes.len().max(1) as f64
    }

    /// Counts the images of a manifest; its pictures are not read.
    pub(crate) fn count(reader: Reader<ImageFacts>) -> Result<Self, ReportError> {
        let mut dataset = Self { name: name(reader.provenance()), ..Self::default() };
        let mut sizes = BTreeSet::new();
        for batch in reader {
            let rows = batch.map_err(|source| ReportError::Manifest { field: "images".to_owned(), source })?;
            for row in rows {
                *dataset.counts.entry((row.split, row.label)).or_default() += 1;
                dataset.classes.entry(row.label).or_insert(row.class_name);
                sizes.insert((row.width, row.height));
            }
        }
        dataset.sizes = sizes.first().zip(sizes.last()).map(|(&first, &last)| [first, last]);
        Ok(dataset)
    }

    /// How many images a split has.
    pub fn n_in(&self, split: Split) -> u64 {
        self.counts.iter().filter(|((other, _), _)| *other == split).map(|(_, n)| n).sum()
    }

    /// The splits that have images.
    pub fn splits(&self) -> impl Iterator<Item = Split> {
        Split::ALL.iter().copied().filter(|&split| self.n_in(split) > 0)
    }

    /// A class's name, its number where it has none.
    pub fn class_name(&self, label: u32) -> String {
        self.classes.get(&label).cloned().unwrap_or_else(|| label.to_string())
    }
}

/// Counts rejects by reason, the most frequent first.
pub(crate) fn count_rejects(rows: &[Reject]) -> Vec<RejectCount> {
    let mut counts: Vec<RejectCount> = Vec::new();
    for row in rows {
        match counts.iter_mut().find(|count| count.reason == row.reason) {
            Some(count) => count.n += 1,
            None => {
                let example = (row.source.clone(), row.detail.clone());
                counts.push(RejectCount { reason: row.reason.clone(), n: 1, example });
            }
        }
    }
    counts.sort_by(|left, right| right.n.cmp(&left.n).then_with(|| left.reason.cmp(&right.reason)));
    counts
}

fn name(provenance: &Provenance) -> String {
    provenance.config.get("dataset").and_then(|name| name.as_str()).unwrap_or(&provenance.stage).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_counted_by_reason() {
        let reject = |source: &str, reason: &str| Reject {
            source: source.to_owned(),
            reason: reason.to_owned(),
            detail: format!("detail of {source}"),
        };
        let counts = count_rejects(&[reject("a", "too-large"), reject("b", "unreadable"), reject("c", "unreadable")]);
        let found: Vec<_> =
            counts.iter().map(|count| (count.reason.as_str(), count.n, count.example.0.as_str())).collect();
        assert_eq!(found, [("unreadable", 2, "b"), ("too-large", 1, "a")]);
    }
}
