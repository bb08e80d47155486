//! WebDataset: tar archives of `<key>.<ext>` members, where those with the same key are one sample.
//!
//! A file `train-000.tar` (or `.tar.gz`, `.tgz`) is a *shard*; its split is what its name begins with, else
//! its folder's name. A *sample* is the members with one key that follow one another: an image (`0001.png`, `.jpg`, `.webp`,
//! …, in any case) and its label, `0001.cls` with a whole number or `0001.json` with a field. Other members of a sample are
//! passed over. A member that makes no sample is a reject, and so is each image whose name has a further dot
//! (`img.0001.png` has the key `img`); a path that leaves the folder is an error, as nobody makes such an archive by accident.
//!
//! An image's id is its sample's place, shard after shard, train before val before test. One that is rejected leaves a gap.
//!
//! A shard is read twice, the labels first, then the images, a batch of bounded size at a time. In an archive that is not
//! compressed, images are skipped the first time.

mod samples;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use twinset_manifest::Provenance;
use twinset_manifest::rows::Split;
use twinset_stage::{InvalidField, Progress};

use crate::draw_split::DrawSplit;
use crate::intake::{Intake, Roll};
use crate::labels::{Found, Labels, validate_names};
use crate::resize::Resize;
use crate::shards::{self, Kind, Shard};
use crate::sink::Sink;
use crate::splits::Asked;
use crate::take::{Take, max_pixels};
use crate::{Counts, IngestError, Summary};
use samples::{Label, Sample, each_sample};

/// Where the archives are, and how their images are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The folder of the archives, or one of them; relative to the data folder.
    pub path: PathBuf,
    /// The field of a sample's `.json` that is its label, a whole number or text; `label`.
    #[serde(default = "label_field")]
    pub label_field: String,
    /// The classes by label; else the numbers, or the sorted names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_names: Option<Vec<String>>,
    /// Files that are not read: those whose names, or paths below `path`, begin with one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<String>,
    /// The split of all images, where the archives name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// A draw of the splits, where the archives name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_split: Option<DrawSplit>,
    /// One size for all images; else they keep theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<Resize>,
    /// Largest width × height; an image with more is rejected before it is decoded.
    #[serde(default = "max_pixels")]
    pub max_pixels: u64,
}

fn label_field() -> String {
    "label".to_owned()
}

const KIND: Kind =
    Kind { endings: &[".tar", ".tar.gz", ".tgz"], expected: "a .tar or .tar.gz file or a folder of them" };
/// Bytes of images held at once, and how many.
const BATCH_BYTES: u64 = 64 << 20;
const BATCH_SAMPLES: usize = 512;

impl Config {
    pub(crate) fn validate(&self) -> Result<(), InvalidField> {
        InvalidField::unless(!self.path.as_os_str().is_empty(), "path", "nothing", "a folder or an archive")?;
        InvalidField::unless(!self.label_field.is_empty(), "label-field", "nothing", "the name of a field")?;
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

/// How many samples there are, by split.
pub(crate) fn count(config: &Config, path: &Path) -> Result<Counts, IngestError> {
    let (shards, _) = shards::list(path, &KIND, config.asked(), &config.leave_out)?;
    Ok(call_roll(config, &shards)?.0.counts())
}

/// Writes an image or a reject for each sample.
pub(crate) fn ingest(
    config: &Config,
    path: &Path,
    provenance: Provenance,
    out: &Path,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    let (shards, mut warnings) = shards::list(path, &KIND, config.asked(), &config.leave_out)?;
    let (roll, of_shards) = call_roll(config, &shards)?;
    warnings.extend(of_shards);
    let take = Take { max_pixels: config.max_pixels, resize: config.resize.as_ref() };
    let sink = Sink::create(out, roll.labels.len(), progress)?;
    let mut intake = Intake::new(path, &roll, take, sink);
    for shard in &shards {
        write_shard(config, shard, take, &mut intake)?;
    }
    let mut provenance = provenance.with_seed(config.draw_split.as_ref().map(|draw_split| draw_split.seed));
    provenance.inputs = shards::inputs(&shards)?;
    provenance.warnings = warnings;
    intake.finish(config.asked(), provenance)
}

/// The label and split of each sample, and what a reader should know of the shards.
fn call_roll(config: &Config, shards: &[Shard]) -> Result<(Roll, Vec<String>), IngestError> {
    let (mut labels, mut splits) = (Labels::new(config.class_names.clone()), Vec::new());
    let (mut warnings, mut n_dotted, mut dotted) = (Vec::new(), 0, None);
    for shard in shards {
        let n_before = splits.len();
        each_sample(shard, &config.label_field, None, |sample| {
            let found = match &sample.label {
                Label::Number(number) => Found::Number(*number),
                Label::Name(name) => Found::Name(name),
                Label::None(_) => Found::Nothing,
            };
            labels.push(&found, || shard.at(format_args!("sample `{}`", sample.key)))?;
            splits.push(shard.split);
            if sample.n_dotted() > 0 {
                n_dotted += sample.n_dotted();
                dotted.get_or_insert_with(|| format!("`{}#{}`", shard.relative, sample.name));
            }
            Ok(())
        })?;
        if splits.len() == n_before {
            warnings.push(format!("`{}` holds no sample", shard.relative));
        }
    }
    if let Some(at) = dotted {
        warnings.push(format!(
            "{n_dotted} images with several dots in their names were passed over beside images of the same key, for instance \
             beside {at}"
        ));
    }
    Ok((Roll::new(labels.finish(), splits, config.asked()), warnings))
}

fn write_shard(config: &Config, shard: &Shard, take: Take, intake: &mut Intake) -> Result<(), IngestError> {
    let (mut batch, mut n_bytes) = (Vec::new(), 0);
    let mut write = |batch: &[Sample]| {
        let make = |sample: &Sample| {
            let source = format!("{}#{}", shard.relative, sample.name);
            (source, sample.bytes().map(Bytes::copy_from_slice))
        };
        intake.write(batch, Sample::n_bytes, make)
    };
    each_sample(shard, &config.label_field, Some(take), |sample| {
        n_bytes += sample.n_bytes();
        batch.push(sample);
        if batch.len() == BATCH_SAMPLES || n_bytes >= BATCH_BYTES {
            write(&std::mem::take(&mut batch))?;
            n_bytes = 0;
        }
        Ok(())
    })?;
    write(&batch)
}
