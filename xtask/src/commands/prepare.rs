//! Prepares a study before anything runs: loads it, builds the stage programs, and lets them check it.

use super::data_folder::given_or_remembered;
use crate::cli::{Seeds, StudyArgs};
use crate::machine::digest::SourceDigests;
use crate::machine::workspace::Workspace;
use crate::setup;
use crate::stages::Stage;
use crate::stages::device::{self, DeviceChoice, Machine};
use crate::stages::programs;
use crate::study::check;
use crate::study::pipeline::{self, Pipeline};
use crate::study::track::Planner;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// The study that the user asks for.
pub fn study(workspace: &Workspace, args: &StudyArgs) -> Result<Pipeline> {
    let mut pipeline = pipeline::load(workspace, &args.pipeline)?;
    if let Some(precision) = args.precision {
        pipeline.set_precision(precision);
    }
    if let Some(Seeds(seeds)) = &args.seeds {
        pipeline.seeds.clone_from(seeds);
    }
    Ok(pipeline)
}

/// Sets up and builds what is missing, and lets the stages check their tables. `resolve` chooses the device. The second
/// value is the error if the files that ingest reads cannot be found or read.
pub fn prepare(
    workspace: &Workspace,
    pipeline: Pipeline,
    data: Option<PathBuf>,
    args: &StudyArgs,
    resolve: impl Fn(DeviceChoice, &Path, &mut SourceDigests) -> Result<Machine>,
    quiet: bool,
) -> Result<(Planner, Option<anyhow::Error>)> {
    if programs::ready_folder(workspace).is_none() {
        setup::ensure(workspace, quiet)?;
    }
    let mut digests = source_digests(workspace);
    let programs = programs::build(workspace, &pipeline.stages(), &mut digests, quiet)?;
    let machine = resolve(args.device, &programs.get(Stage::Train).path, &mut digests)?;
    let same_processor = args.same_processor;
    let mut planner = Planner { pipeline, programs, machine, same_processor, data, sources: vec![] };
    let asker = planner.asker(workspace.root());
    check::all(&asker, &planner.pipeline, &workspace.stages().join(".checked.json"))?;
    let unreadable = planner.find_sources(workspace.root(), &mut digests).err();
    digests.save()?;
    Ok((planner, unreadable))
}

/// Plans a study with the programs that were built last, without building anything; or says why this is not possible.
pub fn existing(workspace: &Workspace, args: &StudyArgs, pipeline: Pipeline) -> Result<Result<Planner, String>> {
    let mut digests = source_digests(workspace);
    let Some(programs) = programs::existing(workspace, &pipeline.stages(), &mut digests)? else {
        let command = workspace.command();
        return Ok(Err(format!("the stage programs are not built; `{command} reproduce` builds them")));
    };
    let data = given_or_remembered(workspace, args, &pipeline.name)?;
    let machine = device::resolve(args.device, &programs.get(Stage::Train).path, &mut digests)?;
    let same_processor = args.same_processor;
    let mut planner = Planner { pipeline, programs, machine, same_processor, data, sources: vec![] };
    let found = planner.find_sources(workspace.root(), &mut digests);
    Ok(found.map(|()| planner).map_err(|error| crate::hint::render(&error).trim_start_matches("error: ").to_owned()))
}

/// The remembered digests of programs and sources.
pub fn source_digests(workspace: &Workspace) -> SourceDigests {
    SourceDigests::open(workspace.stages().join(".source-digests.json"))
}
