//! A folder of image files, laid out as `<split>/<class>/<image>`, or, where splits are drawn, as `<class>/<image>`.
//!
//! Splits are the folders `train`, `val` and `test`, as far as they are there. A class is a folder in a split; sorted by
//! name, classes are labels 0, 1, 2, …, and every split has the same ones. All files below a class's folder are taken,
//! those in folders within it too. Hidden files (`.DS_Store`) are passed over; every other file that is no image becomes
//! a reject. Symbolic links are followed.
//!
//! Files are sorted by split, class and path, and a file's place in that order is its image's id: one that is rejected
//! leaves a gap, so that it does not move the others. Where splits are drawn, files are sorted by class and path alone.

mod listing;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::{Image, Reject, Split};
use twinset_manifest::{Digest, Input, Provenance};
use twinset_pixels::Limits;
use twinset_stage::{InvalidField, Progress};

use crate::draw_split::DrawSplit;
use crate::resize::Resize;
use crate::sink::Sink;
use crate::take::{Keep, Place, Rejection, Take, reject};
use crate::{Counts, IngestError, Summary};
use listing::{Found, Listing};

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
    for found in listing.files.iter().filter(|found| found.label.is_some()) {
        *counts.of_split(found.split) += 1;
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
    let Listing { class_names, files, warnings } = Listing::of(config, folder)?;
    let numbered: Vec<_> = files.iter().enumerate().collect();
    let of_all = Take { max_pixels: config.max_pixels, resize: config.resize.as_ref(), class_names: &class_names };
    let mut sink = Sink::create(out, files.len(), progress)?;
    let notes = sink.write(&numbered, |(_, found)| found.n_bytes, |&(id, found)| take(config, of_all, id, found))?;
    check_rejected(folder, &class_names, &files, &notes)?;

    provenance.seed = config.draw_split.as_ref().map(|draw_split| draw_split.seed);
    provenance.inputs = vec![input(folder, &files, &notes)];
    provenance.warnings = warnings;
    let n_rejected = notes.iter().filter(|note| note.rejected.is_some()).count();
    if n_rejected > 0 {
        provenance.warnings.push(format!("{n_rejected} of {} files were rejected, see rejects.parquet", files.len()));
    }
    sink.finish(&provenance, class_names)
}

/// What is kept in mind of a file.
struct Note {
    /// The digest of its bytes; of nothing where it could not be read.
    blake3: blake3::Hash,
    /// Which file was rejected and why.
    rejected: Option<String>,
}

fn take(config: &Config, take: Take, id: usize, found: &Found) -> (Result<Image, Reject>, Note) {
    let bytes = read(take, found);
    let blake3 = blake3::hash(bytes.as_deref().unwrap_or_default());
    match bytes.and_then(|bytes| image(config, take, id, found, bytes)) {
        Ok(image) => (Ok(image), Note { blake3, rejected: None }),
        Err(rejection) => {
            let rejected = Some(format!("`{}`: {}", found.relative, rejection.1));
            (Err(reject(&found.relative, rejection)), Note { blake3, rejected })
        }
    }
}

fn read(take: Take, found: &Found) -> Result<Vec<u8>, Rejection> {
    if found.label.is_none() {
        return Err(("unsupported", "unsupported: a file outside of a class folder".to_owned()));
    }
    take.read_file(&found.path)
}

fn image(config: &Config, take: Take, id: usize, found: &Found, bytes: Vec<u8>) -> Result<Image, Rejection> {
    let label = found.label.expect("a file outside of a class folder was rejected before");
    let place = Place { image_id: id as u64, split: found.split, label, source: found.relative.clone() };
    // From --data, as the config's path is: what reads the manifest is told that folder and knows no other.
    let referenced = || Keep::Path(config.path.join(&found.relative).to_string_lossy().into_owned());
    let image = take.image(place, bytes, if config.embed { Keep::Bytes } else { referenced() })?;
    if !config.embed && !found.is_utf8 {
        let detail = "unsupported: the file's name is not UTF-8, so its path cannot be kept; embed = true takes it";
        return Err(("unsupported", detail.to_owned()));
    }
    Ok(image)
}

/// An error where nothing is left of the whole, or of a class in a split.
fn check_rejected(folder: &Path, class_names: &[String], files: &[Found], notes: &[Note]) -> Result<(), IngestError> {
    let mut all: Vec<_> = files.iter().zip(notes).collect();
    if let Some(example) = only_rejected(&all) {
        return Err(IngestError::AllRejected { folder: folder.to_owned(), n: all.len(), example });
    }
    // Where splits are drawn, the files of one lie between those of others.
    all.sort_by_key(|(found, _)| (found.split, found.label));
    for of_class in all.chunk_by(|(left, _), (right, _)| (left.split, left.label) == (right.split, right.label)) {
        let (split, label) = (of_class[0].0.split, of_class[0].0.label);
        if let (Some(label), Some(example)) = (label, only_rejected(of_class)) {
            let class = class_names[label as usize].clone();
            return Err(IngestError::ClassRejected { class, split, n: of_class.len(), example });
        }
    }
    Ok(())
}

/// The first rejection, where there is nothing else.
fn only_rejected(files: &[(&Found, &Note)]) -> Option<String> {
    let is_all = files.iter().all(|(_, note)| note.rejected.is_some());
    if is_all { files.iter().find_map(|(_, note)| note.rejected.clone()) } else { None }
}

/// The folder as one input: a digest over each file's path and the digest of its bytes, in order.
fn input(folder: &Path, files: &[Found], notes: &[Note]) -> Input {
    let mut hasher = blake3::Hasher::new();
    for (found, note) in files.iter().zip(notes) {
        hasher.update(&(found.relative.len() as u64).to_le_bytes());
        hasher.update(found.relative.as_bytes());
        hasher.update(note.blake3.as_bytes());
    }
    let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Input { name, schema: None, blake3: Digest(*hasher.finalize().as_bytes()) }
}

/// A split's folder.
fn split_folder(folder: &Path, split: Split) -> PathBuf {
    folder.join(split.as_str())
}
