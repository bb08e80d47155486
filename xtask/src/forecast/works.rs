//! How much each training computes.

use crate::stages::ask::{Asker, Work, in_parallel};
use crate::study::cell::Cell;
use crate::study::check;
use crate::study::pipeline::Pipeline;
use anyhow::Result;
use std::collections::BTreeMap;

/// How much each arm and rate trains, where it could be estimated.
pub type Works = BTreeMap<(usize, u64), Work>;

/// What [`Works`] is asked by.
pub fn work_key(cell: &Cell) -> (usize, u64) {
    (cell.arm, cell.rate.to_bits())
}

/// How much each arm and rate trains; what cannot be estimated is left out.
pub fn works(asker: &Asker<'_>, pipeline: &Pipeline, cells: &[&Cell]) -> Result<Works> {
    let n_originals = asker.count()?.train;
    let mut questions: Vec<&Cell> = cells.to_vec();
    questions.sort_by_key(|cell| work_key(cell));
    questions.dedup_by_key(|cell| work_key(cell));
    let answers = in_parallel(&questions, |cell| -> Result<Work> {
        let inject = check::inject_table(pipeline, cell.arm, cell.rate, cell.seed);
        let n_train = asker.trainset_size(&inject, n_originals)?;
        asker.work(&check::train_table(pipeline, cell.arm, cell.seed), n_train)
    });
    questions.into_iter().zip(answers).map(|(cell, work)| Ok((work_key(cell), work?))).collect()
}
