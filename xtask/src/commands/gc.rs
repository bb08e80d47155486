//! `cargo xtask gc`: removes runs and programs from the store that the current pipelines and programs no longer need.

use super::prepare::source_digests;
use crate::cli;
use crate::hint::hinted;
use crate::machine::digest::Digest;
use crate::machine::workspace::Workspace;
use crate::stages::Stage;
use crate::stages::programs;
use crate::store::run::{Ingredients, short};
use crate::store::{Kind, Leftover, Store};
use crate::study::pipeline::{self, Pipeline};
use crate::study::reports;
use anyhow::{Context, Result, bail};
use indicatif::HumanBytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use toml::Table;

/// Why a run is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Program,
    Config,
    Input,
    Unknown,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Self::Program => "its program was built anew since",
            Self::Config => "no pipeline has its config",
            Self::Input => "what it was made from is not made any more",
            Self::Unknown => "it does not say what it was made from",
        }
    }
}

/// Removes what is no longer needed, or with `--dry-run` says what would be removed.
pub fn gc(workspace: &Workspace, options: &cli::Gc) -> Result<()> {
    let store = Store::new(workspace.root(), &workspace.stages());
    let pipelines = pipelines(workspace, &options.pipelines)?;
    let current = current_programs(workspace)?;
    let all = store.everything();
    if let Some(busy) = all.iter().find(|run| store.is_under_way(&run.key)) {
        let hint = "gc waits for no one: call it when no runner works";
        return Err(hinted(format!("a runner works on {} {} just now", busy.stage, short(&busy.key)), hint));
    }
    let mut outputs: BTreeSet<Digest> = BTreeSet::new();
    let mut kept: Vec<&Leftover> = Vec::new();
    let mut removed: Vec<(&Leftover, Reason)> = Vec::new();
    // Earlier stages come first, because later ones need to know which of their outputs are kept.
    for run in &all {
        match reason(&store, run, &pipelines, &current, &outputs) {
            Some(reason) => removed.push((run, reason)),
            None => {
                outputs.extend(store.output_digests(run));
                kept.push(run);
            }
        }
    }
    let needed: BTreeSet<Digest> = kept
        .iter()
        .filter_map(|run| Some(store.key_file_of(run)?.ingredients.program))
        .chain(current.into_values())
        .collect();
    let programs = stale_programs(workspace, &needed);
    let mut n_bytes = programs.iter().map(|(_, n_bytes)| n_bytes).sum::<u64>();
    for (run, reason) in &removed {
        n_bytes += run.n_bytes;
        println!("{} {} ({}): {}", run.stage, short(&run.key), HumanBytes(run.n_bytes), reason.text());
    }
    if !options.dry_run {
        for (run, _) in &removed {
            store.remove(run)?;
        }
        store.remove_locks().context("failed to remove a lock")?;
        for (folder, _) in &programs {
            fs::remove_dir_all(folder).with_context(|| format!("failed to remove `{}`", folder.display()))?;
        }
    }
    let verb = if options.dry_run { "would remove" } else { "removed" };
    println!(
        "{verb} {} runs and {} programs of the store: {}; {} runs are kept",
        removed.len(),
        programs.len(),
        HumanBytes(n_bytes),
        kept.len()
    );
    Ok(())
}

/// All pipelines of the workspace, those elsewhere that were run and whose files still exist, and those that the user
/// names.
fn pipelines(workspace: &Workspace, named: &[String]) -> Result<Vec<Pipeline>> {
    let folder = workspace.pipelines();
    let entries = fs::read_dir(&folder).with_context(|| format!("failed to read folder `{}`", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .chain(reports::pipelines(workspace).into_iter().map(|file| file.to_string_lossy().into_owned()))
        .chain(named.iter().cloned())
        .collect();
    names.sort();
    names.dedup();
    names.iter().map(|name| pipeline::load(workspace, name)).collect()
}

/// The digests of the current stage programs. It is an error if none is built, because then all runs would be removed.
fn current_programs(workspace: &Workspace) -> Result<BTreeMap<Stage, Digest>> {
    let mut digests = source_digests(workspace);
    let mut current = BTreeMap::new();
    for stage in Stage::ALL {
        if let Some(found) = programs::existing(workspace, &[stage], &mut digests)? {
            current.insert(stage, found.get(stage).digest.clone());
        }
    }
    match current.is_empty() {
        true => bail!("the stage programs are not built, so that no run is known to be of use"),
        false => Ok(current),
    }
}

/// Why a run is removed; none if it is kept.
fn reason(
    store: &Store,
    run: &Leftover,
    pipelines: &[Pipeline],
    current: &BTreeMap<Stage, Digest>,
    outputs: &BTreeSet<Digest>,
) -> Option<Reason> {
    let Some(file) = store.key_file_of(run) else { return Some(Reason::Unknown) };
    let ingredients = file.ingredients;
    // A program that is not built cannot have been built anew.
    if current.get(&run.stage).is_some_and(|digest| *digest != ingredients.program) {
        return Some(Reason::Program);
    }
    if !pipelines.iter().any(|pipeline| has_config(pipeline, &ingredients)) {
        return Some(Reason::Config);
    }
    let is_made = |(name, digest): &(String, Digest)| match run.stage {
        // These inputs are the user's files.
        Stage::Ingest => true,
        // `study.json` describes the study and is not an output of a run.
        Stage::Report if name == "--study" => true,
        _ => outputs.contains(digest),
    };
    match run.kind == Kind::Finished && !ingredients.inputs.iter().all(is_made) {
        true => Some(Reason::Input),
        false => None,
    }
}

/// Whether a pipeline has runs with this config. Seed and rate are ignored, and the precision if the arm sets none.
fn has_config(pipeline: &Pipeline, ingredients: &Ingredients) -> bool {
    let without = |table: &Table, keys: &[&str]| {
        let mut table = table.clone();
        keys.iter().for_each(|key| drop(table.remove(*key)));
        table
    };
    let empty = Table::new();
    let of_study = match ingredients.stage {
        Stage::Ingest => Some(&pipeline.ingest),
        Stage::Neardup => Some(pipeline.neardup.as_ref().unwrap_or(&empty)),
        Stage::Gaussian => pipeline.gaussian.as_ref(),
        Stage::Report => Some(pipeline.report.as_ref().unwrap_or(&empty)),
        Stage::Inject | Stage::Train | Stage::Evaluate => None,
    };
    if !ingredients.stage.is_of_cell() {
        return of_study == Some(&ingredients.config);
    }
    pipeline.arms.iter().any(|arm| {
        let table = arm.table(ingredients.stage);
        let mut set = vec!["seed", "rate"];
        if !table.contains_key("precision") {
            set.push("precision");
        }
        without(table, &set) == without(&ingredients.config, &set)
    })
}

/// Folders of programs that no kept run was made with, and their sizes.
fn stale_programs(workspace: &Workspace, needed: &BTreeSet<Digest>) -> Vec<(std::path::PathBuf, u64)> {
    let folders = fs::read_dir(workspace.programs()).into_iter().flatten().flatten();
    let stale = folders.filter(|folder| !needed.contains(&*folder.file_name().to_string_lossy()));
    stale.map(|folder| (folder.path(), crate::machine::tree::n_bytes(&folder.path()))).collect()
}
