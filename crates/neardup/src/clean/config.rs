//! What cleaning is asked for.

use serde::{Deserialize, Serialize};

/// Which images stay before others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// The one with the smallest id.
    First,
    /// The one with the most pixels; of equals, the one with the smallest id.
    #[default]
    Largest,
    /// Those whose files hold their pixels without loss (PNG, BMP, TIFF, …); of equals, the one with the most pixels.
    LosslessFirst,
    /// The one with the largest file; of equals, the one with the most pixels.
    FileSize,
}

impl Keep {
    /// Which of an image's duplicates stays, for a person to read.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::First => "the one with the smallest id",
            Self::Largest => "the one with the most pixels",
            Self::LosslessFirst => "one without loss (PNG, BMP, TIFF), then the one with the most pixels",
            Self::FileSize => "the one with the largest file",
        }
    }
}

/// What becomes of duplicates of two splits. Their order is train, val, test.
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
    /// Which images stay before others; `largest`.
    pub keep: Keep,
    /// What becomes of images that are duplicates of another split's; `remove-from-test`.
    pub leaks: Leaks,
    /// Whether of duplicates within a split some go, so that none is left; true. False leaves a split's duplicates of
    /// itself alone, so that with `leaks = "remove-from-test"` the training images stay as they are.
    pub within_splits: bool,
    /// What becomes of clusters of two labels; `keep`.
    pub label_conflicts: LabelConflicts,
}

impl Default for CleanConfig {
    fn default() -> Self {
        Self {
            keep: Keep::Largest,
            leaks: Leaks::RemoveFromTest,
            within_splits: true,
            label_conflicts: LabelConflicts::Keep,
        }
    }
}
