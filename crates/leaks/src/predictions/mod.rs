//! What models predicted, from files of several kinds.

mod by_image;
mod classes;
mod columns;
mod find;
mod logits;
mod npy;
mod own;
mod table;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Serialize;
use twinset_manifest::rows::Prediction;
use twinset_manifest::{Input, Row, Untyped, schema_name};

use crate::{Config, Dataset, LeaksError, Refused};

pub use find::{ModelFile, find_models};

/// A model's predictions of all images of a split, in their order.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// The class that each image was taken for.
    pub predicted: Vec<u32>,
    /// How its file was read.
    pub read: FileRead,
    /// The file, for the provenance.
    pub input: Input,
}

/// How a file of predictions was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileRead {
    /// The file's name.
    pub file: String,
    /// What it is, for instance `CSV`.
    pub format: &'static str,
    /// What says which image a prediction is of.
    pub images_by: String,
    /// The column of the predicted class; none of arrays.
    pub predicted_column: Option<String>,
    /// The column of labels, which agree with the images'; none where there is none.
    pub label_column: Option<String>,
    /// Predictions of images of other splits, which were left out.
    pub n_of_other_splits: u64,
    /// Images whose largest logit two classes share: the first one counts. None where there are no logits.
    pub n_ties: Option<u64>,
    /// Of them, those whose own class is among the two: they may count as right or wrong.
    pub n_ties_with_label: Option<u64>,
    /// Whether nothing but the number of predictions says that they are in the images' order.
    pub is_order_unchecked: bool,
}

impl Model {
    /// Reads a model's file.
    ///
    /// # Errors
    /// When it cannot be read, or is not of exactly the images of the split.
    pub fn read(file: &ModelFile, dataset: &Dataset, config: &Config) -> Result<Self, LeaksError> {
        let path = file.path.as_path();
        let (predicted, mut read, input) = match kind(path)? {
            Kind::Manifest => own::read(path, dataset, config)?,
            kind => {
                let (predicted, read) = match kind {
                    Kind::Array => npy::read(path, dataset)?,
                    _ => table::read(path, dataset, config)?,
                };
                (predicted, read, Input::of_file(path).map_err(|error| unreadable(path, error))?)
            }
        };
        read.file.clone_from(&input.name);
        Ok(Self { name: file.name.clone(), predicted, read, input })
    }

    /// Whether the model is right on each image.
    pub fn correct<'a>(&'a self, dataset: &'a Dataset) -> impl Iterator<Item = bool> + Clone + 'a {
        self.predicted.iter().zip(&dataset.images).map(|(predicted, image)| *predicted == image.label)
    }
}

enum Kind {
    Manifest,
    Array,
    Table,
}

const WANTED: &str = "a CSV or Parquet file, a NumPy array (.npy), or predictions of twinset-evaluate";

/// The kind of a file, by its first bytes.
fn kind(path: &Path) -> Result<Kind, LeaksError> {
    if path.is_dir() {
        // A sharded manifest.
        return Ok(Kind::Manifest);
    }
    let mut begin = Vec::new();
    File::open(path).and_then(|file| file.take(8).read_to_end(&mut begin)).map_err(|error| unreadable(path, error))?;
    match begin.as_slice() {
        [] => Err(Refused::file(path, "an empty file", WANTED).into()),
        begin if begin.starts_with(b"\x93NUMPY") => Ok(Kind::Array),
        begin if begin.starts_with(b"PAR1") => {
            let is_ours = Untyped::open(path)?.schema().map(schema_name) == Some(schema_name(Prediction::SCHEMA));
            Ok(if is_ours { Kind::Manifest } else { Kind::Table })
        }
        begin if begin.starts_with(b"PK\x03\x04") => {
            let hint = "write one array: np.save(\"model.npy\", logits), with logits.cpu().numpy() of a tensor";
            Err(Refused::file(path, "an archive (.npz of NumPy or a file of PyTorch)", WANTED).hint(hint).into())
        }
        begin if begin.starts_with(b"\x80") || begin.starts_with(b"\x89HDF") => {
            let hint = "write one array: np.save(\"model.npy\", logits)";
            Err(Refused::file(path, "a pickle or an HDF5 file", WANTED).hint(hint).into())
        }
        _ => Ok(Kind::Table),
    }
}

fn unreadable(path: &Path, source: io::Error) -> LeaksError {
    LeaksError::Read { path: path.display().to_string(), source }
}
