//! What a person wants to know of the training set first.

use std::fmt;

use twinset_manifest::rows::Split;

use crate::{Config, Duplicates, Plan};

/// What a person wants to know of the training set first. Printed, it is the stage's output on stdout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Positions of the training set.
    pub n_rows: u64,
    /// Training images before removal.
    pub n_train: u64,
    /// Training images that removal took out.
    pub n_removed: u64,
    /// Training images that are originals.
    pub n_originals: u64,
    /// Whether fresh images stand in the stead of duplicates.
    pub is_fresh: bool,
    /// The split that duplicates leak into; none where they are injected into the training set.
    pub leaks_into: Option<Split>,
    /// Duplicates by class, in the order of labels.
    pub n_injected: Vec<(String, u64)>,
    /// Changed copies whose pixels came out as their original's.
    pub n_unchanged: u64,
}

impl Summary {
    /// Sums up.
    pub fn of(plan: &Plan, config: &Config, class_names: &[String], n_unchanged: u64) -> Self {
        Self {
            n_rows: plan.rows.len() as u64,
            n_train: plan.n_train,
            n_removed: plan.n_removed,
            n_originals: plan.n_originals,
            is_fresh: config.duplicates == Duplicates::Fresh,
            leaks_into: config.leaks().then_some(config.into),
            n_injected: class_names.iter().cloned().zip(plan.n_injected.iter().copied()).collect(),
            n_unchanged,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_injected: u64 = self.n_injected.iter().map(|(_, n)| n).sum();
        writeln!(f, "{} training images, {} removed as duplicates", self.n_train, self.n_removed)?;
        if self.n_originals < self.n_train - self.n_removed {
            writeln!(f, "{} of them drawn as originals", self.n_originals)?;
        }
        match self.leaks_into {
            None if self.is_fresh => writeln!(f, "{n_injected} fresh images added, and no duplicates")?,
            None => writeln!(f, "{n_injected} duplicates injected")?,
            Some(split) => writeln!(f, "{n_injected} duplicates of training images leaked into the {split} split")?,
        }
        for (class_name, n) in self.n_injected.iter().filter(|(_, n)| *n > 0) {
            writeln!(f, "  {class_name}: {n}")?;
        }
        if self.n_unchanged > 0 {
            writeln!(f, "{} of them have the same pixels as their original", self.n_unchanged)?;
        }
        writeln!(f, "{} positions in the training set", self.n_rows)
    }
}
