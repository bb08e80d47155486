//! `cargo xtask why`: how a run differs from the most similar finished run.

use super::prepare::{existing, study};
use crate::cli;
use crate::hint::hinted;
use crate::machine::digest::Digest;
use crate::machine::workspace::Workspace;
use crate::stages::Stage;
use crate::store::Store;
use crate::store::run::{Difference, Ingredients, differences, short};
use crate::study::cell;
use crate::study::track::{Planner, Track};
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// Runs by stage and differences. For each run: what it is for, and which run it was compared with.
type ByReason = BTreeMap<(Stage, Vec<Difference>), Vec<(String, String)>>;

/// The run that was compared, and the differences from it.
struct Answer {
    what: String,
    differences: Vec<Difference>,
}

/// Prints why the unfinished runs of a pipeline are new, or how one run of the store differs from the most similar
/// other one.
pub fn why(workspace: &Workspace, options: &cli::Why) -> Result<()> {
    let store = Store::new(workspace.root(), &workspace.stages());
    if let Some(run) = &options.run {
        return print_one(&store, run);
    }
    let pipeline = study(workspace, &options.study)?;
    let planner = match existing(workspace, &options.study, pipeline)? {
        Ok(planner) => planner,
        Err(reason) => bail!("nothing can be said of the pipeline's runs: {reason}"),
    };
    // Runs with the same explanation are printed together.
    let mut by_reason = ByReason::new();
    for (run, label) in missing(&planner, &store) {
        let Answer { what, differences } = compare(&store, &run, None);
        by_reason.entry((run.stage, differences)).or_default().push((label, what));
    }
    if by_reason.is_empty() {
        println!("all runs of {} are finished", planner.pipeline.name);
    }
    for ((stage, differences), runs) in by_reason {
        let others = match runs.len() - 1 {
            0 => String::new(),
            1 => " and 1 more".to_owned(),
            n => format!(" and {n} more"),
        };
        let (label, what) = &runs[0];
        println!("{stage} for {label}{others}: {what}");
        print_differences(&differences);
    }
    Ok(())
}

/// The next unfinished run of each track, and what it is for. The runs after it have no keys yet.
fn missing(planner: &Planner, store: &Store) -> Vec<(Ingredients, String)> {
    let Planner { pipeline, .. } = planner;
    let mut shared = Track::shared(pipeline);
    let next = planner.skip_finished(store, &mut shared, &mut BTreeSet::new());
    if let Some(run) = next {
        return vec![(run.ingredients, run.label)];
    }
    let mut seen = BTreeSet::new();
    let cells = cell::expand(pipeline, &pipeline.seeds).into_iter();
    let next = cells.filter_map(|cell| {
        let mut track = Track::of_cell(cell, &shared.done);
        let run = planner.skip_finished(store, &mut track, &mut BTreeSet::new())?;
        seen.insert(run.key.clone()).then_some((run.ingredients, run.label))
    });
    next.collect()
}

fn print_one(store: &Store, prefix: &str) -> Result<()> {
    let of_stage = |stage: Stage| store.finished(stage).into_iter().map(move |key| (stage, key));
    let found: Vec<_> = Stage::ALL.into_iter().flat_map(of_stage).filter(|(_, key)| key.starts_with(prefix)).collect();
    let (stage, key) = match found.as_slice() {
        [one] => one,
        [] => {
            let hint = "a run's key, or how it begins, is the name of its folder in data/stages/<stage>/";
            return Err(hinted(format!("no finished run has a key that begins with `{prefix}`"), hint));
        }
        many => bail!("{} finished runs have keys that begin with `{prefix}`, expected one", many.len()),
    };
    let Some(file) = store.key_file(*stage, key) else { bail!("{stage} {} has no key.json", short(key)) };
    let Answer { what, differences } = compare(store, &file.ingredients, Some(key));
    println!("{stage} {}: {what}", short(key));
    print_differences(&differences);
    Ok(())
}

/// Compares a run with the finished run of its stage, other than `own`, that has the fewest differences.
fn compare(store: &Store, run: &Ingredients, own: Option<&Digest>) -> Answer {
    let others = store.finished(run.stage).into_iter().filter(|key| Some(key) != own);
    let compared = others.filter_map(|key| {
        let file = store.key_file(run.stage, &key)?;
        Some((differences(run, &file.ingredients), key))
    });
    match compared.min_by_key(|(differences, key)| (differences.len(), differences.clone(), key.clone())) {
        Some((differences, key)) => {
            Answer { what: format!("the nearest finished run, {}, differs in", short(&key)), differences }
        }
        None => Answer { what: "there is no finished run to compare it with".to_owned(), differences: vec![] },
    }
}

fn print_differences(differences: &[Difference]) {
    for Difference { what, there, here } in differences {
        println!("  {what}: {there} there, {here} here");
    }
}
