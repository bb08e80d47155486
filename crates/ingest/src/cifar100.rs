//! CIFAR-100: 60,000 colour images of 32×32 pixels, each with a label of 100 classes and one of 20 superclasses, in the
//! official binary or Python version; see [`cifar`](crate::cifar).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use twinset_stage::InvalidField;

pub use crate::cifar::Subset;
use crate::cifar::{CIFAR100, Source};

/// Where CIFAR-100 is, which label an image has, and how much of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The folder of the official files, binary or Python, or the official `.tar.gz`; relative to the data folder.
    pub path: PathBuf,
    /// Which of an image's two labels.
    pub labels: Granularity,
    /// Whether a batch is taken whose digest is not the official one; it is then named in the warnings.
    pub allow_unverified: bool,
    /// A part of the images, drawn by class; all of them where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<Subset>,
}

/// How finely images are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// 100 classes, such as `maple_tree`.
    #[default]
    Fine,
    /// 20 superclasses of five classes each, such as `trees`.
    Coarse,
}

impl Default for Config {
    fn default() -> Self {
        let path = PathBuf::from(CIFAR100.binary_folder);
        Self { path, labels: Granularity::default(), allow_unverified: false, subset: None }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder or a .tar.gz")?;
        self.subset.as_ref().map_or(Ok(()), |subset| subset.validate(&self.source()))
    }

    pub(crate) fn source(&self) -> Source<'_> {
        let label = match self.labels {
            Granularity::Coarse => 0,
            Granularity::Fine => 1,
        };
        let (allow_unverified, subset) = (self.allow_unverified, self.subset.as_ref());
        Source { family: &CIFAR100, label, allow_unverified, subset, test_batch: None }
    }
}
