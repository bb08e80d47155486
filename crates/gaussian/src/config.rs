//! What the stage is asked for.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::GaussianSelection;
use twinset_stage::InvalidField;

/// What the stage is asked for. Every key has a default: what was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Original points of each class; 100.
    pub n_points: usize,
    /// Where the classes have their means.
    pub means: Means,
    /// The covariance of both classes; 1 and 1, 0.5 between the axes.
    pub covariance: [[f64; 2]; 2],
    /// What a point on the wrong side costs the classifier, `C`; 1.
    pub c: f64,
    /// How fast the classifier's kernel falls, exp(-gamma · squared distance); 0.5, which is 1 ÷ the number of axes.
    pub gamma: f64,
    /// The first seed, whose boundaries are drawn; 0.
    pub seed: u64,
    /// How many seeds from there on; 200.
    pub n_seeds: u64,
    /// Numbers of duplicates of which any point is as likely as any other; 0 to 200 in steps of 20.
    pub uniform_levels: Vec<u64>,
    /// Numbers of duplicates of which points of class +1 are more likely; 0 to 400 in steps of 40.
    pub non_uniform_levels: Vec<u64>,
    /// How much more likely one of them is than a point of class -1; 4.
    pub positive_weight: f64,
    /// Points of each class that classifiers are judged on and not trained on; 10,000.
    pub n_held_out: u64,
}

/// A place in the plane.
pub type Point = [f64; 2];

/// Where the classes have their means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Means {
    /// Of class -1.
    pub negative: Point,
    /// Of class +1.
    pub positive: Point,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            n_points: 100,
            means: Means { negative: [0.0, 0.0], positive: [1.0, 1.0] },
            covariance: [[1.0, 0.5], [0.5, 1.0]],
            c: 1.0,
            gamma: 0.5,
            seed: 0,
            n_seeds: 200,
            uniform_levels: (0..=10).map(|step| step * 20).collect(),
            non_uniform_levels: (0..=10).map(|step| step * 40).collect(),
            positive_weight: 4.0,
            n_held_out: 10_000,
        }
    }
}

/// Training is quadratic in the number of points.
const MAX_POINTS: u64 = 10_000;
const MAX_HELD_OUT: u64 = 10_000_000;
const MAX_SEEDS: u64 = 100_000;

impl Config {
    /// The numbers of duplicates of one selection, the smallest first.
    pub fn levels(&self, selection: GaussianSelection) -> &[u64] {
        match selection {
            GaussianSelection::Uniform => &self.uniform_levels,
            GaussianSelection::NonUniform => &self.non_uniform_levels,
        }
    }

    /// How much likelier a point of class +1 is repeated than one of class -1.
    pub(crate) fn weight(&self, selection: GaussianSelection) -> f64 {
        match selection {
            GaussianSelection::Uniform => 1.0,
            GaussianSelection::NonUniform => self.positive_weight,
        }
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the key.
    pub fn validate(&self) -> Result<(), InvalidField> {
        within("n-points", self.n_points as u64, MAX_POINTS)?;
        for (field, mean) in [("means.negative", self.means.negative), ("means.positive", self.means.positive)] {
            let is_place = mean.iter().all(|value| value.is_finite());
            InvalidField::unless(is_place, field, format!("{mean:?}"), "two finite numbers, such as [1.0, 1.0]")?;
        }
        let expected = "a symmetric and positive definite matrix, such as [[1.0, 0.5], [0.5, 1.0]]";
        let is_covariance = is_positive_definite(self.covariance);
        InvalidField::unless(is_covariance, "covariance", format!("{:?}", self.covariance), expected)?;
        for (field, value) in [("c", self.c), ("gamma", self.gamma), ("positive-weight", self.positive_weight)] {
            let is_positive = value.is_finite() && value > 0.0;
            InvalidField::unless(is_positive, field, value, "a finite number above 0")?;
        }
        within("n-seeds", self.n_seeds, MAX_SEEDS)?;
        let has_room = self.seed.checked_add(self.n_seeds).is_some();
        InvalidField::unless(has_room, "seed", self.seed, "a number that `n-seeds` can be added to")?;
        for (field, levels) in
            [("uniform-levels", &self.uniform_levels), ("non-uniform-levels", &self.non_uniform_levels)]
        {
            let is_ascending = levels.first() == Some(&0) && levels.is_sorted_by(|left, right| left < right);
            let expected = "numbers that begin with 0 and ascend, such as [0, 20, 40]";
            InvalidField::unless(is_ascending, field, format!("{levels:?}"), expected)?;
            let is_small = levels.last().is_none_or(|largest| *largest <= MAX_POINTS);
            InvalidField::unless(is_small, field, format!("{levels:?}"), &format!("at most {MAX_POINTS} duplicates"))?;
        }
        within("n-held-out", self.n_held_out, MAX_HELD_OUT)
    }
}

fn within(field: &str, value: u64, max: u64) -> Result<(), InvalidField> {
    InvalidField::unless((1..=max).contains(&value), field, value, &format!("a number from 1 to {max}"))
}

fn is_positive_definite([[a, b], [c, d]]: [[f64; 2]; 2]) -> bool {
    let is_finite = [a, b, c, d].iter().all(|value| value.is_finite());
    is_finite && b == c && a > 0.0 && a * d - b * c > 0.0
}
