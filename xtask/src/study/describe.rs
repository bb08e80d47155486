//! What report is told: `study.json`, and the digests of all files that it names.

use super::arm::Arm;
use super::pipeline::Pipeline;
use super::registration::{Registered, registered};
use super::track::{Status, Study, Track};
use crate::machine::digest::Digest;
use crate::stages::Stage;
use crate::stages::precision::Precision;
use crate::store::ledger::{self, Entry, Ledger, cpu_seconds};
use crate::store::{Finished, Store};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Serialize)]
struct StudyFile<'a> {
    pipeline: &'a str,
    description: &'a str,
    pipeline_file: &'a Path,
    seeds: &'a [u64],
    registration: Option<Registered>,
    precision: Option<&'static str>,
    processors: BTreeSet<String>,
    images: Option<String>,
    rejects: Option<String>,
    truth: Option<String>,
    hashes: Option<String>,
    pairs: Option<String>,
    clusters: Option<String>,
    gaussian: Option<String>,
    gaussian_boundaries: Option<String>,
    gaussian_points: Option<String>,
    arms: Vec<ArmOfStudy<'a>>,
    cells: Vec<CellOfStudy<'a>>,
}

impl StudyFile<'_> {
    fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a study without maps of odd keys is JSON") + "\n"
    }
}

#[derive(Serialize)]
struct ArmOfStudy<'a> {
    name: &'a str,
    rates: &'a [f64],
    baseline: Option<&'a str>,
    inject: &'a toml::Table,
    train: &'a toml::Table,
    evaluate: &'a toml::Table,
}

#[derive(Serialize)]
struct CellOfStudy<'a> {
    arm: &'a str,
    rate: f64,
    seed: u64,
    status: Status,
    failed_stage: Option<Stage>,
    reason: Option<&'a str>,
    trainset: Option<String>,
    injected_images: Option<String>,
    leaked_images: Option<String>,
    epochs: Option<String>,
    learning_curve: Option<String>,
    weights: Option<String>,
    train_cpu_seconds: Option<f64>,
    predictions: Option<String>,
}

/// What report is told of the shared stages and of all cells.
pub fn describe(pipeline: &Pipeline, shared: &Track, cells: &[Track], store: &Store, ledger: &Ledger) -> Study {
    let lines = ledger.lines();
    let entries = ledger::entries(&lines);
    let mut files = BTreeMap::new();
    let mut shared_file = |stage, name| named(&mut files, shared.done.get(&stage), name);
    let (images, rejects) =
        (shared_file(Stage::Ingest, "images.parquet"), shared_file(Stage::Ingest, "rejects.parquet"));
    let truth = shared_file(Stage::Ingest, "truth.csv");
    let hashes = shared_file(Stage::Neardup, "hashes.parquet");
    let (pairs, clusters) =
        (shared_file(Stage::Neardup, "pairs.parquet"), shared_file(Stage::Neardup, "clusters.parquet"));
    let [gaussian, gaussian_boundaries, gaussian_points] =
        ["gaussian.parquet", "boundaries.parquet", "points.parquet"].map(|name| shared_file(Stage::Gaussian, name));
    let arms = pipeline.arms.iter().map(ArmOfStudy::from).collect();
    let runs = cells.iter().flat_map(|track| &track.done).filter(|(stage, _)| stage.has_device());
    let processors = runs.filter_map(|(stage, run)| store.key_file(*stage, run.key())?.processor).collect();
    let cells: Vec<_> = cells.iter().filter_map(|track| cell_of_study(track, &entries, &mut files)).collect();
    let mut study = StudyFile {
        pipeline: &pipeline.name,
        description: &pipeline.description,
        pipeline_file: &pipeline.shown_file,
        seeds: &pipeline.seeds,
        registration: registered(pipeline, &lines),
        precision: pipeline.precision.map(Precision::name),
        processors,
        images,
        rejects,
        truth,
        hashes,
        pairs,
        clusters,
        gaussian,
        gaussian_boundaries,
        gaussian_points,
        arms,
        cells,
    };
    let text = study.text();
    for cell in &mut study.cells {
        cell.train_cpu_seconds = None;
    }
    Study { text, identity: study.text(), files }
}

impl<'a> From<&'a Arm> for ArmOfStudy<'a> {
    fn from(arm: &'a Arm) -> Self {
        let Arm { name, rates, baseline, inject, train, evaluate, .. } = arm;
        Self { name, rates, baseline: baseline.as_deref(), inject, train, evaluate }
    }
}

fn cell_of_study<'a>(
    track: &'a Track,
    entries: &[Entry],
    files: &mut BTreeMap<String, Digest>,
) -> Option<CellOfStudy<'a>> {
    let cell = track.cell.as_ref()?;
    let mut file = |stage, name| named(files, track.done.get(&stage), name);
    Some(CellOfStudy {
        arm: &cell.arm_name,
        rate: cell.rate,
        seed: cell.seed,
        status: track.status(),
        failed_stage: track.failure.as_ref().map(|failure| failure.stage),
        reason: track.failure.as_ref().map(|failure| failure.reason.as_str()),
        trainset: file(Stage::Inject, "trainset.parquet"),
        injected_images: file(Stage::Inject, "injected-images.parquet"),
        leaked_images: file(Stage::Inject, "leaked-images.parquet"),
        epochs: file(Stage::Train, "epochs.parquet"),
        learning_curve: file(Stage::Train, "learning-curve.parquet"),
        weights: file(Stage::Train, "model.safetensors"),
        predictions: file(Stage::Evaluate, "predictions.parquet"),
        train_cpu_seconds: track.done.get(&Stage::Train).and_then(|finished| cpu_seconds(entries, finished.key())),
    })
}

/// The path of a finished run's file, whose digest is noted.
fn named(files: &mut BTreeMap<String, Digest>, finished: Option<&Finished>, name: &str) -> Option<String> {
    let (path, digest) = finished?.find(name)?;
    let path = path.to_string_lossy().into_owned();
    files.insert(path.clone(), digest);
    Some(path)
}
