//! A *source* is where images come from: a folder of files, an official archive, or a generator. To *ingest* it is to
//! write its images as an `images` manifest, one row an image, and what could not be read as a `rejects` manifest.
//!
//! [`shapes`] draws its images itself, [`cifar10`] and [`cifar100`] read the official files, [`idx`] reads MNIST's format. The
//! *file sources* read encoded images: [`image_folder`] reads `<split>/<class>/<image>`, [`hugging_face`] Parquet files of
//! `datasets`, [`webdataset`] tar archives, [`table`] a CSV or Parquet of labels beside a folder. They bring images to one size
//! ([`Resize`]) and draw the splits of a source that has none ([`DrawSplit`]) where the config asks for it. [`download`] fetches
//! public datasets.
//!
//! Images are made in parallel and written in the source's order: the same source and config give the same bytes on any number
//! of threads. What waits to be written is bounded.
//!
//! ```
//! use twinset_ingest::{Config, count, ingest, shapes};
//! use twinset_stage::Progress;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let out = tempfile::tempdir()?;
//! let config = Config::Shapes(shapes::Config { n_train: 100, n_test: 20, ..Default::default() });
//! assert_eq!(count(&config, None)?.train, 100);
//!
//! let summary = ingest(&config, None, out.path(), &Progress::hidden())?;
//! assert_eq!(summary.images.n_rows, 120);
//! assert!(out.path().join("images.parquet").exists());
//! # Ok(())
//! # }
//! ```

pub mod cifar;
pub mod cifar10;
pub mod cifar100;
pub mod download;
mod draw_split;
mod draws;
mod error;
mod files;
mod files_digest;
pub mod hugging_face;
pub mod idx;
pub mod image_folder;
mod image_row;
mod in_batches;
mod inner_path;
mod intake;
mod known;
mod labels;
mod losses;
mod members;
mod no_image;
mod outcomes;
mod parquet_file;
pub mod pickle;
mod place;
mod rejection;
mod resize;
pub mod shapes;
mod sharding;
mod shards;
mod sink;
mod splits;
mod strangers;
mod summary;
pub mod table;
mod take;
mod unicode_forms;
pub mod webdataset;
mod widen;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinset_manifest::Provenance;
use twinset_stage::{InvalidField, Progress};

pub use draw_split::DrawSplit;
pub use error::{IngestError, SourceError};
pub use resize::{Filter, Fit, Resize};
pub use summary::{Counts, Summary};

/// Which source, and how it is read: TOML with the source's name in `dataset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dataset", rename_all = "kebab-case")]
pub enum Config {
    /// `dataset = "shapes"`: the embedded generator.
    Shapes(shapes::Config),
    /// `dataset = "cifar10"`: the official files, binary or Python.
    Cifar10(cifar10::Config),
    /// `dataset = "cifar100"`: the official files, binary or Python.
    Cifar100(cifar100::Config),
    /// `dataset = "idx"`: MNIST, Fashion-MNIST, and files like theirs.
    Idx(idx::Config),
    /// `dataset = "image-folder"`: `<split>/<class>/<image>`.
    ImageFolder(image_folder::Config),
    /// `dataset = "hugging-face"`: Parquet files as `datasets` writes them.
    HuggingFace(hugging_face::Config),
    /// `dataset = "webdataset"`: tar archives of samples.
    Webdataset(webdataset::Config),
    /// `dataset = "table"`: a CSV or Parquet of labels beside a folder of images.
    Table(table::Config),
}

impl Config {
    /// The source's name, as `dataset` has it.
    pub fn dataset(&self) -> &'static str {
        match self {
            Self::Shapes(_) => "shapes",
            Self::Cifar10(_) => "cifar10",
            Self::Cifar100(_) => "cifar100",
            Self::Idx(_) => "idx",
            Self::ImageFolder(_) => "image-folder",
            Self::HuggingFace(_) => "hugging-face",
            Self::Webdataset(_) => "webdataset",
            Self::Table(_) => "table",
        }
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// Names the key, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidField> {
        match self {
            Self::Shapes(config) => config.validate(),
            Self::Cifar10(config) => config.validate(),
            Self::Cifar100(config) => config.validate(),
            Self::Idx(config) => config.validate(),
            Self::ImageFolder(config) => config.validate(),
            Self::HuggingFace(config) => config.validate(),
            Self::Webdataset(config) => config.validate(),
            Self::Table(config) => config.validate(),
        }
    }

    /// The same with all defaults filled in that depend on other keys: what the provenance records.
    pub fn resolved(&self) -> Self {
        match self {
            Self::Shapes(config) => Self::Shapes(config.resolved()),
            other => other.clone(),
        }
    }

    /// Whether the images are a folder of shards.
    fn is_sharded(&self) -> bool {
        match self {
            Self::ImageFolder(config) => config.shard_images.is_some(),
            Self::Table(config) => config.shard_images.is_some(),
            _ => false,
        }
    }

    /// Why a cache is of no use; none where it is.
    fn is_not_cached(&self) -> Option<&'static str> {
        match self {
            Self::ImageFolder(image_folder::Config { resize: None, .. })
            | Self::Table(table::Config { resize: None, .. }) => None,
            Self::ImageFolder(_) | Self::Table(_) => Some("images that are resized"),
            other => Some(other.dataset()),
        }
    }

    fn provenance(&self) -> Provenance {
        Provenance::of_stage("ingest", env!("CARGO_PKG_VERSION")).with_config(&self.resolved())
    }
}

/// [`ingest_with_cache`] without a cache.
///
/// # Errors
/// Those of [`ingest_with_cache`].
pub fn ingest(config: &Config, data: Option<&Path>, out: &Path, progress: &Progress) -> Result<Summary, IngestError> {
    ingest_with_cache(config, data, out, None, progress)
}

/// Writes `images.parquet`, `rejects.parquet` and, for `shapes`, `truth.csv` into the folder `out`.
///
/// With `shard-images` the images are a folder, `images/`, and a run that was interrupted is gone on with. Where `out` holds
/// the images of an earlier run in the other form, nothing is done: beside the new ones they would count twice.
///
/// `data` is the folder that a relative path in the config is relative to. `cache` is a folder that keeps what is known of files: those
/// that an earlier run decoded are not decoded again, with the same result. Image folders and tables that are not resized can have it.
///
/// # Errors
/// When the source lacks something or cannot be believed, or when nothing can be written; then there is no new
/// `images.parquet`.
pub fn ingest_with_cache(
    config: &Config,
    data: Option<&Path>,
    out: &Path,
    cache: Option<&Path>,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    if let (Some(cache), Some(found)) = (cache, config.is_not_cached()) {
        let cache = cache.display();
        let expected = "an image folder or a table, without `resize`";
        return Err(error::wrong!("a cache, `{cache}`, is of no use for {found}, expected {expected}").into());
    }
    place::check(out, config.is_sharded())?;
    match config {
        Config::Shapes(shapes) => shapes::ingest(shapes, config.provenance(), out, progress),
        Config::Cifar10(cifar10) => {
            cifar10.source().ingest(&resolve(&cifar10.path, data)?, config.provenance(), out, progress)
        }
        Config::Cifar100(cifar100) => {
            cifar100.source().ingest(&resolve(&cifar100.path, data)?, config.provenance(), out, progress)
        }
        Config::Idx(idx) => idx::ingest(idx, &resolve(&idx.path, data)?, config.provenance(), out, progress),
        Config::ImageFolder(folder) => {
            image_folder::ingest(folder, &resolve(&folder.path, data)?, config.provenance(), out, cache, progress)
        }
        Config::HuggingFace(shards) => {
            hugging_face::ingest(shards, &resolve(&shards.path, data)?, config.provenance(), out, progress)
        }
        Config::Webdataset(shards) => {
            webdataset::ingest(shards, &resolve(&shards.path, data)?, config.provenance(), out, progress)
        }
        Config::Table(table) => table::ingest(table, of_table(table, data)?, config.provenance(), out, cache, progress),
    }
}

/// The files that [`ingest`] will read, in the order of its rows.
///
/// # Errors
/// When the source is not there or lacks files.
pub fn list_inputs(config: &Config, data: Option<&Path>) -> Result<Vec<PathBuf>, IngestError> {
    match config {
        Config::Shapes(_) => Ok(Vec::new()),
        Config::Cifar10(cifar10) => cifar10.source().list_inputs(&resolve(&cifar10.path, data)?),
        Config::Cifar100(cifar100) => cifar100.source().list_inputs(&resolve(&cifar100.path, data)?),
        Config::Idx(idx) => idx::list_inputs(idx, &resolve(&idx.path, data)?),
        Config::ImageFolder(folder) => image_folder::list_inputs(folder, &resolve(&folder.path, data)?),
        Config::HuggingFace(shards) => hugging_face::list_inputs(shards, &resolve(&shards.path, data)?),
        Config::Webdataset(shards) => webdataset::list_inputs(shards, &resolve(&shards.path, data)?),
        Config::Table(table) => table::list_inputs(table, of_table(table, data)?),
    }
}

/// How many images [`ingest`] will find, without reading one; what will be a reject counts.
///
/// # Errors
/// When a file source is not there or not laid out as it should be; the other sources' sizes are known.
pub fn count(config: &Config, data: Option<&Path>) -> Result<Counts, IngestError> {
    match config {
        Config::Shapes(shapes) => Ok(shapes.count()),
        Config::Cifar10(cifar10) => Ok(cifar10.source().count()),
        Config::Cifar100(cifar100) => Ok(cifar100.source().count()),
        Config::Idx(idx) => idx::count(idx, &resolve(&idx.path, data)?),
        Config::ImageFolder(folder) => image_folder::count(folder, &resolve(&folder.path, data)?),
        Config::HuggingFace(shards) => hugging_face::count(shards, &resolve(&shards.path, data)?),
        Config::Webdataset(shards) => webdataset::count(shards, &resolve(&shards.path, data)?),
        Config::Table(table) => table::count(table, of_table(table, data)?),
    }
}

fn resolve(path: &Path, data: Option<&Path>) -> Result<PathBuf, IngestError> {
    match data {
        Some(data) => Ok(data.join(path)),
        None if path.is_absolute() => Ok(path.to_owned()),
        None => {
            let shown = path.display();
            let hint = error::home_hint(path)
                .map_or_else(|| format!("add --data DIR, where DIR is the folder that holds `{shown}`"), str::to_owned);
            Err(error::wrong!("the dataset's path `{shown}` is relative, and no data folder was given")
                .with_hint(hint)
                .into())
        }
    }
}

/// The folder that a table's paths are relative to; an empty one where they need none.
fn of_table<'a>(table: &table::Config, data: Option<&'a Path>) -> Result<&'a Path, IngestError> {
    for path in [Some(&table.path), table.folder.as_ref()].into_iter().flatten() {
        resolve(path, data)?;
    }
    Ok(data.unwrap_or(Path::new("")))
}
