//! A source that is a list of image files: a folder of them, or a table beside one.

use std::borrow::Cow;
use std::fs::{self, Metadata};
use std::os::unix::prelude::*;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use rayon::prelude::*;
use twinset_manifest::rows::{Image, Split};
use twinset_manifest::{Digest, Input, Provenance, Row};
use twinset_stage::Progress;

use crate::files_digest::FilesDigest;
use crate::image_row::Place;
use crate::known::KnownFiles;
use crate::outcomes::Outcomes;
use crate::rejection::{Rejection, reject, told};
use crate::resize::Resize;
use crate::sharding::Sharding;
use crate::sink::{Made, Sink};
use crate::take::{Keep, Take};
use crate::{IngestError, Summary};

/// A file that may be an image.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// The bytes of the path in front of what is relative to the folder of all.
    pub(crate) n_folder_bytes: usize,
    pub(crate) split: Split,
    pub(crate) label: Option<u32>,
}

impl Found {
    /// The path relative to the folder of all, with `/`; owned where it is no UTF-8, and then not the name as it is.
    pub(crate) fn relative(&self) -> Cow<'_, str> {
        let bytes = &self.path.as_os_str().as_bytes()[self.n_folder_bytes..];
        // Which of the two takes a third of the other's time where there is nothing to replace.
        str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
    }
}

/// The files, by their images' ids, and how they are taken.
pub(crate) struct Files<'a> {
    /// What is to be blamed where nothing is left.
    pub(crate) source: &'a Path,
    /// The folder of all files.
    pub(crate) folder: &'a Path,
    /// The same as the config has it: what reads the manifest is told what that is relative to, and knows no other.
    pub(crate) config_folder: &'a Path,
    /// The classes by label. There are none where the images have no labels: then each one's label is 0, and its class has
    /// no name.
    pub(crate) class_names: Vec<String>,
    pub(crate) files: Vec<Found>,
    pub(crate) embed: bool,
    pub(crate) max_pixels: u64,
    pub(crate) resize: Option<&'a Resize>,
    /// Files whose images are a shard; else one manifest has all.
    pub(crate) shard_images: Option<u64>,
    /// What earlier runs know of the files.
    pub(crate) known: Option<KnownFiles>,
    /// Why a file without a label is rejected.
    pub(crate) unlabelled: (&'static str, &'static str),
    /// What is said of a file that gives no bytes, beside why.
    pub(crate) tried: &'a (dyn Fn(&Found) -> String + Sync),
}

/// A file and its image's id.
type Numbered<'a> = (usize, &'a Found);

impl Files<'_> {
    /// Writes an image or a reject for each file.
    pub(crate) fn ingest(
        &self,
        provenance: Provenance,
        out: &Path,
        progress: &Progress,
    ) -> Result<Summary, IngestError> {
        let mut summary = self.ingest_all(provenance, out, progress)?;
        if let Some(known) = &self.known {
            known.finish()?;
            summary.n_known = Some(known.n_known());
        }
        Ok(summary)
    }

    fn ingest_all(&self, mut provenance: Provenance, out: &Path, progress: &Progress) -> Result<Summary, IngestError> {
        let (numbered, mut outcomes): (Vec<_>, _) = (self.files.iter().enumerate().collect(), Outcomes::default());
        let Some(shard_images) = self.shard_images else {
            let mut sink = Sink::create(out, numbered.len(), progress)?;
            provenance.inputs.push(self.write(&mut sink, &numbered, |found, rejected| {
                outcomes.add(found.split, found.label, rejected);
            })?);
            outcomes.check(self.source)?;
            provenance.warnings.extend(outcomes.warning("files"));
            provenance.warnings.extend(outcomes.lost_classes(&self.class_names));
            return sink.finish(&provenance, self.class_names.clone());
        };

        let shard_images = usize::try_from(shard_images).unwrap_or(usize::MAX);
        let mut sharding = Sharding::open(out, numbered.len().div_ceil(shard_images), numbered.len(), progress)?;
        for files in numbered.chunks(shard_images) {
            let made_of = self.made_of(files, &provenance);
            if let Some(rejects) = sharding.keep(made_of, files.len())? {
                let mut rejects = rejects.iter().peekable();
                for (_, found) in files {
                    let rejected = rejects.next_if(|reject| reject.source == found.relative()).map(told);
                    outcomes.add(found.split, found.label, rejected.as_deref());
                }
                continue;
            }
            let (mut sink, mut of_shard) = (sharding.sink()?, Outcomes::default());
            let input = self.write(&mut sink, files, |found, rejected| {
                outcomes.add(found.split, found.label, rejected);
                of_shard.add(found.split, found.label, rejected);
            })?;
            let (mut provenance, first) = (provenance.clone(), files[0].1.relative());
            provenance.inputs.push(input);
            provenance.warnings.extend(of_shard.warning(&format!("files from `{first}` on")));
            sharding.add(made_of, sink.finish(&provenance, self.class_names.clone())?)?;
        }
        outcomes.check(self.source)?;
        // It is known only after the last shard, whose provenance stands by then.
        let lost_classes = outcomes.lost_classes(&self.class_names);
        let mut summary = sharding.finish(self.class_names.clone())?;
        summary.warnings.extend(lost_classes);
        Ok(summary)
    }

    /// Writes what becomes of these files, and says it of each, in order; they are the input that is returned.
    fn write(
        &self,
        sink: &mut Sink,
        files: &[Numbered],
        mut note: impl FnMut(&Found, Option<&str>) + Send,
    ) -> Result<Input, IngestError> {
        let mut digest = FilesDigest::new();
        sink.write(
            files,
            |(_, found)| fs::metadata(&found.path).map_or(0, |metadata| metadata.len()),
            |numbered| self.make(numbered),
            |Note { found, bytes, rejected }: Note<'_>| {
                digest.add(&found.relative(), &bytes);
                note(found, rejected.as_deref());
            },
        )?;
        Ok(digest.into_input(self.folder))
    }

    fn make<'f>(&self, &(id, found): &Numbered<'f>) -> Made<Note<'f>> {
        let read = self.read(found);
        let bytes = read.as_ref().map_or_else(|_| Bytes::new(), Bytes::clone);
        match read.and_then(|bytes| self.image(id, found, bytes)) {
            Ok(image) => (Ok(image), Note { found, bytes, rejected: None }),
            Err(rejection) => {
                let reject = reject(&found.relative(), rejection);
                let rejected = Some(told(&reject));
                (Err(reject), Note { found, bytes, rejected })
            }
        }
    }

    fn read(&self, found: &Found) -> Result<Bytes, Rejection> {
        if found.label.is_none() {
            let (reason, detail) = self.unlabelled;
            return Err((reason, detail.to_owned()));
        }
        let read = self.take().file(&found.path);
        read.map_err(|rejection| self.with_tried(found, rejection))
    }

    fn with_tried(&self, found: &Found, (reason, detail): Rejection) -> Rejection {
        (reason, detail + &(self.tried)(found))
    }

    fn image(&self, id: usize, found: &Found, bytes: Bytes) -> Result<Image, Rejection> {
        let label = found.label.expect("a file without a label was rejected before");
        let relative = found.relative();
        let place = Place {
            image_id: id as u64,
            split: found.split,
            label,
            class_name: self.class_names.get(label as usize).cloned().unwrap_or_default(),
            source: relative.clone().into_owned(),
        };
        let referenced = || Keep::Path(self.config_folder.join(&*relative).to_string_lossy().into_owned());
        let keep = if self.embed { Keep::Bytes } else { referenced() };
        let image = match &self.known {
            None => self.take().image(place, bytes, keep)?,
            Some(known) => {
                let file = Digest(*blake3::hash(&bytes).as_bytes());
                match known.get(file, self.max_pixels) {
                    Some(pixels) => place.known_row(pixels, keep.data(bytes)),
                    None => {
                        let image = self.take().image(place, bytes, keep)?;
                        known.add(file, &image);
                        image
                    }
                }
            }
        };
        if !self.embed && matches!(relative, Cow::Owned(_)) {
            let detail = "the file's name is not UTF-8, so its path cannot be kept; embed = true takes it";
            return Err(("unsupported", detail.to_owned()));
        }
        Ok(image)
    }

    fn take(&self) -> Take<'_> {
        Take { max_pixels: self.max_pixels, resize: self.resize }
    }

    /// The digest of all that a shard of these files depends on, without reading them: the schema, the config, the other inputs, the
    /// classes, and each file's id, split, label, path, size and time of change.
    fn made_of(&self, files: &[Numbered], provenance: &Provenance) -> Digest {
        let of_file = |&(id, found): &Numbered| {
            let Found { path, split, label, .. } = found;
            let (n_bytes, modified_ns) = fs::metadata(path).map_or((0, 0), |metadata| size_and_time(&metadata));
            serde_json::to_vec(&(id, found.relative(), n_bytes, modified_ns, split, label))
                .expect("a file's place is JSON")
        };
        let of_all = serde_json::to_vec(&(Image::SCHEMA, provenance, &self.class_names, files.len()));
        let of_all = of_all.expect("a provenance is JSON");
        let mut hasher = blake3::Hasher::new();
        hasher.update(&of_all);
        for of_file in files.par_iter().map(of_file).collect::<Vec<_>>() {
            hasher.update(&of_file);
        }
        Digest(*hasher.finalize().as_bytes())
    }
}

/// What is noted of a file.
struct Note<'a> {
    found: &'a Found,
    /// What it holds; nothing where it could not be read.
    bytes: Bytes,
    /// Which file was rejected and why.
    rejected: Option<String>,
}

/// A file's size, and when it was changed, in nanoseconds since 1970. No manifest holds the time.
fn size_and_time(metadata: &Metadata) -> (u64, u64) {
    let modified = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    (metadata.len(), modified.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0))
}
