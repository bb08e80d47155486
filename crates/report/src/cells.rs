//! The results as rows of a `cells` manifest.

use std::collections::BTreeMap;

use twinset_manifest::rows::{Cell, IntervalMethod};

use crate::results::{Among, Measure, RateResults, Results};
use crate::statistics::Interval;

/// One row for each arm, rate, split, attack and class (and all classes together): each seed's, then the mean over seeds.
pub fn cells(results: &Results<'_>, classes: &BTreeMap<u32, String>) -> Vec<Cell> {
    let labels = || std::iter::once(None).chain(classes.keys().copied().map(Some));
    let mut rows = Vec::new();
    for arm in &results.arms {
        for rate in &arm.rates {
            for measure in &results.measures {
                for label in labels() {
                    let place = Place { arm: &arm.arm.name, rate, measure, label, classes };
                    rows.extend(place.rows(results.confidence));
                }
                for among in others(rate, measure) {
                    let measure = &measure.among(among);
                    let place = Place { arm: &arm.arm.name, rate, measure, label: None, classes };
                    rows.extend(place.rows(results.confidence));
                }
            }
        }
    }
    rows
}

/// Which parts of the split's images there are beside all of its own.
fn others(rate: &RateResults<'_>, measure: &Measure) -> Vec<Among> {
    let n = |among| rate.proportions(&measure.among(among), None).iter().map(|(_, p)| p.n).sum::<u64>();
    let mut others = Vec::new();
    if n(Among::WithoutTwins) < n(Among::Own) {
        others.extend([Among::WithoutTwins, Among::Twins]);
    }
    if n(Among::Leaked) > 0 {
        others.extend([Among::Leaked, Among::WithLeaks]);
    }
    if n(Among::Trainset) > 0 {
        others.push(Among::Trainset);
    }
    others
}

struct Place<'a> {
    arm: &'a str,
    rate: &'a RateResults<'a>,
    measure: &'a Measure,
    label: Option<u32>,
    classes: &'a BTreeMap<u32, String>,
}

struct Estimate {
    seed: Option<u64>,
    value: f64,
    interval: Option<Interval>,
    method: IntervalMethod,
    n_images: u64,
    n_seeds: usize,
}

impl Place<'_> {
    fn rows(&self, confidence: f64) -> Vec<Cell> {
        let mut rows = Vec::new();
        for (seed, proportion) in self.rate.proportions(self.measure, self.label) {
            let estimate = Estimate {
                seed: Some(seed),
                value: proportion.value(),
                interval: self.measure.among.is_of_distinct_images().then(|| proportion.interval(confidence)),
                method: IntervalMethod::Wilson,
                n_images: proportion.n,
                n_seeds: 1,
            };
            rows.push(self.row(&estimate, confidence));
        }
        if let Some(accuracy) = self.rate.accuracy(self.measure, self.label, confidence) {
            let estimate = Estimate {
                seed: None,
                value: accuracy.mean.mean,
                interval: accuracy.mean.interval,
                method: IntervalMethod::T,
                n_images: accuracy.n_images,
                n_seeds: accuracy.mean.n,
            };
            rows.push(self.row(&estimate, confidence));
        }
        rows
    }

    fn row(&self, estimate: &Estimate, confidence: f64) -> Cell {
        Cell {
            arm: self.arm.to_owned(),
            rate: self.rate.rate,
            seed: estimate.seed,
            metric: metric(self.measure.among).to_owned(),
            split: self.measure.split,
            attack: self.measure.attack.clone(),
            label: self.label,
            class_name: self.label.and_then(|label| self.classes.get(&label).cloned()),
            estimate: estimate.value,
            interval_low: estimate.interval.map(|interval| interval.low),
            interval_high: estimate.interval.map(|interval| interval.high),
            interval_method: estimate.method,
            confidence,
            n_images: estimate.n_images,
            n_seeds: u32::try_from(estimate.n_seeds).unwrap_or(u32::MAX),
        }
    }
}

fn metric(among: Among) -> &'static str {
    match among {
        Among::Own => "accuracy",
        Among::WithoutTwins => "accuracy-without-twins",
        Among::Twins => "accuracy-of-twins",
        Among::Leaked => "accuracy-of-leaked",
        Among::WithLeaks => "accuracy-with-leaks",
        Among::Trainset => "accuracy-on-trainset",
    }
}
