//! CIFAR-10 (Krizhevsky 2009) in its official binary layout: 60,000 colour images of 32×32 pixels in ten classes.
//!
//! A *batch* is a file of 10,000 records; a record is a label byte and 3072 pixel bytes (red, green, blue plane,
//! row-major). An image's id is its place in the official order, 0 to 49999 for training and 50000 to 59999 for test,
//! in a subset too, so that ids mean the same image everywhere.

mod batch;
mod files;
mod subset;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::{Image, ImageData, Split};
use twinset_manifest::{Input, Provenance};
use twinset_stage::{InvalidField, Progress};

use crate::sink::Sink;
use crate::{Counts, IngestError, Summary};
use batch::{BATCHES, Batch, N_CLASSES, N_RECORDS};
use files::Files;
pub use subset::Subset;

/// Where CIFAR-10 is, and how much of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The folder of the official files, or the official `.tar.gz`; relative to the data folder.
    pub path: PathBuf,
    /// Whether a batch is taken whose SHA-1 is not the official one; it is then named in the warnings.
    pub allow_unverified: bool,
    /// A part of the images, drawn by class; all of them where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<Subset>,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: PathBuf::from("cifar-10-batches-bin"), allow_unverified: false, subset: None }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder or a .tar.gz")?;
        self.subset.as_ref().map_or(Ok(()), Subset::validate)
    }

    pub(crate) fn count(&self) -> Counts {
        let (train, test) = match &self.subset {
            None => (5 * N_RECORDS as u64, N_RECORDS as u64),
            Some(subset) => {
                let n_classes = N_CLASSES as u64;
                (u64::from(subset.train_per_class) * n_classes, u64::from(subset.test_per_class) * n_classes)
            }
        };
        Counts { train, val: 0, test, classes: N_CLASSES as u64 }
    }
}

/// The files that will be read.
pub(crate) fn list_inputs(path: &Path) -> Result<Vec<PathBuf>, IngestError> {
    files::list(path)
}

/// Writes the images that the config asks for.
pub(crate) fn ingest(
    config: &Config,
    path: &Path,
    mut provenance: Provenance,
    out: &Path,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    let Files { batches, class_names, inputs } = Files::load(path)?;
    provenance.warnings = unverified(&batches, config.allow_unverified)?;
    provenance.seed = config.subset.as_ref().map(|subset| subset.seed);
    provenance.inputs = inputs;
    let ids = match &config.subset {
        None => (0..(BATCHES.len() * N_RECORDS)).collect(),
        Some(subset) => subset.draw(&batches, &class_names)?,
    };
    let mut sink = Sink::create(out, ids.len(), progress)?;
    sink.write(&ids, |_| 0, |&id| (Ok(image(id, &batches, &class_names)), ()))?;
    sink.finish(&provenance, class_names)
}

/// A warning for each batch that is not the official one.
fn unverified(batches: &[Batch], is_allowed: bool) -> Result<Vec<String>, IngestError> {
    let mut warnings = Vec::new();
    for batch in batches.iter().filter(|batch| batch.sha1 != batch.expected_sha1()) {
        let (found, expected) = (batch.sha1.clone(), batch.expected_sha1().to_owned());
        if !is_allowed {
            return Err(IngestError::Unverified { path: batch.path.clone(), found, expected });
        }
        let name = batch.name();
        warnings.push(format!("`{name}` is not the official file: SHA-1 {found}, expected {expected}"));
    }
    Ok(warnings)
}

/// The image at a place in the official order.
fn image(id: usize, batches: &[Batch], class_names: &[String]) -> Image {
    let (batch, record) = (&batches[id / N_RECORDS], id % N_RECORDS);
    let label = batch.label(record);
    let pixels = batch.pixels(record);
    Image {
        image_id: id as u64,
        split: split(id),
        label: u32::from(label),
        class_name: class_names[usize::from(label)].clone(),
        width: pixels.width(),
        height: pixels.height(),
        pixels_blake3: twinset_pixels::digest(&pixels),
        image: ImageData { bytes: Some(twinset_pixels::encode_png(&pixels)), path: None },
        source: format!("{}#{record}", batch.name()),
        derived_from: None,
        transform: None,
    }
}

fn split(id: usize) -> Split {
    if id < 5 * N_RECORDS { Split::Train } else { Split::Test }
}

/// A file as the provenance has it.
fn input(name: &str, bytes: &[u8]) -> Input {
    Input { name: name.to_owned(), schema: None, blake3: twinset_manifest::Digest(*blake3::hash(bytes).as_bytes()) }
}
