//! A folder of Parquet files as Hugging Face `datasets` saves and pushes them.
//!
//! A file is a *shard*: `data/train-00000-of-00002.parquet`, or `train/0000.parquet`. Its split is what its
//! name begins with, else the folder's name: `train`, `validation` (val), `test`, and the other words that `datasets` knows.
//! A file that names none is passed over with a warning. A row has an image, a struct of `bytes` and `path` whose bytes are
//! there, and a label: a whole number, whose class is named in the footer's entry `huggingface`, or text.
//!
//! An image's id is its row's place, shard after shard, train before val before test. One that is rejected leaves a gap.
//!
//! The labels are read first, then the images, a batch of bounded size at a time.

mod columns;

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use twinset_manifest::Provenance;
use twinset_manifest::rows::Split;
use twinset_stage::{InvalidField, Progress};

use crate::draw_split::DrawSplit;
use crate::intake::{Intake, Roll};
use crate::labels::{Labels, validate_names};
use crate::parquet_file::{ParquetFile, cast, damaged, each_label};
use crate::rejection::Rejection;
use crate::resize::Resize;
use crate::shards::{self, Kind, Shard};
use crate::sink::Sink;
use crate::splits::Asked;
use crate::take::{Take, max_pixels};
use crate::{Counts, IngestError, Summary, place};
use columns::Columns;

/// Where the Parquet files are, and how their images are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder of the files, or one of them; relative to the data folder.
    pub path: PathBuf,
    /// The column of the images; `image` or else `img`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_column: Option<String>,
    /// The column of the labels; `label` or else `labels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// The classes by label; else those of the footer, else the numbers, or the sorted names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_names: Option<Vec<String>>,
    /// Files that are not read: those whose names, or paths below `path`, begin with one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<String>,
    /// The split of all images, where the files name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// A draw of the splits, where the files name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_split: Option<DrawSplit>,
    /// One size for all images; else they keep theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Largest width × height; an image with more is rejected before it is decoded.
    #[serde(default = "max_pixels")]
    pub max_pixels: u64,
}

const KIND: Kind = Kind { endings: &[".parquet"], expected: "a .parquet file or a folder of them" };
/// Bytes of images read at once, as far as the footer tells.
const BATCH_BYTES: u64 = 64 << 20;
const MAX_BATCH_ROWS: u64 = 512;

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder")?;
        InvalidField::unless(self.max_pixels > 0, "max-pixels", self.max_pixels, "at least 1")?;
        validate_names(self.class_names.as_deref())?;
        shards::validate_leave_out(&self.leave_out)?;
        self.asked().validate()?;
        self.resize.as_ref().map_or(Ok(()), Resize::validate)
    }

    fn asked(&self) -> Asked<'_> {
        Asked { split: self.split, draw_split: self.draw_split.as_ref() }
    }
}

/// The files that will be read.
pub(crate) fn list_inputs(config: &Config, path: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let (shards, _) = shards::list(path, &KIND, config.asked(), &config.leave_out)?;
    Ok(shards.into_iter().map(|shard| shard.path).collect())
}

/// How many rows there are, by split.
pub(crate) fn count(config: &Config, path: &Path) -> Result<Counts, IngestError> {
    let (shards, _) = shards::list(path, &KIND, config.asked(), &config.leave_out)?;
    Ok(call_roll(config, &shards)?.1.counts())
}

/// Writes an image or a reject for each row.
pub(crate) fn ingest(
    config: &Config,
    path: &Path,
    provenance: Provenance,
    out: &Path,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    place::check_beside(out, path)?;
    let (shards, warnings) = shards::list(path, &KIND, config.asked(), &config.leave_out)?;
    let (columns, roll) = call_roll(config, &shards)?;
    let take = Take { max_pixels: config.max_pixels, resize: config.resize.as_ref() };
    let sink = Sink::create(out, roll.labels.len(), progress)?;
    let mut intake = Intake::new(path, &roll, take, sink);
    for (shard, columns) in shards.iter().zip(&columns) {
        write_shard(shard, columns, &mut intake)?;
    }
    let mut provenance = provenance.with_seed(config.draw_split.as_ref().map(|draw_split| draw_split.seed));
    provenance.inputs = shards::inputs(&shards)?;
    provenance.warnings = warnings;
    intake.finish(config.asked(), provenance)
}

/// The columns of each shard, and the label and split of each row.
fn call_roll(config: &Config, shards: &[Shard]) -> Result<(Vec<Columns>, Roll), IngestError> {
    let columns: Result<Vec<_>, IngestError> = shards.iter().map(|shard| Columns::find(config, &shard.path)).collect();
    let columns = columns?;
    let given = match &config.class_names {
        Some(names) => Some(names.clone()),
        None => columns::common_class_names(shards, &columns)?,
    };
    let (mut labels, mut splits) = (Labels::new(given), Vec::new());
    for (shard, columns) in shards.iter().zip(&columns) {
        let mut row = 0_u64;
        let damaged = |detail: String| damaged(&shard.path.display().to_string(), &detail);
        for batch in ParquetFile::open(&shard.path)?.batches(&[&columns.label], 8192)? {
            each_label(&batch?[0], damaged, |found| {
                labels.push(&found, || shard.at(format_args!("row {row}")))?;
                splits.push(shard.split);
                row += 1;
                Ok(())
            })?;
        }
    }
    Ok((columns, Roll::new(labels.finish(), splits, config.asked())))
}

fn write_shard(shard: &Shard, columns: &Columns, intake: &mut Intake) -> Result<(), IngestError> {
    let file = ParquetFile::open(&shard.path)?;
    let batch_rows = (BATCH_BYTES / file.row_bytes(&columns.image).max(1)).clamp(1, MAX_BATCH_ROWS);
    let mut first = 0;
    for batch in file.batches(&[&columns.image], batch_rows as usize)? {
        let batch = batch?;
        let images = Images::of(&batch[0]).map_err(|detail| damaged(&shard.path.display().to_string(), &detail))?;
        let rows: Vec<_> = (0..batch[0].len()).collect();
        let make = |&row: &usize| (format!("{}#{}", shard.relative, first + row), images.bytes(row));
        intake.write(&rows, |&row| images.n_bytes(row), make)?;
        first += rows.len();
    }
    Ok(())
}

/// A batch of the image column.
struct Images {
    column: ArrayRef,
    bytes: ArrayRef,
}

impl Images {
    fn of(column: &ArrayRef) -> Result<Self, String> {
        let bytes = column.as_struct().column_by_name("bytes").ok_or("a batch has no field `bytes`")?;
        Ok(Self { column: column.clone(), bytes: cast(bytes, &DataType::LargeBinary)? })
    }

    fn n_bytes(&self, row: usize) -> u64 {
        if self.bytes.is_valid(row) { self.bytes.as_binary::<i64>().value(row).len() as u64 } else { 0 }
    }

    fn bytes(&self, row: usize) -> Result<Bytes, Rejection> {
        if self.column.is_valid(row) && self.bytes.is_valid(row) {
            return Ok(Bytes::copy_from_slice(self.bytes.as_binary::<i64>().value(row)));
        }
        Err(("unsupported", "its row has no bytes, expected images that are embedded in the file".to_owned()))
    }
}
