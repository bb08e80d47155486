//! What was ingested, for a person to read.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use twinset_manifest::Written;
use twinset_manifest::rows::Split;

use crate::no_image;

/// How many images a source has in each split, and how many classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Images to train on.
    pub train: u64,
    /// Images to steer training by.
    pub val: u64,
    /// Images to judge by.
    pub test: u64,
    /// Classes.
    pub classes: u64,
    /// Files outside of class folders, which become rejects; a listing counts them apart, what is ingested not at all.
    #[serde(default, skip_serializing_if = "is_none")]
    pub outside: u64,
}

fn is_none(n: &u64) -> bool {
    *n == 0
}

impl Counts {
    pub(crate) fn of_split(&mut self, split: Split) -> &mut u64 {
        match split {
            Split::Train => &mut self.train,
            Split::Val => &mut self.val,
            Split::Test => &mut self.test,
        }
    }
}

/// What was ingested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The manifest of the images; of a sharded one the folder and the digest of its shards.
    pub images: Written,
    /// The manifest of what could not be read.
    pub rejects: Written,
    /// Images written in each split.
    pub counts: Counts,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
    /// How many rejects there are of each reason.
    pub rejects_by_reason: BTreeMap<String, u64>,
    /// Duplicates that were planted; none where the source plants none.
    pub n_planted_pairs: Option<u64>,
    /// What a reader of the result should know; also in the manifest's provenance.
    pub warnings: Vec<String>,
    /// Shards that an interrupted run had finished.
    pub n_kept_shards: usize,
    /// Files that a cache knows, which were not decoded; none without a cache.
    pub n_known: Option<u64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wrote {} images to {}", self.images.n_rows, self.images.path.display())?;
        let mut counts = self.counts;
        for &split in Split::ALL {
            let n = *counts.of_split(split);
            if n > 0 {
                writeln!(f, "  {split:<8} {n}")?;
            }
        }
        match self.class_names.len() {
            0 => writeln!(f, "  labels   none")?,
            n => writeln!(f, "  classes  {n}: {}", listed(&self.class_names, 12))?,
        }
        let reasons: Vec<_> = self.rejects_by_reason.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
        write!(f, "  rejects  {}{reasons}", self.rejects.n_rows)?;
        for reason in self.rejects_by_reason.keys() {
            if let Some(advice) = no_image::advice(reason) {
                write!(f, "\n           {reason}: {advice}")?;
            }
        }
        if let Some(n) = self.n_planted_pairs {
            write!(f, "\n  planted  {n} pairs of duplicates, listed in truth.csv")?;
        }
        if self.n_kept_shards > 0 {
            write!(f, "\n  kept     {} shards that an interrupted run had finished", self.n_kept_shards)?;
        }
        if let Some(n) = self.n_known {
            write!(f, "\n  known    {n} files of an earlier run, which were not decoded again")?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

/// The first `n_shown` names, and how many more there are.
pub(crate) fn listed(names: &[String], n_shown: usize) -> String {
    let shown = names.iter().take(n_shown).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(n_shown) {
        0 => shown,
        n_more => format!("{shown}, … ({n_more} more)"),
    }
}
