//! A folder of image files, laid out as `<split>/<class>/<image>`, or, where splits are drawn, as `<class>/<image>`.
//!
//! Splits are the folders `train`, `val` and `test`, as far as they are there, or other common words for them in any case:
//! `Training`, `valid`, `validation`, `dev`, `testing`, `eval`. Two folders of one split are an error. A class is a folder in a split; sorted by
//! name, classes are labels 0, 1, 2, …, and every split has the same ones. All files below a class's folder are taken,
//! those in folders within it too. Hidden files (`.DS_Store`) are passed over; every other file that is no image becomes
//! a reject. Symbolic links are followed.
//!
//! Files of classes are sorted by split, class and path, and a file's place in that order is its image's id: one that is
//! rejected leaves a gap, so that it does not move the others. Where splits are drawn, files are sorted by class and path
//! alone. A file outside of the classes, such as a list of labels, is a reject after all others and takes no id.
//!
//! A class's folder may be empty in one split, which is warned of, but not in all.

mod listing;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinset_manifest::Provenance;
use twinset_pixels::Limits;
use twinset_stage::{InvalidField, Progress};

use crate::draw_split::DrawSplit;
use crate::files::Files;
use crate::resize::Resize;
use crate::{Counts, IngestError, Summary, place};
use listing::Listing;

/// Where the images are, and how they are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder that holds the splits; relative to the data folder.
    pub path: PathBuf,
    /// Whether the manifest holds the files' bytes (the default), or their paths, relative to the data folder.
    #[serde(default = "embed")]
    pub embed: bool,
    /// A draw of the splits, of a folder that has classes and no splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_split: Option<DrawSplit>,
    /// One size for all images; else they keep theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Files whose images are one shard: the manifest is then a folder of shards, and an interrupted run can be gone on
    /// with. One file holds all images where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_images: Option<u64>,
    /// Largest width × height; a file with more is rejected before it is decoded.
    #[serde(default = "max_pixels")]
    pub max_pixels: u64,
}

fn embed() -> bool {
    true
}

fn max_pixels() -> u64 {
    Limits::default().max_pixels
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder")?;
        InvalidField::unless(self.max_pixels > 0, "max-pixels", self.max_pixels, "at least 1")?;
        let shard_images = self.shard_images.unwrap_or(1);
        InvalidField::unless(shard_images > 0, "shard-images", shard_images, "at least 1")?;
        self.draw_split.as_ref().map_or(Ok(()), DrawSplit::validate)?;
        Resize::expect_embed(self.resize.as_ref(), self.embed)?;
        self.resize.as_ref().map_or(Ok(()), Resize::validate)
    }
}

/// The files that will be read.
pub(crate) fn list_inputs(config: &Config, folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    Ok(Listing::of(config, folder)?
        .files
        .into_iter()
        .filter(|found| found.label.is_some())
        .map(|found| found.path)
        .collect())
}

/// How many files there are.
pub(crate) fn count(config: &Config, folder: &Path) -> Result<Counts, IngestError> {
    let listing = Listing::of(config, folder)?;
    let mut counts = Counts { classes: listing.class_names.len() as u64, ..Counts::default() };
    for found in &listing.files {
        let n = if found.label.is_some() { counts.of_split(found.split) } else { &mut counts.outside };
        *n += 1;
    }
    Ok(counts)
}

/// Writes an image or a reject for each file.
pub(crate) fn ingest(
    config: &Config,
    folder: &Path,
    mut provenance: Provenance,
    out: &Path,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    for read in listing::folders_read(config, folder)? {
        place::check_beside(out, &read)?;
    }
    let Listing { class_names, files, warnings } = Listing::of(config, folder)?;
    provenance.seed = config.draw_split.as_ref().map(|draw_split| draw_split.seed);
    provenance.warnings = warnings;
    let files = Files {
        source: folder,
        folder,
        config_folder: &config.path,
        class_names,
        files,
        embed: config.embed,
        max_pixels: config.max_pixels,
        resize: config.resize.as_ref(),
        shard_images: config.shard_images,
        unlabelled: ("unsupported", "a file outside of a class folder"),
        tried: &|_| String::new(),
    };
    files.ingest(provenance, out, progress)
}
