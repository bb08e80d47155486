//! `cargo xtask plan`: the time that a pipeline would take, and how many seeds its claims need. No stage is run.

mod claims;
mod text;

use super::data_folder::given_or_remembered;
use super::prepare::{prepare, study};
use crate::cli;
use crate::forecast::calibrate::Calibration;
use crate::forecast::pace::{Measurements, Pace, Paces};
use crate::forecast::works::works;
use crate::forecast::{Forecast, Load};
use crate::hint::hinted;
use crate::machine::workspace::Workspace;
use crate::stages::Stage;
use crate::stages::device;
use crate::store::Store;
use crate::store::ledger::Ledger;
use crate::study::cell;
use crate::study::describe::describe;
use crate::study::pipeline::Pipeline;
use crate::study::reports;
use crate::study::track::{Planner, Track};
use anyhow::Result;
use claims::ClaimsPlan;
use serde::Serialize;
use std::collections::BTreeSet;

/// The default power: the probability with which a claim's smallest effect should be found.
const USUAL_POWER: f64 = 0.8;

/// The load of a pipeline: runs, samples and time.
#[derive(Debug, Serialize)]
struct Plan {
    pipeline: String,
    seeds: Vec<u64>,
    device: &'static str,
    n_jobs: usize,
    arms: Vec<ArmLoad>,
    /// The load of all arms and of the stages that run once.
    total: Load,
    /// The measured paces from which the seconds are estimated.
    paces: Vec<KnownPace>,
    /// Stages without a measured pace: the seconds do not include them.
    unmeasured: Vec<Stage>,
    /// Why it is unknown which runs are finished.
    unknown: Option<String>,
    /// None if the pipeline declares no claims.
    claims: Option<ClaimsPlan>,
    /// Why some trainings cannot be measured.
    unmeasurable: Option<String>,
    /// The command that measures the trainings, if none was measured.
    #[serde(skip)]
    measuring: String,
}

#[derive(Debug, Serialize)]
struct ArmLoad {
    name: String,
    load: Load,
}

/// A pace, and the arms that share it.
#[derive(Debug, Serialize)]
struct KnownPace {
    stage: Stage,
    arms: Vec<String>,
    pace: Pace,
}

/// Prints the plan of a pipeline.
pub fn plan(workspace: &Workspace, options: &cli::Plan) -> Result<()> {
    let pipeline = study(workspace, &options.study)?;
    let data = given_or_remembered(workspace, &options.study, &pipeline.name)?;
    let (planner, unreadable) = prepare(workspace, pipeline, data, &options.study, device::resolve, options.quiet)?;
    let mut plan = Plan::of(workspace, &planner, options)?;
    plan.unknown = unreadable.map(|error| format!("{error:#}"));
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&plan)?),
        false => print!("{}", plan.text()),
    }
    Ok(())
}

impl Plan {
    fn of(workspace: &Workspace, planner: &Planner, options: &cli::Plan) -> Result<Self> {
        let (pipeline, n_jobs) = (&planner.pipeline, cli::n_jobs(options.jobs, planner.machine.n_gpus));
        let (seeds, asker) = (&pipeline.seeds, planner.asker(workspace.root()));
        let store = Store::new(workspace.root(), &workspace.stages());
        let look = |mut track: Track| {
            planner.skip_finished(&store, &mut track, &mut BTreeSet::new());
            track
        };
        let shared = look(Track::shared(pipeline));
        let cells_of = |seeds: &[u64]| -> Vec<Track> {
            let cells = cell::expand(pipeline, seeds);
            cells.into_iter().map(|cell| look(Track::of_cell(cell, &shared.done))).collect()
        };
        let cells = cells_of(seeds);
        let ledger = Ledger::of(&reports::folder(workspace, pipeline));
        let study = describe(pipeline, &shared, &cells, &store, &ledger);
        let needs = match &pipeline.report {
            // Until the shared stages have run, there are no results that report could read.
            Some(_) => {
                let study = shared.next_stage().is_none().then_some(study.text.as_str());
                Some(asker.needs(options.power.unwrap_or(USUAL_POWER), study)?).filter(|needs| !needs.claims.is_empty())
            }
            None => None,
        };
        if needs.is_none() && options.power.is_some() {
            let hint = "a table `[[report.claim]]` declares one; without --power the plan is of cells and time";
            return Err(hinted(format!("pipeline `{}` declares no claims", pipeline.name), hint));
        }

        let questions: Vec<_> = cells.iter().filter_map(|track| track.cell.as_ref()).collect();
        let works = works(&asker, pipeline, &questions)?;
        let own_ledger = workspace.relative(ledger.path()).to_owned();
        let mut paces = Paces::of(pipeline, planner.machine.device, &own_ledger, &Measurements::read(workspace));
        let images = shared.done.get(&Stage::Ingest).and_then(|ingest| ingest.find("images.parquet"));
        let calibration = Calibration {
            asker,
            pipeline,
            images: images.map(|(path, _)| path),
            memory: workspace.stages().join(".paces.json"),
            quiet: options.quiet,
        };
        let unmeasurable = calibration.fill(&mut paces)?;
        let mut forecast = Forecast::new(planner, &paces, &works, n_jobs);
        forecast.add(&shared);
        forecast.add(&look(Track::report(study)));
        cells.iter().for_each(|track| forecast.add(track));
        let total = forecast.load(|_| true);
        let load_of = |place: usize| forecast.load(|cell| cell.is_some_and(|cell| cell.arm == place));
        let arms = pipeline.arms.iter().enumerate();
        let arms = arms.map(|(place, arm)| ArmLoad { name: arm.name.clone(), load: load_of(place) }).collect();
        let claims = needs.map(|needs| {
            // One list of seeds for all claims, the pipeline's own seeds first.
            let wanted = claims::all_seeds(seeds, &needs);
            cells_of(wanted.get(seeds.len()..).unwrap_or(&[])).iter().for_each(|track| forecast.add(track));
            ClaimsPlan::of(needs, &wanted, &forecast, &|seeds| options.study.command(workspace, seeds))
        });
        let (known, unmeasured) = known_paces(pipeline, &paces);
        Ok(Self {
            pipeline: pipeline.name.clone(),
            seeds: seeds.clone(),
            device: planner.machine.device.name(),
            n_jobs,
            arms,
            total,
            paces: known,
            unmeasured,
            unknown: None,
            claims,
            unmeasurable: unmeasurable.map(|error| format!("{error:#}")),
            measuring: options.study.command(workspace, &seeds[..1]),
        })
    }
}

/// The known paces, each with the arms that share it, and the stages without a known pace.
fn known_paces(pipeline: &Pipeline, paces: &Paces) -> (Vec<KnownPace>, Vec<Stage>) {
    let mut known: Vec<KnownPace> = Vec::new();
    let mut unmeasured = BTreeSet::new();
    for stage in pipeline.stages() {
        let arms = pipeline.arms.iter().enumerate().map(|(place, arm)| (Some(place), Some(&arm.name)));
        let places: Vec<_> = if stage.is_of_cell() { arms.collect() } else { vec![(None, None)] };
        for (place, name) in places {
            let Some(pace) = paces.get(stage, place) else {
                unmeasured.insert(stage);
                continue;
            };
            match known.iter_mut().find(|known| known.stage == stage && known.pace == *pace) {
                Some(known) => known.arms.extend(name.cloned()),
                None => known.push(KnownPace { stage, arms: name.cloned().into_iter().collect(), pace: pace.clone() }),
            }
        }
    }
    (known, unmeasured.into_iter().collect())
}
