//! The whole of it: for each seed every selection and number of duplicates.

use rayon::prelude::*;
use twinset_manifest::rows::{Gaussian, GaussianBoundary, GaussianCost, GaussianPoint, GaussianSelection};

use crate::accuracy::Tally;
use crate::boundary::{Window, boundary};
use crate::classifier::{Classifier, Kernel, fit};
use crate::draw::{duplicates, originals};
use crate::points::{Distribution, Points, bayes_accuracy};
use crate::seeds::{Use, generator};
use crate::{Config, Point};

/// A boundary is looked for in so many squares along each axis.
const SQUARES: usize = 100;
/// How far around the points it is looked for.
const MARGIN: f64 = 0.25;

/// A selection, how many duplicates it draws, and the classifier that is trained with them at a cost.
struct Trained {
    selection: GaussianSelection,
    cost: GaussianCost,
    duplicates: Vec<usize>,
    classifier: Classifier,
}

/// What each classifier of each seed comes to; seeds run side by side, and the rows are in their order. `on_fit` hears of each
/// classifier that was trained.
pub fn accuracies(config: &Config, on_fit: &(dyn Fn() + Sync)) -> Vec<Gaussian> {
    let seeds = config.seed..config.seed + config.n_seeds;
    let of_seed = |seed| {
        let points = originals(config, seed);
        judge(config, seed, &points, &train(config, seed, &points, on_fit))
    };
    seeds.into_par_iter().flat_map_iter(of_seed).collect()
}

/// How many classifiers [`accuracies`] trains.
pub fn n_classifiers(config: &Config) -> u64 {
    let n_levels: usize = GaussianSelection::ALL.iter().map(|selection| config.levels(*selection).len()).sum();
    config.n_seeds * (n_levels * GaussianCost::ALL.len()) as u64
}

/// The original points of the first seed, and the boundaries of all its classifiers.
pub fn drawing(config: &Config) -> (Vec<GaussianPoint>, Vec<GaussianBoundary>) {
    let seed = config.seed;
    let points = originals(config, seed);
    let window = Window::around(&points.points, MARGIN);
    let trained = train(config, seed, &points, &|| ());
    let published = trained.iter().filter(|trained| trained.cost == GaussianCost::Same);
    let boundaries = published.flat_map(|trained| boundary_rows(config, &points, &window, trained));
    let point = |(point, [x, y]): (usize, &Point)| GaussianPoint {
        seed,
        point: point as u64,
        is_positive: points.is_positive(point),
        x: *x,
        y: *y,
    };
    (points.points.iter().enumerate().map(point).collect(), boundaries.collect())
}

fn train(config: &Config, seed: u64, points: &Points, on_fit: &(dyn Fn() + Sync)) -> Vec<Trained> {
    let mut trained = Vec::new();
    for &selection in GaussianSelection::ALL {
        let levels = config.levels(selection);
        let drawn = duplicates(config, points, selection, seed, levels.last().copied().unwrap_or_default());
        for &cost in GaussianCost::ALL {
            for level in levels {
                let duplicates = drawn[..*level as usize].to_vec();
                let classifier = fit(points, &duplicates, cost, config);
                trained.push(Trained { selection, cost, duplicates, classifier });
                on_fit();
            }
        }
    }
    trained
}

fn judge(config: &Config, seed: u64, points: &Points, trained: &[Trained]) -> Vec<Gaussian> {
    let kernel = Kernel::new(points, config);
    let mut nearness = Vec::new();
    let mut on_originals = vec![Tally::default(); trained.len()];
    let mut on_trained_on = on_originals.clone();
    let copies: Vec<Vec<u64>> = trained.iter().map(|trained| trained.n_copies(points)).collect();
    for (point, place) in points.points.iter().enumerate() {
        kernel.at(*place, &mut nearness);
        let is_positive = points.is_positive(point);
        for (i, trained) in trained.iter().enumerate() {
            let decision = trained.classifier.decision(&nearness);
            on_originals[i].note(is_positive, decision, 1);
            on_trained_on[i].note(is_positive, decision, copies[i][point]);
        }
    }
    let on_held_out = held_out(config, seed, kernel, trained);
    let bayes_accuracy = bayes_accuracy(config);
    let row = |(i, trained): (usize, &Trained)| Gaussian {
        selection: trained.selection,
        cost: trained.cost,
        n_duplicates: trained.duplicates.len() as u64,
        n_duplicates_positive: trained.duplicates.iter().filter(|point| points.is_positive(**point)).count() as u64,
        seed,
        n_points: config.n_points as u64,
        accuracy_trained_on: on_trained_on[i].balanced(),
        accuracy_trained_on_negative: on_trained_on[i].negative(),
        accuracy_trained_on_positive: on_trained_on[i].positive(),
        accuracy_originals: on_originals[i].balanced(),
        accuracy_originals_negative: on_originals[i].negative(),
        accuracy_originals_positive: on_originals[i].positive(),
        accuracy_held_out: on_held_out[i].balanced(),
        accuracy_held_out_negative: on_held_out[i].negative(),
        accuracy_held_out_positive: on_held_out[i].positive(),
        n_held_out: config.n_held_out,
        bayes_accuracy,
        n_support_vectors: trained.classifier.n_support_vectors,
    };
    trained.iter().enumerate().map(row).collect()
}

/// All classifiers of a seed on the same points, none of which is kept.
fn held_out(config: &Config, seed: u64, kernel: Kernel<'_>, trained: &[Trained]) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); trained.len()];
    let mut nearness = Vec::new();
    for is_positive in [false, true] {
        let class = Distribution::of(config, is_positive);
        let mut rng = generator(seed, Use::HeldOut { is_positive });
        for _ in 0..config.n_held_out {
            kernel.at(class.draw(&mut rng), &mut nearness);
            for (tally, trained) in tallies.iter_mut().zip(trained) {
                tally.note(is_positive, trained.classifier.decision(&nearness), 1);
            }
        }
    }
    tallies
}

impl Trained {
    /// How often each point stands in the training set.
    fn n_copies(&self, points: &Points) -> Vec<u64> {
        let mut n_copies = vec![1; points.points.len()];
        for point in &self.duplicates {
            n_copies[*point] += 1;
        }
        n_copies
    }
}

fn boundary_rows(config: &Config, points: &Points, window: &Window, trained: &Trained) -> Vec<GaussianBoundary> {
    let (kernel, mut nearness) = (Kernel::new(points, config), Vec::new());
    let pieces = boundary(window, SQUARES, |place| {
        kernel.at(place, &mut nearness);
        trained.classifier.decision(&nearness)
    });
    let row = |piece: usize, (vertex, [x, y]): (usize, &Point)| GaussianBoundary {
        selection: trained.selection,
        n_duplicates: trained.duplicates.len() as u64,
        seed: config.seed,
        piece: piece as u32,
        vertex: vertex as u32,
        x: *x,
        y: *y,
    };
    let rows = pieces.iter().enumerate().flat_map(|(i, piece)| piece.iter().enumerate().map(move |v| row(i, v)));
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Config {
        Config {
            n_seeds: 3,
            uniform_levels: vec![0, 40],
            non_uniform_levels: vec![0, 400],
            n_held_out: 2000,
            ..Config::default()
        }
    }

    /// The rows at the published cost.
    fn published(config: &Config) -> Vec<Gaussian> {
        accuracies(config, &|| ()).into_iter().filter(|row| row.cost == GaussianCost::Same).collect()
    }

    #[test]
    fn rows_are_paired_by_seed_and_the_same_every_time() {
        let config = small();
        let rows = accuracies(&config, &|| ());
        assert_eq!(rows.len() as u64, n_classifiers(&config));
        assert_eq!(rows, accuracies(&config, &|| ()));
        let at_cost = |cost: GaussianCost| rows.iter().filter(move |row| row.cost == cost);
        for cost in [GaussianCost::PerRate, GaussianCost::PerClass] {
            for (row, same) in at_cost(cost).zip(at_cost(GaussianCost::Same)) {
                assert_eq!((row.seed, row.selection, row.n_duplicates), (same.seed, same.selection, same.n_duplicates));
                // Without duplicates there is nothing to take back.
                let is_same = Gaussian { cost: GaussianCost::Same, ..row.clone() } == *same;
                assert_eq!(is_same, row.n_duplicates == 0, "{row:?}");
            }
        }
        for of_seed in published(&config).chunks(4) {
            let [uniform, _, non_uniform, _] = of_seed else { panic!("{of_seed:?}") };
            // Without duplicates there is nothing to select, and nothing that counts twice.
            let selection = GaussianSelection::NonUniform;
            assert_eq!(Gaussian { selection, ..uniform.clone() }, *non_uniform);
            assert_eq!(uniform.accuracy_trained_on, uniform.accuracy_originals);
        }
        // A later start is the same seeds.
        assert_eq!(accuracies(&Config { seed: 2, n_seeds: 1, ..config }, &|| ()), rows[2 * rows.len() / 3..]);
    }

    #[test]
    fn favour_for_a_class_raises_its_accuracy_and_lowers_the_other_and_no_classifier_beats_bayes() {
        for of_seed in published(&small()).chunks(4) {
            let [_, _, none, many] = of_seed else { panic!("{of_seed:?}") };
            assert!(many.accuracy_held_out_positive > none.accuracy_held_out_positive + 0.05, "{many:?}");
            assert!(many.accuracy_held_out_negative < none.accuracy_held_out_negative - 0.05, "{many:?}");
            assert!((250..=390).contains(&many.n_duplicates_positive), "{many:?}");
            assert!(many.n_support_vectors > none.n_support_vectors);
            for row in of_seed {
                let noise = 3.0 * (0.25 / row.n_held_out as f64 / 2.0).sqrt();
                assert!(row.accuracy_held_out <= row.bayes_accuracy + noise, "{row:?}");
            }
        }
        // Where each class costs what its originals do, neither is favoured.
        let rows = accuracies(&small(), &|| ());
        for row in rows.iter().filter(|row| row.cost == GaussianCost::PerClass && row.n_duplicates == 400) {
            assert!((row.accuracy_held_out_positive - row.accuracy_held_out_negative).abs() < 0.2, "{row:?}");
        }
    }

    #[test]
    fn the_first_seed_is_drawn_and_its_boundary_is_where_it_belongs() {
        let config = small();
        let (points, boundaries) = drawing(&config);
        assert_eq!((points.len(), points.iter().filter(|point| point.is_positive).count()), (200, 100));
        for (selection, level) in [(GaussianSelection::Uniform, 40), (GaussianSelection::NonUniform, 400)] {
            let of = |n| boundaries.iter().filter(move |row| row.selection == selection && row.n_duplicates == n);
            assert!(of(0).count() > 20 && of(level).count() > 20, "{selection}");
        }
        // Between the means: the best boundary is x + y = 1.
        let near =
            boundaries.iter().filter(|row| row.n_duplicates == 0 && (row.x - row.y).abs() < 0.5 && row.x.abs() < 2.0);
        let sums: Vec<f64> = near.map(|row| row.x + row.y).collect();
        assert!(sums.iter().any(|sum| (sum - 1.0).abs() < 0.7), "{sums:?}");
    }
}
