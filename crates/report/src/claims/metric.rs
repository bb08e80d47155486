//! What a claim compares.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::efficiency::{Curve, common_samples, curves, spacing};
use crate::results::{Among, Measure, RateResults};

/// What a claim compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The accuracy of the trained networks, on a split and under an attack.
    #[default]
    Accuracy,
    /// The same on the split's own images and the duplicates of training images that leaked into it.
    AccuracyWithLeaks,
    /// The same on those of the split's own images that have no duplicate in the training split.
    AccuracyWithoutTwins,
    /// The same on those that have one.
    AccuracyOfTwins,
    /// The held-out accuracy's mean over the samples that all trainings of the two conditions saw.
    MeanAccuracyOverSamples,
    /// The samples until the held-out accuracy first was this, as a share of those that all trainings of the two conditions saw; 1 where it
    /// never was in these: how many more it would have taken is not known, and asked of neither condition.
    SamplesToAccuracy(f64),
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accuracy => f.write_str("accuracy"),
            Self::AccuracyWithLeaks => f.write_str("accuracy-with-leaks"),
            Self::AccuracyWithoutTwins => f.write_str("accuracy-without-twins"),
            Self::AccuracyOfTwins => f.write_str("accuracy-of-twins"),
            Self::MeanAccuracyOverSamples => f.write_str("mean-accuracy-over-samples"),
            Self::SamplesToAccuracy(accuracy) => write!(f, "samples-to-accuracy {accuracy}"),
        }
    }
}

/// Values by seed.
pub(super) type Values = Vec<(u64, f64)>;

impl Metric {
    /// Whether it is read from the held-out accuracy after each epoch.
    pub(super) fn is_of_training(self) -> bool {
        self.among().is_none()
    }

    /// Which images of the split it is measured on; none where it is read from the held-out accuracy after each epoch.
    pub(super) fn among(self) -> Option<Among> {
        match self {
            Self::Accuracy => Some(Among::Own),
            Self::AccuracyWithLeaks => Some(Among::WithLeaks),
            Self::AccuracyWithoutTwins => Some(Among::WithoutTwins),
            Self::AccuracyOfTwins => Some(Among::Twins),
            Self::MeanAccuracyOverSamples | Self::SamplesToAccuracy(_) => None,
        }
    }

    /// Each condition's values, by seed. `chance` is the accuracy of a guess.
    pub(super) fn values(self, measure: &Measure, conditions: &[&RateResults<'_>], chance: f64) -> Vec<Values> {
        if let Some(among) = self.among() {
            let measure = measure.among(among);
            return conditions.iter().map(|rate| rate.values(&measure, None)).collect();
        }
        let all: Vec<_> = conditions.iter().map(|rate| curves(rate, chance)).collect();
        let every = || all.iter().flatten().map(|(_, curve)| curve);
        let (spacing, n_samples) = (spacing(every()), common_samples(every()));
        let value = |curve: &Curve| {
            let curve = curve.spaced(spacing);
            match self {
                Self::SamplesToAccuracy(accuracy) => {
                    curve.reach(accuracy).map_or(1.0, |point| (point.n_samples / n_samples).min(1.0))
                }
                _ => curve.mean_accuracy(n_samples),
            }
        };
        let values = |curves: &Vec<(u64, Curve)>| curves.iter().map(|(seed, curve)| (*seed, value(curve))).collect();
        all.iter().map(values).collect()
    }
}
