//! What has to be there before anything runs: the stage programs, and a pipeline that they find good.

use crate::cli::StudyArgs;
use crate::machine::digest::{Digest, SourceDigests};
use crate::machine::workspace::Workspace;
use crate::setup;
use crate::stages::ask::Asker;
use crate::stages::device::{self, Device, DeviceChoice};
use crate::stages::programs::{self, Programs};
use crate::study::check;
use crate::study::pipeline::Pipeline;
use crate::study::seeds::seeds_text;
use crate::study::track::Planner;
use anyhow::Result;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// A checked pipeline and what runs it.
#[derive(Debug)]
pub struct Prepared {
    /// The study.
    pub pipeline: Pipeline,
    /// The pipeline's, or the user's.
    pub seeds: Vec<u64>,
    /// The stage programs, built.
    pub programs: Programs,
    /// What train and evaluate compute on.
    pub device: Device,
    /// The folder of datasets.
    pub data: Option<PathBuf>,
    /// The files that ingest reads: name and digest.
    pub sources: Vec<(String, Digest)>,
    /// Why they cannot be read.
    pub unreadable: Option<anyhow::Error>,
    /// What the user said.
    args: StudyArgs,
}

/// Sets up and builds what is missing, and lets the stages check their tables.
pub fn prepare(
    workspace: &Workspace,
    pipeline: Pipeline,
    data: Option<PathBuf>,
    args: &StudyArgs,
    quiet: bool,
) -> Result<Prepared> {
    if programs::ready_folder().is_none() {
        setup::ensure(workspace, quiet)?;
    }
    let mut digests = source_digests(workspace);
    let programs = programs::build(workspace, &pipeline.stages(), &mut digests, quiet)?;
    let seeds = args.seeds.as_ref().map_or_else(|| pipeline.seeds.clone(), |seeds| seeds.0.clone());
    let device = device::resolve(args.device, &workspace.libtorch());
    let asker = Asker { root: workspace.root(), programs: &programs, file: &pipeline.file, device };
    check::all(&asker, &pipeline, seeds[0], &workspace.stages().join(".checked.json"))?;
    let (sources, unreadable) = match sources(&asker, data.as_deref(), &mut digests) {
        Ok(sources) => (sources, None),
        Err(error) => (vec![], Some(error)),
    };
    digests.save()?;
    Ok(Prepared { pipeline, seeds, programs, device, data, sources, unreadable, args: args.clone() })
}

/// The remembered digests of programs and sources.
pub fn source_digests(workspace: &Workspace) -> SourceDigests {
    SourceDigests::open(workspace.stages().join(".source-digests.json"))
}

/// The files that ingest reads: their names below the folder of datasets, and their digests.
pub fn sources(asker: &Asker<'_>, data: Option<&Path>, digests: &mut SourceDigests) -> Result<Vec<(String, Digest)>> {
    let named = |path: PathBuf| {
        let name = data.and_then(|data| path.strip_prefix(data).ok()).unwrap_or(&path).to_string_lossy().into_owned();
        Ok((name, digests.of(&path)?))
    };
    asker.list_inputs(data)?.into_iter().map(named).collect()
}

impl Prepared {
    /// Asks the stage programs about the pipeline.
    pub fn asker<'a>(&'a self, workspace: &'a Workspace) -> Asker<'a> {
        Asker { root: workspace.root(), programs: &self.programs, file: &self.pipeline.file, device: self.device }
    }

    /// Says which runs come next; where ingest's files cannot be read, none of them is known to be there.
    pub fn planner(&self) -> Planner<'_> {
        Planner {
            pipeline: &self.pipeline,
            programs: &self.programs,
            device: self.device,
            data: self.data.clone(),
            sources: self.sources.clone(),
        }
    }

    /// The command that runs the study with these seeds.
    pub fn command(&self, seeds: &[u64]) -> String {
        let mut command = format!("cargo xtask reproduce {}", self.args.pipeline);
        if let Some(data) = &self.args.data {
            command += &format!(" --data {}", data.display());
        }
        if let Some(device) = self.args.device.to_possible_value().filter(|_| self.args.device != DeviceChoice::Auto) {
            command += &format!(" --device {}", device.get_name());
        }
        if let Some(precision) = self.args.precision {
            command += &format!(" --precision {}", precision.name());
        }
        command + &format!(" --seeds {}", seeds_text(seeds))
    }
}
