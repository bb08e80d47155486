//! Several runners on one store, and builds beside them.

use crate::support::{Checkout, Ended, PIPELINE, kill, slow, wait_until};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

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
    assert!(checkout.folders(".partial").is_empty());
}

#[test]
fn a_runner_that_meets_a_run_in_work_takes_another_one() {
    let checkout = Checkout::new(&PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nsleep = 2"));
    let runners = [(); 3].map(|()| start(&checkout, &["reproduce", "small", "--jobs", "1"]));
    // Each runs one training at a time. If two waited for the third, there would never be more than one.
    wait_until("three trainings run at once", || checkout.running("train").len() == 3);
    for child in runners {
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(checkout.executions()["train"], 6);
}

/// A folder seen through bindfs, until it is dropped: locks on files are passed on, locks on folders are not, as on NFS.
struct Mount(tempfile::TempDir);

impl Mount {
    /// `None`, with a word, where bindfs is not installed or nothing can be mounted.
    fn of(folder: &Path) -> Option<Self> {
        let mount = Self(tempfile::tempdir().unwrap());
        let mut command = Command::new("bindfs");
        command.args(["--multithreaded", "--enable-lock-forwarding"]).arg(folder).arg(mount.0.path());
        match command.output() {
            Ok(output) if output.status.success() => Some(mount),
            answer => {
                println!("skipped: nothing can be mounted with `bindfs`: {answer:?}");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        for program in [&["fusermount", "-u"][..], &["umount"]] {
            let done = Command::new(program[0]).args(&program[1..]).arg(self.0.path()).output();
            if done.is_ok_and(|output| output.status.success()) {
                break;
            }
        }
    }
}

#[test]
fn workers_on_two_mounts_that_share_no_locks_on_folders_leave_each_other_alone() {
    let checkout = Checkout::new(&slow());
    let Some(mounts) = Mount::of(&checkout.path("")).zip(Mount::of(&checkout.path(""))) else { return };
    let work = |mount: &Mount| {
        let mut command = checkout.xtask(&["work", "small", "--jobs", "1"]);
        let command = command.current_dir(mount.0.path()).env("TWINSET_STAGE_BIN_DIR", mount.0.path().join("bin"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let workers = [work(&mounts.0), work(&mounts.1)];
    wait_until("two trainings run at once", || checkout.running("train").len() == 2);
    for worker in workers {
        let ended = Ended::from(worker.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(checkout.executions().values().sum::<usize>(), 22, "{:?}", checkout.executions());
    let whole = Checkout::new(&slow());
    assert_eq!([&whole, &checkout].map(|checkout| checkout.run(&["reproduce", "small"]).code), [Some(0); 2]);
    assert_eq!(checkout.executions().values().sum::<usize>(), 23, "the first runner on the folder itself finds all");
    assert!(checkout.outputs() == whole.outputs());
}

#[test]
fn a_read_only_store_in_which_all_is_done_still_reports() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small", "--data", "."]).code, Some(0));
    fs::remove_dir_all(checkout.path("reports")).unwrap();
    // What is remembered is to be written anew.
    for memory in [".checked.json", ".source-digests.json", ".data-folders.json"] {
        let _ = fs::remove_file(checkout.path("data/stages").join(memory));
    }
    let xtask = checkout.xtask(&["reproduce", "small", "--data", "."]);
    let read_only = "mount --bind data data && mount -o remount,bind,ro data && ! touch data/x 2> /dev/null || exit 42\nexec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", read_only, "sh"])
        .arg(xtask.get_program())
        .args(xtask.get_args());
    command.current_dir(checkout.path(""));
    for (name, value) in xtask.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ended = Ended::from(command.output().unwrap());
    if ended.code == Some(42) || ended.stderr.starts_with("unshare") {
        println!("skipped: nothing can be mounted: {ended:?}");
        return;
    }
    assert!(ended.code == Some(0) && ended.stdout.contains("stage runs: 0 executed, 23 cached"), "{ended:?}");
    assert!(checkout.path("reports/small/index.html").is_file());
}

#[test]
fn ctrl_z_stops_the_stages_too() {
    let checkout = Checkout::new(&PIPELINE.replace("model = \"fake\"", "model = \"fake\"\nsleep = 2"));
    let child = start(&checkout, &["reproduce", "small", "--jobs", "1"]);
    wait_until("a training runs", || !checkout.running("train").is_empty());
    let stage = checkout.running("train")[0];
    let is_stopped =
        |process: u32| fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| stat.contains(") T "));
    kill("-TSTP", child.id());
    wait_until("both are stopped", || is_stopped(child.id()) && is_stopped(stage));
    kill("-CONT", child.id());
    wait_until("both go on", || !is_stopped(child.id()) && !is_stopped(stage));
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
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

/// What `key.json` says in a folder of a run.
fn key_file(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join("key.json")).unwrap()).unwrap()
}

#[test]
fn every_run_says_what_its_key_is_made_of() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let folders = checkout.folders("");
    let runs: Vec<_> = folders.iter().filter(|folder| folder.is_dir()).collect();
    assert_eq!(runs.len(), 23);
    let libtorch = blake3::hash(b"libtorch").to_hex().to_string();
    for run in runs {
        let file = key_file(run);
        assert_eq!(file["key"].as_str(), run.file_name().unwrap().to_str());
        let stage = run.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let computes = ["train", "evaluate"].contains(&stage);
        assert_eq!((file["stage"].as_str(), file["libtorch"].as_str()), (Some(stage), computes.then_some(&*libtorch)));
        assert_eq!(file["processor"].as_str().is_some_and(|class| class.starts_with("AVX512, oneDNN ")), computes);
    }
}

#[test]
fn another_libtorch_computes_anew_and_another_processor_where_that_is_asked_for() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    fs::write(checkout.path("bin/capability"), "AVX2").unwrap();
    let reused = checkout.run(&["reproduce", "small"]);
    assert!(reused.stdout.contains("stage runs: 0 executed, 23 cached"), "{reused:?}");

    // One seed more is computed here, and the page is told of both kinds.
    assert_eq!(checkout.run(&["reproduce", "small", "--seeds", "3"]).code, Some(0));
    let study: serde_json::Value =
        serde_json::from_slice(&fs::read(checkout.path("reports/small/index.html")).unwrap()).unwrap();
    let kinds: Vec<&str> = study["processors"].as_array().unwrap().iter().filter_map(|kind| kind.as_str()).collect();
    assert!(kinds.len() == 2 && kinds[0].starts_with("AVX2, ") && kinds[1].starts_with("AVX512, "), "{kinds:?}");

    let same = checkout.run(&["reproduce", "small", "--same-processor"]);
    assert!(same.stdout.contains("stage runs: 13 executed, 10 cached"), "{same:?}");
    fs::write(checkout.path("bin/libtorch"), "another libtorch").unwrap();
    let other = checkout.run(&["reproduce", "small"]);
    assert!(other.stdout.contains("stage runs: 13 executed"), "{other:?}");
}

#[test]
fn why_says_what_sets_an_unfinished_run_apart() {
    let checkout = Checkout::new(PIPELINE);
    let nothing = checkout.run(&["why", "small"]);
    assert_eq!(nothing.stdout, "ingest for shared: there is no finished run to compare it with\n", "{nothing:?}");
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    assert_eq!(checkout.run(&["why", "small"]).stdout, "all runs of small are finished\n");

    checkout.set_pipeline(&PIPELINE.replace("selection = \"zipf\"", "selection = \"other\""));
    let changed = checkout.run(&["why", "small"]);
    let mut lines = changed.stdout.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("inject for non-uniform rate 0 seed 0"), "{changed:?}");
    assert!(first.contains(": the nearest finished run, ") && first.ends_with(", differs in"), "{changed:?}");
    assert!(first.contains(" and 3 more: "), "{changed:?}");
    assert_eq!(lines.next(), Some("  config `selection`: \"uniform\" there, \"other\" here"), "{changed:?}");
    assert_eq!(lines.next(), None, "{changed:?}");

    checkout.set_pipeline(PIPELINE);
    let program = checkout.path("bin/twinset-evaluate");
    fs::write(&program, format!("{}# changed\n", fs::read_to_string(&program).unwrap())).unwrap();
    let rebuilt = checkout.run(&["why", "small"]);
    assert!(rebuilt.stdout.contains("evaluate for uniform rate 0 seed 0") && rebuilt.stdout.contains("\n  program: "));

    let run = checkout.folders("").into_iter().find(|folder| folder.parent().unwrap().ends_with("train")).unwrap();
    let key = run.file_name().unwrap().to_str().unwrap().to_owned();
    let one = checkout.run(&["why", "--run", &key[..12]]);
    assert!(one.stdout.starts_with(&format!("train {}: the nearest finished run, ", &key[..8])), "{one:?}");
    assert!(one.stdout.contains(" there, ") && one.stdout.contains(" here"), "{one:?}");
    let unknown = checkout.run(&["why", "--run", "xyz"]);
    assert!(
        unknown.stderr.starts_with("error: no finished run has a key that begins with `xyz`\nhint: "),
        "{unknown:?}"
    );
}

#[test]
fn gc_keeps_what_the_pipelines_reach_and_frees_the_rest() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small", "--seeds", "3"]).code, Some(0));
    let kept = checkout.run(&["gc"]);
    assert!(kept.stdout.starts_with("removed 0 runs and 0 programs of the store: 0 B; 33 runs are kept"), "{kept:?}");

    // A new program: its runs, what is made from these, and the old program go. A failed run that no pipeline asks for goes, too.
    let whole = checkout.outputs();
    let program = checkout.path("bin/twinset-train");
    fs::write(&program, format!("{}# changed\n", fs::read_to_string(&program).unwrap())).unwrap();
    let dry = checkout.run(&["gc", "--dry-run"]);
    assert!(dry.stdout.contains("its program was built anew since"), "{dry:?}");
    assert!(dry.stdout.contains("would remove 19 runs and 0 programs of the store: "), "{dry:?}");
    assert!(checkout.outputs() == whole);
    let gone = checkout.run(&["gc"]);
    assert!(gone.stdout.contains("removed 19 runs and 0 programs of the store: "), "{gone:?}");
    let again = checkout.run(&["reproduce", "small", "--seeds", "3"]);
    assert!(again.stdout.contains("stage runs: 19 executed, 14 cached"), "{again:?}");

    checkout.set_pipeline(&PIPELINE.replace("selection = \"zipf\"", "selection = \"other\""));
    let changed = checkout.run(&["gc"]);
    assert!(changed.stdout.contains("no pipeline has its config"), "{changed:?}");
    assert!(changed.stdout.contains("what it was made from is not made any more"), "{changed:?}");
    let after = checkout.run(&["reproduce", "small", "--seeds", "3"]);
    assert_eq!(after.code, Some(0), "{after:?}");

    // A pipeline that lies elsewhere keeps its runs, until its file is gone.
    fs::write(checkout.path("mine.toml"), PIPELINE.replace("\"small\"", "\"mine\"").replace("zipf", "mine")).unwrap();
    assert_eq!(checkout.run(&["reproduce", "mine.toml"]).code, Some(0));
    assert!(checkout.run(&["gc"]).stdout.contains("removed 0 runs"));
    fs::remove_file(checkout.path("mine.toml")).unwrap();
    assert!(checkout.run(&["gc"]).stdout.contains("no pipeline has its config"));

    // Not while a runner works.
    checkout.set_pipeline(&slow());
    let child = start(&checkout, &["reproduce", "small"]);
    wait_until("a training runs", || !checkout.folders(".partial").is_empty());
    let busy = checkout.run(&["gc"]);
    assert!(busy.stderr.contains("just now\nhint: gc waits for no one"), "{busy:?}");
    assert_eq!(Ended::from(child.wait_with_output().unwrap()).code, Some(0));
}

#[test]
fn workers_finish_a_study_that_one_of_them_leaves_and_a_report_follows() {
    let whole = Checkout::new(&slow());
    assert_eq!(whole.run(&["reproduce", "small"]).code, Some(0));

    let checkout = Checkout::new(&slow());
    // One that is killed, one that is preempted, one whose time is up, one that works to the end.
    let killed = start(&checkout, &["work", "small", "--jobs", "1"]);
    let preempted = start(&checkout, &["work", "small", "--jobs", "1"]);
    wait_until("two trainings run", || checkout.executions().get("train").is_some_and(|n| *n >= 2));
    kill("-KILL", killed.id());
    kill("-TERM", preempted.id());
    drop(killed.wait_with_output());
    let preempted = Ended::from(preempted.wait_with_output().unwrap());
    assert!(preempted.code == Some(130) && preempted.stderr.contains("cells are done"), "{preempted:?}");
    let late = checkout.run(&["work", "small", "--jobs", "1", "--time-limit", "1s"]);
    assert_eq!(late.code, Some(0), "{late:?}");
    assert!(late.stdout.contains("the time is up: ") && late.stdout.contains(" of 8 cells are done; "), "{late:?}");
    let last = checkout.run(&["work", "small"]);
    assert!(last.code == Some(0) && last.stdout.starts_with("8 of 8 cells are done; "), "{last:?}");
    assert!(!checkout.path("reports/small/index.html").exists() && !checkout.executions().contains_key("report"));

    let report = checkout.run(&["reproduce", "small"]);
    assert!(report.stdout.contains("stage runs: 1 executed, 22 cached, 0 failed"), "{report:?}");
    assert!(checkout.outputs() == whole.outputs());
    assert!(checkout.folders(".partial").is_empty());
    // The costs of all are in the report's and the status's sums.
    let status = checkout.run(&["status", "small"]);
    assert!(
        status.stdout.contains("ledger: report      1 runs") && status.stdout.contains("ledger: train "),
        "{status:?}"
    );
    let wrong = checkout.run(&["work", "small", "--time-limit", "soon"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("expected one such as 90s, 30m or 1h30m"), "{wrong:?}");
}

#[test]
fn a_report_over_fewer_seeds_and_another_file_of_the_same_name_leave_a_report_alone() {
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));
    let page = checkout.path("reports/small/index.html");
    let whole = fs::read(&page).unwrap();
    let fewer = checkout.run(&["reproduce", "small", "--seeds", "1,"]);
    assert!(fewer.stdout.ends_with("report: reports/small/seeds-1/index.html\n"), "{fewer:?}");
    assert!(fewer.stderr.contains("a report over more seeds is there and stays"), "{fewer:?}");
    assert!(fs::read(&page).unwrap() == whole);
    let more = checkout.run(&["reproduce", "small", "--seeds", "3"]);
    assert!(more.stdout.ends_with("report: reports/small/index.html\n"), "{more:?}");
    let whole = fs::read(&page).unwrap();

    fs::create_dir(checkout.path("mine")).unwrap();
    fs::write(checkout.path("mine/small.toml"), PIPELINE.replace("zipf", "other")).unwrap();
    let mine = checkout.run(&["reproduce", "mine/small.toml"]);
    assert!(mine.code == Some(0) && fs::read(&page).unwrap() == whole, "{mine:?}");
    let report = mine.stdout.lines().last().unwrap().strip_prefix("report: reports/small-").unwrap();
    assert!(report.ends_with("/index.html"), "{mine:?}");
    let status = checkout.run(&["status", "mine/small.toml"]);
    assert!(status.stdout.contains(&format!("report: reports/small-{report}")), "{status:?}");
}
