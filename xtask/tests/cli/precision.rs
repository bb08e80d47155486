//! `--precision`: the number format of the trainings that say none.

use crate::support::{Checkout, PIPELINE};
use serde_json::Value;
use std::fs;

/// The second arm says its own.
fn pipeline() -> String {
    let second = PIPELINE.rfind("model = \"fake\"").unwrap();
    format!("{}precision = \"float32\"\n{}", &PIPELINE[..second], &PIPELINE[second..])
}

/// How many trainings were told what.
fn trained_in(checkout: &Checkout, line: &str) -> usize {
    let runs = checkout.folders("").into_iter().filter(|run| run.parent().unwrap().ends_with("train"));
    runs.filter(|run| fs::read_to_string(run.join("config.toml")).unwrap().lines().any(|found| found == line)).count()
}

#[test]
fn the_option_is_for_trainings_that_say_none_and_stands_in_study_and_command() {
    let checkout = Checkout::new(&pipeline());
    let ended = checkout.run(&["reproduce", "small", "--precision", "bfloat16"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (brain, single) = ("precision = \"bfloat16\"", "precision = \"float32\"");
    assert_eq!((trained_in(&checkout, brain), trained_in(&checkout, single)), (4, 4));
    // The fake report prints what it was told.
    let study: Value =
        serde_json::from_str(&fs::read_to_string(checkout.path("reports/small/index.html")).unwrap()).unwrap();
    assert_eq!(study["precision"], "bfloat16");
    assert_eq!(study["arms"][0]["train"]["precision"], "bfloat16");
    assert_eq!(study["arms"][1]["train"]["precision"], "float32");

    let status = checkout.run(&["status", "small", "--precision", "bfloat16"]);
    assert!(status.stdout.starts_with("pipeline small: 8 cells, 8 done, 0 failed, 0 missing\n"), "{status:?}");
    let status = checkout.run(&["status", "small"]);
    assert!(status.stdout.starts_with("pipeline small: 8 cells, 4 done, 0 failed, 4 missing\n"), "{status:?}");
    let plan = checkout.run(&["plan", "small", "--device", "cpu", "--precision", "bfloat16", "--seeds", "3"]);
    assert!(plan.stdout.starts_with("pipeline small: seeds 0, 1, 2, device cpu\n"), "{plan:?}");
    let command = "  cargo xtask reproduce small --device cpu --precision bfloat16 --seeds 1\n";
    let without = Checkout::new(&pipeline());
    let plan = without.run(&["plan", "small", "--device", "cpu", "--precision", "bfloat16"]);
    assert!(plan.stdout.contains(command), "{plan:?}");
}

#[test]
fn the_default_has_the_key_that_it_has_when_nobody_asks_for_it() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let again = checkout.run(&["reproduce", "small", "--precision", "float32"]);
    assert!(again.stdout.contains("stage runs: 1 executed, 22 cached, 0 failed"), "{again:?}");
}

#[test]
fn a_precision_that_the_machine_lacks_is_told_before_anything_runs() {
    let checkout = Checkout::new(PIPELINE);
    // What was found good without a limit is not taken for good under one.
    let mut plan = checkout.xtask(&["plan", "small", "--precision", "bfloat16"]);
    assert!(plan.env_remove("ONEDNN_MAX_CPU_ISA").output().unwrap().status.success());
    fs::write(checkout.path("bin/no-bfloat16"), "").unwrap();
    let expected =
        "error: failed to check `arm.0.train` with --precision bfloat16: `pipelines/small.toml`: no bfloat16 here\n";
    for command in ["reproduce", "plan"] {
        let mut call = checkout.xtask(&[command, "small", "--precision", "bfloat16"]);
        let ended = crate::support::Ended::from(call.env("ONEDNN_MAX_CPU_ISA", "AVX2").output().unwrap());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
    }
    assert!(checkout.executions().is_empty());
}
