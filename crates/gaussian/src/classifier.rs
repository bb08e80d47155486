//! The classifier: a support vector machine with a radial kernel, trained by a port of LIBSVM, on which scikit-learn's `SVC` stands.

use std::sync::Once;

use libsvm_rs::train::svm_train;
use libsvm_rs::{KernelType, SvmNode, SvmParameter, SvmProblem, SvmType};
use twinset_manifest::rows::GaussianCost;

use crate::{Config, Point, Points};

/// A trained classifier: what each original point adds to the decision. Its decision value is above 0 for class +1.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    /// For each original point the sum over its occurrences in the training set; 0 where none is a support vector.
    weights: Vec<f64>,
    offset: f64,
    /// Support vectors, each occurrence counted.
    pub n_support_vectors: u64,
}

/// When training stops: LIBSVM's and scikit-learn's default.
const TOLERANCE: f64 = 1e-3;

/// Trains on all originals, then on the points that `duplicates` names once more each, at this cost.
pub fn fit(points: &Points, duplicates: &[usize], cost: GaussianCost, config: &Config) -> Classifier {
    let trained_on: Vec<usize> = (0..points.points.len()).chain(duplicates.iter().copied()).collect();
    let problem = SvmProblem {
        labels: trained_on.iter().map(|&point| if points.is_positive(point) { 1.0 } else { -1.0 }).collect(),
        instances: trained_on.iter().map(|&point| nodes(points.points[point])).collect(),
    };
    let parameters = SvmParameter {
        svm_type: SvmType::CSvc,
        kernel_type: KernelType::Rbf,
        gamma: config.gamma,
        c: config.c,
        weight: weights(points, &trained_on, cost),
        eps: TOLERANCE,
        ..SvmParameter::default()
    };
    silence();
    let model = svm_train(&problem, &parameters);
    // LIBSVM decides for the class that it calls the first.
    let sign = if model.label.first() == Some(&1) { 1.0 } else { -1.0 };
    let mut weights = vec![0.0; points.points.len()];
    for (place, coefficient) in model.sv_indices.iter().zip(model.sv_coef.iter().flatten()) {
        weights[trained_on[place - 1]] += sign * coefficient;
    }
    let offset = -sign * model.rho.first().copied().unwrap_or_default();
    Classifier { weights, offset, n_support_vectors: model.sv.len() as u64 }
}

/// What the cost of each class is multiplied with.
fn weights(points: &Points, trained_on: &[usize], cost: GaussianCost) -> Vec<(i32, f64)> {
    let share = |n_originals: usize, n_points: usize| n_originals as f64 / n_points as f64;
    let n_positive = trained_on.iter().filter(|&&point| points.is_positive(point)).count();
    let n_originals = points.points.len();
    let [negative, positive] = match cost {
        GaussianCost::Same => return Vec::new(),
        GaussianCost::PerRate => [share(n_originals, trained_on.len()); 2],
        GaussianCost::PerClass => [
            share(points.n_negative, trained_on.len() - n_positive),
            share(n_originals - points.n_negative, n_positive),
        ],
    };
    vec![(-1, negative), (1, positive)]
}

impl Classifier {
    /// The decision value at a place of which [`Kernel::at`] told how near each original point is.
    pub fn decision(&self, nearness: &[f64]) -> f64 {
        self.offset + self.weights.iter().zip(nearness).map(|(weight, near)| weight * near).sum::<f64>()
    }
}

/// How near places are to the original points: exp(-gamma · squared distance).
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    points: &'a [Point],
    gamma: f64,
}

impl<'a> Kernel<'a> {
    /// Of these original points.
    pub fn new(points: &'a Points, config: &Config) -> Self {
        Self { points: &points.points, gamma: config.gamma }
    }

    /// How near each of them is to a place; `nearness` is emptied first.
    pub fn at(self, [x, y]: Point, nearness: &mut Vec<f64>) {
        nearness.clear();
        nearness.extend(self.points.iter().map(|[left, up]| {
            let (dx, dy) = (x - left, y - up);
            (-self.gamma * (dx * dx + dy * dy)).exp()
        }));
    }
}

fn nodes([x, y]: Point) -> Vec<SvmNode> {
    vec![SvmNode { index: 1, value: x }, SvmNode { index: 2, value: y }]
}

/// LIBSVM tells stderr of its iterations unless it is told not to.
fn silence() {
    static SILENCE: Once = Once::new();
    SILENCE.call_once(|| libsvm_rs::set_quiet(true));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of `tests/golden/svc.csv`, which `tests/sklearn/golden.py` writes.
    struct Golden {
        point: Point,
        class: i32,
        n_copies: usize,
        decision: f64,
    }

    fn golden() -> Vec<Golden> {
        let text = include_str!("../tests/golden/svc.csv");
        let lines = text.lines().filter(|line| !line.starts_with(['#', 'x']));
        let parse = |line: &str| {
            let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
            let [x, y, class, n_copies, decision] = fields[..] else { panic!("{line}") };
            Golden { point: [x, y], class: class as i32, n_copies: n_copies as usize, decision }
        };
        lines.map(parse).collect()
    }

    #[test]
    fn decisions_are_those_of_scikit_learn() {
        let golden = golden();
        let trained_on: Vec<&Golden> = golden.iter().filter(|line| line.n_copies > 0).collect();
        let n_negative = trained_on.iter().filter(|line| line.class < 0).count();
        assert!(trained_on[..n_negative].iter().all(|line| line.class < 0) && trained_on.len() == 60);
        let points = Points { points: trained_on.iter().map(|line| line.point).collect(), n_negative };
        let copies = trained_on.iter().enumerate().flat_map(|(place, line)| vec![place; line.n_copies - 1]);
        let config = Config::default();
        let classifier = fit(&points, &copies.collect::<Vec<_>>(), GaussianCost::Same, &config);
        assert_eq!(classifier.n_support_vectors, 77);
        let (kernel, mut nearness) = (Kernel::new(&points, &config), Vec::new());
        for line in &golden {
            kernel.at(line.point, &mut nearness);
            let found = classifier.decision(&nearness);
            let (point, expected) = (line.point, line.decision);
            assert!((found - expected).abs() < 2e-3, "{point:?}: found {found}, expected {expected}");
            assert_eq!(found > 0.0, expected > 0.0, "{point:?}");
        }
    }

    /// A duplicate is a point that counts twice: the classifier of a set whose points all stand twice is that of the set with
    /// `C` twice as large.
    #[test]
    fn a_set_twice_is_the_set_at_twice_the_cost() {
        let config = Config { n_points: 20, ..Config::default() };
        let points = crate::originals(&config, 5);
        let twice = fit(&points, &(0..40).collect::<Vec<_>>(), GaussianCost::Same, &config);
        let costly = fit(&points, &[], GaussianCost::Same, &Config { c: 2.0, ..config.clone() });
        let (kernel, mut nearness) = (Kernel::new(&points, &config), Vec::new());
        for place in [[0.0, 0.0], [1.0, 1.0], [0.3, -2.0], [5.0, 5.0]] {
            kernel.at(place, &mut nearness);
            let (left, right) = (twice.decision(&nearness), costly.decision(&nearness));
            assert!((left - right).abs() < 5e-3, "{place:?}: {left} and {right}");
        }
    }

    /// What a set costs is taken back: repeated as a whole, or one class of it, it gives the classifier of the originals.
    #[test]
    fn a_cost_per_rate_or_class_takes_back_what_whole_copies_add() {
        let config = Config { n_points: 20, ..Config::default() };
        let points = crate::originals(&config, 5);
        let plain = fit(&points, &[], GaussianCost::Same, &config);
        let positive: Vec<usize> = (20..40).chain(20..40).collect();
        let (kernel, mut nearness) = (Kernel::new(&points, &config), Vec::new());
        for (copies, cost, is_same) in [
            ((0..40).collect::<Vec<_>>(), GaussianCost::PerRate, true),
            ((0..40).collect(), GaussianCost::PerClass, true),
            (positive.clone(), GaussianCost::PerClass, true),
            (positive.clone(), GaussianCost::PerRate, false),
            (positive, GaussianCost::Same, false),
        ] {
            let classifier = fit(&points, &copies, cost, &config);
            let mut largest: f64 = 0.0;
            for place in [[0.0, 0.0], [1.0, 1.0], [0.3, -2.0], [0.5, 0.5]] {
                kernel.at(place, &mut nearness);
                largest = largest.max((classifier.decision(&nearness) - plain.decision(&nearness)).abs());
            }
            assert_eq!(largest < 5e-3, is_same, "{cost}: {largest}");
        }
    }

    #[test]
    fn two_points_are_told_apart_by_the_line_between_them() {
        let points = Points { points: vec![[0.0, 0.0], [2.0, 0.0]], n_negative: 1 };
        let config = Config::default();
        let classifier = fit(&points, &[], GaussianCost::Same, &config);
        let (kernel, mut nearness) = (Kernel::new(&points, &config), Vec::new());
        let mut decision = |place| {
            kernel.at(place, &mut nearness);
            classifier.decision(&nearness)
        };
        assert!(decision([0.0, 0.0]) < -0.5 && decision([2.0, 0.0]) > 0.5);
        assert!(decision([1.0, 3.0]).abs() < 1e-3);
    }
}
