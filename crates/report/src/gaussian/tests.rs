//! Classifiers by hand, of which every mean and difference can be told.

use super::*;

fn classifier(n_duplicates: u64, seed: u64, [trained_on, originals, held_out]: [f64; 3]) -> Gaussian {
    Gaussian {
        selection: GaussianSelection::NonUniform,
        cost: GaussianCost::Same,
        n_duplicates,
        n_duplicates_positive: 0,
        seed,
        n_points: 100,
        accuracy_trained_on: trained_on,
        accuracy_trained_on_negative: trained_on - 0.1,
        accuracy_trained_on_positive: trained_on + 0.1,
        accuracy_originals: originals,
        accuracy_originals_negative: originals - 0.2,
        accuracy_originals_positive: originals + 0.2,
        accuracy_held_out: held_out,
        accuracy_held_out_negative: held_out - 0.05,
        accuracy_held_out_positive: held_out + 0.05,
        n_held_out: 10,
        bayes_accuracy: 0.72,
        n_support_vectors: 70,
    }
}

/// Two seeds, two levels, not in order.
fn evidence() -> GaussianEvidence {
    let classifiers = vec![
        classifier(400, 1, [0.60, 0.64, 0.62]),
        classifier(0, 0, [0.76, 0.76, 0.70]),
        classifier(0, 1, [0.70, 0.70, 0.68]),
        classifier(400, 0, [0.64, 0.66, 0.66]),
        Gaussian { cost: GaussianCost::PerRate, ..classifier(400, 0, [0.0, 0.0, 0.69]) },
        Gaussian { cost: GaussianCost::PerRate, ..classifier(400, 1, [0.0, 0.0, 0.65]) },
        Gaussian { cost: GaussianCost::PerClass, ..classifier(400, 1, [0.0, 0.0, 0.70]) },
    ];
    GaussianEvidence { classifiers, boundaries: vec![], points: vec![] }
}

fn published(values: &[(u64, f64)]) -> Vec<GaussianPublished> {
    let value = |&(n_duplicates, accuracy)| GaussianValue { n_duplicates, accuracy, negative: None, positive: None };
    vec![GaussianPublished {
        source: "a figure".to_owned(),
        selection: GaussianSelection::NonUniform,
        values: values.iter().map(value).collect(),
        span: None,
    }]
}

#[track_caller]
fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "found {found:?}, expected {expected}");
}

#[test]
fn accuracies_are_means_over_seeds_and_changes_are_paired() {
    let (evidence, published) = (evidence(), published(&[(0, 0.76), (400, 0.64)]));
    let toy = toy(Some(&evidence), &published, 0.95).unwrap().unwrap();
    let [selection] = &toy.selections[..] else { panic!("a selection without a classifier is left out") };
    let [none, many] = &selection.levels[..] else { panic!("{selection:?}") };
    assert_eq!((none.n_duplicates, many.n_duplicates), (0, 400));
    assert_eq!(many.published.map(|value| value.accuracy), Some(0.64));
    for (level, over, of, expected) in [
        (none, Over::TrainedOn, Of::Both, 0.73),
        (many, Over::TrainedOn, Of::Both, 0.62),
        (many, Over::TrainedOn, Of::Negative, 0.52),
        (many, Over::TrainedOn, Of::Positive, 0.72),
        (many, Over::Originals, Of::Both, 0.65),
        (many, Over::Originals, Of::Negative, 0.45),
        (many, Over::Originals, Of::Positive, 0.85),
        (many, Over::HeldOut, Of::Both, 0.64),
        (many, Over::HeldOut, Of::Negative, 0.59),
        (many, Over::HeldOut, Of::Positive, 0.69),
    ] {
        close(level.mean(over, of, 0.95).map(|mean| mean.mean), expected);
    }
    for (over, expected) in [(Over::TrainedOn, -0.11), (Over::Originals, -0.08), (Over::HeldOut, -0.05)] {
        close(selection.change(many, over, Of::Both, 0.95).map(|mean| mean.mean), expected);
        assert_eq!(selection.change(none, over, Of::Both, 0.95), None);
    }
    for (cost, expected) in [(GaussianCost::PerRate, -0.02), (GaussianCost::PerClass, 0.02)] {
        close(selection.change_at(many, cost, 0.95).map(|mean| mean.mean), expected);
        assert_eq!(selection.change_at(none, cost, 0.95), None);
    }
    close(none.flattery(0.95).map(|mean| mean.mean), 0.04);
    close(many.flattery(0.95).map(|mean| mean.mean), -0.02);
    // Changes of -0.12 and -0.10: t(0.975, 1) = 12.706205, s = 0.0141421, √1.5.
    close(selection.one_more_change(many, 0.95).map(|interval| interval.low + interval.high), -0.22);
    close(selection.span(0.95).map(|mean| mean.mean), 0.11);
}

#[test]
fn what_was_published_of_what_there_is_not_is_refused() {
    let evidence = evidence();
    let check = |evidence: Option<&GaussianEvidence>, published: &[GaussianPublished], expected: &str| {
        assert_eq!(toy(evidence, published, 0.95).unwrap_err().to_string(), expected);
    };
    check(
        Some(&evidence),
        &published(&[(0, 0.76), (40, 0.7)]),
        "`report.gaussian-published[0].values[1].n-duplicates`: found 40, expected one of 0, 400",
    );
    let mut uniform = published(&[(0, 0.7)]);
    uniform[0].selection = GaussianSelection::Uniform;
    check(
        Some(&evidence),
        &uniform,
        "`report.gaussian-published[0].selection`: found `uniform`, expected one of `non-uniform`",
    );
    check(
        None,
        &uniform,
        "`report.gaussian-published`: found a study without a Gaussian toy, expected a pipeline with the table `gaussian`",
    );
    assert!(toy(None, &[], 0.95).unwrap().is_none());
}
