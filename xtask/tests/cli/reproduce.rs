//! The runner as a user calls it, over fake stage programs.

use crate::support::{Checkout, Ended, PIPELINE, kill, slow, wait_until};
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn an_arm_that_extends_another_has_the_runs_of_one_that_is_written_out() {
    let (first, second) = PIPELINE.split_at(PIPELINE.rfind("[[arm]]").unwrap());
    assert!(second.contains("name = \"non-uniform\""), "{second}");
    let arm = "[[arm]]\nname = \"non-uniform\"\nextends = \"uniform\"\n[arm.inject]\nselection = \"zipf\"\n[report]\n";
    let outputs = [PIPELINE.to_owned(), format!("{first}{arm}")].map(|pipeline| {
        let checkout = Checkout::new(&pipeline);
        let ended = checkout.run(&["reproduce", "small"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let mut outputs = checkout.outputs();
        // The report says which file declared the arms.
        outputs.retain(|path, _| !path.starts_with("report/"));
        outputs
    });
    assert!(outputs[0] == outputs[1], "the runs differ: {:?} and {:?}", outputs[0].keys(), outputs[1].keys());
}

#[test]
fn all_runs_once_and_nothing_again() {
    let checkout = Checkout::new(PIPELINE);
    let first = checkout.run(&["reproduce", "small", "--jobs", "3"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    // Each arm, rate and seed is injected; at rate 0 both arms have the same training set, so its trainings are shared.
    let expected = [("evaluate", 6), ("ingest", 1), ("inject", 8), ("neardup", 1), ("report", 1), ("train", 6)];
    assert!(checkout.executions().into_iter().eq(expected.map(|(stage, n)| (stage.to_owned(), n))), "{first:?}");
    assert!(first.stdout.starts_with("8 of 8 cells done in "), "{first:?}");
    assert!(first.stdout.ends_with("stage runs: 23 executed, 0 cached, 0 failed\nreport: reports/small/index.html\n"));
    assert!(checkout.path("reports/small/index.html").is_file());
    assert!(checkout.path("reports/small/cells.parquet").is_file());

    let second = checkout.run(&["reproduce", "small"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(second.stdout.contains("stage runs: 0 executed, 23 cached, 0 failed"), "{second:?}");
    assert_eq!(checkout.executions().values().sum::<usize>(), 23);
}

/// So a study that is stopped has whole seeds, which can be reported.
#[test]
fn trainings_of_a_seed_are_done_before_those_of_the_next() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small", "--jobs", "1"]).code, Some(0));
    let ledger = fs::read_to_string(checkout.path("reports/small/ledger.jsonl")).unwrap();
    let trainings = ledger.lines().filter(|line| line.contains("\"stage\":\"train\""));
    let seed = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["cells"][0].as_str().unwrap().rsplit_once(" seed ").unwrap().1.to_owned()
    };
    assert_eq!(trainings.map(seed).collect::<Vec<_>>(), ["0", "0", "0", "1", "1", "1"]);
}

#[test]
fn trainings_draw_their_curves_where_asked_and_nothing_is_run_again_for_them() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small", "--seeds", "1", "--tensorboard", "curves"]).code, Some(0));
    let mut curves = checkout.path("curves").display().to_string();
    curves.insert_str(0, "train ");
    let mut lines: Vec<_> =
        fs::read_to_string(checkout.path("bin/curves")).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    let expected = ["non-uniform rate 0.5", "uniform rate 0", "uniform rate 0.5"];
    assert_eq!(lines, expected.map(|cell| format!("{curves}/small/{cell} seed 0")));
    let again = checkout.run(&["reproduce", "small", "--seeds", "1"]);
    assert!(again.stdout.contains("stage runs: 0 executed"), "{again:?}");
}

#[test]
fn a_manifest_in_shards_goes_from_stage_to_stage_as_a_folder() {
    let checkout = Checkout::new(&PIPELINE.replace("dataset = \"fake\"", "dataset = \"fake\"\nshard-images = 5"));
    let first = checkout.run(&["reproduce", "small"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let text = fs::read_to_string(checkout.path("reports/small/index.html")).unwrap();
    let study: serde_json::Value = serde_json::from_str(&text).unwrap();
    let images = checkout.path(study["images"].as_str().unwrap());
    assert!(images.ends_with("images") && images.join("images-00001-of-00002.parquet").is_file(), "{images:?}");
    let second = checkout.run(&["reproduce", "small"]);
    assert!(second.stdout.contains("stage runs: 0 executed, 23 cached, 0 failed"), "{second:?}");
}

#[test]
fn cells_get_one_thread_and_the_ledger_gets_their_costs() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    for folder in checkout.folders("") {
        let environment = fs::read_to_string(folder.join("log-of-environment")).unwrap();
        let is_of_cell = ["inject", "train", "evaluate"].iter().any(|stage| folder.parent().unwrap().ends_with(stage));
        assert_eq!(environment.trim(), if is_of_cell { "machine 1" } else { "machine all" }, "{}", folder.display());
    }
    let parents = fs::read_to_string(checkout.path("bin/parents")).unwrap();
    let parents: BTreeSet<&str> = parents.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert!(parents.len() == 1 && parents.iter().all(|parent| parent.starts_with("default/twinset.reproduce.small/")));
    let ledger = fs::read_to_string(checkout.path("reports/small/ledger.jsonl")).unwrap();
    assert_eq!(ledger.lines().count(), 1 + 23, "what is declared, and what was run");
    let digest = blake3::hash(&fs::read(checkout.path("pipelines/small.toml")).unwrap()).to_hex().to_string();
    let declared: serde_json::Value = serde_json::from_str(ledger.lines().next().unwrap()).unwrap();
    assert_eq!(declared["pipeline"].as_str(), Some(digest.as_str()));
    let train = ledger.lines().find(|line| line.contains("\"stage\":\"train\"")).unwrap();
    for part in
        ["\"cells\":[\"", "\"exit_status\":\"exit status 0\"", "\"n_forward_backward_passes\":4800", "\"cpu_s\":"]
    {
        assert!(train.contains(part), "{train} lacks {part}");
    }
    let report = checkout.folders("").into_iter().find(|run| run.join("study.json").is_file()).unwrap();
    let study: serde_json::Value = serde_json::from_slice(&fs::read(report.join("study.json")).unwrap()).unwrap();
    let registration = &study["registration"];
    assert_eq!((&registration["digest"], &registration["digest_now"]), (&declared["pipeline"], &declared["pipeline"]));
    assert_eq!((&registration["exploratory"], &registration["added_seeds"]), (&[0; 0][..].into(), &[0; 0][..].into()));
    let cells = study["cells"].as_array().unwrap();
    assert!(cells.len() == 8 && cells.iter().all(|cell| cell["train_cpu_seconds"].is_number()), "{cells:?}");
}

#[test]
fn study_names_all_cells_and_their_files() {
    let checkout = Checkout::new(&PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nfail-seed = 1"));
    let ended = checkout.run(&["reproduce", "small"]);
    assert_eq!(ended.code, Some(1));
    // The fake report prints what it was told.
    let text = fs::read_to_string(checkout.path("reports/small/index.html")).unwrap();
    let study: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(study["pipeline_file"], "pipelines/small.toml");
    assert_eq!(study["arms"][1]["inject"]["selection"], "zipf");
    let cells = study["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 8);
    for cell in cells {
        let is_good = cell["seed"] == 0;
        assert_eq!(cell["status"], if is_good { "done" } else { "failed" });
        let file = if is_good { "predictions" } else { "trainset" };
        assert!(checkout.path(cell[file].as_str().unwrap()).is_file());
        if !is_good {
            assert_eq!(
                (&cell["failed_stage"], &cell["reason"]),
                (&"train".into(), &"failed to train: out of luck".into())
            );
            assert!(cell["predictions"].is_null());
        }
    }
    assert!(checkout.path(study["truth"].as_str().unwrap()).is_file());
}

#[test]
fn failed_cells_are_named_and_tried_again() {
    let checkout = Checkout::new(&PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nfail-seed = 1"));
    let ended = checkout.run(&["reproduce", "small", "--keep-going"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.starts_with("4 of 8 cells done"), "{ended:?}");
    let end =
        "error: 4 of 8 cells failed\nhint: the logs are named above; the same command tries the failed runs again\n";
    assert!(ended.stderr.ends_with(end), "{ended:?}");
    let shared = "failed: train for uniform rate 0 seed 1 (and 1 other cell that needs the same run): \
                  failed to train: out of luck\n        log: data/stages/train/";
    assert!(ended.stderr.contains(shared), "{ended:?}");
    let failed = checkout.folders(".failed");
    assert_eq!(failed.len(), 3);
    let log = fs::read_to_string(failed[0].join("log.txt")).unwrap();
    assert!(
        log.contains("some log line\nerror: failed to train: out of luck\n") && !log.contains("@progress"),
        "{log}"
    );

    let status = checkout.run(&["status", "small"]);
    assert_eq!(status.code, Some(0));
    assert!(status.stdout.starts_with("pipeline small: 8 cells, 4 done, 4 failed, 0 missing\n"), "{status:?}");
    let failed = status.stdout.lines().find_map(|line| line.strip_prefix("failed: train ")).expect("a failed training");
    let (key, what) = failed.split_once(' ').unwrap();
    assert_eq!((key.len(), what), (8, "for uniform rate 0 seed 1: failed to train: out of luck"), "{status:?}");
    let log = status.stdout.lines().find_map(|line| line.trim_start().strip_prefix("log: ")).unwrap();
    assert!(log.starts_with(&format!("data/stages/train/{key}")), "{status:?}");

    fs::write(checkout.path("bin/healed"), "").unwrap();
    let healed = checkout.run(&["reproduce", "small"]);
    assert_eq!(healed.code, Some(0), "{healed:?}");
    assert!(healed.stdout.starts_with("8 of 8 cells done"));
    assert!(checkout.folders(".failed").is_empty());
}

#[test]
fn fail_fast_starts_nothing_more() {
    let checkout = Checkout::new(&PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nfail-seed = 0"));
    let ended = checkout.run(&["reproduce", "small", "--fail-fast", "--jobs", "1"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cells are done: stopped at the first failure, as --fail-fast says"), "{ended:?}");
    assert!(!checkout.executions().contains_key("report"));
}

#[test]
fn a_killed_reproduction_goes_on_to_the_same_bytes() {
    let whole = Checkout::new(&slow());
    let ended = whole.run(&["reproduce", "small"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let killed = Checkout::new(&slow());
    let mut child = killed.xtask(&["reproduce", "small"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    wait_until("a training runs", || killed.executions().get("train").is_some_and(|n| *n >= 3));
    kill("-KILL", child.id());
    child.wait().unwrap();
    let children = fs::read_to_string(killed.path("bin/executions")).unwrap();
    let is_alive = |line: &str| fs::metadata(format!("/proc/{}", line.split(' ').nth(1).unwrap())).is_ok();
    wait_until("children end with the runner", || !children.lines().any(is_alive));
    assert!(!killed.folders(".partial").is_empty());

    let again = killed.run(&["reproduce", "small"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(killed.folders(".partial").is_empty());
    assert_eq!(killed.outputs(), whole.outputs());
    assert!(killed.executions()["train"] > 6 && killed.executions()["ingest"] == 1);
}

#[test]
fn an_interrupt_ends_the_children_and_says_so() {
    for signal in ["-INT", "-TERM"] {
        let checkout = Checkout::new(&PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nsleep = 30"));
        let mut command = checkout.xtask(&["reproduce", "small"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("a training runs", || checkout.executions().contains_key("train"));
        let started = Instant::now();
        kill(signal, child.id());
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert!(started.elapsed() < Duration::from_secs(25), "it waited for its children");
        assert_eq!(ended.code, Some(130), "{ended:?}");
        let end = "interrupted: 0 of 8 cells are done; the same command goes on from here\n";
        assert!(ended.stderr.ends_with(end), "{ended:?}");
        let children = fs::read_to_string(checkout.path("bin/executions")).unwrap();
        for line in children.lines() {
            assert!(fs::metadata(format!("/proc/{}", line.split(' ').nth(1).unwrap())).is_err(), "{line} is alive");
        }
        assert!(checkout.folders(".partial").is_empty() && checkout.folders(".failed").is_empty());
    }
}

#[test]
fn what_changed_runs_anew_and_nothing_else() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let before = checkout.executions();

    checkout.set_pipeline(&PIPELINE.replace("selection = \"zipf\"", "selection = \"other\""));
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let after = checkout.executions();
    // All of the arm's injections; of its trainings only those at rate 0.5, since at rate 0 the training set is the same.
    for (stage, n_more) in [("ingest", 0), ("neardup", 0), ("inject", 4), ("train", 2), ("evaluate", 2), ("report", 1)]
    {
        assert_eq!(after[stage] - before[stage], n_more, "{stage}");
    }

    fs::write(checkout.path("bin/source"), "a source file that ingest reads").unwrap();
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    // Its output is the same, so the wave stops there.
    let last = checkout.executions();
    for (stage, n_more) in [("ingest", 1), ("neardup", 0), ("train", 0)] {
        assert_eq!(last[stage] - after[stage], n_more, "{stage}");
    }
}

#[test]
fn a_file_that_was_changed_in_the_store_is_not_used() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let is_train = |run: &&std::path::PathBuf| run.parent().unwrap().ends_with("train");
    for run in checkout.folders("").iter().filter(is_train) {
        // Of the same size.
        let text = fs::read_to_string(run.join("model.safetensors")).unwrap();
        fs::write(run.join("model.safetensors"), text.replace("train", "trail")).unwrap();
    }
    // Evaluations that are there are not asked; new ones are.
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    checkout.set_pipeline(&PIPELINE.replace("[arm.evaluate]", "[arm.evaluate]\nsplits = 1"));
    let ended = checkout.run(&["reproduce", "small"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("/model.safetensors` was changed after its run: its digest is "), "{ended:?}");
    assert!(ended.stderr.contains("hint: remove `data/stages/train/"), "{ended:?}");
}

#[test]
fn the_gaussian_toy_runs_where_a_pipeline_has_its_table_and_is_not_missed_elsewhere() {
    let with = |table: &str| PIPELINE.replace("[report]", &format!("{table}[report]"));
    let checkout = Checkout::new(&with("[gaussian]\nn-seeds = 3\n"));
    let ended = checkout.run(&["reproduce", "small", "--data", "."]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(checkout.executions()["gaussian"], 1);
    let text = fs::read_to_string(checkout.path("reports/small/index.html")).unwrap();
    let study: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (field, name) in
        [("gaussian", "gaussian"), ("gaussian_boundaries", "boundaries"), ("gaussian_points", "points")]
    {
        let path = study[field].as_str().unwrap();
        assert!(checkout.path(path).is_file() && path.ends_with(&format!("/{name}.parquet")), "{path}");
    }
    let before = checkout.executions();

    // Its table is in no other key, and the report is another one.
    checkout.set_pipeline(&with("[gaussian]\nn-seeds = 4\n"));
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let after = checkout.executions();
    for (stage, n_more) in [("ingest", 0), ("neardup", 0), ("inject", 0), ("train", 0), ("gaussian", 1), ("report", 1)]
    {
        assert_eq!(after[stage] - before[stage], n_more, "{stage}");
    }
    let ledger = fs::read_to_string(checkout.path("reports/small/ledger.jsonl")).unwrap();
    let commands: Vec<&str> = ledger.lines().filter(|line| line.contains("\"stage\":\"gaussian\"")).collect();
    assert!(commands.len() == 2 && commands.iter().all(|line| !line.contains("--folder")), "{commands:?}");

    checkout.set_pipeline(PIPELINE);
    fs::remove_file(checkout.path("bin/twinset-gaussian")).unwrap();
    let without = checkout.run(&["reproduce", "small"]);
    assert_eq!(without.code, Some(0), "{without:?}");
    let text = fs::read_to_string(checkout.path("reports/small/index.html")).unwrap();
    let study: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(study["gaussian"].is_null() && study["gaussian_points"].is_null(), "{study:?}");
    checkout.set_pipeline(&with("[gaussian]\n"));
    let missed = checkout.run(&["reproduce", "small"]);
    assert!(missed.stderr.starts_with("error: failed to find stage program `"), "{missed:?}");
    assert!(missed.stderr.contains("twinset-gaussian`\nhint: "), "{missed:?}");
}
