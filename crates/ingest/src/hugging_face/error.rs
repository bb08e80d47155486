//! What the features in the footers of shards do not agree on.

use crate::summary::listed;

/// What the footers' features do not agree on.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// The classes have other names in another file.
    #[error("`{left}` and `{right}` have different classes: {} and {}", listed(.left_names, 6), listed(.right_names, 6))]
    ClassesDiffer {
        /// One file.
        left: String,
        /// Its classes.
        left_names: Vec<String>,
        /// The other file.
        right: String,
        /// Its classes.
        right_names: Vec<String>,
    },
}
