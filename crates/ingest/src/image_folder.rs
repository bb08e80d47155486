//! A folder of image files. It is laid out in one of three ways ([`Layout`]): `<split>/<class>/<image>`, `<class>/<image>`, or
//! images at any depth that have no labels. Where the config leaves it open, folders are splits where their names say so, and
//! classes where the config says the split (`split`, `draw-split`). Else the images have no labels: albums within albums are
//! no classes.
//!
//! Splits are the folders `train`, `val` and `test`, as far as they are there, or other common words for them in any case:
//! `Training`, `valid`, `validation`, `dev`, `testing`, `eval`. Two folders of one split are an error. Sorted by name, or as
//! numbers where all are numbers, classes are labels 0, 1, 2, …, and every split has the same ones. All files below a class's
//! folder are taken, those in folders within it too. Hidden files, and what operating systems leave (`.DS_Store`, `@eaDir`,
//! `Thumbs.db`), are passed over and counted in a warning; every other file that is no image becomes a reject. Symbolic links are
//! followed.
//!
//! Files of classes are sorted by split, class and path, and a file's place in that order is its image's id: one that is
//! rejected leaves a gap, so that it does not move the others. Where folders are no splits, files are sorted by class and path
//! alone. A file outside of the classes, such as a list of labels, is a reject after all others and takes no id.
//!
//! A class's folder may be empty in one split, which is warned of, but not in all.

mod listing;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinset_manifest::Provenance;
use twinset_manifest::rows::Split;
use twinset_stage::{InvalidField, Progress};

use crate::draw_split::DrawSplit;
use crate::files::Files;
use crate::known::KnownFiles;
use crate::resize::Resize;
use crate::splits::Asked;
use crate::take::max_pixels;
use crate::{Counts, IngestError, Summary, place};
use listing::Listing;

/// Where the images are, and how they are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder of the images; relative to the data folder.
    pub path: PathBuf,
    /// What its folders are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Whether the manifest holds the files' bytes (the default), or their paths, relative to the data folder.
    #[serde(default = "embed")]
    pub embed: bool,
    /// The split of all images of a folder without splits; train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// A draw of the splits of a folder without splits.
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

/// What the folders in an image folder are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `<split>/<class>/<image>`.
    Splits,
    /// `<class>/<image>`.
    Classes,
    /// Neither: images at any depth, without labels.
    Flat,
}

fn embed() -> bool {
    true
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder")?;
        InvalidField::unless(self.max_pixels > 0, "max-pixels", self.max_pixels, "at least 1")?;
        let shard_images = self.shard_images.unwrap_or(1);
        InvalidField::unless(shard_images > 0, "shard-images", shard_images, "at least 1")?;
        self.asked().validate()?;
        let is_once = self.layout != Some(Layout::Splits) || self.asked().key().is_none();
        InvalidField::unless(is_once, "layout", "splits beside `split` or `draw-split`", "one of them")?;
        Resize::expect_embed(self.resize.as_ref(), self.embed)?;
        self.resize.as_ref().map_or(Ok(()), Resize::validate)
    }

    fn asked(&self) -> Asked<'_> {
        Asked { split: self.split, draw_split: self.draw_split.as_ref() }
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
    cache: Option<&Path>,
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
        known: cache.map(KnownFiles::open).transpose()?,
        unlabelled: ("unsupported", "a file outside of a class folder"),
        tried: &|_| String::new(),
    };
    files.ingest(provenance, out, progress)
}
