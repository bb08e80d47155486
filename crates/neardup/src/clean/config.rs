//! What cleaning is asked for.

use serde::{Deserialize, Serialize};

/// Which image stands for its cluster within a split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The one with the smallest id.
    #[default]
    First,
    /// The one with the most pixels; of equals, the one with the smallest id.
    Largest,
}

/// What becomes of clusters that have images of several splits. Their order is train, val, test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaks {
    /// The images of the first of the splits stay, those of the later ones go.
    #[default]
    RemoveFromTest,
    /// The images of the last of the splits stay, those of the earlier ones go.
    RemoveFromTrain,
    /// All stay.
    Keep,
}

/// What becomes of clusters whose images have two labels, none of which can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelConflicts {
    /// They are treated as any other.
    #[default]
    Keep,
    /// All their images go, in every split.
    Remove,
}

/// What cleaning is asked for. Every key has a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CleanConfig {
    /// Which image stands for its cluster; `first`.
    pub keep: Keep,
    /// What becomes of images that share a cluster with another split's; `remove-from-test`.
    pub leaks: Leaks,
    /// Whether one image of a cluster stays in each split, and its duplicates go; true. False leaves a split's duplicates of
    /// itself alone, so that with `leaks = "remove-from-test"` the training images stay as they are.
    pub within_splits: bool,
    /// What becomes of clusters of two labels; `keep`.
    pub label_conflicts: LabelConflicts,
}

impl Default for CleanConfig {
    fn default() -> Self {
        Self {
            keep: Keep::First,
            leaks: Leaks::RemoveFromTest,
            within_splits: true,
            label_conflicts: LabelConflicts::Keep,
        }
    }
}
