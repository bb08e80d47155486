//! The whole of Twinset on a tiny study: real stage programs, real manifests, real networks.

use crate::support::{Checkout, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

/// Two arms, two rates, one seed: 4 cells of which two share a network.
const PIPELINE: &str = r#"name = "small"
description = "The whole of Twinset, small."
seeds = [0]
[ingest]
dataset = "shapes"
n-train = 120
n-test = 60
[neardup]
[gaussian]
n-seeds = 3
n-held-out = 200
[report]
[[report.claim]]
name = "C1"
text = "Duplicates lower accuracy."
left = { arm = "standard-uniform", rate = 0.5 }
right = { arm = "standard-uniform", rate = 0.0 }
direction = "lower"
smallest-effect = 0.02
[[arm]]
name = "standard-uniform"
rates = [0.0, 0.5]
[arm.inject]
selection = { kind = "uniform" }
[arm.train]
model = "paper-standard"
optimizer = { kind = "sgd", learning-rate = 0.01, momentum = 0.9 }
regime = { kind = "standard" }
batch-size = 32
budget = { epochs = 2 }
held-out = { split = "test", max-images = 50 }
[arm.evaluate]
splits = ["test"]
attacks = [{ kind = "pgd", epsilon = "8/255", step-size = "2/255", n-steps = 2, random-start = true }]
[[arm]]
name = "robust-non-uniform"
rates = [0.0, 0.5]
[arm.inject]
selection = { kind = "non-uniform", class-weights = "zipf" }
[arm.train]
model = "paper-robust"
width = 8
optimizer = { kind = "adam", learning-rate = 1e-3 }
regime = { kind = "pgd", epsilon = "8/255", step-size = "4/255", n-steps = 2, random-start = true }
batch-size = 32
budget = { epochs = 2 }
[arm.evaluate]
splits = ["test"]
attacks = [{ kind = "fgsm", epsilon = "8/255" }]
"#;

/// The stage programs that this very build made; `None` where only xtask was built.
fn programs() -> Option<PathBuf> {
    let profile = PathBuf::from(env!("CARGO_BIN_EXE_xtask")).parent()?.to_owned();
    let stages = ["ingest", "neardup", "inject", "train", "evaluate", "gaussian", "report"];
    let is_complete = stages.iter().all(|stage| profile.join(format!("twinset-{stage}")).is_file());
    if !is_complete {
        println!("skipped: `{}` lacks stage programs; `cargo xtask test` builds them", profile.display());
    }
    is_complete.then_some(profile)
}

fn reproduce(checkout: &Checkout, programs: &PathBuf, words: &[&str]) -> std::process::Command {
    let words = [&["reproduce", "small"], words].concat();
    let mut command = checkout.xtask(&words);
    command.env("TWINSET_STAGE_BIN_DIR", programs);
    command
}

/// Manifests, weights and the page, by stage, name and content: keys are the same wherever the programs are.
fn results(checkout: &Checkout) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut results = checkout.outputs();
    results.retain(|path, _| {
        path.extension().is_some_and(|extension| extension == "parquet" || extension == "safetensors")
    });
    results
}

#[test]
fn a_study_runs_from_images_to_report_and_a_killed_one_goes_on_to_the_same_bytes() {
    let Some(programs) = programs() else { return };

    let whole = Checkout::new(PIPELINE);
    let output = reproduce(&whole, &programs, &[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("4 of 4 cells done in "), "{stdout}");
    let page = fs::read_to_string(whole.path("reports/small/index.html")).unwrap();
    for part in ["standard-uniform", "robust-non-uniform", "<svg", "data:image/png;base64,", "fgsm", "Gaussian toy"] {
        assert!(page.contains(part), "the report lacks {part}");
    }
    let expected = results(&whole);
    assert!(expected.len() >= 15, "{:?}", expected.keys());

    let plan = whole.xtask(&["plan", "small", "--json"]).env("TWINSET_STAGE_BIN_DIR", &programs).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    let need = &plan["claims"]["claims"][0]["need"];
    assert_eq!((&need["name"], &need["n_seeds"], &need["difference"].is_number()), (&"C1".into(), &1.into(), &true));
    assert_eq!(plan["claims"]["alone"]["n_seeds"], 2, "{plan:#}");
    assert!(plan["claims"]["alone"]["seconds"].as_f64() > Some(0.0), "{plan:#}");

    let again = reproduce(&whole, &programs, &[]).output().unwrap();
    assert!(String::from_utf8(again.stdout).unwrap().contains(" 0 executed"));

    let killed = Checkout::new(PIPELINE);
    let mut child = reproduce(&killed, &programs, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("a training under way", || {
        fs::read_dir(killed.path("data/stages/train")).is_ok_and(|mut runs| runs.next().is_some())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(results(&killed).len() < expected.len(), "killed too late to tell anything");
    let output = reproduce(&killed, &programs, &[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(results(&killed) == expected, "a resumed study differs from an uninterrupted one");
}

/// Their digests are part of every key, so a path of the checkout would have another checkout compute everything anew.
#[test]
fn the_programs_hold_no_path_of_the_checkout() {
    let Some(programs) = programs() else { return };
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let path = checkout.to_str().unwrap().as_bytes();
    for stage in ["ingest", "neardup", "inject", "train", "evaluate", "gaussian", "report"] {
        let program = fs::read(programs.join(format!("twinset-{stage}"))).unwrap();
        let found = program.windows(path.len()).position(|window| window == path);
        let around = |at: usize| String::from_utf8_lossy(&program[at..(at + 200).min(program.len())]).into_owned();
        assert_eq!(found.map(around), None, "twinset-{stage}");
    }
}

#[test]
fn a_mistake_in_a_pipeline_is_told_by_its_stage_with_file_line_and_key() {
    let Some(programs) = programs() else { return };
    let check = |from: &str, to: &str, expected: &str| {
        let checkout = Checkout::new(&PIPELINE.replacen(from, to, 1));
        let output = reproduce(&checkout, &programs, &[]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!checkout.path("data/stages/ingest").exists(), "something ran");
    };
    check("n-train = 120", "n-trian = 120", "pipelines/small.toml:6: key `ingest.n-trian`: unknown field `n-trian`");
    check("2/255", "two", "pipelines/small.toml:34: key `arm.0.evaluate.attacks.0.step-size`: `two` is no radius");
    check("batch-size = 32", "batch-size = \"all\"", "pipelines/small.toml:29: key `arm.0.train.batch-size`: ");
    check("zipf", "zopf", "pipelines/small.toml:39: key `arm.1.inject.selection.class-weights`: ");
    check(
        "learning-rate = 0.01",
        "learning-rate = -1.0",
        "pipelines/small.toml:27: key `arm.0.train.optimizer.learning-rate`: ",
    );
}

#[test]
fn bfloat16_is_refused_before_anything_runs_where_the_processor_has_none() {
    let Some(programs) = programs() else { return };
    let own = PIPELINE.replacen("width = 8", "width = 8\nprecision = \"bfloat16\"", 1);
    let line = 1 + own.lines().position(|line| line.starts_with("precision")).unwrap();
    let of_file = format!("failed to check `arm.1.train`: pipelines/small.toml:{line}: key `arm.1.train.precision`");
    let of_option =
        "failed to check `arm.0.train` with --precision bfloat16: pipelines/small.toml: key `arm.0.train.precision`";
    let hint = "hint: `precision = \"float32\"`, the default, runs on any machine; a GPU computes in bfloat16 too\n";
    for (pipeline, option, expected) in
        [(own.as_str(), &[][..], of_file.as_str()), (PIPELINE, &["--precision", "bfloat16"], of_option)]
    {
        for command in ["reproduce", "plan"] {
            let checkout = Checkout::new(pipeline);
            let mut call = checkout.xtask(&[&[command, "small", "--device", "cpu"], option].concat());
            call.env("TWINSET_STAGE_BIN_DIR", &programs).env("ONEDNN_MAX_CPU_ISA", "AVX2");
            let output = call.output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let stderr = String::from_utf8(output.stderr).unwrap();
            // With the option it is a mistake of both arms.
            let start = if option.is_empty() { "error: " } else { "error: the pipeline has 2 mistakes\n- " };
            let start = format!("{start}{expected}: found `bfloat16` on the CPU, expected `float32`: ");
            assert!(stderr.starts_with(&start) && stderr.ends_with(hint), "{stderr}");
            assert!(!checkout.path("data/stages/ingest").exists(), "something ran");
        }
    }
}
