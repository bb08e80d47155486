//! What a whole curve comes to in one number.

use crate::Evaluation;

impl Evaluation {
    /// The mean precision at the ranks of the known duplicates, those that are not found counting as 0: the precision of each step
    /// times the recall that it adds. Where [`precision`](Self::precision) is only the least that it can be, so is this.
    pub fn average_precision(&self) -> f64 {
        let mut before = 0.0;
        let added = self.steps.iter().map(|step| {
            let added = step.recall - std::mem::replace(&mut before, step.recall);
            added * self.precision(step)
        });
        added.sum()
    }

    /// The area under the ROC curve: how often a known duplicate stands before a pair that is judged to be none, ties and pairs that
    /// are not listed counting half. None where no pair is judged to be none.
    pub fn auroc(&self) -> Option<f64> {
        let points: Option<Vec<(f64, f64)>> =
            self.steps.iter().map(|step| Some((step.false_positive_rate?, step.recall))).collect();
        let mut before = (0.0, 0.0);
        let area = points?.into_iter().chain([(1.0, 1.0)]).map(|point| {
            let (from, to) = (std::mem::replace(&mut before, point), point);
            (to.0 - from.0) * (to.1 + from.1) / 2.0
        });
        Some(area.sum())
    }
}
