//! The runs in the store: finished ones, failed ones, and those under way or interrupted.

use super::lock::Lock;
use super::run::KeyFile;
use super::{LOCKS, Store, is_there, remove};
use crate::machine::digest::Digest;
use crate::machine::tree;
use crate::stages::Stage;
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use twinset_record::{DIGESTS, KEY};

/// The state of a run in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The run is finished.
    Finished,
    /// The run is under way, or its runner died.
    Partial,
    /// The run failed.
    Failed,
}

/// A run's folder in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its stage.
    pub stage: Stage,
    /// Its key.
    pub key: Digest,
    /// Its state.
    pub kind: Kind,
    /// The size of all its files.
    pub n_bytes: u64,
}

impl Store {
    /// The keys of a stage's finished runs, in order.
    pub fn finished(&self, stage: Stage) -> Vec<Digest> {
        let runs = self.everything_of(stage).into_iter();
        runs.filter(|run| run.kind == Kind::Finished).map(|run| run.key).collect()
    }

    /// All runs in the store, earlier stages first, and by key within a stage.
    pub fn everything(&self) -> Vec<Leftover> {
        Stage::ALL.into_iter().flat_map(|stage| self.everything_of(stage)).collect()
    }

    fn everything_of(&self, stage: Stage) -> Vec<Leftover> {
        let entries = fs::read_dir(self.stages.join(stage.name())).into_iter().flatten().flatten();
        let run = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            let (key, kind) = match name.split_once('.') {
                None => (name, Kind::Finished),
                Some((key, "partial")) => (key, Kind::Partial),
                Some((key, "failed")) => (key, Kind::Failed),
                Some(_) => return None,
            };
            path.is_dir().then(|| Leftover { stage, key: key.to_owned(), kind, n_bytes: tree::n_bytes(&path) })
        };
        let mut runs: Vec<Leftover> = entries.filter_map(|entry| run(entry.path())).collect();
        runs.sort_by(|left, right| left.key.cmp(&right.key));
        runs
    }

    /// The `key.json` in a run's folder; none if it cannot be read.
    pub fn key_file_of(&self, run: &Leftover) -> Option<KeyFile> {
        serde_json::from_slice(&fs::read(self.folder_of(run).join(KEY)).ok()?).ok()
    }

    /// The digests of a run's outputs, as the keys of later runs have them. An unfinished run has none.
    pub fn output_digests(&self, run: &Leftover) -> Vec<Digest> {
        let finished = self.lookup(run.stage, &run.key).filter(|_| run.kind == Kind::Finished);
        finished.map_or_else(Vec::new, |finished| finished.digests())
    }

    /// Removes a run. If this is interrupted, the rest counts as unfinished, because `digests.json` is removed first.
    ///
    /// # Errors
    /// When a runner works on it, or a file cannot be removed.
    pub fn remove(&self, run: &Leftover) -> Result<()> {
        let Some(_lock) = Lock::take(&self.lock(&run.key))? else {
            bail!("a runner works on {} {} just now", run.stage, run.key);
        };
        let folder = self.folder_of(run);
        if run.kind == Kind::Partial && !is_there(&folder)? {
            return Ok(());
        }
        let _ = fs::remove_file(folder.join(DIGESTS));
        remove(&folder)
    }

    /// Removes the lock files of runs that are no longer in the store.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn remove_locks(&self) -> Result<()> {
        let kept: BTreeSet<Digest> = self.everything().into_iter().map(|run| run.key).collect();
        for entry in fs::read_dir(self.stages.join(LOCKS)).into_iter().flatten().flatten() {
            let is_kept = entry.file_name().to_str().is_none_or(|key| kept.contains(key));
            // The file is removed while its lock is held. So a runner that has just opened the file cannot take the
            // lock.
            if !is_kept && let Some(_lock) = Lock::take(&entry.path())? {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn folder_of(&self, run: &Leftover) -> PathBuf {
        let suffix = match run.kind {
            Kind::Finished => "",
            Kind::Partial => ".partial",
            Kind::Failed => ".failed",
        };
        self.path(run.stage, &run.key, suffix)
    }
}
