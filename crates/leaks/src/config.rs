//! What can be set.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

/// What can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The split that the predictions are of.
    pub split: Split,
    /// The confidence of all intervals.
    pub confidence: f64,
    /// Where the similarity of near duplicates is cut into bins, rising.
    pub similarity_edges: Vec<f64>,
    /// What the classes in the predictions are.
    pub classes: ClassNotation,
    /// The attack whose rows are taken of Twinset's own predictions.
    pub attack: String,
    /// The column that says which image a row is of; none for the usual names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_column: Option<String>,
    /// The column of the predicted class; none for the usual names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_column: Option<String>,
    /// The column of the true class; none for the usual names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
}

/// What the classes in the predictions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassNotation {
    /// Numbers or names, as they are found.
    Auto,
    /// Numbers, counted from 0.
    Numbers,
    /// Names.
    Names,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            split: Split::Test,
            confidence: 0.95,
            similarity_edges: vec![0.85, 0.9, 0.95],
            classes: ClassNotation::Auto,
            attack: "clean".to_owned(),
            image_column: None,
            predicted_column: None,
            label_column: None,
        }
    }
}

impl Config {
    /// Checks what types alone do not say.
    ///
    /// # Errors
    /// Names the key, what was found and what was expected.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let Self { split, confidence, similarity_edges: edges, .. } = self;
        InvalidField::unless(*split != Split::Train, "split", *split, "`val` or `test`: leaks come from `train`")?;
        InvalidField::unless(*confidence > 0.0 && *confidence < 1.0, "confidence", *confidence, "between 0 and 1")?;
        let are_within = edges.iter().all(|edge| *edge > 0.0 && *edge < 1.0);
        let do_rise = edges.windows(2).all(|pair| pair[0] < pair[1]);
        let found = format!("{edges:?}");
        InvalidField::unless(are_within && do_rise, "similarity-edges", found, "rising numbers between 0 and 1")
    }

    /// The bins of similarity: from the first of each two to below the second.
    pub(crate) fn bins(&self) -> Vec<(f64, f64)> {
        let edges: Vec<f64> = [0.0].into_iter().chain(self.similarity_edges.iter().copied()).chain([1.0]).collect();
        edges.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }
}
