//! Checks that a stage runs on its own result.

use serde::{Deserialize, Serialize};

use crate::row::text_enum;

text_enum! {
    /// What came of a check.
    pub enum CheckOutcome {
        /// It found nothing wrong.
        Passed = "passed",
        /// It found what it looks for: the result may be worth less than it seems.
        Failed = "failed",
        /// It did not run.
        Skipped = "skipped",
    }
}

/// One check that a stage ran on its own result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What was checked, in kebab-case: `noise-not-stronger`, for instance. A stage runs each check once.
    pub name: String,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// One plain sentence with the figures, or why it did not run.
    pub detail: String,
}
