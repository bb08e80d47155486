//! A *sharding* is a large set's images cut into manifests, `images/images-00000-of-00010.parquet` and so on.
//!
//! They are made one after another in the folder `checkpoints`, beside a journal that says what each was made of. A run
//! that was interrupted is gone on with by the next one with the same outputs: what is finished and would be made of the
//! same once more is kept. When all are there they get their place, and `checkpoints` goes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::{Image, Reject};
use twinset_manifest::{Digest, Reader, Writer, Written, digest_file, digest_of_shards, read_manifest, shard_name};
use twinset_stage::{Bar, Progress};

use crate::sink::Sink;
use crate::{Counts, IngestError, Summary};

/// The shards of one run, as far as they are finished.
pub(crate) struct Sharding<'a> {
    out: &'a Path,
    n_shards: usize,
    /// What the run before this one finished.
    left: Vec<Finished>,
    finished: Vec<Finished>,
    n_kept: usize,
    bar: Bar,
}

/// A finished shard, as the journal has it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Finished {
    /// The digest of all that it depends on.
    made_of: Digest,
    images: Part,
    rejects: Part,
    counts: Counts,
}

/// A file of a finished shard.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Part {
    name: String,
    n_rows: u64,
    blake3: Digest,
}

impl<'a> Sharding<'a> {
    /// Begins `n_shards` shards of so many items in all, or goes on with them; a journal that cannot be read is as good as
    /// none.
    pub(crate) fn open(
        out: &'a Path,
        n_shards: usize,
        n_items: usize,
        progress: &Progress,
    ) -> Result<Self, IngestError> {
        let bar = progress.begin("images", n_items as u64, "ingesting");
        let mut sharding = Self { out, n_shards, left: Vec::new(), finished: Vec::new(), n_kept: 0, bar };
        let folder = sharding.images();
        fs::create_dir_all(&folder).map_err(|source| IngestError::Write { path: folder, source })?;
        let journal = fs::read(sharding.journal()).ok();
        sharding.left = journal.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        Ok(sharding)
    }

    /// Keeps the next shard, of `n_items` items, where the run before finished it, and says what it rejected.
    pub(crate) fn keep(&mut self, made_of: Digest, n_items: usize) -> Result<Option<Vec<Reject>>, IngestError> {
        let Some(mut kept) = self.left.iter().find(|shard| shard.made_of == made_of).cloned() else { return Ok(None) };
        let files = [(&kept.images, self.images()), (&kept.rejects, self.checkpoints())];
        let is_whole = |(part, folder): &(&Part, PathBuf)| {
            digest_file(&folder.join(&part.name)).is_ok_and(|digest| digest == part.blake3)
        };
        if !files.iter().all(is_whole) {
            return Ok(None);
        }
        // The number of shards is part of the name, and may have changed since.
        let (found, path) = (self.images().join(&kept.images.name), self.next_images());
        let is_renamed = found != path;
        fs::rename(found, &path).map_err(|source| IngestError::Write { path: path.clone(), source })?;
        kept.images.name = name(&path);
        let (rejects, _) = read_manifest::<Reject>(&self.checkpoints().join(&kept.rejects.name))?;
        self.finished.push(kept);
        if is_renamed {
            self.write_journal()?;
        }
        self.n_kept += 1;
        self.bar.inc(n_items as u64);
        Ok(Some(rejects))
    }

    /// Begins the next shard.
    pub(crate) fn sink(&self) -> Result<Sink, IngestError> {
        let rejects = self.checkpoints().join(format!("rejects-{:05}.parquet", self.finished.len()));
        Sink::create_at(&self.next_images(), &rejects, self.bar.clone())
    }

    /// Notes that the next shard is finished.
    pub(crate) fn add(&mut self, made_of: Digest, summary: Summary) -> Result<(), IngestError> {
        let part = |Written { path, n_rows, blake3 }: Written| Part { name: name(&path), n_rows, blake3 };
        let Summary { images, rejects, counts, .. } = summary;
        self.finished.push(Finished { made_of, images: part(images), rejects: part(rejects), counts });
        self.write_journal()
    }

    /// Notes the finished shards, and those of the run before that this one has not come to.
    fn write_journal(&self) -> Result<(), IngestError> {
        let is_met = |left: &&Finished| self.finished.iter().any(|shard| shard.made_of == left.made_of);
        let shards: Vec<_> = self.finished.iter().chain(self.left.iter().filter(|left| !is_met(left))).collect();
        let (path, json) = (self.journal(), serde_json::to_vec_pretty(&shards));
        twinset_manifest::write_atomically(&path, &json.expect("a journal serialises to JSON"))
            .map_err(|source| IngestError::Write { path, source })
    }

    /// Writes the rejects of all shards as one manifest, then gives the shards their place.
    pub(crate) fn finish(self, class_names: Vec<String>) -> Result<Summary, IngestError> {
        self.remove_strangers()?;
        let provenance = Reader::<Image>::open(&self.images())?.provenance().clone();
        let mut rejects = Writer::<Reject>::create(&self.out.join("rejects.parquet"))?;
        let mut rejects_by_reason = BTreeMap::new();
        let mut counts = Counts { classes: class_names.len() as u64, ..Counts::default() };
        for shard in &self.finished {
            for batch in Reader::<Reject>::open(&self.checkpoints().join(&shard.rejects.name))? {
                for reject in batch? {
                    *rejects_by_reason.entry(reject.reason.clone()).or_default() += 1;
                    rejects.push(reject)?;
                }
            }
            counts.train += shard.counts.train;
            counts.val += shard.counts.val;
            counts.test += shard.counts.test;
        }
        let rejects = rejects.finish(&provenance)?;
        let images = Written {
            path: self.out.join(STEM),
            n_rows: self.finished.iter().map(|shard| shard.images.n_rows).sum(),
            blake3: digest_of_shards(self.finished.iter().map(|shard| shard.images.blake3)),
        };
        self.publish(&images.path).map_err(|source| IngestError::Write { path: images.path.clone(), source })?;
        let (n_planted_pairs, warnings, n_kept_shards) = (None, provenance.warnings, self.n_kept);
        Ok(Summary {
            images,
            rejects,
            counts,
            class_names,
            rejects_by_reason,
            n_planted_pairs,
            warnings,
            n_kept_shards,
            n_known: None,
        })
    }

    /// Removes what another run, with other shards, left among them.
    fn remove_strangers(&self) -> Result<(), IngestError> {
        let folder = self.images();
        let remove = || -> io::Result<()> {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if self.finished.iter().all(|shard| *shard.images.name != *entry.file_name()) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove().map_err(|source| IngestError::Write { path: folder.clone(), source })
    }

    /// Moves the folder of shards to where it is looked for: all of them at once.
    fn publish(&self, path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::rename(self.images(), path)?,
        }
        File::open(self.out)?.sync_all()?;
        fs::remove_dir_all(self.checkpoints())
    }

    /// What survives a run that does not end, here and where a pipeline is run.
    fn checkpoints(&self) -> PathBuf {
        self.out.join(CHECKPOINTS)
    }

    fn journal(&self) -> PathBuf {
        self.checkpoints().join(JOURNAL)
    }

    fn images(&self) -> PathBuf {
        self.checkpoints().join(STEM)
    }

    fn next_images(&self) -> PathBuf {
        self.images().join(shard_name(STEM, self.finished.len(), self.n_shards))
    }
}

/// The folder of the shards, and what their names begin with.
pub(crate) const STEM: &str = "images";
/// The folder of what is under way.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
const JOURNAL: &str = "shards.json";

/// Whether something in that folder may be of an interrupted run.
pub(crate) fn is_kept(name: &str) -> bool {
    name == STEM || name == JOURNAL || (name.starts_with("rejects-") && name.ends_with(".parquet"))
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_keeps_what_this_run_has_not_come_to() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(CHECKPOINTS)).unwrap();
        let part = |name: &str| Part { name: name.to_owned(), n_rows: 1, blake3: Digest([0; 32]) };
        let finished = |made_of: u8, name: &str| Finished {
            made_of: Digest([made_of; 32]),
            images: part(name),
            rejects: part(name),
            counts: Counts::default(),
        };
        let open = || Sharding::open(folder.path(), 3, 3, &Progress::hidden()).unwrap();
        let names = |shards: &[Finished]| shards.iter().map(|shard| shard.images.name.clone()).collect::<Vec<_>>();

        let mut first = open();
        first.finished = vec![finished(1, "a"), finished(2, "b"), finished(3, "c")];
        first.write_journal().unwrap();
        // The first shard is made of something else now.
        let mut second = open();
        second.finished = vec![finished(9, "new a")];
        second.write_journal().unwrap();
        assert_eq!(names(&open().left), ["new a", "a", "b", "c"]);
        second.finished.push(finished(2, "b"));
        second.write_journal().unwrap();
        assert_eq!(names(&open().left), ["new a", "b", "a", "c"]);
    }
}
