//! The *store*: `data/stages/<stage>/<key>/` holds a finished run.
//!
//! A run is made in `<key>.partial/` and renamed when done, so what exists is whole. Whoever works in it, empties or removes it holds
//! the lock `.locks/<key>`; a lock ends with its process, so a partial folder without one was left by a dead runner. Of what
//! failed its log, its config and its checkpoints are kept as `<key>.failed/` until its next start.
//!
//! A run may keep what it wants to go on from in its folder's subfolder `checkpoints`, which outlives the runner, an
//! interruption and a failure: the key says that only the same run finds it.

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
/// Files of a run's folder that the runner writes: no outputs.
const OF_RUNNER: [&str; 4] = [CONFIG, KEY, "log.txt", "study.json"];

/// The folder of all stage runs.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    stages: PathBuf,
}

/// What happened to the start of a run.
#[derive(Debug)]
pub enum Begin {
    /// The run is to be executed in this folder.
    Work(Partial),
    /// Another runner finished it in the meantime.
    Finished(Finished),
    /// Another runner works on it.
    Busy,
}

/// The folder of a run under way, and its lock.
#[derive(Debug)]
pub struct Partial {
    /// From the workspace's root.
    pub folder: PathBuf,
    absolute: PathBuf,
    _lock: Lock,
}

impl Store {
    /// The store in the folder `stages` below `root`.
    pub fn new(root: &Path, stages: &Path) -> Self {
        Self { root: root.to_owned(), stages: stages.to_owned() }
    }

    /// The finished run, where it exists and all its files are as they were written.
    pub fn lookup(&self, stage: Stage, key: &str) -> Option<Finished> {
        let folder = self.path(stage, key, "");
        let digests = folder.join(DIGESTS);
        // Another machine may have made it just now; a network file system looks again where a folder is opened.
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

    /// What a finished run's key is made of, and what it was executed on; none where its folder does not say.
    pub fn key_file(&self, stage: Stage, key: &str) -> Option<KeyFile> {
        serde_json::from_slice(&fs::read(self.path(stage, key, "").join(KEY)).ok()?).ok()
    }

    /// The folder of a run that failed at its last start, from the root.
    pub fn failed(&self, stage: Stage, key: &str) -> Option<PathBuf> {
        let folder = self.path(stage, key, ".failed");
        folder.is_dir().then(|| self.relative(&folder))
    }

    /// Takes the run's partial folder, emptied but for its checkpoints, which may be those of a failed start.
    pub fn begin(&self, run: &StageRun) -> Result<Begin> {
        let absolute = self.path(run.stage, &run.key, ".partial");
        let lock = self.lock(&run.key);
        let taken = Lock::take(&lock).with_context(|| format!("failed to lock `{}`", lock.display()))?;
        let Some(lock) = taken else { return Ok(Begin::Busy) };
        if let Some(finished) = self.lookup(run.stage, &run.key) {
            let _ = fs::remove_dir_all(&absolute);
            return Ok(Begin::Finished(finished));
        }
        let emptied = fs::create_dir_all(&absolute).and_then(|()| empty(&absolute, &[CHECKPOINTS]));
        emptied.with_context(|| format!("failed to empty folder `{}`", absolute.display()))?;
        if !absolute.join(CHECKPOINTS).exists() {
            // There mostly is none.
            let _ = fs::rename(self.path(run.stage, &run.key, ".failed").join(CHECKPOINTS), absolute.join(CHECKPOINTS));
        }
        let partial = Partial { folder: self.relative(&absolute), absolute, _lock: lock };
        if let Some((name, text)) = &run.prepared {
            write::atomically(&partial.absolute.join(name), text.as_bytes())?;
        }
        let config = run::config_text(&run.ingredients.config);
        write::atomically(&partial.absolute.join(CONFIG), config.as_bytes())?;
        write::atomically(&partial.absolute.join(KEY), &serde_json::to_vec_pretty(&run.key_file())?)?;
        Ok(Begin::Work(partial))
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
        // First, as a runner may be killed at any point: nobody looks for it beside a finished run.
        remove(&self.path(run.stage, &run.key, ".failed"))?;
        // A folder whose files were taken or changed.
        remove(&folder)?;
        fs::rename(&partial.absolute, &folder)
            .with_context(|| format!("failed to rename folder `{}`", partial.absolute.display()))?;
        File::open(folder.parent().unwrap_or(&self.stages))?.sync_all()?;
        Ok(finished)
    }

    /// Keeps of a failed run what says why it failed and what it may go on from; says where, from the root.
    pub fn fail(&self, run: &StageRun, partial: Partial) -> Result<PathBuf> {
        let folder = self.path(run.stage, &run.key, ".failed");
        remove(&folder)?;
        empty(&partial.absolute, &[&OF_RUNNER[..], &[CHECKPOINTS]].concat())
            .with_context(|| format!("failed to empty folder `{}`", partial.absolute.display()))?;
        fs::rename(&partial.absolute, &folder)
            .with_context(|| format!("failed to rename folder `{}`", partial.absolute.display()))?;
        Ok(self.relative(&folder))
    }

    /// Forgets what an interrupted run left, but for its checkpoints.
    pub fn discard(&self, partial: Partial) -> Result<()> {
        forget(&partial.absolute)
            .map(drop)
            .with_context(|| format!("failed to empty folder `{}`", partial.absolute.display()))
    }

    /// Removes the partial folders of dead runners that hold no checkpoints and says how many there were.
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

    /// Whether some runner works on the run just now.
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

/// Empties a folder but for its checkpoints; without any it is removed, and true is returned.
fn forget(folder: &Path) -> io::Result<bool> {
    empty(folder, &[CHECKPOINTS])?;
    let is_empty = fs::read_dir(folder)?.next().is_none();
    if is_empty {
        fs::remove_dir(folder)?;
    }
    Ok(is_empty)
}

/// Empties a folder but for the files and folders of these names.
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
}
