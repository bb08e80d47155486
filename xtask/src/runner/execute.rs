//! Executing one stage run: its program in its partial folder, its log beside its outputs.

use super::display::Progress;
use super::lineage;
use crate::hint::hinted;
use crate::machine::digest::SourceDigests;
use crate::machine::interrupt;
use crate::machine::process::{self, Cost};
use crate::stages::Stage;
use crate::stages::programs::Programs;
use crate::store::ledger::Spent;
use crate::store::run::{StageRun, short};
use crate::store::{Begin, Finished, Partial, Store};
use crate::study::track::Failure;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What executing needs to know.
#[derive(Debug)]
pub struct Executor<'a> {
    /// The workspace's root; stages run in it.
    pub root: &'a Path,
    /// Where runs lie.
    pub store: Store,
    /// The stage programs.
    pub programs: &'a Programs,
    /// Where trainings draw their curves, if anywhere. No output depends on it, so no key does.
    pub tensorboard: Option<PathBuf>,
    /// Whose part the runs are, as [`lineage`] says it.
    pub parent_id: String,
    /// Digests of the inputs that runs were given.
    pub inputs: Mutex<SourceDigests>,
    /// Set when no run is wanted any more.
    pub is_stopped: AtomicBool,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// Done, now or by another runner in the meantime.
    Finished(Finished),
    /// The others go on.
    Failed(Failure),
    /// Nothing is left of it.
    Stopped,
    /// Another runner works on it.
    Busy,
}

/// A run's end.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// What was executed, unless another runner did.
    pub spent: Option<Spent>,
}

impl Executor<'_> {
    /// Executes a run, on this GPU if there is one; `on_progress` hears how far it is.
    pub fn execute(&self, run: &StageRun, gpu: Option<&str>, on_progress: &(dyn Fn(Progress) + Sync)) -> Result<Ended> {
        if self.is_stopped() {
            return Ok(Ended { outcome: Outcome::Stopped, spent: None });
        }
        let partial = match self.store.begin(run) {
            Ok(Begin::Work(partial)) => partial,
            Ok(Begin::Finished(finished)) => return Ok(Ended { outcome: Outcome::Finished(finished), spent: None }),
            Ok(Begin::Busy) => return Ok(Ended { outcome: Outcome::Busy, spent: None }),
            Err(error) => return Err(error),
        };
        self.check_inputs(run)?;
        let command = self.command(run, &partial.folder);
        let log = self.root.join(&partial.folder).join("log.txt");
        let (is_success, status, cost) = match self.spawn(run, &command, gpu, &log, on_progress) {
            Ok((status, cost)) => (status.success(), process::describe(status), cost),
            Err(error) => (false, format!("{error:#}"), Cost::default()),
        };
        let spent = Some(Spent { command, status: status.clone(), cost });
        if !self.store.is_ours(run, &partial) {
            return Ok(Ended { outcome: Outcome::Busy, spent });
        }
        if self.is_stopped() && !is_success {
            self.store.discard(partial)?;
            return Ok(Ended { outcome: Outcome::Stopped, spent });
        }
        let outcome = match is_success {
            true => self.conclude(run, partial)?,
            false => Outcome::Failed(self.fail(run, partial, &status)?),
        };
        Ok(Ended { outcome, spent })
    }

    /// That the inputs are what the runs that made them wrote: the key says so.
    fn check_inputs(&self, run: &StageRun) -> Result<()> {
        for input in run.inputs.iter().filter(|input| self.root.join(&input.path).is_file()) {
            let mut digests = self.inputs.lock().expect("no thread panics with the lock");
            let found = digests.of(&self.root.join(&input.path))?;
            if found != input.digest {
                let folder = input.path.parent().unwrap_or(&input.path).display();
                return Err(hinted(
                    format!(
                        "`{}` was changed after its run: its digest is {}, and was {}",
                        input.path.display(),
                        short(&found),
                        short(&input.digest)
                    ),
                    format!("remove `{folder}`, and the run is made again"),
                ));
            }
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        interrupt::requested() || self.is_stopped.load(Ordering::SeqCst)
    }

    fn command(&self, run: &StageRun, folder: &Path) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut command = vec![text(&self.programs.get(run.stage).path)];
        command.extend(["--config".to_owned(), text(&folder.join("config.toml"))]);
        command.extend(["--out".to_owned(), text(folder)]);
        for input in &run.inputs {
            command.extend([input.flag.to_owned(), text(&input.path)]);
        }
        if let Some((name, _)) = &run.prepared {
            command.extend(["--study".to_owned(), text(&folder.join(name))]);
        }
        command.extend(run.arguments.iter().cloned());
        if let Some(tensorboard) = self.tensorboard.as_ref().filter(|_| run.stage == Stage::Train) {
            command.extend(["--tensorboard".to_owned(), text(&tensorboard.join(&run.label))]);
        }
        command
    }

    fn spawn(
        &self,
        run: &StageRun,
        words: &[String],
        gpu: Option<&str>,
        log: &Path,
        on_progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(std::process::ExitStatus, Cost)> {
        let mut log = File::create(log).with_context(|| format!("failed to make `{}`", log.display()))?;
        writeln!(log, "$ {}", words.join(" "))?;
        let log = Mutex::new(log);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.root).env("TWINSET_PROGRESS", "machine");
        command.env(lineage::PARENT_ID, &self.parent_id);
        if run.stage.is_of_cell() {
            command.envs(process::ONE_THREAD);
        }
        if let Some(gpu) = gpu.filter(|_| run.stage.has_device()) {
            command.env("CUDA_VISIBLE_DEVICES", gpu);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = process::spawn(&mut command).with_context(|| format!("failed to start `{}`", words[0]))?;
        let (stdout, stderr) = (running.stdout(), running.stderr());
        thread::scope(|scope| {
            scope.spawn(|| follow(stdout, &log, &|_| false));
            follow(stderr, &log, &|line| parse_progress(line).map(on_progress).is_some());
        });
        Ok(running.wait()?)
    }

    fn conclude(&self, run: &StageRun, partial: Partial) -> Result<Outcome> {
        let folder = self.root.join(&partial.folder);
        // A sharded manifest is a folder.
        let is_missing = |name: &&&str| !folder.join(name).is_file() && !folder.join(name).with_extension("").is_dir();
        let missing = run.stage.outputs().iter().find(is_missing);
        match missing {
            Some(name) => {
                let reason = format!("{} ended well but wrote no `{name}`", run.stage.program());
                let log = self.store.fail(run, partial)?.join("log.txt");
                Ok(Outcome::Failed(Failure { stage: run.stage, reason, log }))
            }
            None => self.store.finish(run, partial).map(Outcome::Finished),
        }
    }

    fn fail(&self, run: &StageRun, partial: Partial, status: &str) -> Result<Failure> {
        let log = self.store.fail(run, partial)?.join("log.txt");
        let reason = reason(&self.root.join(&log)).unwrap_or_else(|| status.to_owned());
        Ok(Failure { stage: run.stage, reason, log })
    }
}

/// What went wrong, as the last `error:` line of a log says.
pub fn reason(log: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&fs::read(log).ok()?).into_owned();
    let error = text.lines().rev().find_map(|line| line.strip_prefix("error: "));
    error.map(str::to_owned)
}

/// Where the log of a run in `folder` lies.
pub fn log_of(folder: &Path) -> PathBuf {
    folder.join("log.txt")
}

/// Copies a child's lines to the log, but those that `take` takes.
fn follow(pipe: Option<impl Read>, log: &Mutex<File>, take: &dyn Fn(&str) -> bool) {
    let Some(pipe) = pipe else { return };
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|n_bytes| n_bytes > 0) {
        if !take(&String::from_utf8_lossy(&line)) {
            // A full disk is found by the stage itself; its run goes wrong then.
            let _ = log.lock().expect("no thread panics with the lock").write_all(&line);
        }
        line.clear();
    }
}

/// Reads `@progress <done> <total> <unit> <message…>`.
fn parse_progress(line: &str) -> Option<Progress> {
    let mut words = line.trim_end().strip_prefix("@progress ")?.splitn(4, ' ');
    let done = words.next()?.parse().ok()?;
    let total = words.next()?.parse().ok()?;
    let unit = words.next().unwrap_or("").to_owned();
    Some(Progress { done, total, unit, message: words.next().unwrap_or("").to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_lines_are_told_from_log_lines() {
        let progress = |done, total, unit: &str, message: &str| {
            Some(Progress { done, total, unit: unit.to_owned(), message: message.to_owned() })
        };
        for (line, expected) in [
            ("@progress 5 20 samples epoch 1 of 2\n", progress(5, 20, "samples", "epoch 1 of 2")),
            ("@progress 5 0 images\n", progress(5, 0, "images", "")),
            ("@progress five\n", None),
            ("loss 0.5\n", None),
        ] {
            assert_eq!(parse_progress(line), expected, "{line}");
        }
    }
}
