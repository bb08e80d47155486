//! IDX, the format of MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017): a file of greyscale images of one
//! size, and a file of as many labels.
//!
//! A file begins with two zero bytes, the elements' type (8: a byte) and the number of axes (3 for images, 1 for labels);
//! then the length of each axis in four bytes, the greatest first; then the elements. It may be gzipped: that is seen by its
//! first bytes, whatever its name. What a header promises is compared with what is there before it is believed.
//!
//! An image becomes red = green = blue. Ids count through the splits that there are, in the order train, val, test.

mod class_names;
mod file;
mod listing;

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Image;
use twinset_manifest::{Input, Provenance};
use twinset_stage::{InvalidField, Progress};

use crate::error::wrong;
use crate::image_row::Place;
use crate::sink::Sink;
use crate::{Counts, IngestError, Summary};
pub use class_names::ClassNames;
pub use file::{Content, Idx};
use listing::{Listed, list};

/// Where the files are, and what their labels mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder of the files; relative to the data folder.
    pub path: PathBuf,
    /// The classes' names by label: `"digits"` (the default), `"fashion-mnist"`, or a list.
    #[serde(default)]
    pub class_names: ClassNames,
    /// The files of training images; where no split names its files, those of MNIST are looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<Pair>,
    /// The files of validation images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<Pair>,
    /// The files of test images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Pair>,
}

/// The two files of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The images, relative to the config's `path`.
    pub images: PathBuf,
    /// Their labels, relative to the config's `path`.
    pub labels: PathBuf,
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder")?;
        self.class_names.validate()
    }
}

/// The files that will be read.
pub(crate) fn list_inputs(config: &Config, folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    Ok(list(config, folder)?.into_iter().flat_map(|listed| [listed.images, listed.labels]).collect())
}

/// How many images the headers promise.
pub(crate) fn count(config: &Config, folder: &Path) -> Result<Counts, IngestError> {
    let mut counts = Counts { classes: config.class_names.to_list().len() as u64, ..Counts::default() };
    for listed in list(config, folder)? {
        *counts.of_split(listed.split) = Idx::count(&listed.images, Content::Images)?;
    }
    Ok(counts)
}

/// Writes the images.
pub(crate) fn ingest(
    config: &Config,
    folder: &Path,
    mut provenance: Provenance,
    out: &Path,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    let class_names = config.class_names.to_list();
    let parts = list(config, folder)?.into_iter().map(|listed| Part::load(listed, &class_names));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    for path in parts.iter().flat_map(|part| [&part.listed.images, &part.listed.labels]) {
        let read = |source| IngestError::Read { path: path.clone(), source };
        provenance.inputs.push(Input::of_file(path).map_err(read)?);
    }
    let images: Vec<_> =
        parts.iter().flat_map(|part| (0..part.images.shape[0]).map(move |at| (part, at))).enumerate().collect();
    let mut sink = Sink::create(out, images.len(), progress)?;
    let n_bytes = |&(_, (part, _)): &(usize, (&Part, usize))| part.image_bytes();
    sink.write(&images, n_bytes, |&(id, (part, at))| (Ok(part.image(id, at, &class_names)), ()), |()| ())?;
    sink.finish(&provenance, class_names)
}

/// The images of a split, each with a label that is a class.
struct Part {
    listed: Listed,
    images: Idx,
    labels: Idx,
}

impl Part {
    fn load(listed: Listed, class_names: &[String]) -> Result<Self, IngestError> {
        let labels = Idx::open(&listed.labels, Content::Labels)?;
        let images = Idx::open(&listed.images, Content::Images)?;
        let (n_images, n_labels) = (images.shape[0], labels.shape[0]);
        if n_images != n_labels {
            let (images, labels) = (listed.images.display(), listed.labels.display());
            return Err(wrong!(
                "`{images}` has {n_images} images and `{labels}` has {n_labels} labels, expected as many"
            )
            .into());
        }
        if let Some(at) = labels.elements.iter().position(|label| usize::from(*label) >= class_names.len()) {
            let (path, found, last) = (listed.labels.display(), labels.elements[at], class_names.len() - 1);
            let error = wrong!("`{path}`, label {at} is {found}, expected 0 to {last}");
            return Err(error.with_hint("`class-names` in the config names the classes").into());
        }
        Ok(Self { listed, images, labels })
    }

    /// The bytes of an image as RGB, which are about those of its PNG or more.
    fn image_bytes(&self) -> u64 {
        3 * (self.images.shape[1] * self.images.shape[2]) as u64
    }

    fn image(&self, id: usize, at: usize, class_names: &[String]) -> Image {
        let (height, width) = (self.images.shape[1], self.images.shape[2]);
        let grey = &self.images.elements[at * height * width..(at + 1) * height * width];
        let pixels =
            RgbImage::from_fn(width as u32, height as u32, |x, y| Rgb([grey[y as usize * width + x as usize]; 3]));
        let label = self.labels.elements[at];
        let name = self.listed.images.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let place = Place {
            image_id: id as u64,
            split: self.listed.split,
            label: u32::from(label),
            class_name: class_names[usize::from(label)].clone(),
            source: format!("{name}#{at}"),
        };
        place.png_row(&pixels)
    }
}
