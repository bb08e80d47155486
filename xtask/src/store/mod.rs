//! The *store*: `data/stages/<stage>/<key>/` holds a finished run.
//!
//! A run is made in `<key>.partial/`, which is renamed when the run is done. So a folder `<key>` is always complete.
//! Only the holder of the lock `.locks/<key>` may work in this folder, empty it or remove it. The lock is released when
//! its process ends, so a partial folder whose lock is free was left by a dead runner. If a run fails, its log, config
//! and checkpoints are kept as `<key>.failed/` until its next start.
//!
//! A run may keep checkpoints in the subfolder `checkpoints` of its folder. They survive an interruption, a failure and
//! the death of the runner. Continuing from them is safe: the folder is named by the key, so only the same run finds
//! them.

mod contents;
pub mod finished;
pub mod ledger;
mod lock;
pub mod run;

use self::lock::Lock;
use self::run::{KeyFile, StageRun};
use crate::machine::digest;
use crate::machine::tree;
use crate::machine::write;
use crate::stages::Stage;
use anyhow::{Context, Result, bail};
pub use contents::{Kind, Leftover};
pub use finished::{Finished, Output};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use twinset_record::{CONFIG, DIGESTS, KEY, Outputs};

/// The folder of the locks.
const LOCKS: &str = ".locks";
const CHECKPOINTS: &str = "checkpoints";
/// Files in a run's folder that the runner writes. They are not outputs of the stage.
const OF_RUNNER: [&str; 4] = [CONFIG, KEY, "log.txt", "study.json"];

/// The folder of all stage runs.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    stages: PathBuf,
}

/// The result of starting a run.
#[derive(Debug)]
pub enum Begin {
    /// The caller shall execute the run in this folder.
    Work(Partial),
    /// Another runner finished it in the meantime.
    Finished(Finished),
    /// Another runner works on the run.
    Busy,
}

/// The folder of a run under way, and its lock.
#[derive(Debug)]
pub struct Partial {
    /// The folder, relative to the workspace's root.
    pub folder: PathBuf,
    absolute: PathBuf,
    lock: Lock,
}

impl Store {
    /// The store in the folder `stages` below `root`.
    pub fn new(root: &Path, stages: &Path) -> Self {
        Self { root: root.to_owned(), stages: stages.to_owned() }
    }

    /// The finished run; none if it does not exist or if a file no longer has its recorded size.
    pub fn lookup(&self, stage: Stage, key: &str) -> Option<Finished> {
        let folder = self.path(stage, key, "");
        let digests = folder.join(DIGESTS);
        // Another machine may have just made the file. Opening the folder lets a network file system look again.
        let bytes = fs::read(&digests).or_else(|_| {
            File::open(folder.parent().unwrap_or(&self.stages))?;
            fs::read(&digests)
        });
        let outputs: Outputs = serde_json::from_slice(&bytes.ok()?).ok()?;
        let is_whole = |(name, output): (&String, &Output)| {
            fs::metadata(folder.join(name)).is_ok_and(|metadata| metadata.len() == output.n_bytes)
        };
        if !outputs.iter().all(is_whole) {
            return None;
        }
        Some(Finished { folder: self.relative(&folder), outputs })
    }

    /// The `key.json` of a finished run; none if it cannot be read.
    pub fn key_file(&self, stage: Stage, key: &str) -> Option<KeyFile> {
        serde_json::from_slice(&fs::read(self.path(stage, key, "").join(KEY)).ok()?).ok()
    }

    /// The folder of a run whose last start failed, relative to the root.
    pub fn failed(&self, stage: Stage, key: &str) -> Option<PathBuf> {
        let folder = self.path(stage, key, ".failed");
        folder.is_dir().then(|| self.relative(&folder))
    }

    /// Locks the run and prepares its partial folder, which is empty except for checkpoints. They may be those of a
    /// failed start.
    pub fn begin(&self, run: &StageRun) -> Result<Begin> {
        let absolute = self.path(run.stage, &run.key, ".partial");
        let lock = self.lock(&run.key);
        let taken = Lock::take(&lock).with_context(|| format!("failed to lock `{}`", lock.display()))?;
        let Some(lock) = taken else { return Ok(Begin::Busy) };
        let is_there =
            is_there(&absolute).with_context(|| format!("failed to look for folder `{}`", absolute.display()))?;
        if let Some(finished) = self.lookup(run.stage, &run.key) {
            if is_there {
                let _ = fs::remove_dir_all(&absolute);
            }
            return Ok(Begin::Finished(finished));
        }
        let emptied = fs::create_dir_all(&absolute).and_then(|()| empty(&absolute, &[CHECKPOINTS]));
        emptied.with_context(|| format!("failed to empty folder `{}`", absolute.display()))?;
        if !absolute.join(CHECKPOINTS).exists() {
            // Mostly there are no checkpoints of a failed start, so an error is ignored.
            let _ = fs::rename(self.path(run.stage, &run.key, ".failed").join(CHECKPOINTS), absolute.join(CHECKPOINTS));
        }
        let partial = Partial { folder: self.relative(&absolute), absolute, lock };
        if let Some((name, text)) = &run.prepared {
            write::atomically(&partial.absolute.join(name), text.as_bytes())?;
        }
        let config = run::config_text(&run.ingredients.config);
        write::atomically(&partial.absolute.join(CONFIG), config.as_bytes())?;
        write::atomically(&partial.absolute.join(KEY), &serde_json::to_vec_pretty(&run.key_file())?)?;
        Ok(Begin::Work(partial))
    }

    /// Whether the run is still the caller's. A file server that could not reach this machine for a while may have given its lock to another
    /// machine, which then works on the run or has finished it. The folder is then that machine's.
    pub fn is_ours(&self, run: &StageRun, partial: &Partial) -> bool {
        partial.lock.renew() && self.lookup(run.stage, &run.key).is_none()
    }

    /// Digests and syncs what the run wrote, then gives the folder its final name.
    pub fn finish(&self, run: &StageRun, partial: Partial) -> Result<Finished> {
        let mut outputs = Outputs::new();
        for name in tree::files(&partial.absolute, |name| name == CHECKPOINTS)? {
            let name = name.to_string_lossy().into_owned();
            if !OF_RUNNER.contains(&name.as_str()) {
                let path = partial.absolute.join(&name);
                let output = Output { blake3: digest::of_file(&path)?, n_bytes: fs::metadata(&path)?.len() };
                outputs.insert(name, output);
            }
        }
        let folder = self.path(run.stage, &run.key, "");
        let finished = Finished { folder: self.relative(&folder), outputs };
        if let Some(missing) = run.stage.outputs().iter().find(|name| finished.find(name).is_none()) {
            bail!("{} ended well but wrote no `{missing}`", run.stage.program());
        }
        write::atomically(&partial.absolute.join(DIGESTS), &serde_json::to_vec_pretty(&finished.outputs)?)?;
        write::sync_folder(&partial.absolute)?;
        // This comes before the rename, because a runner may be killed at any point. Nobody would remove it beside a
        // finished run.
        remove(&self.path(run.stage, &run.key, ".failed"))?;
        // A folder is here only if files of the finished run were removed or changed.
        remove(&folder)?;
        fs::rename(&partial.absolute, &folder)
            .with_context(|| format!("failed to rename folder `{}`", partial.absolute.display()))?;
        File::open(folder.parent().unwrap_or(&self.stages))?.sync_all()?;
        Ok(finished)
    }

    /// Keeps the log, config, key and checkpoints of a failed run. Returns their folder, relative to the root.
    pub fn fail(&self, run: &StageRun, partial: Partial) -> Result<PathBuf> {
        let folder = self.path(run.stage, &run.key, ".failed");
        remove(&folder)?;
        empty(&partial.absolute, &[&OF_RUNNER[..], &[CHECKPOINTS]].concat())
            .with_context(|| format!("failed to empty folder `{}`", partial.absolute.display()))?;
        fs::rename(&partial.absolute, &folder)
            .with_context(|| format!("failed to rename folder `{}`", partial.absolute.display()))?;
        Ok(self.relative(&folder))
    }

    /// Removes what an interrupted run left, except for its checkpoints.
    pub fn discard(&self, partial: Partial) -> Result<()> {
        forget(&partial.absolute)
            .map(drop)
            .with_context(|| format!("failed to empty folder `{}`", partial.absolute.display()))
    }

    /// Empties the partial folders of dead runners, except for checkpoints. Returns how many had none and were removed.
    pub fn sweep(&self) -> usize {
        let mut n_removed = 0;
        for stage in Stage::ALL {
            let entries = fs::read_dir(self.stages.join(stage.name())).into_iter().flatten().flatten();
            let is_partial = |path: &PathBuf| path.extension().is_some_and(|end| end == "partial");
            for path in entries.map(|entry| entry.path()).filter(is_partial) {
                let Some(key) = path.file_stem().and_then(|key| key.to_str()) else { continue };
                let Ok(Some(_lock)) = Lock::take(&self.lock(key)) else { continue };
                n_removed += usize::from(forget(&path).unwrap_or(false));
            }
        }
        n_removed
    }

    /// Whether a runner is working on the run.
    pub fn is_under_way(&self, key: &str) -> bool {
        Lock::is_held(&self.lock(key))
    }

    fn lock(&self, key: &str) -> PathBuf {
        self.stages.join(LOCKS).join(key)
    }

    fn path(&self, stage: Stage, key: &str, suffix: &str) -> PathBuf {
        self.stages.join(stage.name()).join(format!("{key}{suffix}"))
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove folder `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Whether the file server knows a folder by this name. An empty folder is removed.
///
/// Call this before the files of a partial folder are removed. On a network file system this machine may remember for some seconds that a folder
/// is called `<key>.partial` when another machine has renamed it to `<key>`. What is removed from it is then removed from the finished run.
/// `rmdir` asks the server for the name.
fn is_there(folder: &Path) -> io::Result<bool> {
    match fs::remove_dir(folder) {
        Ok(()) => Ok(false),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(false),
            // POSIX allows both.
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => Ok(true),
            _ => Err(error),
        },
    }
}

/// Empties a folder except for its checkpoints. If there are none, removes the folder and returns true.
fn forget(folder: &Path) -> io::Result<bool> {
    if !is_there(folder)? {
        return Ok(true);
    }
    empty(folder, &[CHECKPOINTS])?;
    let is_empty = fs::read_dir(folder)?.next().is_none();
    if is_empty {
        fs::remove_dir(folder)?;
    }
    Ok(is_empty)
}

/// Removes everything in a folder except the files and folders with these names.
fn empty(folder: &Path, kept: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if kept.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::run::Ingredients;
    use super::*;

    fn run() -> StageRun {
        let ingredients = Ingredients {
            stage: Stage::Evaluate,
            program: "p".to_owned(),
            libtorch: None,
            device: None,
            same_processor: None,
            inputs: vec![],
            config: toml::Table::new(),
        };
        StageRun {
            stage: Stage::Evaluate,
            label: String::new(),
            ingredients,
            processor: None,
            inputs: vec![],
            arguments: vec![],
            prepared: None,
            key: "k".to_owned(),
        }
    }

    fn work(store: &Store) -> Partial {
        match store.begin(&run()).unwrap() {
            Begin::Work(partial) => partial,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_finished_is_found_and_what_is_cut_short_is_not() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path(), &root.path().join("stages"));
        let partial = work(&store);
        assert!(store.is_under_way("k"));
        assert!(matches!(store.begin(&run()).unwrap(), Begin::Busy));
        fs::write(partial.absolute.join("predictions.parquet"), "abc").unwrap();
        let finished = store.finish(&run(), partial).unwrap();
        assert_eq!(finished.folder, Path::new("stages/evaluate/k"));
        assert_eq!(store.lookup(Stage::Evaluate, "k"), Some(finished.clone()));
        assert!(matches!(store.begin(&run()).unwrap(), Begin::Finished(_)));

        fs::write(root.path().join("stages/evaluate/k/predictions.parquet"), "a").unwrap();
        assert_eq!(store.lookup(Stage::Evaluate, "k"), None);
        let partial = work(&store);
        fs::write(partial.absolute.join("predictions.parquet"), "abc").unwrap();
        assert_eq!(store.finish(&run(), partial).unwrap(), finished);
    }

    #[test]
    fn leftovers_of_the_dead_are_emptied_or_swept() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path(), &root.path().join("stages"));
        let folder = root.path().join("stages/evaluate/k.partial");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("half.parquet"), "abc").unwrap();
        let partial = work(&store);
        assert!(!folder.join("half.parquet").exists());
        assert_eq!(store.sweep(), 0, "a folder that is worked in stays");
        drop(partial);
        assert_eq!(store.sweep(), 1);
        assert!(!folder.exists());
    }

    #[test]
    fn checkpoints_outlive_a_death_an_interruption_and_a_failure_but_not_the_end() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path(), &root.path().join("stages"));
        let partial = work(&store);
        let folder = partial.absolute.clone();
        let checkpoint = folder.join("checkpoints/epoch-1");
        fs::create_dir(folder.join("checkpoints")).unwrap();
        fs::write(&checkpoint, "abc").unwrap();
        fs::write(folder.join("half.parquet"), "abc").unwrap();
        drop(partial);
        assert_eq!(store.sweep(), 0, "what can be resumed is not removed");
        assert!(checkpoint.exists() && !folder.join("half.parquet").exists());
        store.discard(work(&store)).unwrap();
        let partial = work(&store);
        fs::write(folder.join("half.parquet"), "abc").unwrap();
        fs::write(folder.join("log.txt"), "error: no").unwrap();
        let failed = root.path().join(store.fail(&run(), partial).unwrap());
        assert!(!checkpoint.exists() && failed.join("checkpoints/epoch-1").exists());
        assert!(failed.join("log.txt").exists() && !failed.join("half.parquet").exists());
        let partial = work(&store);
        assert!(checkpoint.exists());
        fs::remove_dir_all(folder.join("checkpoints")).unwrap();
        fs::write(folder.join("predictions.parquet"), "abc").unwrap();
        store.finish(&run(), partial).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_run_without_its_output_is_not_finished() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path(), &root.path().join("stages"));
        let error = store.finish(&run(), work(&store)).unwrap_err();
        assert_eq!(error.to_string(), "twinset-evaluate ended well but wrote no `predictions.parquet`");
    }

    #[test]
    fn a_run_whose_lock_was_lost_is_left_to_its_new_holder() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::new(root.path(), &root.path().join("stages"));
        let lost = work(&store);
        assert!(store.is_ours(&run(), &lost) && store.is_under_way("k"));
        lost.lock.lose();
        let partial = work(&store);
        assert!(!store.is_ours(&run(), &lost) && store.is_ours(&run(), &partial));
        fs::write(partial.absolute.join("predictions.parquet"), "abc").unwrap();
        store.finish(&run(), partial).unwrap();
        assert!(!store.is_ours(&run(), &lost), "it is finished");
    }
}
