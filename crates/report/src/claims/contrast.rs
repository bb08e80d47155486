//! *Contrasts*: weighted sums of conditions' values, paired by seed and, where it can be, by image.

use super::Metric;
use crate::comparable::Mismatch;
use crate::evaluation::Evaluation;
use crate::results::{Among, Measure, RateResults};
use crate::statistics::Estimate;

/// What a contrast comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Contrast {
    /// The weighted sum, of each seed that has all conditions and may be compared.
    pub(super) by_seed: Vec<(u64, f64)>,
    /// Why seeds that have all conditions are left out; none where none are.
    pub(super) mismatch: Option<Mismatch>,
    /// The mean and what chance leaves of it; none of fewer than two seeds, or where all are equal.
    pub(super) estimate: Option<Estimate>,
}

/// A condition and its weight.
pub(super) type Weighted<'a> = (f64, &'a RateResults<'a>);

impl Contrast {
    /// The weighted sum of conditions; `chance` is the accuracy of a guess. Conditions of one group have to be judged on the same images in the
    /// same way. Other groups may be judged on others.
    pub(super) fn of(groups: &[Vec<Weighted<'_>>], metric: Metric, measure: &Measure, chance: f64) -> Self {
        let parts = &groups.concat();
        let Some((_, first)) = parts.first() else { return Self::default() };
        let conditions: Vec<_> = parts.iter().map(|(_, rate)| *rate).collect();
        let of_group = |group: &Vec<Weighted<'_>>| {
            let (_, first) = group[0];
            group[1..].iter().flat_map(|(_, other)| first.mismatches(other, measure)).collect::<Vec<_>>()
        };
        let mismatches: Vec<_> =
            if metric.is_of_training() { Vec::new() } else { groups.iter().flat_map(of_group).collect() };
        let values = metric.values(measure, &conditions, chance);
        let sum = |seed: u64| {
            let value =
                |values: &Vec<(u64, f64)>| values.iter().find(|(other, _)| *other == seed).map(|(_, value)| *value);
            parts.iter().zip(&values).map(|((weight, _), values)| Some(weight * value(values)?)).sum::<Option<f64>>()
        };
        let may_be_compared = |seed: &u64| mismatches.iter().all(|(other, _)| other != seed);
        let seeds = first.seeds.iter().map(|seed| seed.seed).filter(may_be_compared);
        let by_seed: Vec<(u64, f64)> = seeds.filter_map(|seed| Some((seed, sum(seed)?))).collect();
        let by_image = metric.among().and_then(|among| images(parts, &measure.among(among), &by_seed));
        let estimate = match by_image {
            Some(rows) => Estimate::crossed(&rows),
            None => Estimate::over_seeds(&by_seed.iter().map(|(_, value)| *value).collect::<Vec<_>>()),
        };
        Self { by_seed, mismatch: mismatches.first().map(|(_, mismatch)| *mismatch), estimate }
    }

    /// The slope of a line over the rate, fitted to conditions of one arm by least squares, seed by seed. With these weights it is
    /// a contrast like any other.
    pub(super) fn slope(rates: &[&RateResults<'_>], metric: Metric, measure: &Measure, chance: f64) -> Self {
        let mean = rates.iter().map(|rate| rate.rate).sum::<f64>() / rates.len() as f64;
        let squares: f64 = rates.iter().map(|rate| (rate.rate - mean).powi(2)).sum();
        let parts: Vec<Weighted<'_>> = rates.iter().map(|rate| ((rate.rate - mean) / squares, *rate)).collect();
        Self::of(&[parts], metric, measure, chance)
    }

    /// The values alone.
    pub(super) fn values(&self) -> Vec<f64> {
        self.by_seed.iter().map(|(_, value)| *value).collect()
    }
}

/// The weighted sum image by image, a row for each of the seeds; none where any has other images than the first, and of images that
/// leaked.
fn images(parts: &[Weighted<'_>], measure: &Measure, by_seed: &[(u64, f64)]) -> Option<Vec<Vec<f64>>> {
    if !matches!(measure.among, Among::Own | Among::WithoutTwins | Among::Twins) {
        return None;
    }
    let key = (measure.attack.clone(), measure.split);
    let mut ids: Option<Vec<u64>> = None;
    let mut row = |seed: u64| {
        let mut row: Vec<f64> = Vec::new();
        for (weight, rate) in parts {
            let of_seed = rate.seeds.iter().find(|other| other.seed == seed)?;
            let Evaluation { by_image, twins, .. } = of_seed.evidence?.evaluation.as_ref();
            let is_among = |image_id: &u64| match measure.among {
                Among::Own => true,
                Among::Twins => twins.contains(image_id),
                _ => !twins.contains(image_id),
            };
            let images = by_image.get(&key)?.iter().filter(|(image_id, _)| is_among(image_id));
            let (found, is_right): (Vec<u64>, Vec<bool>) = images.unzip();
            let ids = ids.get_or_insert_with(|| found.clone());
            if found != *ids {
                return None;
            }
            row.resize(ids.len(), 0.0);
            for (sum, is_right) in row.iter_mut().zip(is_right) {
                *sum += weight * f64::from(u8::from(is_right));
            }
        }
        Some(row)
    };
    by_seed.iter().map(|(seed, _)| row(*seed)).collect()
}
