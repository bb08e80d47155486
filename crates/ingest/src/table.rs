//! A table of labels, CSV or Parquet, beside a folder of image files.
//!
//! A row has an image's path within the folder, its label, and its split where a column is named for it. Columns are known
//! by their names; a CSV's first line has them, parted by commas, semicolons, tabs or bars (see [`twinset_delimited`]). A path
//! that leaves the folder, or that two rows have, is an error, as is a label that is none of `class-names`; a file that is missing or
//! no image is a reject. Symbolic links are followed.
//!
//! An image's id is its row's place, from 0. One that is rejected leaves a gap.

mod rows;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_manifest::{Input, Provenance};
use twinset_stage::{InvalidField, Progress};

use crate::draw_split::DrawSplit;
use crate::error::wrong;
use crate::files::{Files, Found};
use crate::known::KnownFiles;
use crate::labels::validate_names;
use crate::rejection::UNLABELLED;
use crate::resize::Resize;
use crate::splits::Asked;
use crate::take::max_pixels;
use crate::{Counts, IngestError, SourceError, Summary, place};
use rows::Rows;

/// Where the table and the images are, and how they are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The table, `.csv`, `.tsv` or `.parquet`; relative to the data folder.
    pub path: PathBuf,
    /// The folder that the images' paths are relative to, itself relative to the data folder; else the table's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// What parts the columns of a `.csv` or `.tsv`; else the comma, semicolon, tab or bar under which the columns are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// The column of the images' paths; `image`.
    #[serde(default = "image_column")]
    pub image_column: String,
    /// The column of the labels; `label`.
    #[serde(default = "label_column")]
    pub label_column: String,
    /// The column of the splits: `train`, `val` or `test`, or another common word for one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_column: Option<String>,
    /// The classes by label; else the sorted names, or the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_names: Option<Vec<String>>,
    /// The split of all images, where no column tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// A draw of the splits, where no column tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_split: Option<DrawSplit>,
    /// One size for all images; else they keep theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Whether the manifest holds the files' bytes (the default), or their paths, relative to the data folder.
    #[serde(default = "embed")]
    pub embed: bool,
    /// Rows whose images are one shard: the manifest is then a folder of shards, and an interrupted run can be gone on
    /// with. One file holds all images where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_images: Option<u64>,
    /// Largest width × height; a file with more is rejected before it is decoded.
    #[serde(default = "max_pixels")]
    pub max_pixels: u64,
}

fn image_column() -> String {
    "image".to_owned()
}

fn label_column() -> String {
    "label".to_owned()
}

fn embed() -> bool {
    true
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        let is_table = |ending: &str| self.path.to_string_lossy().to_ascii_lowercase().ends_with(ending);
        let is_known = [".csv", ".tsv", ".parquet"].into_iter().any(is_table);
        InvalidField::unless(is_known, "path", self.path.display(), "a .csv, .tsv or .parquet file")?;
        let delimiter = self.delimiter.unwrap_or(',');
        let is_delimiter = delimiter.is_ascii() && !"\"\n\r".contains(delimiter);
        let expected = "one ASCII character, and no quote or line end";
        InvalidField::unless(is_delimiter, "delimiter", format_args!("{delimiter:?}"), expected)?;
        InvalidField::unless(self.max_pixels > 0, "max-pixels", self.max_pixels, "at least 1")?;
        let shard_images = self.shard_images.unwrap_or(1);
        InvalidField::unless(shard_images > 0, "shard-images", shard_images, "at least 1")?;
        validate_names(self.class_names.as_deref())?;
        let is_once = self.split_column.is_none() || self.asked().key().is_none();
        InvalidField::unless(is_once, "split-column", "a column beside `split` or `draw-split`", "one of them")?;
        self.asked().validate()?;
        Resize::expect_embed(self.resize.as_ref(), self.embed)?;
        self.resize.as_ref().map_or(Ok(()), Resize::validate)
    }

    fn asked(&self) -> Asked<'_> {
        Asked { split: self.split, draw_split: self.draw_split.as_ref() }
    }

    /// The images' folder, relative to the data folder as the config's paths are.
    fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or_else(|| self.path.parent().unwrap_or(Path::new("")))
    }

    /// Where that folder is said, for messages.
    fn told_folder(&self) -> &'static str {
        if self.folder.is_some() { "the key `folder`" } else { "the table's folder, as no key `folder` is set" }
    }
}

/// The table and the files that will be read.
pub(crate) fn list_inputs(config: &Config, data: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let table = data.join(&config.path);
    let rows = Rows::read(config, &table)?;
    let folder = folder(config, data, &rows.paths)?;
    Ok([table].into_iter().chain(rows.paths.iter().map(|path| folder.join(path))).collect())
}

/// How many rows there are, by split.
pub(crate) fn count(config: &Config, data: &Path) -> Result<Counts, IngestError> {
    Ok(Rows::read(config, &data.join(&config.path))?.roll.counts())
}

/// Writes an image or a reject for each row.
pub(crate) fn ingest(
    config: &Config,
    data: &Path,
    provenance: Provenance,
    out: &Path,
    cache: Option<&Path>,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    let table = data.join(&config.path);
    place::check_beside(out, &table)?;
    let Rows { paths, roll } = Rows::read(config, &table)?;
    let folder = folder(config, data, &paths)?;
    let of_table = Input::of_file(&table).map_err(|source| IngestError::Read { path: table.clone(), source })?;
    let mut provenance =
        provenance.with_seed(config.draw_split.as_ref().map(|draw_split| draw_split.seed)).with_inputs([of_table]);
    provenance.warnings.extend(roll.warnings(config.asked()));
    let places = roll.splits.into_iter().zip(roll.labels);
    let n_folder_bytes = folder.join("").as_os_str().len();
    let found =
        |(relative, (split, label)): (String, _)| Found { path: folder.join(relative), n_folder_bytes, split, label };
    let files = Files {
        source: &table,
        folder: &folder,
        config_folder: config.folder(),
        class_names: roll.class_names,
        files: paths.into_iter().zip(places).map(found).collect(),
        embed: config.embed,
        max_pixels: config.max_pixels,
        resize: config.resize.as_ref(),
        shard_images: config.shard_images,
        known: cache.map(KnownFiles::open).transpose()?,
        unlabelled: UNLABELLED,
        tried: &|found| tried(config, &found.relative()),
    };
    files.ingest(provenance, out, progress)
}

/// The images' folder; an error where it is not there, or none of them is there.
fn folder(config: &Config, data: &Path, paths: &[String]) -> Result<PathBuf, SourceError> {
    let folder = data.join(config.folder());
    let (at, column) = (format!("`{}` ({})", folder.display(), config.told_folder()), &config.image_column);
    let hint = || {
        format!(
            "`folder` is relative to the folder that --data names, and the paths of column `{column}` are relative to it"
        )
    };
    if !folder.is_dir() {
        let expected = format_args!("expected the one that the paths of column `{column}` are relative to");
        return Err(wrong!("there is no folder {at}, {expected}").with_hint(hint()));
    }
    match paths.first() {
        Some(first) if !paths.iter().any(|path| folder.join(path).exists()) => {
            let (table, n, example) = (data.join(&config.path), paths.len(), folder.join(first));
            let (table, example) = (table.display(), example.display());
            Err(wrong!("none of the {n} images of `{table}` is in {at}, for instance `{example}`").with_hint(hint()))
        }
        _ => Ok(folder),
    }
}

/// Where a file was looked for that gave no bytes. A manifest knows nothing of the data folder.
fn tried(config: &Config, path: &str) -> String {
    let (tried, column) = (config.folder().join(path), &config.image_column);
    format!("; tried `{}` in --data, by {} and column `{column}`", tried.display(), config.told_folder())
}
