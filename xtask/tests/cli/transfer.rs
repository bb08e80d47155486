//! Evaluations that are tried against the networks of other arms.

use crate::support::{Checkout, PIPELINE};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The arms train different networks, the second one slowly; `first` and `second` are further lines of theirs.
fn pipeline(first: &str, second: &str) -> String {
    let slow = "model = \"other\"\nsleep = 0.2";
    let (head, tail) = PIPELINE.split_at(PIPELINE.rfind("[[arm]]").unwrap());
    let with = |arm: &str, line: &str| arm.replacen("rates =", &format!("{line}\nrates ="), 1);
    format!("{}{}", with(head, first), with(&tail.replace("model = \"fake\"", slow), second))
}

fn evaluations(checkout: &Checkout) -> BTreeSet<PathBuf> {
    let outputs = checkout.outputs().into_keys();
    outputs.filter(|path| path.starts_with("evaluate") && path.ends_with("predictions.parquet")).collect()
}

#[test]
fn an_evaluation_waits_for_the_other_network_and_depends_on_it() {
    let alone = Checkout::new(&pipeline("", ""));
    assert_eq!(alone.run(&["reproduce", "small"]).code, Some(0));
    // Each arm waits for the other one: of the cell's own seed and the arm's first rate.
    let both = [r#"transfer-from = ["non-uniform"]"#, r#"transfer-from = ["uniform", "non-uniform"]"#];
    let checkout = Checkout::new(&pipeline(both[0], both[1]));
    let first = checkout.run(&["reproduce", "small", "--jobs", "2"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.starts_with("8 of 8 cells done in "), "{first:?}");
    let (of_alone, of_both) = (evaluations(&alone), evaluations(&checkout));
    assert_eq!((of_alone.len(), of_both.len(), of_alone.intersection(&of_both).count()), (8, 8, 0));

    let status = checkout.run(&["status", "small"]);
    assert!(status.stdout.starts_with("pipeline small: 8 cells, 8 done, 0 failed, 0 missing"), "{status:?}");
    let again = checkout.run(&["reproduce", "small"]);
    assert!(again.stdout.contains("stage runs: 0 executed"), "{again:?}");
    // Another first rate is another network.
    checkout.set_pipeline(&pipeline(both[0], both[1]).replace("rates = [0.0, 0.5]", "rates = [0.5, 0.0]"));
    let other = checkout.run(&["reproduce", "small"]);
    assert!(other.stdout.contains("stage runs: 9 executed"), "{other:?}");
}

#[test]
fn cells_whose_other_network_failed_are_named_as_failed() {
    let text = pipeline(r#"transfer-from = ["non-uniform"]"#, "").replace("sleep = 0.2", "fail-seed = 1");
    let checkout = Checkout::new(&text);
    for jobs in ["1", "3"] {
        let ended = checkout.run(&["reproduce", "small", "--jobs", jobs]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.starts_with("4 of 8 cells done in "), "{ended:?}");
        let line = "failed: train for non-uniform rate 0 seed 1 (and 2 other cells that need the same run): failed to train: out of luck";
        assert!(ended.stderr.contains(line), "{ended:?}");
    }
    let healed = checkout.path("bin/healed");
    std::fs::write(healed, "").unwrap();
    let ended = checkout.run(&["reproduce", "small"]);
    assert!(ended.stdout.starts_with("8 of 8 cells done in "), "{ended:?}");
}
