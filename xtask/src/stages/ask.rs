//! Questions to the stage programs that need no run: is this config good, which files are read, how much work is it?

use super::Stage;
use super::device::Device;
use super::precision::Precision;
use super::programs::Programs;
use crate::hint::hinted;
use crate::machine::process;
use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Who is asked, and about which pipeline file.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The workspace's root; stages run in it.
    pub root: &'a Path,
    /// The stage programs.
    pub programs: &'a Programs,
    /// The pipeline's file.
    pub file: &'a Path,
    /// What train and evaluate are to compute on.
    pub device: Device,
    /// The folder of datasets.
    pub data: Option<&'a Path>,
}

/// A stage's table in the pipeline file, with what the runner sets in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRef {
    /// Whose config it is.
    pub stage: Stage,
    /// Such as `arm.2.train`; behind it the tables that give the keys which it lacks.
    pub paths: Vec<String>,
    /// Such as `seed=3`.
    pub sets: Vec<String>,
    /// What the user chose of a training.
    pub precision: Option<Precision>,
}

/// The numbers of images in a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Counts {
    /// Images to train on.
    pub train: u64,
    /// Images to steer training by.
    #[serde(default)]
    pub val: u64,
    /// Images to judge by.
    #[serde(default)]
    pub test: u64,
}

/// How fast a training was for some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeasuredPace {
    /// Seconds for one image forward and backward.
    pub seconds_a_pass: f64,
    /// Height and width of the images.
    pub image_size: u32,
}

#[derive(Deserialize)]
struct TrainsetSize {
    n_train: u64,
}

/// How much a training or an evaluation computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub struct Work {
    /// Samples that a training sees over all epochs.
    #[serde(default)]
    pub n_samples: u64,
    /// Forward and backward passes of one sample each: an attack of seven steps makes eight of each sample.
    pub n_forward_backward_passes: u64,
}

/// How many seeds each claim needs, as report says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    /// The probability with which a claim's smallest effect should be found.
    pub power: f64,
    /// The largest number of seeds that report looks at.
    pub max_seeds: usize,
    /// One for each claim of the pipeline.
    pub claims: Vec<Need>,
}

/// What one claim needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The claim's name.
    pub name: String,
    /// What it compares.
    pub conditions: Vec<Condition>,
    /// The smallest difference that matters.
    pub smallest_effect: f64,
    /// Seeds that both conditions have.
    pub n_seeds: usize,
    /// The mean difference that they show.
    pub difference: Option<f64>,
    /// The standard deviation of the differences.
    pub standard_deviation: Option<f64>,
    /// The ends of its 95 % interval.
    pub standard_deviation_low: Option<f64>,
    /// See [`Self::standard_deviation_low`].
    pub standard_deviation_high: Option<f64>,
    /// The verdict so far.
    pub verdict: String,
    /// Why no number of seeds can be told.
    pub unknown: Option<String>,
    /// Were it the only claim.
    pub alone: AtLevel,
    /// Among the claims of its family.
    pub in_family: AtLevel,
}

/// An arm at a rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The arm's name.
    pub arm: String,
    /// Duplicates ÷ originals.
    pub rate: f64,
}

/// What a claim needs when it is tested at a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtLevel {
    /// The level.
    pub level: f64,
    /// The smallest difference that the seeds so far find.
    pub detectable_difference: Option<f64>,
    /// Seeds that find the smallest effect.
    pub seeds_needed: Option<usize>,
    /// Of these, those that are not there yet.
    pub seeds_missing: Option<usize>,
}

impl Asker<'_> {
    /// Lets the stage check its table; report is told the arms and their rates, which claims speak of.
    pub fn check(&self, table: &TableRef, arms: &str) -> Result<()> {
        let with = match table.precision {
            Some(precision) => format!(" with --precision {}", precision.name()),
            None => String::new(),
        };
        let mut arguments = vec!["--check".to_owned()];
        if table.stage == Stage::Report {
            arguments.extend(["--arms".to_owned(), arms.to_owned()]);
        }
        let answer = self.ask(table, &arguments);
        answer.map(drop).with_context(|| format!("failed to check `{}`{with}", table.name()))
    }

    /// The files that ingest would read.
    pub fn list_inputs(&self) -> Result<Vec<PathBuf>> {
        let listed = self.ask_ingest("--list-inputs").context("failed to list what ingest reads")?;
        Ok(listed.lines().filter(|line| !line.is_empty()).map(|line| self.root.join(line)).collect())
    }

    /// How many images ingest would find.
    pub fn count(&self) -> Result<Counts> {
        let answer = self.ask_ingest("--count");
        answer.and_then(|text| read_json(&text)).context("failed to count the images of the dataset")
    }

    /// How large the training set becomes.
    pub fn trainset_size(&self, table: &TableRef, n_originals: u64) -> Result<u64> {
        let size: TrainsetSize = self.estimate(table, &n_originals.to_string())?;
        Ok(size.n_train)
    }

    /// How much there is to compute.
    pub fn work(&self, table: &TableRef, n_train: u64) -> Result<Work> {
        self.estimate(table, &n_train.to_string())
    }

    /// How much there is to compute in an evaluation.
    pub fn evaluation(&self, table: &TableRef, counts: &Counts) -> Result<Work> {
        let Counts { train, val, test } = counts;
        self.estimate(table, &format!("{train},{val},{test}"))
    }

    /// Has a training run for some seconds.
    pub fn pace(&self, table: &TableRef, images: Option<&Path>) -> Result<MeasuredPace> {
        let mut arguments = vec!["--check".to_owned(), "--pace".to_owned()];
        for (flag, path) in [("--images", images), ("--folder", self.data)] {
            arguments.extend(path.into_iter().flat_map(|path| [flag.to_owned(), path.to_string_lossy().into_owned()]));
        }
        let answer = self.ask(table, &arguments).and_then(|text| read_json(&text));
        answer.with_context(|| format!("failed to measure the pace of `{}`", table.name()))
    }

    /// How many seeds each claim needs, as the results that `study` names tell; without it none are known.
    pub fn needs(&self, power: f64, study: Option<&str>) -> Result<Needs> {
        let table = TableRef::of_stage(Stage::Report);
        let mut arguments = vec!["--check".to_owned(), "--power".to_owned(), power.to_string()];
        if study.is_some() {
            arguments.extend(["--study".to_owned(), "/dev/stdin".to_owned()]);
        }
        let answer = self.ask_about(&table, &arguments, study.unwrap_or_default());
        answer.and_then(|text| read_json(&text)).context("failed to ask how many seeds the claims need")
    }

    fn ask_ingest(&self, question: &str) -> Result<String> {
        let mut arguments = vec![question.to_owned()];
        if let Some(data) = self.data {
            arguments.extend(["--data".to_owned(), data.to_string_lossy().into_owned()]);
        }
        self.ask(&TableRef::of_stage(Stage::Ingest), &arguments)
    }

    fn estimate<T: DeserializeOwned>(&self, table: &TableRef, n: &str) -> Result<T> {
        let arguments = ["--check".into(), "--estimate".into(), n.to_owned()];
        let answer = self.ask(table, &arguments).and_then(|text| read_json(&text));
        answer.with_context(|| format!("failed to estimate `{}`", table.name()))
    }

    fn ask(&self, table: &TableRef, arguments: &[String]) -> Result<String> {
        self.ask_about(table, arguments, "")
    }

    fn ask_about(&self, table: &TableRef, arguments: &[String], input: &str) -> Result<String> {
        let program = &self.programs.get(table.stage).path;
        let mut command = Command::new(program);
        command.current_dir(self.root).arg("--config").arg(self.file);
        command.args(table.paths.iter().flat_map(|path| ["--table", path]));
        command.args(table.sets.iter().flat_map(|set| ["--set", set]));
        if let Some(precision) = table.precision {
            command.args(["--set", &precision.as_set()]);
        }
        if table.stage.has_device() {
            command.args(["--device", self.device.name()]);
        }
        if table.stage.is_of_cell() {
            command.envs(process::ONE_THREAD);
        }
        command.args(arguments);
        let output = process::output_for(&mut command, input.to_owned())
            .with_context(|| format!("failed to start `{}`", program.display()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(relay(&stderr).unwrap_or_else(|| {
            let last = stderr.lines().last().unwrap_or("without a word");
            anyhow!("{} ended with {}: {last}", table.stage.program(), process::describe(output.status))
        }))
    }
}

impl TableRef {
    /// The table of a stage that runs once.
    pub fn of_stage(stage: Stage) -> Self {
        Self { stage, paths: vec![stage.name().to_owned()], sets: vec![], precision: None }
    }

    /// As messages call it.
    fn name(&self) -> &str {
        &self.paths[0]
    }
}

/// The error that a stage program printed, with its hint.
fn relay(stderr: &str) -> Option<anyhow::Error> {
    let line = |start: &str| stderr.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
    let message = line("error: ")?;
    Some(match line("hint: ") {
        Some(hint) => hinted(message, hint),
        None => anyhow!(message),
    })
}

/// `answer` for each question, as many at once as there are cores, in the questions' order.
pub fn in_parallel<Q: Sync, A: Send>(questions: &[Q], answer: impl Fn(&Q) -> A + Sync) -> Vec<A> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(BTreeMap::new());
    let n_threads = thread::available_parallelism().map_or(1, usize::from).min(questions.len());
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                while let Some((i, question)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, questions.get(i)?)))
                {
                    let found = answer(question);
                    answers.lock().expect("no thread panics with the lock").insert(i, found);
                }
            });
        }
    });
    answers.into_inner().expect("no thread panics with the lock").into_values().collect()
}

fn read_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    let line = text.lines().rfind(|line| line.starts_with('{')).unwrap_or(text);
    serde_json::from_str(line).with_context(|| format!("failed to understand the answer `{}`", line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::render;

    #[test]
    fn errors_of_stages_are_passed_on() {
        let relayed = relay("loading\nerror: `x.toml` line 3: no such thing\nhint: try that\n").unwrap();
        assert_eq!(render(&relayed), "error: `x.toml` line 3: no such thing\nhint: try that");
        assert!(relay("what?").is_none());
    }

    #[test]
    fn answers_are_one_line_of_json() {
        assert_eq!(
            read_json::<Counts>("note\n{\"train\": 5, \"test\": 2}\n").unwrap(),
            Counts { train: 5, val: 0, test: 2 }
        );
        let error = read_json::<Counts>("five").unwrap_err();
        assert!(error.to_string().contains("`five`"), "{error}");
    }
}
