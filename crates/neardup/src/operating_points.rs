//! The steps of an evaluation that a person wants to see, as text.

use std::fmt;

use twinset_manifest::rows::PrecisionRecall;

use crate::Evaluation;

/// Ranks that published measurements are given at.
pub(crate) const RANKS: [u64; 7] = [100, 200, 450, 700, 1000, 1500, 2500];

/// The steps of an evaluation that a person wants to see. Printed, it is what `evaluate` says on stdout.
#[derive(Clone, Copy, Debug)]
pub struct OperatingPoints<'a> {
    /// What they are of.
    pub evaluation: &'a Evaluation,
    /// The precision that is asked for, 0 to 1.
    pub min_precision: f64,
}

impl Evaluation {
    /// The steps at the usual ranks, as far as there are so many pairs, and the last; each step once.
    pub(crate) fn usual_steps(&self) -> Vec<&PrecisionRecall> {
        let mut steps: Vec<_> = RANKS.iter().filter_map(|&rank| self.at_rank(rank)).chain(self.steps.last()).collect();
        steps.dedup_by_key(|step| step.n_pairs);
        steps
    }
}

impl OperatingPoints<'_> {
    /// A number that is a precision, or comes from one: the least that it can be, where no more is known.
    fn at_least(&self, number: f64) -> String {
        format!("{}{number:.3}", if self.evaluation.is_lower_bound() { "≥ " } else { "" })
    }

    fn point(&self, step: &PrecisionRecall) -> String {
        let precision = self.at_least(self.evaluation.precision(step));
        format!("{} ({} pairs): recall {:.3}, precision {precision}", threshold(step), step.n_pairs, step.recall)
    }
}

/// The threshold that gives the pairs down to a step.
fn threshold(step: &PrecisionRecall) -> String {
    match (step.similarity, step.hash_distance_bits) {
        (Some(similarity), _) => format!("similarity {similarity:.4}"),
        (None, Some(bits)) => format!("distance {bits} bits"),
        (None, None) => "no similarity".to_owned(),
    }
}

impl fmt::Display for OperatingPoints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { evaluation, min_precision } = self;
        let Some(last) = evaluation.steps.last() else { return Ok(()) };
        let kinds = evaluation.n_found_of.iter().map(|(kind, (n_found, n))| format!("{kind} {n_found} of {n}"));
        let kinds: Vec<_> = kinds.collect();
        writeln!(
            f,
            "{} of {} known duplicates found in {} pairs: {}",
            last.n_found,
            last.n_known,
            last.n_pairs,
            kinds.join(", ")
        )?;
        let of_judged = last.precision_of_judged.is_some();
        if !evaluation.is_complete {
            writeln!(f, "the truth is not complete: precision of all pairs is at least what stands here")?;
        }
        if of_judged && !evaluation.is_complete {
            writeln!(f, "thresholds are chosen by the precision of the {} judged pairs", last.n_judged)?;
        }
        let head = if evaluation.is_complete { "precision" } else { "precision ≥" };
        write!(f, "{:>7}  {:>10}  {:>7}  {:>7}  {head:>11}", "pairs", "threshold", "found", "recall")?;
        writeln!(f, "{}  {:>10}", if of_judged { "     of judged" } else { "" }, "two labels")?;
        for step in evaluation.usual_steps() {
            let threshold = match (step.similarity, step.hash_distance_bits) {
                (Some(similarity), _) => format!("{similarity:.4}"),
                (None, Some(bits)) => format!("{bits} bits"),
                (None, None) => "none".to_owned(),
            };
            let (n_found, recall, precision) = (step.n_found, step.recall, step.precision);
            write!(f, "{:>7}  {threshold:>10}  {n_found:>7}  {recall:>7.3}  {precision:>11.3}", step.n_pairs)?;
            if let Some(precision) = step.precision_of_judged {
                write!(f, "  {:>12}", format!("{precision:.3} ({})", step.n_judged))?;
            }
            writeln!(f, "  {:>10}", step.n_label_conflicts)?;
        }
        if let Some(best) = evaluation.best_f1() {
            writeln!(f, "greatest F1 {}: {}", self.at_least(evaluation.f1(best)), self.point(best))?;
        }
        write!(f, "average precision {}", self.at_least(evaluation.average_precision()))?;
        match evaluation.auroc() {
            Some(area) => writeln!(f, ", area under the ROC curve {area:.3}")?,
            None => writeln!(f, "; no ROC curve, because the truth names no pair that is no duplicate")?,
        }
        match evaluation.reaching(*min_precision) {
            Some(step) => writeln!(f, "precision of {min_precision} or more: {}", self.point(step)),
            None if evaluation.is_lower_bound() => {
                writeln!(f, "precision of {min_precision} or more: not shown by this truth at any threshold")
            }
            None => writeln!(f, "precision of {min_precision} or more: at no threshold"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(n_pairs: u64, n_true: u64, n_judged: u64, similarity: f32) -> PrecisionRecall {
        PrecisionRecall {
            similarity: Some(similarity),
            hash_distance_bits: None,
            n_pairs,
            n_judged,
            n_true,
            n_label_conflicts: n_pairs / 100,
            n_found: n_true,
            n_known: 200,
            recall: n_true as f64 / 200.0,
            precision: n_true as f64 / n_pairs as f64,
            precision_of_judged: (n_judged > 0).then(|| n_true as f64 / n_judged as f64),
            false_positive_rate: (n_judged > 0).then(|| (n_judged - n_true) as f64 / 50.0),
        }
    }

    fn evaluation(n_judged: [u64; 3], is_complete: bool) -> Evaluation {
        let [a, b, c] = n_judged;
        let steps = vec![step(80, 72, a, 0.91), step(120, 90, b, 0.8), step(450, 100, c, 0.65)];
        Evaluation { steps, n_found_of: [(twinset_manifest::rows::PairKind::Near, (100, 200))].into(), is_complete }
    }

    #[test]
    fn a_truth_that_is_not_complete_gives_precision_as_a_lower_bound() {
        let evaluation = evaluation([0; 3], false);
        let expected = "\
100 of 200 known duplicates found in 450 pairs: near 100 of 200
the truth is not complete: precision of all pairs is at least what stands here
  pairs   threshold    found   recall  precision ≥  two labels
    120      0.8000       90    0.450        0.750           1
    450      0.6500      100    0.500        0.222           4
greatest F1 ≥ 0.563: similarity 0.8000 (120 pairs): recall 0.450, precision ≥ 0.750
average precision ≥ 0.403; no ROC curve, because the truth names no pair that is no duplicate
precision of 0.9 or more: similarity 0.9100 (80 pairs): recall 0.360, precision ≥ 0.900
";
        assert_eq!(OperatingPoints { evaluation: &evaluation, min_precision: 0.9 }.to_string(), expected);
        let text = OperatingPoints { evaluation: &evaluation, min_precision: 0.95 }.to_string();
        assert!(text.ends_with("precision of 0.95 or more: not shown by this truth at any threshold\n"), "{text}");
    }

    #[test]
    fn judged_pairs_choose_the_threshold() {
        let evaluation = evaluation([75, 100, 125], false);
        let expected = "\
100 of 200 known duplicates found in 450 pairs: near 100 of 200
the truth is not complete: precision of all pairs is at least what stands here
thresholds are chosen by the precision of the 125 judged pairs
  pairs   threshold    found   recall  precision ≥     of judged  two labels
    120      0.8000       90    0.450        0.750   0.900 (100)           1
    450      0.6500      100    0.500        0.222   0.800 (125)           4
greatest F1 0.615: similarity 0.6500 (450 pairs): recall 0.500, precision 0.800
average precision 0.467, area under the ROC curve 0.585
precision of 0.9 or more: similarity 0.8000 (120 pairs): recall 0.450, precision 0.900
";
        assert_eq!(OperatingPoints { evaluation: &evaluation, min_precision: 0.9 }.to_string(), expected);
    }

    #[test]
    fn a_complete_truth_gives_precision_as_it_is() {
        let text = OperatingPoints { evaluation: &evaluation([0; 3], true), min_precision: 0.95 }.to_string();
        assert!(!text.contains('≥') && text.ends_with("precision of 0.95 or more: at no threshold\n"), "{text}");
    }
}
