//! The *results* of a study: accuracies by arm, rate, seed, split, attack and class, with their intervals.

use twinset_manifest::rows::Split;

use crate::comparable::{Mismatch, mismatch};
use crate::evidence::CellEvidence;
pub use crate::measure::{Among, Measure};
use crate::statistics::{self, Interval, Mean, chi_squared_p, wilson};
use crate::study::{Arm, Study, StudyCell};

/// All results of a study.
#[derive(Debug)]
pub struct Results<'a> {
    /// What was measured anywhere: the test split first, in each split clean images first, then the worst case.
    pub measures: Vec<Measure>,
    /// The conditions, in the study's order.
    pub arms: Vec<ArmResults<'a>>,
    /// The confidence level of all intervals.
    pub confidence: f64,
}

/// An arm's results.
#[derive(Debug)]
pub struct ArmResults<'a> {
    /// The arm.
    pub arm: &'a Arm,
    /// Its rates, the smallest first.
    pub rates: Vec<RateResults<'a>>,
    /// Rate 0 of the arm that it is compared with, which may be itself; none where there is no such rate.
    pub baseline: Option<RateResults<'a>>,
}

/// The results of an arm and a rate.
#[derive(Debug)]
pub struct RateResults<'a> {
    /// Duplicates ÷ originals.
    pub rate: f64,
    /// One for each seed of the study.
    pub seeds: Vec<SeedResults<'a>>,
}

/// The results of one cell.
#[derive(Debug)]
pub struct SeedResults<'a> {
    /// The seed.
    pub seed: u64,
    /// The cell; none where the study does not list it.
    pub cell: Option<&'a StudyCell>,
    /// What it came to.
    pub evidence: Option<&'a CellEvidence>,
}

/// Images classified rightly, of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proportion {
    /// Those classified rightly.
    pub n_correct: u64,
    /// Images.
    pub n: u64,
}

/// An accuracy over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// The mean over seeds; its interval is kept within [0, 1].
    pub mean: Mean,
    /// Where there is but one seed: Wilson's interval over its images.
    pub wilson: Option<Interval>,
    /// Images that one seed's value is over; the fewest where seeds differ.
    pub n_images: u64,
}

/// Injected duplicates this unlikely (χ² test) to follow the classes' shares of the training split are non-uniform.
const NON_UNIFORM_P: f64 = 1e-4;

impl<'a> Results<'a> {
    /// Arranges what a study's cells came to; `cells` has the order of the study's list.
    pub fn of(study: &'a Study, cells: &'a [CellEvidence], confidence: f64) -> Self {
        let seed_results = |arm: &Arm, rate: f64, seed: u64| {
            let found = study.cell(&arm.name, rate, seed);
            SeedResults { seed, cell: found.map(|(_, cell)| cell), evidence: found.and_then(|(i, _)| cells.get(i)) }
        };
        let rate_results = |arm: &Arm, rate: f64| RateResults {
            rate,
            seeds: study.seeds.iter().map(|&seed| seed_results(arm, rate, seed)).collect(),
        };
        let arms = study.arms.iter().map(|arm| {
            let mut rates = arm.rates.clone();
            rates.sort_by(f64::total_cmp);
            let compared_with = study.arms.iter().find(|other| other.name == arm.baseline());
            ArmResults {
                arm,
                rates: rates.into_iter().map(|rate| rate_results(arm, rate)).collect(),
                baseline: compared_with.filter(|arm| arm.rates.contains(&0.0)).map(|arm| rate_results(arm, 0.0)),
            }
        });
        Self { measures: measures(cells), arms: arms.collect(), confidence }
    }

    /// The splits that anything was measured on, the test split first.
    pub fn splits(&self) -> Vec<Split> {
        let mut splits: Vec<_> = self.measures.iter().map(|measure| measure.split).collect();
        splits.dedup();
        splits
    }

    /// What was measured on a split: clean images, the worst case, each attack.
    pub fn measures_on(&self, split: Split) -> Vec<&Measure> {
        self.measures.iter().filter(|measure| measure.split == split).collect()
    }
}

impl ArmResults<'_> {
    /// How the arm's networks are trained, as its config names it: `standard`, `pgd`.
    pub fn regime(&self) -> Option<&str> {
        self.arm.regime()
    }

    /// The split that its duplicates leak into; none where they are injected into the training set.
    pub fn leaks_into(&self) -> Option<Split> {
        let into = self.arm.inject.get("into")?.as_str()?.parse().ok()?;
        (into != Split::Train).then_some(into)
    }

    /// The difference of a rate's accuracy from the baseline's, paired by seed; none where it is the baseline, and where either has no seed
    /// of the other's.
    pub fn difference_from_baseline(
        &self,
        rate: &RateResults<'_>,
        measure: &Measure,
        label: Option<u32>,
        confidence: f64,
    ) -> Option<Mean> {
        let baseline = self.baseline.as_ref().filter(|_| !self.arm.is_baseline_at(rate.rate))?;
        statistics::paired_difference(&rate.values(measure, label), &baseline.values(measure, label), confidence)
    }

    /// Whether any of its training sets has duplicates whose classes do not follow their shares of the originals.
    pub fn is_non_uniform(&self, originals: &[(u32, u64)]) -> bool {
        let weights: Vec<u64> = originals.iter().map(|(_, n)| *n).collect();
        let seeds = self.rates.iter().flat_map(|rate| &rate.seeds).filter_map(|seed| seed.evidence);
        seeds.into_iter().any(|evidence| {
            let counts: Vec<u64> = originals.iter().map(|(label, _)| evidence.n_injected(*label)).collect();
            chi_squared_p(&counts, &weights) < NON_UNIFORM_P
        })
    }
}

impl RateResults<'_> {
    /// What each seed got rightly, over all classes or one.
    pub fn proportions(&self, measure: &Measure, label: Option<u32>) -> Vec<(u64, Proportion)> {
        self.seeds.iter().filter_map(|seed| Some((seed.seed, seed.proportion(measure, label)?))).collect()
    }

    /// The accuracy over seeds; none where no seed was measured.
    pub fn accuracy(&self, measure: &Measure, label: Option<u32>, confidence: f64) -> Option<Accuracy> {
        let proportions = self.proportions(measure, label);
        let values: Vec<f64> = proportions.iter().map(|(_, proportion)| proportion.value()).collect();
        let mut mean = statistics::mean(&values, confidence)?;
        mean.interval = mean.interval.map(Interval::of_fraction);
        let wilson = match proportions.as_slice() {
            [(_, one)] if measure.among.is_of_distinct_images() => Some(one.interval(confidence)),
            _ => None,
        };
        let n_images = proportions.iter().map(|(_, proportion)| proportion.n).min()?;
        Some(Accuracy { mean, wilson, n_images })
    }

    /// Duplicates that a class got, the mean over seeds; none where no training set is known.
    pub fn n_injected(&self, label: u32) -> Option<f64> {
        let known = self.seeds.iter().filter_map(|seed| seed.evidence).filter(|cell| !cell.trainset.is_empty());
        let counts: Vec<f64> = known.map(|cell| cell.n_injected(label) as f64).collect();
        Some(statistics::mean(&counts, 0.95)?.mean)
    }

    /// Samples that its trainings saw, repetitions counted: the mean over seeds; none where no training is known.
    pub fn n_samples(&self) -> Option<f64> {
        let last = |seed: &SeedResults<'_>| Some(seed.evidence?.epochs.last()?.n_samples_seen as f64);
        let seen: Vec<f64> = self.seeds.iter().filter_map(last).collect();
        Some(statistics::mean(&seen, 0.95)?.mean)
    }

    /// The seeds whose accuracies here and in another condition are not to be compared, and why.
    pub fn mismatches(&self, other: &Self, measure: &Measure) -> Vec<(u64, Mismatch)> {
        let of_seed = |here: &SeedResults<'_>| {
            let there = other.seeds.iter().find(|there| there.seed == here.seed)?;
            let is_measured = here.proportion(measure, None).is_some() && there.proportion(measure, None).is_some();
            let (here_too, there_too) = (here.evidence?, there.evidence.filter(|_| is_measured)?);
            Some((here.seed, mismatch(&here_too.evaluation, &there_too.evaluation, measure)?))
        };
        self.seeds.iter().filter_map(of_seed).collect()
    }

    /// Each seed's accuracy, over all classes or one.
    pub(crate) fn values(&self, measure: &Measure, label: Option<u32>) -> Vec<(u64, f64)> {
        self.proportions(measure, label).into_iter().map(|(seed, proportion)| (seed, proportion.value())).collect()
    }
}

impl SeedResults<'_> {
    /// What was classified rightly, over all classes or one; none where nothing was measured.
    pub fn proportion(&self, measure: &Measure, label: Option<u32>) -> Option<Proportion> {
        let mut sum = Proportion::default();
        for count in &self.evidence?.evaluation.counts {
            let is_it = count.attack == measure.attack && count.split == measure.split;
            let is_it = is_it && measure.among.holds(count.group);
            if is_it && label.is_none_or(|label| count.label == label) {
                sum.n += count.n_images;
                sum.n_correct += count.n_correct;
            }
        }
        (sum.n > 0).then_some(sum)
    }
}

impl Proportion {
    /// The share, 0 to 1.
    pub fn value(self) -> f64 {
        self.n_correct as f64 / self.n as f64
    }

    /// Wilson's interval.
    pub fn interval(self, confidence: f64) -> Interval {
        wilson(self.n_correct, self.n, confidence)
    }
}

fn measures(cells: &[CellEvidence]) -> Vec<Measure> {
    let mut measures: Vec<Measure> = Vec::new();
    for count in cells.iter().flat_map(|cell| &cell.evaluation.counts) {
        let measure = Measure::new(count.split, count.attack.clone());
        if !measures.contains(&measure) {
            measures.push(measure);
        }
    }
    // Stable: attacks otherwise stay in the order in which they were made.
    measures.sort_by_key(|measure| (std::cmp::Reverse(measure.split), !measure.is_clean(), !measure.is_worst_case()));
    measures
}
