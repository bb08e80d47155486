//! What a paper says of a Gaussian toy.

use serde::{Deserialize, Serialize};
use twinset_manifest::rows::GaussianSelection;
use twinset_stage::InvalidField;

use super::Selection;
use crate::ReportError;

/// Values that a paper says of one way of choosing duplicates, as `[[report.gaussian-published]]` declares them: accuracies on
/// what was trained on, of one drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GaussianPublished {
    /// Where they stand.
    pub source: String,
    /// How the duplicates were chosen.
    pub selection: GaussianSelection,
    /// The values.
    pub values: Vec<GaussianValue>,
    /// The smallest and the largest accuracy over all its levels, where it says so.
    #[serde(default)]
    pub span: Option<Span>,
}

/// What a paper says of one number of duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GaussianValue {
    /// How many.
    pub n_duplicates: u64,
    /// The mean of the two classes' accuracies, 0 to 1.
    pub accuracy: f64,
    /// The accuracy on class -1, where it says so.
    #[serde(default)]
    pub negative: Option<f64>,
    /// The accuracy on class +1, where it says so.
    #[serde(default)]
    pub positive: Option<f64>,
}

/// Between which two accuracies all levels lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Span {
    /// The smallest, 0 to 1.
    pub lowest: f64,
    /// The largest, 0 to 1.
    pub highest: f64,
}

impl GaussianPublished {
    /// What it says of a number of duplicates.
    pub(super) fn value(&self, n_duplicates: u64) -> Option<GaussianValue> {
        self.values.iter().copied().find(|value| value.n_duplicates == n_duplicates)
    }
}

/// Checks of all tables what types cannot.
pub(crate) fn validate(all: &[GaussianPublished]) -> Result<(), InvalidField> {
    for (place, published) in all.iter().enumerate() {
        let field = |name: &str| format!("gaussian-published[{place}].{name}");
        InvalidField::unless(!published.source.is_empty(), &field("source"), "nothing", "where the values stand")?;
        let is_first = all[..place].iter().all(|other| other.selection != published.selection);
        InvalidField::unless(is_first, &field("selection"), published.selection, "each selection once")?;
        InvalidField::unless(!published.values.is_empty(), &field("values"), "none", "at least one")?;
        for (i, value) in published.values.iter().enumerate() {
            let field = |name: &str| field(&format!("values[{i}].{name}"));
            let named =
                [("accuracy", Some(value.accuracy)), ("negative", value.negative), ("positive", value.positive)];
            for (name, share) in named.into_iter().filter_map(|(name, share)| Some((name, share?))) {
                is_accuracy(&field(name), share)?;
            }
            let is_first = published.values[..i].iter().all(|other| other.n_duplicates != value.n_duplicates);
            InvalidField::unless(is_first, &field("n-duplicates"), value.n_duplicates, "each number once")?;
        }
        if let Some(Span { lowest, highest }) = published.span {
            is_accuracy(&field("span.lowest"), lowest)?;
            is_accuracy(&field("span.highest"), highest)?;
            InvalidField::unless(lowest <= highest, &field("span.lowest"), lowest, "at most `span.highest`")?;
        }
    }
    Ok(())
}

fn is_accuracy(field: &str, share: f64) -> Result<(), InvalidField> {
    InvalidField::unless((0.0..=1.0).contains(&share), field, share, "an accuracy from 0 to 1, such as 0.76")
}

/// Refuses values of a toy that the study does not have.
pub(super) fn refuse(all: &[GaussianPublished]) -> Result<(), ReportError> {
    match all {
        [] => Ok(()),
        _ => Err(ReportError::Claim {
            field: "report.gaussian-published".to_owned(),
            found: "a study without a Gaussian toy".to_owned(),
            expected: "a pipeline with the table `gaussian`".to_owned(),
        }),
    }
}

/// Refuses values of a selection or a number of duplicates that the toy does not have.
pub(super) fn check(all: &[GaussianPublished], selections: &[Selection<'_>]) -> Result<(), ReportError> {
    for (place, published) in all.iter().enumerate() {
        let field = |name: &str| format!("report.gaussian-published[{place}].{name}");
        let refuse = |field: String, found: String, known: Vec<String>| {
            let expected = format!("one of {}", known.join(", "));
            Err(ReportError::Claim { field, found, expected })
        };
        let Some(selection) = selections.iter().find(|selection| selection.selection == published.selection) else {
            let known = selections.iter().map(|selection| format!("`{}`", selection.selection)).collect();
            return refuse(field("selection"), format!("`{}`", published.selection), known);
        };
        let is_known = |n_duplicates: u64| selection.levels.iter().any(|level| level.n_duplicates == n_duplicates);
        if let Some((i, value)) = published.values.iter().enumerate().find(|(_, value)| !is_known(value.n_duplicates)) {
            let known = selection.levels.iter().map(|level| level.n_duplicates.to_string()).collect();
            return refuse(field(&format!("values[{i}].n-duplicates")), value.n_duplicates.to_string(), known);
        }
    }
    Ok(())
}
