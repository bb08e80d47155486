//! Measuring how fast trainings are that no ledger tells of: each kind is run for some seconds, on this machine.

use super::pace::{Basis, Pace, Paces, settings};
use crate::machine::digest::{self, Digest};
use crate::machine::write;
use crate::stages::Stage;
use crate::stages::ask::{Asker, MeasuredPace, in_parallel};
use crate::stages::device;
use crate::study::check::{evaluate_table, train_table};
use crate::study::pipeline::Pipeline;
use anyhow::Result;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Trainings that were measured, by all that their pace depends on.
type Memory = BTreeMap<Digest, MeasuredPace>;

/// What is to be measured, and where it is remembered.
#[derive(Debug)]
pub struct Calibration<'a> {
    /// Runs the trainings.
    pub asker: Asker<'a>,
    /// The study.
    pub pipeline: &'a Pipeline,
    /// The images, where they were ingested: how large they are matters.
    pub images: Option<PathBuf>,
    /// A file that remembers what was measured.
    pub memory: PathBuf,
    /// Whether nothing is said.
    pub quiet: bool,
}

impl Calibration<'_> {
    /// Adds the paces of the trainings of which `paces` has none, and of their evaluations. Returns why some cannot be measured.
    pub fn fill(&self, paces: &mut Paces) -> Result<Option<anyhow::Error>> {
        let places = 0..self.pipeline.arms.len();
        let mut missing: Vec<(usize, Digest)> = places
            .clone()
            .filter(|place| paces.get(Stage::Train, Some(*place)).is_none())
            .map(|place| (place, self.kind(place)))
            .collect();
        let mut memory: Memory =
            fs::read(&self.memory).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let of_arms = missing.clone();
        missing.retain(|(_, kind)| !memory.contains_key(kind));
        missing.sort_by(|left, right| left.1.cmp(&right.1));
        missing.dedup_by(|left, right| left.1 == right.1);
        if !missing.is_empty() && !self.quiet {
            let kinds = match missing.len() {
                1 => "one kind of training is: some seconds".to_owned(),
                n => format!("{n} kinds of training are: some seconds each"),
            };
            eprintln!("measuring how fast {kinds}");
        }
        let answers = in_parallel(&missing, |(place, _)| {
            self.asker.pace(&train_table(self.pipeline, *place, self.pipeline.seeds[0]), self.images.as_deref())
        });
        let mut unknown = None;
        for ((_, kind), answer) in missing.into_iter().zip(answers) {
            match answer {
                Ok(pace) => drop(memory.insert(kind, pace)),
                Err(error) => drop(unknown.get_or_insert(error)),
            }
        }
        for (place, kind) in of_arms {
            let Some(MeasuredPace { seconds_a_pass: seconds, image_size }) = memory.get(&kind).copied() else {
                continue;
            };
            paces.set(Stage::Train, place, Pace::measured(Basis::Batches, seconds, Some(image_size)));
        }
        if !memory.is_empty() {
            write::atomically(&self.memory, &serde_json::to_vec_pretty(&memory)?)?;
        }
        self.fill_evaluations(paces)?;
        Ok(unknown)
    }

    /// An evaluation's passes are as fast as those of the network's training.
    fn fill_evaluations(&self, paces: &mut Paces) -> Result<()> {
        let is_missing = |place: &usize| paces.get(Stage::Evaluate, Some(*place)).is_none();
        let missing: Vec<(usize, f64)> = (0..self.pipeline.arms.len())
            .filter(is_missing)
            .filter_map(|place| Some((place, paces.get(Stage::Train, Some(place))?.seconds)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let counts = self.asker.count()?;
        let answers = in_parallel(&missing, |(place, _)| {
            self.asker.evaluation(&evaluate_table(self.pipeline, *place, self.pipeline.seeds[0]), &counts)
        });
        for ((place, seconds_a_pass), work) in missing.into_iter().zip(answers) {
            let seconds = seconds_a_pass * work?.n_forward_backward_passes as f64;
            paces.set(Stage::Evaluate, place, Pace::measured(Basis::OfTraining, seconds, None));
        }
        Ok(())
    }

    /// All that the pace of an arm's training depends on.
    fn kind(&self, place: usize) -> Digest {
        let program = &self.asker.programs.get(Stage::Train).digest;
        let settings = settings(&[(Stage::Train, &self.pipeline.arms[place].train)]);
        let machine = device::fingerprint(self.asker.device);
        digest::of_bytes(format!("{program}\n{settings:?}\n{machine}\n{:?}", self.images).as_bytes())
    }
}
