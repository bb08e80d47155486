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

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Image;
use twinset_manifest::{Digest, Input, Provenance};
use twinset_pixels::Limits;
use twinset_stage::{InvalidField, Progress};

use crate::draw_split::DrawSplit;
use crate::files_digest::FilesDigest;
use crate::resize::Resize;
use crate::sharding::Sharding;
use crate::sink::{Made, Sink};
use crate::take::{Keep, Opened, Place, Rejection, Take, reject, told};
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
    let mut listing = Listing::of(config, folder)?;
    if config.shard_images.is_some() {
        listing.measure();
    }
    let Listing { class_names, files, warnings } = listing;
    let numbered: Vec<_> = files.iter().enumerate().collect();
    let of_all = Take { max_pixels: config.max_pixels, resize: config.resize.as_ref(), class_names: &class_names };
    // What was rejected of these files, and all of them as an input.
    let write = |sink: &mut Sink, files: &[Numbered]| {
        let (mut rejected, mut digest) = (Vec::with_capacity(files.len()), FilesDigest::new());
        let make = |numbered, room: &mut dyn FnMut(u64)| take(config, of_all, numbered, room);
        sink.write(files, make, |note: Note<'_>| {
            digest.add(note.relative, &note.bytes);
            rejected.push(note.rejected);
        })?;
        Ok::<_, IngestError>((rejected, digest.into_input(folder)))
    };
    provenance.seed = config.draw_split.as_ref().map(|draw_split| draw_split.seed);
    provenance.warnings = warnings;
    let Some(shard_images) = config.shard_images else {
        let mut sink = Sink::create(out, files.len(), progress)?;
        let (rejected, input) = write(&mut sink, &numbered)?;
        add_read(&mut provenance, input, &rejected, "");
        check_rejected(folder, &class_names, &files, &rejected)?;
        return sink.finish(&provenance, class_names);
    };

    let shard_images = usize::try_from(shard_images).unwrap_or(usize::MAX);
    let mut sharding = Sharding::open(out, files.len().div_ceil(shard_images), files.len(), progress)?;
    let mut all_rejected = Vec::with_capacity(files.len());
    for files in numbered.chunks(shard_images) {
        let made_of = made_of(files, &class_names, &provenance);
        if let Some(rejects) = sharding.keep(made_of, files.len())? {
            let mut rejects = rejects.iter().peekable();
            for (_, found) in files {
                all_rejected.push(rejects.next_if(|reject| reject.source == found.relative).map(told));
            }
            continue;
        }
        let mut sink = sharding.sink()?;
        let (mut rejected, input) = write(&mut sink, files)?;
        let (mut provenance, first) = (provenance.clone(), &files[0].1.relative);
        add_read(&mut provenance, input, &rejected, &format!(" from `{first}` on"));
        sharding.add(made_of, sink.finish(&provenance, class_names.clone())?)?;
        all_rejected.append(&mut rejected);
    }
    check_rejected(folder, &class_names, &files, &all_rejected)?;
    sharding.finish(class_names)
}

/// A file and its image's id.
type Numbered<'a> = (usize, &'a Found);

/// The digest of all that a shard of these files depends on, without reading them: the config, the classes, and each
/// file's id, split, label, path, size and time of change.
fn made_of(files: &[Numbered], class_names: &[String], provenance: &Provenance) -> Digest {
    let of_file = |&(id, found): &Numbered| {
        let Found { relative, n_bytes, modified_ns, split, label, .. } = found;
        serde_json::to_vec(&(id, relative, n_bytes, modified_ns, split, label)).expect("a file's place is JSON")
    };
    let of_all = serde_json::to_vec(&(provenance, class_names, files.len())).expect("a provenance is JSON");
    let mut hasher = blake3::Hasher::new();
    hasher.update(&of_all);
    for file in files {
        hasher.update(&of_file(file));
    }
    Digest(*hasher.finalize().as_bytes())
}

/// Notes in the provenance what was read, and how much of it was rejected.
fn add_read(provenance: &mut Provenance, input: Input, rejected: &[Option<String>], which: &str) {
    provenance.inputs = vec![input];
    let (n, n_rejected) = (rejected.len(), rejected.iter().flatten().count());
    if n_rejected > 0 {
        provenance.warnings.push(format!("{n_rejected} of {n} files{which} were rejected, see rejects.parquet"));
    }
}

/// What is noted of a file.
struct Note<'a> {
    relative: &'a str,
    /// What it holds; nothing where it could not be read.
    bytes: Bytes,
    /// Which file was rejected and why.
    rejected: Option<String>,
}

fn take<'a>(config: &Config, take: Take, &(id, found): &Numbered<'a>, room: &mut dyn FnMut(u64)) -> Made<Note<'a>> {
    let opened = open(take, found);
    room(opened.as_ref().map_or(0, |opened| opened.n_bytes));
    let read = opened.and_then(Opened::read);
    let (relative, bytes) = (found.relative.as_str(), read.as_ref().map_or_else(|_| Bytes::new(), Bytes::clone));
    match read.and_then(|bytes| image(config, take, id, found, bytes)) {
        Ok(image) => (Ok(image), Note { relative, bytes, rejected: None }),
        Err(rejection) => {
            let reject = reject(&found.relative, rejection);
            let rejected = Some(told(&reject));
            (Err(reject), Note { relative, bytes, rejected })
        }
    }
}

fn open(take: Take, found: &Found) -> Result<Opened, Rejection> {
    if found.label.is_none() {
        return Err(("unsupported", "a file outside of a class folder".to_owned()));
    }
    take.open(&found.path)
}

fn image(config: &Config, take: Take, id: usize, found: &Found, bytes: Bytes) -> Result<Image, Rejection> {
    let label = found.label.expect("a file outside of a class folder was rejected before");
    let place = Place { image_id: id as u64, split: found.split, label, source: found.relative.clone() };
    // From --data, as the config's path is: what reads the manifest is told that folder and knows no other.
    let referenced = || Keep::Path(config.path.join(&found.relative).to_string_lossy().into_owned());
    let image = take.image(place, bytes, if config.embed { Keep::Bytes } else { referenced() })?;
    if !config.embed && !found.is_utf8 {
        let detail = "the file's name is not UTF-8, so its path cannot be kept; embed = true takes it";
        return Err(("unsupported", detail.to_owned()));
    }
    Ok(image)
}

/// An error where nothing is left of the whole, or of a class in a split.
fn check_rejected(
    folder: &Path,
    class_names: &[String],
    files: &[Found],
    rejected: &[Option<String>],
) -> Result<(), IngestError> {
    let mut all: Vec<_> = files.iter().zip(rejected).collect();
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
fn only_rejected(files: &[(&Found, &Option<String>)]) -> Option<String> {
    let is_all = files.iter().all(|(_, rejected)| rejected.is_some());
    if is_all { files.iter().find_map(|&(_, rejected)| rejected.clone()) } else { None }
}
