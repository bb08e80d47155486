//! *Published values*: what a paper says, declared by the pipeline that repeats it, beside what came out.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

use crate::ReportError;
use crate::results::{ArmResults, Measure, RateResults, Results};
use crate::statistics::{Interval, Mean, mean, prediction, wilson};

/// Values that a paper says of one arm, as `[[report.published]]` declares them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Published {
    /// Where they stand.
    pub source: String,
    /// The arm that repeats it.
    pub arm: String,
    /// The split that accuracy was measured on; `test`.
    #[serde(default = "test_split")]
    pub split: Split,
    /// The attack's name in this pipeline; `clean` for none.
    #[serde(default = "clean")]
    pub attack: String,
    /// The values.
    pub values: Vec<PublishedValue>,
}

/// A value that a paper says, of one training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PublishedValue {
    /// Duplicates ÷ originals.
    pub rate: f64,
    /// 0 to 1.
    pub accuracy: f64,
}

fn test_split() -> Split {
    Split::Test
}

fn clean() -> String {
    "clean".to_owned()
}

impl Published {
    /// Checks what a type cannot; `place` is its place among all.
    pub(crate) fn validate(&self, place: usize) -> Result<(), InvalidField> {
        let field = |name: &str| format!("published[{place}].{name}");
        InvalidField::unless(!self.source.is_empty(), &field("source"), "nothing", "where the values stand")?;
        InvalidField::unless(!self.values.is_empty(), &field("values"), "none", "at least one")?;
        for (i, value) in self.values.iter().enumerate() {
            let is_share = (0.0..=1.0).contains(&value.accuracy);
            let expected = "an accuracy from 0 to 1, such as 0.7072";
            InvalidField::unless(is_share, &field(&format!("values[{i}].accuracy")), value.accuracy, expected)?;
            let is_first = self.values[..i].iter().all(|other| other.rate != value.rate);
            InvalidField::unless(is_first, &field(&format!("values[{i}].rate")), value.rate, "each rate once")?;
        }
        Ok(())
    }
}

/// Published values of one arm beside ours.
#[derive(Debug)]
pub struct Repeated<'a> {
    /// What was published.
    pub published: &'a Published,
    /// The arm.
    pub arm: &'a ArmResults<'a>,
    /// What was measured.
    pub measure: Measure,
    /// One for each rate that the arm has or the paper names.
    pub levels: Vec<Level>,
}

/// One rate of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Duplicates ÷ originals.
    pub rate: f64,
    /// What the paper says; none where it says nothing.
    pub published: Option<f64>,
    /// Our mean over seeds; none where nothing was measured.
    pub ours: Option<Mean>,
    /// Where there is one seed: Wilson's interval over its images.
    pub wilson: Option<Interval>,
    /// Where one more training of ours would lie; two seeds at least give one.
    pub single_run: Option<Interval>,
}

impl Level {
    /// Ours minus the published one.
    pub fn difference(&self) -> Option<f64> {
        Some(self.ours?.mean - self.published?)
    }

    /// Whether the published value, which is of one training, lies where one more of ours would.
    pub fn is_inside(&self) -> Option<bool> {
        let (interval, published) = (self.single_run?, self.published?);
        Some(interval.low <= published && published <= interval.high)
    }
}

/// Sets published values beside ours.
///
/// # Errors
/// Names the field whose arm, rate, split or attack the study does not have.
pub fn repeated<'a>(published: &'a [Published], results: &'a Results<'a>) -> Result<Vec<Repeated<'a>>, ReportError> {
    published.iter().enumerate().map(|(place, published)| repeat(published, place, results)).collect()
}

fn repeat<'a>(published: &'a Published, place: usize, results: &'a Results<'a>) -> Result<Repeated<'a>, ReportError> {
    let wrong = |field: &str, found: String, known: Vec<String>| ReportError::Claim {
        field: format!("report.published[{place}].{field}"),
        found,
        expected: format!("one of {}", known.join(", ")),
    };
    let arm = results.arms.iter().find(|arm| arm.arm.name == published.arm).ok_or_else(|| {
        let known = results.arms.iter().map(|arm| format!("`{}`", arm.arm.name)).collect();
        wrong("arm", format!("`{}`", published.arm), known)
    })?;
    for (i, value) in published.values.iter().enumerate() {
        if !arm.rates.iter().any(|rate| rate.rate == value.rate) {
            let known = arm.rates.iter().map(|rate| rate.rate.to_string()).collect();
            return Err(wrong(&format!("values[{i}].rate"), value.rate.to_string(), known));
        }
    }
    let measure = Measure::new(published.split, published.attack.clone());
    if !results.measures.is_empty() && !results.measures.contains(&measure) {
        let known = results.measures.iter().map(|measure| format!("`{}` on {}", measure.attack, measure.split));
        return Err(wrong("attack", format!("`{}` on {}", measure.attack, measure.split), known.collect()));
    }
    let levels = arm.rates.iter().map(|rate| level(published, rate, &measure, results.confidence)).collect();
    Ok(Repeated { published, arm, measure, levels })
}

fn level(published: &Published, rate: &RateResults<'_>, measure: &Measure, confidence: f64) -> Level {
    let proportions = rate.proportions(measure, None);
    let values: Vec<f64> = proportions.iter().map(|(_, proportion)| proportion.value()).collect();
    Level {
        rate: rate.rate,
        published: published.values.iter().find(|value| value.rate == rate.rate).map(|value| value.accuracy),
        ours: mean(&values, confidence),
        wilson: match proportions.as_slice() {
            [(_, one)] => Some(wilson(one.n_correct, one.n, confidence)),
            _ => None,
        },
        single_run: prediction(&values, confidence).map(Interval::of_fraction),
    }
}
