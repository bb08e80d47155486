//! What must hold of each schema's rows beyond their types, as tables.

use super::Constraint;
use super::Constraint::{Check, Class, CountOf, Counted, Digest, OneOf, Refers, Unique};
use super::{
    Crossed, Direction, GaussianCost, GaussianSelection, IntervalMethod, LeakSubset, Origin, PairKind, Removal,
    Rule::{self, Consistency, Range},
    Split, Verdict,
};
use crate::row::schema_name;

/// The constraints of a schema; none of one that is not known.
pub fn constraints(schema: &str) -> &'static [Constraint] {
    match schema_name(schema) {
        "images" => IMAGES,
        "hashes" => HASHES,
        "pairs" => PAIRS,
        "reference-pairs" => REFERENCE_PAIRS,
        "clusters" => CLUSTERS,
        "neardup-known-images" => KNOWN_IMAGES,
        "neardup-known-pairs" => KNOWN_PAIRS,
        "neardup-part-images" => PART_IMAGES,
        "precision-recall" => PRECISION_RECALL,
        "removals" => REMOVALS,
        "trainset" => TRAINSET,
        "epochs" => EPOCHS,
        "learning-curve" => LEARNING_CURVE,
        "predictions" => PREDICTIONS,
        "leaks" => LEAKS,
        "gaussian" => GAUSSIAN,
        "gaussian-boundaries" => GAUSSIAN_BOUNDARIES,
        "gaussian-points" => GAUSSIAN_POINTS,
        "cells" => CELLS,
        "outcomes" => OUTCOMES,
        "claims" => CLAIMS,
        "efficiency" => EFFICIENCY,
        "figure-points" => FIGURE_POINTS,
        "violations" => VIOLATIONS,
        _ => &[],
    }
}

const fn check(rule: Rule, column: &'static str, holds: &'static str) -> Constraint {
    Check { rule, column, holds }
}

const IMAGES: &[Constraint] = &[
    Unique(&["image_id"]),
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    Digest("pixels_blake3"),
    check(Range, "label", "label BETWEEN 0 AND 4294967295"),
    check(Range, "width", "width > 0"),
    check(Range, "height", "height > 0"),
    check(Consistency, "transform", "transform IS NULL OR derived_from IS NOT NULL"),
    check(Consistency, "derived_from", "derived_from <> image_id"),
    Class { label: "label", name: Some("class_name") },
    Refers { column: "derived_from", agree: &[("label", "label"), ("class_name", "class_name")] },
];

const HASHES: &[Constraint] = &[
    Unique(&["image_id"]),
    Digest("pixels_blake3"),
    check(Range, "pdq_quality", "pdq_quality <= 100"),
    Refers { column: "image_id", agree: &[("pixels_blake3", "pixels_blake3")] },
];

const PAIRS: &[Constraint] = &[
    Unique(&["left_id", "right_id"]),
    check(Consistency, "left_id", "left_id < right_id"),
    OneOf { column: "kind", values: || PairKind::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "left_split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "right_split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    check(Consistency, "label_conflict", "label_conflict = (left_label <> right_label)"),
    check(Range, "similarity", "similarity BETWEEN 0 AND 1"),
    check(Range, "expected_false_pairs", "expected_false_pairs >= 0"),
    Refers { column: "left_id", agree: &[("left_split", "split"), ("left_label", "label"), ("left_source", "source")] },
    Refers {
        column: "right_id",
        agree: &[("right_split", "split"), ("right_label", "label"), ("right_source", "source")],
    },
];

/// Ids are those of two sets of images.
const REFERENCE_PAIRS: &[Constraint] = &[
    Unique(&["image_id", "reference_id"]),
    OneOf { column: "kind", values: || PairKind::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "reference_split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    check(Range, "similarity", "similarity BETWEEN 0 AND 1"),
    check(Range, "expected_false_pairs", "expected_false_pairs >= 0"),
];

const CLUSTERS: &[Constraint] = &[
    Unique(&["image_id"]),
    check(Consistency, "cluster_id", "cluster_id <= image_id"),
    check(Consistency, "is_representative", "is_representative = (image_id = cluster_id)"),
    CountOf { column: "cluster_size", by: "cluster_id" },
    Refers { column: "image_id", agree: &[("source", "source")] },
];

const KNOWN_IMAGES: &[Constraint] = &[
    Digest("pixels_blake3"),
    check(Range, "splits", "splits <= 7"),
    check(Range, "pdq_quality", "pdq_quality <= 100"),
];

const KNOWN_PAIRS: &[Constraint] = &[
    Unique(&["left", "right", "is_left_framed", "is_right_framed", "is_mirrored", "degrees"]),
    check(Range, "degrees", "degrees IN (0, 90, 180, 270)"),
    check(Range, "correlation", "correlation BETWEEN -1 AND 1"),
];

const PART_IMAGES: &[Constraint] = &[
    Unique(&["image_id"]),
    Digest("pixels_blake3"),
    check(Range, "pdq_quality", "pdq_quality <= 100"),
    Refers {
        column: "image_id",
        agree: &[("split", "split"), ("label", "label"), ("pixels_blake3", "pixels_blake3"), ("source", "source")],
    },
];

const PRECISION_RECALL: &[Constraint] = &[
    check(Range, "similarity", "similarity BETWEEN 0 AND 1"),
    check(Consistency, "n_judged", "n_judged <= n_pairs"),
    check(Consistency, "n_true", "n_true <= n_judged"),
    check(Consistency, "n_label_conflicts", "n_label_conflicts <= n_pairs"),
    check(Consistency, "n_found", "n_found <= n_known"),
    check(Range, "recall", "recall BETWEEN 0 AND 1"),
    check(Range, "precision", "precision BETWEEN 0 AND 1"),
    check(Range, "precision_of_judged", "precision_of_judged BETWEEN 0 AND 1"),
    check(Range, "false_positive_rate", "false_positive_rate BETWEEN 0 AND 1"),
];

const REMOVALS: &[Constraint] = &[
    Unique(&["image_id"]),
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "reason", values: || Removal::ALL.iter().map(|value| value.as_str()).collect() },
    check(Consistency, "kept_id", "kept_id <> image_id"),
    check(Consistency, "kept_source", "(kept_source IS NULL) = (kept_id IS NULL)"),
    Refers { column: "image_id", agree: &[("split", "split"), ("label", "label"), ("source", "source")] },
    Refers { column: "kept_id", agree: &[("kept_source", "source")] },
];

const TRAINSET: &[Constraint] = &[
    Counted { column: "position", from: 0 },
    // The first is an original, the others its exact duplicates; a changed duplicate is an image of its own.
    Unique(&["image_id", "copy"]),
    OneOf { column: "origin", values: || Origin::ALL.iter().map(|value| value.as_str()).collect() },
    check(Consistency, "duplicate_of", "(origin = 'original') = (duplicate_of IS NULL)"),
    check(Consistency, "copy", "(origin = 'original') = (copy = 0)"),
    Refers { column: "image_id", agree: &[("label", "label")] },
    Refers { column: "duplicate_of", agree: &[("label", "label")] },
];

const EPOCHS: &[Constraint] = &[
    Counted { column: "epoch", from: 1 },
    Unique(&["epoch"]),
    check(Range, "learning_rate", "learning_rate >= 0"),
    check(Range, "train_accuracy", "train_accuracy BETWEEN 0 AND 1"),
    check(Range, "held_out_accuracy", "held_out_accuracy BETWEEN 0 AND 1"),
    check(Consistency, "n_held_out", "(held_out_accuracy IS NULL) = (n_held_out IS NULL)"),
    check(Range, "held_out_attacked_accuracy", "held_out_attacked_accuracy BETWEEN 0 AND 1"),
    check(Consistency, "n_held_out_attacked", "(held_out_attacked_accuracy IS NULL) = (n_held_out_attacked IS NULL)"),
    check(Consistency, "n_held_out_attacked", "n_held_out_attacked IS NULL OR n_held_out_attacked <= n_held_out"),
];

const LEARNING_CURVE: &[Constraint] = &[
    Unique(&["n_samples_seen"]),
    check(Range, "held_out_accuracy", "held_out_accuracy BETWEEN 0 AND 1"),
    check(Range, "n_held_out", "n_held_out > 0"),
];

const PREDICTIONS: &[Constraint] = &[
    Unique(&["image_id", "attack"]),
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    check(Consistency, "is_correct", "is_correct = (label = predicted)"),
    check(Range, "linf", "linf BETWEEN 0 AND 1"),
    check(Range, "l2", "l2 >= 0"),
    check(Consistency, "linf", "attack <> 'clean' OR linf = 0"),
    check(Consistency, "margin", "margin = 0 OR is_correct = (margin > 0)"),
    check(Range, "loss", "loss >= 0"),
    check(Consistency, "fooled_by", "is_correct = (fooled_by IS NULL)"),
    check(Consistency, "fooled_by", "attack <> 'clean' OR fooled_by = 'clean'"),
    Class { label: "predicted", name: None },
    Refers { column: "image_id", agree: &[("split", "split"), ("label", "label")] },
];

const LEAKS: &[Constraint] = &[
    Unique(&["model", "split", "subset", "similarity_low"]),
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "subset", values: || LeakSubset::ALL.iter().map(|value| value.as_str()).collect() },
    check(Range, "similarity_low", "similarity_low BETWEEN 0 AND 1"),
    check(Range, "similarity_high", "similarity_high BETWEEN 0 AND 1"),
    check(Range, "accuracy", "accuracy BETWEEN 0 AND 1"),
    check(Range, "confidence", "confidence BETWEEN 0 AND 1"),
    check(Range, "rank", "rank >= 1"),
    check(Consistency, "n_correct", "n_correct <= n_images"),
    check(Consistency, "accuracy", "(accuracy IS NULL) = (n_images = 0)"),
    check(Consistency, "accuracy_high", "accuracy_low <= accuracy_high"),
    check(Consistency, "difference_high", "difference_low <= difference_high"),
    check(Consistency, "lead", "(lead IS NULL) = (next_model IS NULL)"),
    check(Consistency, "lead_high", "lead_low <= lead_high"),
];

const GAUSSIAN: &[Constraint] = &[
    Unique(&["selection", "cost", "n_duplicates", "seed"]),
    OneOf { column: "selection", values: || GaussianSelection::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "cost", values: || GaussianCost::ALL.iter().map(|value| value.as_str()).collect() },
    check(Consistency, "n_duplicates_positive", "n_duplicates_positive <= n_duplicates"),
    check(Range, "accuracy_trained_on", "accuracy_trained_on BETWEEN 0 AND 1"),
    check(Range, "accuracy_trained_on_negative", "accuracy_trained_on_negative BETWEEN 0 AND 1"),
    check(Range, "accuracy_trained_on_positive", "accuracy_trained_on_positive BETWEEN 0 AND 1"),
    check(Range, "accuracy_originals", "accuracy_originals BETWEEN 0 AND 1"),
    check(Range, "accuracy_originals_negative", "accuracy_originals_negative BETWEEN 0 AND 1"),
    check(Range, "accuracy_originals_positive", "accuracy_originals_positive BETWEEN 0 AND 1"),
    check(Range, "accuracy_held_out", "accuracy_held_out BETWEEN 0 AND 1"),
    check(Range, "accuracy_held_out_negative", "accuracy_held_out_negative BETWEEN 0 AND 1"),
    check(Range, "accuracy_held_out_positive", "accuracy_held_out_positive BETWEEN 0 AND 1"),
    check(Range, "bayes_accuracy", "bayes_accuracy BETWEEN 0 AND 1"),
];

const GAUSSIAN_BOUNDARIES: &[Constraint] = &[
    Unique(&["selection", "n_duplicates", "seed", "piece", "vertex"]),
    OneOf { column: "selection", values: || GaussianSelection::ALL.iter().map(|value| value.as_str()).collect() },
];

const GAUSSIAN_POINTS: &[Constraint] = &[Unique(&["seed", "point"])];

const CELLS: &[Constraint] = &[
    Unique(&["arm", "rate", "seed", "metric", "split", "attack", "label", "interval_method"]),
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "interval_method", values: || IntervalMethod::ALL.iter().map(|value| value.as_str()).collect() },
    check(Range, "rate", "rate >= 0"),
    check(Range, "estimate", "estimate BETWEEN 0 AND 1"),
    check(Range, "confidence", "confidence BETWEEN 0 AND 1"),
    check(Consistency, "interval_high", "interval_low <= interval_high"),
    check(Consistency, "class_name", "(label IS NULL) = (class_name IS NULL)"),
];

const OUTCOMES: &[Constraint] = &[
    Unique(&["arm", "rate", "seed", "split", "attack", "image_id"]),
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    check(Range, "rate", "rate >= 0"),
    Refers { column: "image_id", agree: &[("split", "split")] },
];

const CLAIMS: &[Constraint] = &[
    Unique(&["name"]),
    OneOf { column: "split", values: || Split::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "direction", values: || Direction::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "interval_over", values: || Crossed::ALL.iter().map(|value| value.as_str()).collect() },
    OneOf { column: "verdict", values: || Verdict::ALL.iter().map(|value| value.as_str()).collect() },
    check(Range, "level", "level BETWEEN 0 AND 1"),
    check(Range, "smallest_effect", "smallest_effect BETWEEN 0 AND 1"),
    check(Range, "p_value", "p_value BETWEEN 0 AND 1"),
    check(Range, "p_adjusted", "p_adjusted BETWEEN 0 AND 1"),
    check(Range, "n_in_family", "n_in_family >= 1"),
    check(Consistency, "interval_high", "interval_low <= interval_high"),
    check(Consistency, "slope_high", "slope_low <= slope_high"),
    check(Consistency, "than_left_rate", "(than_left_rate IS NULL) = (than_left_arm IS NULL)"),
    check(Consistency, "than_right_arm", "(than_right_arm IS NULL) = (than_left_arm IS NULL)"),
    check(Consistency, "than_right_rate", "(than_right_rate IS NULL) = (than_left_arm IS NULL)"),
    check(Consistency, "interval_over", "(interval_over IS NULL) = (interval_low IS NULL)"),
];

const EFFICIENCY: &[Constraint] = &[
    Unique(&["regime", "arm", "rate", "seed", "accuracy"]),
    check(Range, "rate", "rate >= 0"),
    check(Range, "accuracy", "accuracy BETWEEN 0 AND 1"),
    check(Range, "mean_accuracy", "mean_accuracy BETWEEN 0 AND 1"),
    check(Consistency, "n_samples", "(n_samples IS NULL) = (n_steps IS NULL)"),
    check(Consistency, "n_samples_common", "n_samples_common <= n_samples_trained"),
];

const FIGURE_POINTS: &[Constraint] = &[check(Consistency, "interval_high", "interval_low <= interval_high")];

const VIOLATIONS: &[Constraint] =
    &[OneOf { column: "rule", values: || Rule::ALL.iter().map(|value| value.as_str()).collect() }];
