//! What can be wrong with parts.

use std::io;
use std::path::PathBuf;

use twinset_manifest::ManifestError;

use super::Step;
use crate::Part;

/// Why parts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The folder cannot be listed.
    #[error("cannot read the folder of parts `{folder}`: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No part of a step is there.
    #[error("`{folder}` holds no part of `{0}`, expected `{0}-1-of-N.parquet` and so on", .step.as_str())]
    None {
        /// The folder.
        folder: PathBuf,
        /// The step.
        step: Step,
    },
    /// A part is missing.
    #[error("`{path}` is not there, expected all {} parts of `{}`", .missing.count(), .step.as_str())]
    Missing {
        /// Its file.
        path: PathBuf,
        /// The step.
        step: Step,
        /// The part.
        missing: Part,
    },
    /// Parts of two numbers of parts.
    #[error("`{path}` is one of {found} parts, expected parts of {expected} alone in a folder")]
    OtherCount {
        /// The file.
        path: PathBuf,
        /// Of how many parts it is one.
        found: u32,
        /// Of how many it should be.
        expected: u32,
    },
    /// A file has another part than its name says.
    #[error("`{path}` holds part {found}, expected part {expected}")]
    OtherPart {
        /// The file.
        path: PathBuf,
        /// The part that it holds.
        found: Part,
        /// The part that it should hold.
        expected: Part,
    },
    /// A part of other images, or with another config.
    #[error("`{path}` does not go with `{first}`: {difference}")]
    Differs {
        /// The file.
        path: PathBuf,
        /// A file that it was compared with.
        first: PathBuf,
        /// In what they differ.
        difference: String,
    },
    /// A part that another program made.
    #[error("`{path}` was made by a twinset-neardup of {found}, expected {expected}")]
    OtherProgram {
        /// The file.
        path: PathBuf,
        /// Version and format of that program.
        found: String,
        /// Those of this one.
        expected: String,
    },
    /// A part that has more or fewer rows than its share.
    #[error("`{path}` has {found} rows, expected {expected}, its share of {n_shared}")]
    OtherShare {
        /// The file.
        path: PathBuf,
        /// Its rows.
        found: u64,
        /// Its share.
        expected: u64,
        /// What all parts share.
        n_shared: u64,
    },
    /// A manifest that is no part.
    #[error("`{path}` is no part of a search: {detail}")]
    NoPart {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A picture that is no thumbnail.
    #[error("a part has a picture of image {image_id} of {found} bytes, expected {expected}")]
    Picture {
        /// The image.
        image_id: u64,
        /// The bytes that it has.
        found: usize,
        /// The bytes that it should have.
        expected: usize,
    },
    /// The rows of a part cannot be read.
    #[error(transparent)]
    Rows(#[from] ManifestError),
    /// A part cannot be read: it is cut short, or no manifest.
    #[error("{source}")]
    Unreadable {
        /// The step.
        step: Step,
        /// The part.
        part: Part,
        /// Why.
        source: ManifestError,
    },
}

impl PartsError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<String> {
        let run =
            |step: &Step, part: &dyn std::fmt::Display| format!("twinset-neardup {} --part {part}", step.as_str());
        match self {
            Self::None { step, .. } => Some(format!("run `{}` first, and so on", run(step, &"1/N"))),
            Self::Missing { step, missing, .. } => Some(format!("run `{}`", run(step, missing))),
            Self::Unreadable { step, part, .. } => Some(format!("delete it and run `{}` again", run(step, part))),
            Self::OtherCount { .. } => Some("delete the parts that are not wanted, or use another folder".to_owned()),
            Self::Differs { .. } | Self::OtherProgram { .. } | Self::OtherPart { .. } | Self::OtherShare { .. } => {
                Some("run its command again with the arguments that the others were run with".to_owned())
            }
            Self::Rows(ManifestError::Damaged { path, .. }) => {
                Some(format!("delete `{}` and make it again", path.display()))
            }
            Self::Folder { .. } | Self::NoPart { .. } | Self::Picture { .. } | Self::Rows(_) => None,
        }
    }
}
