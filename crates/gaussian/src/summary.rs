//! What a person wants to know of the classifiers first.

use std::fmt;

use twinset_manifest::rows::{Gaussian, GaussianSelection};

use crate::Config;

/// What a person wants to know of the classifiers first. Printed, it is the stage's output on stdout.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    n_seeds: u64,
    bayes_accuracy: f64,
    ends: Vec<End>,
}

/// A selection's smallest and largest number of duplicates: means over seeds.
#[derive(Clone, Debug, PartialEq)]
struct End {
    selection: GaussianSelection,
    n_duplicates: u64,
    trained_on: f64,
    held_out: f64,
}

impl Summary {
    /// Sums up.
    pub fn of(config: &Config, rows: &[Gaussian]) -> Self {
        let end = |selection: GaussianSelection, n_duplicates: u64| {
            let of = |value: fn(&Gaussian) -> f64| {
                let rows = rows.iter().filter(|row| row.selection == selection && row.n_duplicates == n_duplicates);
                rows.map(value).sum::<f64>() / config.n_seeds as f64
            };
            let (trained_on, held_out) = (of(|row| row.accuracy_trained_on), of(|row| row.accuracy_held_out));
            End { selection, n_duplicates, trained_on, held_out }
        };
        let ends = GaussianSelection::ALL.iter().flat_map(|selection| {
            let levels = config.levels(*selection);
            let mut ends: Vec<u64> = levels.first().into_iter().chain(levels.last()).copied().collect();
            ends.dedup();
            ends.into_iter().map(|level| end(*selection, level))
        });
        Self { n_seeds: config.n_seeds, bayes_accuracy: crate::bayes_accuracy(config), ends: ends.collect() }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} seeds; the best possible balanced accuracy is {:.3}", self.n_seeds, self.bayes_accuracy)?;
        for End { selection, n_duplicates, trained_on, held_out } in &self.ends {
            writeln!(
                f,
                "{selection}, {n_duplicates} duplicates: balanced accuracy {trained_on:.3} on what was trained on, \
                 {held_out:.3} held out"
            )?;
        }
        Ok(())
    }
}
