//! Each stage checks its tables before anything runs. So a mistake is found early, and named by file, line and key.

use super::pipeline::Pipeline;
use crate::hint;
use crate::machine::digest::{self, Digest};
use crate::machine::write;
use crate::stages::Stage;
use crate::stages::ask::{Asker, TableRef, in_parallel};
use crate::stages::device;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The digests of the tables that passed their checks, by pipeline.
type Good = BTreeMap<String, BTreeSet<Digest>>;

/// Lets the stages check all tables. The file `memory` remembers which tables passed.
pub fn all(asker: &Asker<'_>, pipeline: &Pipeline, memory: &Path) -> Result<()> {
    let mut good: Good =
        fs::read(memory).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let known = good.remove(&pipeline.name).unwrap_or_default();
    let tables: Vec<(TableRef, Digest)> = tables(pipeline, pipeline.seeds[0])
        .into_iter()
        .map(|table| {
            let program = &asker.programs.get(table.stage).digest;
            let machine = if table.stage.has_device() { device::fingerprint(asker.device) } else { String::new() };
            let TableRef { paths, sets, precision, .. } = &table;
            let subject = format!("{program}\n{paths:?}\n{sets:?}\n{precision:?}\n{machine}\n{}", pipeline.text);
            (table, digest::of_bytes(subject.as_bytes()))
        })
        .collect();
    let new: Vec<&TableRef> = tables.iter().filter(|(_, id)| !known.contains(id)).map(|(table, _)| table).collect();
    if new.is_empty() {
        return Ok(());
    }
    let arms = arms(pipeline);
    let mistakes = in_parallel(&new, |table| asker.check(table, &arms)).into_iter().filter_map(Result::err).collect();
    all_of(mistakes)?;
    good.insert(pipeline.name.clone(), tables.into_iter().map(|(_, id)| id).collect());
    write::if_writable(memory, &serde_json::to_vec_pretty(&good)?)
}

/// The arms and their rates, as report takes them.
fn arms(pipeline: &Pipeline) -> String {
    let arms: BTreeMap<&str, &[f64]> =
        pipeline.arms.iter().map(|arm| (arm.name.as_str(), arm.rates.as_slice())).collect();
    serde_json::to_string(&arms).expect("names and finite numbers are JSON")
}

/// One error that lists all mistakes. A mistake that several arms inherit is listed once.
fn all_of(mistakes: Vec<anyhow::Error>) -> Result<()> {
    let mut causes = BTreeSet::new();
    let mut different = mistakes.into_iter().filter(|mistake| causes.insert(mistake.root_cause().to_string()));
    let Some(first) = different.next() else { return Ok(()) };
    let others: Vec<String> = different.map(|mistake| hint::text(&mistake)).collect();
    match others.len() {
        0 => Err(first),
        n => bail!("the pipeline has {} mistakes\n- {}\n- {}", n + 1, hint::text(&first), others.join("\n- ")),
    }
}

/// Every table of the pipeline, as its stage will see it.
fn tables(pipeline: &Pipeline, seed: u64) -> Vec<TableRef> {
    let mut tables = vec![TableRef::of_stage(Stage::Ingest)];
    let optional =
        [(Stage::Neardup, &pipeline.neardup), (Stage::Gaussian, &pipeline.gaussian), (Stage::Report, &pipeline.report)];
    for (stage, config) in optional {
        if config.is_some() {
            tables.push(TableRef::of_stage(stage));
        }
    }
    for (arm, condition) in pipeline.arms.iter().enumerate() {
        let of_arm = condition.rates.iter().map(|rate| inject_table(pipeline, arm, *rate, seed));
        for table in of_arm.chain([train_table(pipeline, arm, seed), evaluate_table(pipeline, arm, seed)]) {
            // What arms inherit is checked once.
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
    }
    tables
}

/// The inject table of an arm at a rate.
pub fn inject_table(pipeline: &Pipeline, arm: usize, rate: f64, seed: u64) -> TableRef {
    of_arm(pipeline, Stage::Inject, arm, vec![format!("rate={rate:?}"), format!("seed={seed}")])
}

/// The train table of an arm.
pub fn train_table(pipeline: &Pipeline, arm: usize, seed: u64) -> TableRef {
    let table = of_arm(pipeline, Stage::Train, arm, vec![format!("seed={seed}")]);
    TableRef { precision: pipeline.arms[arm].precision, ..table }
}

/// The evaluate table of an arm.
pub fn evaluate_table(pipeline: &Pipeline, arm: usize, seed: u64) -> TableRef {
    of_arm(pipeline, Stage::Evaluate, arm, vec![format!("seed={seed}")])
}

fn of_arm(pipeline: &Pipeline, stage: Stage, arm: usize, sets: Vec<String>) -> TableRef {
    TableRef { stage, paths: pipeline.arms[arm].paths[&stage].clone(), sets, precision: None }
}
