//! What `cargo xtask plan` says, over fake stage programs.

use crate::support::{Checkout, PIPELINE};
use serde_json::Value;
use std::fs;

/// The columns of the first line that starts with a name, but for `n_words` words of the name.
fn row(text: &str, start: &str, n_words: usize) -> Vec<String> {
    let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no `{start}` in\n{text}"));
    line.split_whitespace().skip(n_words).map(str::to_owned).collect()
}

#[track_caller]
fn plan(checkout: &Checkout, words: &[&str]) -> String {
    let ended = checkout.run(&[&["plan", "small"], words].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

#[track_caller]
fn plan_json(checkout: &Checkout, words: &[&str]) -> Value {
    serde_json::from_str(&plan(checkout, &[&["--json"], words].concat())).unwrap()
}

#[test]
fn a_plan_counts_what_arms_share_once_and_runs_nothing() {
    let checkout = Checkout::new(PIPELINE);
    let text = plan(&checkout, &["--seeds", "3"]);
    assert!(checkout.executions().is_empty());
    // Six cells an arm, each of 100 images doubled and seen three times, with eight passes a sample.
    assert_eq!(row(&text, "uniform", 1), ["6", "0", "18", "3,600", "28,800", "?"]);
    // At rate 0 three trainings and three evaluations are those of both arms.
    assert_eq!(row(&text, "total", 1), ["12", "0", "33", "5,400", "43,200", "?"]);
    let end = "time: unknown, as no such training on cpu was measured on this machine (failed to measure the pace of `arm.0.train`: \
               no pace); one seed measures it:\n  \
               cargo xtask reproduce small --device cpu --seeds 1\n\nthe pipeline declares no claims\n";
    let text = plan(&checkout, &["--device", "cpu"]);
    assert!(text.ends_with(end), "{text}");
    let dry_run = checkout.run(&["reproduce", "small", "--dry-run", "--device", "cpu"]);
    assert_eq!((dry_run.code, dry_run.stdout), (Some(0), text));
    assert!(checkout.executions().is_empty());
}

#[test]
fn what_one_arm_trained_is_there_for_the_other() {
    let checkout = Checkout::new(PIPELINE);
    let (one, _) = PIPELINE.split_at(PIPELINE.rfind("[[arm]]").unwrap());
    checkout.set_pipeline(&format!("{one}[report]\n"));
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    checkout.set_pipeline(PIPELINE);
    let plan = plan_json(&checkout, &[]);
    // Its injections at rate 0 are to be made, and then nothing is to be trained on them.
    let load = &plan["arms"][1]["load"];
    assert_eq!((&load["n_runs_cached"], &load["n_runs_to_do"]), (&4.into(), &8.into()), "{plan:#}");
    assert_eq!((&plan["total"]["n_cells"], &plan["total"]["n_samples"]), (&8.into(), &1200.into()));

    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let plan = plan_json(&checkout, &[]);
    let total = &plan["total"];
    assert_eq!((&total["n_runs_cached"], &total["n_runs_to_do"]), (&23.into(), &0.into()), "{plan:#}");
    assert_eq!(total["seconds"], 0.0);
}

#[test]
fn time_is_told_by_kind_of_training_and_says_what_it_is_based_on() {
    let robust = PIPELINE.rfind("model = \"fake\"").unwrap();
    let pipeline = format!("{}model = \"robust\"\nsleep = 0.3{}", &PIPELINE[..robust], &PIPELINE[robust + 14..]);
    let checkout = Checkout::new(&pipeline);
    assert_eq!(checkout.run(&["reproduce", "small", "--seeds", "1"]).code, Some(0));
    let plan = plan_json(&checkout, &["--seeds", "3", "--jobs", "1"]);
    let pace = |plan: &Value, arm: &str| -> Value {
        let mut paces = plan["paces"].as_array().unwrap().iter();
        let is_it = |pace: &&Value| pace["stage"] == "train" && pace["arms"].as_array().unwrap().contains(&arm.into());
        paces.find(is_it).unwrap()["pace"].clone()
    };
    let (fast, slow) = (pace(&plan, "uniform"), pace(&plan, "non-uniform"));
    for pace in [&fast, &slow] {
        assert_eq!((&pace["basis"], &pace["n_runs"]), (&"same".into(), &2.into()), "{plan:#}");
        assert_eq!(pace["ledgers"], serde_json::json!(["reports/small/ledger.jsonl"]));
    }
    // Each training makes 4,800 passes.
    assert!(slow["seconds"].as_f64() >= Some(0.3 / 4800.0) && fast["seconds"].as_f64() < slow["seconds"].as_f64());
    let seconds = |arm: usize| plan["arms"][arm]["load"]["seconds"].as_f64().unwrap();
    assert!(seconds(1) >= 1.2 && seconds(0) < seconds(1), "{plan:#}");
    let two = plan_json(&checkout, &["--seeds", "3", "--jobs", "2"]);
    assert!(two["total"]["seconds"].as_f64() < plan["total"]["seconds"].as_f64());

    // Another pipeline has the same training, and one that is like no other: its pace is nobody else's.
    let other = pipeline.replace("name = \"small\"", "name = \"other\"").replace("sleep = 0.3", "sleep = 0.2");
    fs::write(checkout.path("pipelines/other.toml"), other).unwrap();
    let ended = checkout.run(&["plan", "other"]);
    assert!(ended.stdout.contains("\ntime: unknown, as no such training"), "{ended:?}");
    fs::write(checkout.path("bin/pace"), "{\"seconds_a_pass\": 0.5, \"image_size\": 48}\n").unwrap();
    for n_paced in [1, 1] {
        let ended = checkout.run(&["plan", "other"]);
        for part in [
            "train of uniform: ",
            " a pass (2 runs of reports/small/ledger.jsonl)",
            "train of non-uniform: 500.0 ms a pass (some batches, timed on images of 48×48 pixels)",
            "evaluate of non-uniform: 8 min 20 s a run (its passes at the pace of its training)",
        ] {
            assert!(ended.stdout.contains(part), "no `{part}` in {ended:?}");
        }
        let paced = fs::read_to_string(checkout.path("bin/paced")).unwrap();
        assert_eq!(paced, "arm.1.train\n".repeat(n_paced), "what was measured is remembered");
    }
    // In another number format nothing is known.
    fs::remove_file(checkout.path("bin/pace")).unwrap();
    let brain = checkout.run(&["plan", "small", "--precision", "bfloat16"]);
    assert!(brain.stdout.contains("\ntime: unknown, as no such training"), "{brain:?}");
}

const CLAIM: &str = r#"{"name": "C1", "conditions": [{"arm": "uniform", "rate": 0.5}, {"arm": "uniform", "rate": 0.0}],
 "smallest_effect": 0.02, "n_seeds": 2, "difference": -0.031, "standard_deviation": 0.0123, "standard_deviation_low": 0.0055,
 "standard_deviation_high": 0.3925, "verdict": "undecided", "unknown": null,
 "alone": {"level": 0.05, "detectable_difference": 0.1225, "seeds_needed": 5, "seeds_missing": 3},
 "in_family": {"level": 0.025, "detectable_difference": 0.2335, "seeds_needed": 7, "seeds_missing": 5}}"#;

fn without_seeds_needed(claim: &str) -> String {
    ["5", "3", "7"].iter().fold(claim.to_owned(), |text, n| text.replace(&format!(": {n}"), ": null"))
}

#[test]
fn claims_say_how_many_seeds_they_need_and_what_these_take() {
    let checkout = Checkout::new(PIPELINE);
    let family = format!("{CLAIM}, {}", without_seeds_needed(&CLAIM.replace("C1", "C2")));
    checkout.set_needs(&family.replace('\n', ""));
    let text = plan(&checkout, &[]);
    assert!(!checkout.path("bin/asked").exists(), "before anything ran there are no results to ask about");
    assert!(text.contains("seeds in all arms, time unknown: cargo xtask reproduce small --seeds 5\n"), "{text}");

    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let text = plan(&checkout, &["--power", "0.9"]);
    assert!(text.contains("\nseeds that find each claim's smallest difference with power 0.9\n"), "{text}");
    let first = row(&text, "C1", 1);
    assert_eq!(first[..9], ["2", "-0.0310", "0.0123", "[0.0055,", "0.3925]", "0.02", "0.05", "0.1225", "5"]);
    assert_eq!(first[9], "3");
    let among = row(&text, "  among 2 claims", 3);
    assert_eq!(among[..4], ["0.025", "0.2335", "7", "5"]);
    assert_eq!(row(&text, "C2", 1)[8..12], [">", "1000", "?", "?"]);
    for (n, of) in [(5, "each alone"), (7, "in its family")] {
        let line =
            format!("every claim, {of} (but for 1 of which no number can be told): {n} seeds in all arms, about ");
        let line = text.lines().find(|found| found.starts_with(&line)).unwrap_or_else(|| panic!("{line}: {text}"));
        assert!(line.ends_with(&format!(": cargo xtask reproduce small --seeds {n}")), "{line}");
    }
    // What report is asked about is what a report is made of.
    let asked: Value = serde_json::from_str(&fs::read_to_string(checkout.path("bin/asked")).unwrap()).unwrap();
    assert!(asked["cells"].as_array().unwrap().iter().all(|cell| cell["status"] == "done"));

    let plan = plan_json(&checkout, &[]);
    let (claims, claim) = (&plan["claims"], &plan["claims"]["claims"][0]);
    assert_eq!((&claims["power"], &claim["need"]["alone"]["seeds_needed"]), (&0.8.into(), &5.into()));
    let seconds = |value: &Value| value.as_f64().unwrap();
    let (alone, in_family) = (seconds(&claim["seconds_alone"]), seconds(&claim["seconds_in_family"]));
    assert!(0.0 < alone && alone < in_family, "{plan:#}");
    assert!(in_family < seconds(&claims["in_family"]["seconds"]), "a study runs all arms, not two conditions");
    // Two arms at rate 0.5 and one injection more: 8 cells of three seeds, of which 4 share.
    assert_eq!(claims["alone"]["n_runs_to_do"], 3 * (4 + 3 + 3));
}

#[test]
fn one_seed_tells_no_variance_and_two_are_asked_for_first() {
    let checkout = Checkout::new(PIPELINE);
    let unknown = "the variance is unknown: 2 seeds are needed first";
    let claim = CLAIM.replace("\"unknown\": null", &format!("\"unknown\": \"{unknown}\""));
    let claim = claim.replace("\"n_seeds\": 2", "\"n_seeds\": 1").replace("0.0123", "null").replace("0.0055", "null");
    let claim = claim.replace("0.3925", "null").replace("0.1225", "null").replace("0.2335", "null");
    checkout.set_needs(&without_seeds_needed(&claim).replace('\n', ""));
    assert_eq!(checkout.run(&["reproduce", "small", "--seeds", "8,"]).code, Some(0));
    let text = plan(&checkout, &["--seeds", "8,"]);
    assert_eq!(row(&text, "C1", 1)[..8], ["1", "-0.0310", "?", "0.02", "0.05", "?", "?", "?"]);
    assert!(text.contains(&format!("C1: {unknown}\n")), "{text}");
    assert!(text.contains("the claim: 2 seeds in all arms, about "), "{text}");
    assert!(text.ends_with(": cargo xtask reproduce small --seeds 8,0\n"), "{text}");
}
