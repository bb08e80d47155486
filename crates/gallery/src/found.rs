//! What was found in all.

use std::collections::BTreeMap;

use twinset_manifest::rows::Split;

/// What was found in all, whether a page shows it or not: the numbers that the search prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Groups of images that exact and near pairs tie together.
    pub n_groups: u64,
    /// Images in them.
    pub n_images: u64,
    /// Of the groups, those with images of two labels.
    pub n_conflict_groups: u64,
    /// Exact pairs.
    pub n_exact: u64,
    /// Near pairs.
    pub n_near: u64,
    /// Similar pairs, which are no duplicates.
    pub n_similar: u64,
    /// Images by split, of the whole set.
    pub n_images_of: BTreeMap<Split, u64>,
    /// By split, the images whose group has one of an earlier split.
    pub n_leaked: BTreeMap<Split, u64>,
    /// Classes of the whole set.
    pub n_classes: usize,
}

impl Found {
    /// Exact and near pairs.
    pub fn n_duplicates(&self) -> u64 {
        self.n_exact + self.n_near
    }
}
