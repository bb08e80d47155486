//! CIFAR-10: 60,000 colour images of 32×32 pixels in ten classes, in the official binary or Python version; see
//! [`cifar`](crate::cifar).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use twinset_stage::InvalidField;

pub use crate::cifar::Subset;
use crate::cifar::{CIFAR10, Source};

/// Where CIFAR-10 is, and how much of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The folder of the official files, binary or Python, or the official `.tar.gz`; relative to the data folder.
    pub path: PathBuf,
    /// Whether a batch is taken whose digest is not the official one; it is then named in the warnings.
    pub allow_unverified: bool,
    /// A part of the images, drawn by class; all of them where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<Subset>,
    /// The training batch, 1 to 5, whose images are the test split; the other four are the training split, and the official test
    /// images are left out. Without it the splits are the official ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_batch: Option<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: PathBuf::from(CIFAR10.binary_folder), allow_unverified: false, subset: None, test_batch: None }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder or a .tar.gz")?;
        let is_batch = |number: u8| (1..=5).contains(&number);
        let number = self.test_batch.unwrap_or_default();
        InvalidField::unless(self.test_batch.is_none_or(is_batch), "test-batch", number, "a training batch, 1 to 5")?;
        self.subset.as_ref().map_or(Ok(()), |subset| subset.validate(&self.source()))
    }

    pub(crate) fn source(&self) -> Source<'_> {
        let (allow_unverified, subset) = (self.allow_unverified, self.subset.as_ref());
        Source { family: &CIFAR10, label: 0, allow_unverified, subset, test_batch: self.test_batch }
    }
}
