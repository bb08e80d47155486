//! *Efficiency*: what accuracy a training has after how many samples.
//!
//! A [`Curve`] is one cell's accuracy on held-out images over the samples that it was trained on, from chance at the start. Where
//! duplicates are appended an epoch is longer, and so its curve has fewer points; since accuracy rises fast and then slowly, lines between
//! fewer points lie lower. So curves are compared on a [common spacing](spacing): the longest between two of their points. It is an epoch
//! where accuracy was measured after epochs alone, and less where it was measured every so many samples.

use twinset_manifest::rows::{Efficiency, Epoch, LearningCurve};

use crate::results::{ArmResults, RateResults, Results, SeedResults};

/// Accuracy over samples seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// In order of samples, the first at 0.
    points: Vec<CurvePoint>,
}

/// A place on a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Training samples seen, repetitions counted.
    pub n_samples: f64,
    /// Optimiser steps made.
    pub n_steps: f64,
    /// Accuracy on held-out images, 0 to 1.
    pub accuracy: f64,
}

impl Curve {
    /// A training's curve from `chance`: of the points of its learning curve where it has some, else of its epochs. None where no images
    /// were held out.
    pub fn of(epochs: &[Epoch], learning_curve: &[LearningCurve], chance: f64) -> Option<Self> {
        let point = |n_samples: u64, n_steps: u64, accuracy: f64| CurvePoint {
            n_samples: n_samples as f64,
            n_steps: n_steps as f64,
            accuracy,
        };
        let of_epoch = |epoch: &Epoch| Some(point(epoch.n_samples_seen, epoch.n_steps, epoch.held_out_accuracy?));
        let of_row = |row: &LearningCurve| Some(point(row.n_samples_seen, row.n_steps, row.held_out_accuracy));
        let measured: Option<Vec<CurvePoint>> = match learning_curve {
            [] => epochs.iter().map(of_epoch).collect(),
            rows => rows.iter().map(of_row).collect(),
        };
        let points: Vec<_> = [point(0, 0, chance)].into_iter().chain(measured?).collect();
        (points.len() > 1).then_some(Self { points })
    }

    /// Samples of the whole training.
    pub fn n_samples(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.n_samples)
    }

    /// Where it ends.
    pub fn last(&self) -> Option<CurvePoint> {
        self.points.last().copied()
    }

    /// The most samples between two points.
    fn longest_gap(&self) -> f64 {
        self.points.windows(2).map(|pair| pair[1].n_samples - pair[0].n_samples).fold(0.0, f64::max)
    }

    /// The same with points every `spacing` samples, and at the end.
    pub fn spaced(&self, spacing: f64) -> Self {
        let end = self.n_samples();
        let n = (end / spacing).floor() as usize;
        let mut places: Vec<f64> = (0..=n).map(|i| i as f64 * spacing).collect();
        if end - places[n] > 1e-9 * end {
            places.push(end);
        }
        Self { points: places.into_iter().map(|n_samples| self.at(n_samples)).collect() }
    }

    /// The point after so many samples, by linear interpolation; the last one beyond the end.
    fn at(&self, n_samples: f64) -> CurvePoint {
        let last = self.points[self.points.len() - 1];
        let next = self.points.iter().position(|point| point.n_samples >= n_samples);
        match next {
            None => last,
            Some(0) => self.points[0],
            Some(next) => {
                let (before, after) = (self.points[next - 1], self.points[next]);
                let share = (n_samples - before.n_samples) / (after.n_samples - before.n_samples);
                between(before, after, share)
            }
        }
    }

    /// The mean accuracy over the first `n_samples`: the area under the curve (trapezoids), divided by them.
    pub fn mean_accuracy(&self, n_samples: f64) -> f64 {
        let end = self.at(n_samples);
        let within = self.points.iter().take_while(|point| point.n_samples < n_samples).copied();
        let points: Vec<CurvePoint> = within.chain([end]).collect();
        let area =
            |pair: &[CurvePoint]| (pair[1].n_samples - pair[0].n_samples) * (pair[0].accuracy + pair[1].accuracy) / 2.0;
        points.windows(2).map(area).sum::<f64>() / n_samples
    }

    /// Where the accuracy was first reached; none where the training ended before.
    pub fn reach(&self, accuracy: f64) -> Option<CurvePoint> {
        let next = self.points.iter().position(|point| point.accuracy >= accuracy)?;
        if next == 0 {
            return Some(self.points[0]);
        }
        let (before, after) = (self.points[next - 1], self.points[next]);
        Some(between(before, after, (accuracy - before.accuracy) / (after.accuracy - before.accuracy)))
    }
}

fn between(before: CurvePoint, after: CurvePoint, share: f64) -> CurvePoint {
    let mix = |from: f64, to: f64| from + (to - from) * share;
    CurvePoint {
        n_samples: mix(before.n_samples, after.n_samples),
        n_steps: mix(before.n_steps, after.n_steps),
        accuracy: mix(before.accuracy, after.accuracy),
    }
}

/// The spacing on which curves are compared: the most samples between two points of any.
pub fn spacing<'a>(curves: impl IntoIterator<Item = &'a Curve>) -> f64 {
    curves.into_iter().map(Curve::longest_gap).fold(0.0, f64::max)
}

/// Samples that every training saw.
pub fn common_samples<'a>(curves: impl IntoIterator<Item = &'a Curve>) -> f64 {
    curves.into_iter().map(Curve::n_samples).fold(f64::INFINITY, f64::min)
}

/// The trainings of one regime, compared on one spacing.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// How they are trained, as configs name it.
    pub regime: Option<&'a str>,
    /// Samples that every one saw.
    pub n_samples_common: f64,
    /// The accuracies that it is asked when they were reached.
    pub accuracies: Vec<f64>,
    /// One for each arm and rate that was trained.
    pub conditions: Vec<ConditionCurves<'a>>,
}

/// The curves of an arm at a rate.
#[derive(Debug)]
pub struct ConditionCurves<'a> {
    /// The arm.
    pub arm: &'a ArmResults<'a>,
    /// The rate.
    pub rate: &'a RateResults<'a>,
    /// By seed.
    pub curves: Vec<(u64, Curve)>,
}

/// How many accuracies a comparison asks for.
const N_ACCURACIES: usize = 3;

/// One comparison for each regime that held images out; `chance` is the accuracy of a guess.
pub fn comparisons<'a>(results: &'a Results<'a>, chance: f64) -> Vec<Comparison<'a>> {
    let mut regimes: Vec<Option<&str>> = Vec::new();
    for arm in &results.arms {
        if !regimes.contains(&arm.regime()) {
            regimes.push(arm.regime());
        }
    }
    regimes.into_iter().filter_map(|regime| comparison(results, regime, chance)).collect()
}

fn comparison<'a>(results: &'a Results<'a>, regime: Option<&'a str>, chance: f64) -> Option<Comparison<'a>> {
    // What leaks is trained without it: its curves are those of rate 0.
    let arms = results.arms.iter().filter(|arm| arm.regime() == regime && arm.leaks_into().is_none());
    let mut conditions: Vec<ConditionCurves<'a>> = arms
        .flat_map(|arm| arm.rates.iter().map(move |rate| (arm, rate)))
        .map(|(arm, rate)| ConditionCurves { arm, rate, curves: curves(rate, chance) })
        .filter(|condition| !condition.curves.is_empty())
        .collect();
    let spacing = spacing(conditions.iter().flat_map(ConditionCurves::all));
    for condition in &mut conditions {
        for (_, curve) in &mut condition.curves {
            *curve = curve.spaced(spacing);
        }
    }
    let n_samples_common = common_samples(conditions.iter().flat_map(ConditionCurves::all));
    let accuracies = asked(conditions.iter().flat_map(ConditionCurves::all), chance);
    (!conditions.is_empty()).then_some(Comparison { regime, n_samples_common, accuracies, conditions })
}

/// Each seed's curve of a condition, as trained.
pub(crate) fn curves(rate: &RateResults<'_>, chance: f64) -> Vec<(u64, Curve)> {
    let curve = |seed: &SeedResults<'_>| {
        let evidence = seed.evidence?;
        Some((seed.seed, Curve::of(&evidence.epochs, &evidence.learning_curve, chance)?))
    };
    rate.seeds.iter().filter_map(curve).collect()
}

/// The highest multiples of five percent, above chance, that any training reached.
fn asked<'a>(curves: impl Iterator<Item = &'a Curve>, chance: f64) -> Vec<f64> {
    let best = curves.flat_map(|curve| &curve.points).map(|point| point.accuracy).fold(0.0, f64::max);
    let highest = (best * 20.0).floor() as u32;
    let all = (1..=highest).map(|twentieths| f64::from(twentieths) / 20.0).filter(|accuracy| *accuracy > chance);
    let all: Vec<f64> = all.collect();
    all[all.len().saturating_sub(N_ACCURACIES)..].to_vec()
}

impl ConditionCurves<'_> {
    fn all(&self) -> impl Iterator<Item = &Curve> {
        self.curves.iter().map(|(_, curve)| curve)
    }
}

/// The rows of the `efficiency` manifest.
pub fn rows(comparisons: &[Comparison<'_>]) -> Vec<Efficiency> {
    let mut rows = Vec::new();
    for comparison in comparisons {
        let n_samples_common = comparison.n_samples_common;
        for condition in &comparison.conditions {
            for (seed, curve) in &condition.curves {
                for &accuracy in &comparison.accuracies {
                    let reached = curve.reach(accuracy);
                    rows.push(Efficiency {
                        regime: comparison.regime.unwrap_or_default().to_owned(),
                        arm: condition.arm.arm.name.clone(),
                        rate: condition.rate.rate,
                        seed: *seed,
                        accuracy,
                        n_samples: reached.map(|point| point.n_samples),
                        n_steps: reached.map(|point| point.n_steps),
                        n_samples_trained: curve.n_samples() as u64,
                        n_samples_common: n_samples_common as u64,
                        mean_accuracy: curve.mean_accuracy(n_samples_common),
                    });
                }
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An epoch of so many samples in steps of ten.
    fn curve(epochs: &[(u64, f64)]) -> Curve {
        let epoch = |(i, &(n_samples_seen, accuracy)): (usize, &(u64, f64))| Epoch {
            epoch: i as u32 + 1,
            n_steps: n_samples_seen / 10,
            n_samples_seen,
            learning_rate: 0.1,
            train_loss: 1.0,
            train_accuracy: 0.5,
            held_out_accuracy: Some(accuracy),
            n_held_out: Some(100),
            held_out_attacked_accuracy: None,
            n_held_out_attacked: None,
        };
        Curve::of(&epochs.iter().enumerate().map(epoch).collect::<Vec<_>>(), &[], 0.1).unwrap()
    }

    #[test]
    fn the_mean_accuracy_is_the_area_of_the_trapezoids() {
        let curve = curve(&[(100, 0.5), (200, 0.7)]);
        // 0.1 to 0.5: 30; 0.5 to 0.7: 60.
        assert!((curve.mean_accuracy(200.0) - 90.0 / 200.0).abs() < 1e-12);
        // 0.5 to 0.6: 27.5 over fifty samples.
        assert!((curve.mean_accuracy(150.0) - 57.5 / 150.0).abs() < 1e-12);
        assert!((curve.mean_accuracy(50.0) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn an_accuracy_is_reached_between_two_epochs_or_never() {
        let curve = curve(&[(100, 0.5), (200, 0.45), (300, 0.7)]);
        let reached = curve.reach(0.3).unwrap();
        assert!((reached.n_samples - 50.0).abs() < 1e-9 && (reached.n_steps - 5.0).abs() < 1e-9);
        assert!((curve.reach(0.5).unwrap().n_samples - 100.0).abs() < 1e-9);
        assert!((curve.reach(0.6).unwrap().n_samples - 260.0).abs() < 1e-9);
        assert_eq!(curve.reach(0.71), None);
        assert_eq!(curve.reach(0.05).unwrap().n_samples, 0.0);
    }

    /// One accuracy of samples seen, looked at after epochs of two lengths: not the length decides.
    #[test]
    fn equal_trainings_are_equally_efficient_however_long_their_epochs() {
        let accuracy = |n: u64| 0.8 - 0.7 * (-(n as f64) / 150.0).exp();
        let epochs = |length: u64| (1..=600 / length).map(|i| (i * length, accuracy(i * length))).collect::<Vec<_>>();
        let (short, long) = (curve(&epochs(100)), curve(&epochs(200)));
        assert!(short.mean_accuracy(600.0) > long.mean_accuracy(600.0) + 0.005, "what the spacing is for");
        let spacing = spacing([&short, &long]);
        assert_eq!(spacing, 200.0);
        assert_eq!(short.spaced(spacing), long.spaced(spacing));
        let uneven = curve(&[(250, 0.5), (500, 0.6), (600, 0.7)]).spaced(200.0);
        let places: Vec<f64> = uneven.points.iter().map(|point| point.n_samples).collect();
        assert_eq!(places, [0.0, 200.0, 400.0, 600.0]);
        let places = |curve: &Curve| curve.points.iter().map(|point| point.n_samples).collect::<Vec<_>>();
        assert_eq!(places(&uneven.spaced(250.0)), [0.0, 250.0, 500.0, 600.0]);
    }

    /// The same training, evaluated after epochs of 300 samples and every 50 samples.
    #[test]
    fn a_learning_curve_stands_for_the_epochs() {
        let row = |n_samples_seen: u64| LearningCurve {
            n_samples_seen,
            n_steps: n_samples_seen / 10,
            held_out_accuracy: 0.8 - 0.7 * (-(n_samples_seen as f64) / 150.0).exp(),
            n_held_out: 100,
        };
        let rows: Vec<LearningCurve> = (1..=12).map(|i| row(50 * i)).collect();
        let fine = Curve::of(&[], &rows, 0.1).unwrap();
        assert_eq!(spacing([&fine]), 50.0);
        assert_eq!((fine.n_samples(), fine.last().unwrap().n_steps), (600.0, 60.0));
        let coarse = curve(&[(300, rows[5].held_out_accuracy), (600, rows[11].held_out_accuracy)]);
        // The area under the curve itself, from its formula.
        let exact = 0.8 - 0.7 * 150.0 * (1.0 - (-4.0_f64).exp()) / 600.0;
        let [fine, coarse] = [&fine, &coarse].map(|curve| curve.mean_accuracy(600.0));
        assert!((fine - exact).abs() < 2e-3 && coarse < exact - 0.03, "{fine}, {coarse}, {exact}");
    }

    #[test]
    fn a_training_without_held_out_images_has_no_curve() {
        assert_eq!(Curve::of(&[], &[], 0.1), None);
    }
}
