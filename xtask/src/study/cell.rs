//! A *cell* is one (arm, rate, seed) of a study.

use super::pipeline::Pipeline;
use std::fmt;

/// One (arm, rate, seed).
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The arm's place in the pipeline, from 0.
    pub arm: usize,
    /// The arm's name.
    pub arm_name: String,
    /// Duplicates appended, as a fraction of the original training set.
    pub rate: f64,
    /// The seed of every random choice.
    pub seed: u64,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rate {} seed {}", self.arm_name, self.rate, self.seed)
    }
}

/// Arms × rates × seeds, in the pipeline's order.
pub fn expand(pipeline: &Pipeline, seeds: &[u64]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (arm, condition) in pipeline.arms.iter().enumerate() {
        for rate in &condition.rates {
            for seed in seeds {
                cells.push(Cell { arm, arm_name: condition.name.clone(), rate: *rate, seed: *seed });
            }
        }
    }
    cells
}
