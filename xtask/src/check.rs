//! Before anything runs, each stage checks its tables, so that a mistake is found now and named by file, line and key.

use crate::ask::{Asker, TableRef};
use crate::digest::{self, Digest};
use crate::pipeline::Pipeline;
use crate::stage::Stage;
use crate::write;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Which tables were found good, by pipeline.
type Good = BTreeMap<String, BTreeSet<Digest>>;

/// Lets the stages check all tables; `memory` is a file that remembers which were good.
pub fn all(asker: &Asker<'_>, pipeline: &Pipeline, seed: u64, memory: &Path) -> Result<()> {
    let mut good: Good =
        fs::read(memory).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let known = good.remove(&pipeline.name).unwrap_or_default();
    let tables: Vec<(TableRef, Digest)> = tables(pipeline, seed)
        .into_iter()
        .map(|table| {
            let program = &asker.programs.get(table.stage).digest;
            let subject = format!("{program}\n{}\n{:?}\n{}", table.path, table.sets, pipeline.text);
            (table, digest::of_bytes(subject.as_bytes()))
        })
        .collect();
    let new: Vec<&TableRef> = tables.iter().filter(|(_, id)| !known.contains(id)).map(|(table, _)| table).collect();
    if new.is_empty() {
        return Ok(());
    }
    for result in in_parallel(&new, |table| asker.check(table)) {
        result?;
    }
    good.insert(pipeline.name.clone(), tables.into_iter().map(|(_, id)| id).collect());
    write::atomically(memory, &serde_json::to_vec_pretty(&good)?)
}

/// Every table of the pipeline, as its stage will see it.
fn tables(pipeline: &Pipeline, seed: u64) -> Vec<TableRef> {
    let table = |stage: Stage, path: String, sets: Vec<String>| TableRef { stage, path, sets };
    let mut tables = vec![table(Stage::Ingest, "ingest".to_owned(), vec![])];
    let optional =
        [(Stage::Neardup, &pipeline.neardup), (Stage::Gaussian, &pipeline.gaussian), (Stage::Report, &pipeline.report)];
    for (stage, config) in optional {
        if config.is_some() {
            tables.push(table(stage, stage.name().to_owned(), vec![]));
        }
    }
    for (arm, condition) in pipeline.arms.iter().enumerate() {
        tables.extend(condition.rates.iter().map(|rate| inject_table(arm, *rate, seed)));
        tables.push(table(Stage::Train, format!("arm.{arm}.train"), vec![format!("seed={seed}")]));
        tables.push(table(Stage::Evaluate, format!("arm.{arm}.evaluate"), vec![format!("seed={seed}")]));
    }
    tables
}

/// The inject table of an arm at a rate.
pub fn inject_table(arm: usize, rate: f64, seed: u64) -> TableRef {
    let sets = vec![format!("rate={rate:?}"), format!("seed={seed}")];
    TableRef { stage: Stage::Inject, path: format!("arm.{arm}.inject"), sets }
}

/// The train table of an arm.
pub fn train_table(arm: usize, seed: u64) -> TableRef {
    TableRef { stage: Stage::Train, path: format!("arm.{arm}.train"), sets: vec![format!("seed={seed}")] }
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
