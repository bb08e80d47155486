//! Several runners on one store, and builds beside them.

use crate::support::{Checkout, Ended, PIPELINE, slow, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};

fn start(checkout: &Checkout, words: &[&str]) -> Child {
    checkout.xtask(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn two_runners_side_by_side_share_the_work() {
    let checkout = Checkout::new(&slow());
    let runners = [(); 2].map(|()| start(&checkout, &["reproduce", "small"]));
    for child in runners {
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(checkout.executions().values().sum::<usize>(), 23, "{:?}", checkout.executions());
    assert!(checkout.folders(".lock").is_empty() && checkout.folders(".partial").is_empty());
}

#[test]
fn a_runner_that_meets_a_run_in_work_takes_another_one() {
    let checkout = Checkout::new(&PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nsleep = 1"));
    let words = ["reproduce", "small", "--seeds", "4", "--jobs", "1"];
    let runners = [(); 3].map(|()| start(&checkout, &words));
    for child in runners {
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(checkout.executions()["train"], 12);
    let mut by_runner: BTreeMap<String, usize> = BTreeMap::new();
    for line in fs::read_to_string(checkout.path("bin/parents")).unwrap().lines() {
        if let Some(runner) = line.strip_prefix("train ") {
            *by_runner.entry(runner.to_owned()).or_default() += 1;
        }
    }
    // Four each, if no process is late.
    assert!(by_runner.len() == 3 && by_runner.values().all(|n| (2..=6).contains(n)), "{by_runner:?}");
}

#[test]
fn a_build_during_a_study_changes_no_run_of_it() {
    let whole = Checkout::new(&slow());
    assert_eq!(whole.run(&["reproduce", "small"]).code, Some(0));
    let checkout = Checkout::new(&slow());
    let child = start(&checkout, &["reproduce", "small", "--jobs", "1"]);
    wait_until("a training runs", || checkout.executions().contains_key("train"));
    for stage in ["train", "evaluate", "report"] {
        let program = checkout.path("bin").join(format!("twinset-{stage}"));
        let text = fs::read_to_string(&program).unwrap().replace("content=\"$stage ", "content=\"new $stage ");
        fs::write(program, text).unwrap();
    }
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(checkout.outputs() == whole.outputs(), "a run was made by another program than its key says");
    // The new programs have other keys.
    let again = checkout.run(&["reproduce", "small"]);
    assert!(again.stdout.contains("stage runs: 13 executed"), "{again:?}");
}
