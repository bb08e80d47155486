//! What a partition is asked for.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

/// How large the parts are; train is what is left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PartitionConfig {
    /// The share of the images that is for validation, 0 to 1; 0.
    pub val: f64,
    /// The share of the images that is for test, 0 to 1; 0.
    pub test: f64,
    /// What the order of clusters of one size depends on.
    pub seed: u64,
}

impl PartitionConfig {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// Names the key, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let (val, test) = (self.val, self.test);
        for (field, share) in [("val", val), ("test", test)] {
            InvalidField::unless((0.0..1.0).contains(&share), field, share, "a share from 0 to less than 1")?;
        }
        InvalidField::unless(val + test > 0.0, "test", test, "above 0, or `val` above 0")?;
        InvalidField::unless(val + test < 1.0, "test", test, "less than 1 together with `val`, as train is the rest")
    }

    /// The share of the images that a split should have.
    pub fn share(&self, split: Split) -> f64 {
        match split {
            Split::Train => 1.0 - self.val - self.test,
            Split::Val => self.val,
            Split::Test => self.test,
        }
    }
}
