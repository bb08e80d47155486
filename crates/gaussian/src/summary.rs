//! What a person wants to know of the classifiers first.

use std::fmt;

use twinset_manifest::rows::{Gaussian, GaussianCost, GaussianSelection};

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
    /// At each cost, in the order of [`GaussianCost::ALL`].
    held_out: Vec<f64>,
}

impl Summary {
    /// Sums up.
    pub fn of(config: &Config, rows: &[Gaussian]) -> Self {
        let end = |selection: GaussianSelection, n_duplicates: u64| {
            let of = |cost: GaussianCost, value: fn(&Gaussian) -> f64| {
                let is_it =
                    |row: &&Gaussian| (row.selection, row.cost, row.n_duplicates) == (selection, cost, n_duplicates);
                rows.iter().filter(is_it).map(value).sum::<f64>() / config.n_seeds as f64
            };
            let trained_on = of(GaussianCost::Same, |row| row.accuracy_trained_on);
            let held_out = GaussianCost::ALL.iter().map(|cost| of(*cost, |row| row.accuracy_held_out)).collect();
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
            let [same, per_rate, per_class] = held_out[..] else { continue };
            write!(
                f,
                "{selection}, {n_duplicates} duplicates: balanced accuracy {trained_on:.3} on what was trained on, \
                 {same:.3} held out"
            )?;
            match n_duplicates {
                0 => writeln!(f)?,
                _ => writeln!(f, " ({per_rate:.3} with C per rate, {per_class:.3} with C per class)")?,
            }
        }
        Ok(())
    }
}
