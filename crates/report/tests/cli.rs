//! The binary as a user calls it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use twinset_manifest::rows::{Cell, IntervalMethod, Prediction};
use twinset_manifest::{Provenance, Reader, read_manifest, write_manifest};

mod synthetic;

use synthetic::{Synthetic, SyntheticArm};

struct Run {
    folder: TempDir,
    study: PathBuf,
}

impl Run {
    fn of(synthetic: &Synthetic) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let study = synthetic.write(folder.path());
        Self { folder, study }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes `study.json`.
    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_str(&fs::read_to_string(&self.study).unwrap()).unwrap();
        change(&mut value);
        fs::write(&self.study, serde_json::to_string_pretty(&value).unwrap()).unwrap();
    }

    /// The page and the cells.
    fn report(&self, arguments: &[&str]) -> (String, Vec<Cell>) {
        let out = self.path("out");
        expect_exit(command(&self.study, &out).args(arguments), 0);
        (fs::read_to_string(out.join("index.html")).unwrap(), read_manifest(&out.join("cells.parquet")).unwrap().0)
    }

    /// What stderr says when it fails.
    fn failure(&self) -> String {
        let out = self.path("out");
        let (_, stderr) = expect_exit(&mut command(&self.study, &out), 1);
        assert!(!out.join("index.html").exists() && !out.join("cells.parquet").exists(), "half a report was left");
        stderr
    }
}

fn command(study: &Path, out: &Path) -> Command {
    let mut command = twinset_report();
    command.arg("--study").arg(study).arg("--out").arg(out);
    command
}

fn twinset_report() -> Command {
    Command::new(env!("CARGO_BIN_EXE_twinset-report"))
}

/// What it printed on stdout and on stderr; it ends with this exit code.
#[track_caller]
fn expect_exit(command: &mut Command, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(status.code(), Some(code), "{stdout}{stderr}");
    (stdout, stderr)
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}`");
    }
}

fn lacks(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(!text.contains(part), "`{part}`");
    }
}

#[test]
fn a_study_becomes_a_page() {
    let run = Run::of(&Synthetic::default());
    let (page, _) = run.report(&[]);
    holds(
        &page,
        &[
            "<h1>synthetic</h1>",
            "2 arms at rates 0 and 0.5 with 3 seeds each, on shapes (200 training and 80 test images; 4 classes): all 12 cells done.",
            "Accuracy under pgd-20, ε\u{a0}=\u{a0}8/255",
            "Robust accuracy (worst of: pgd-20)",
            "Standard training",
            "Adversarial training (PGD)",
            "on 80 test images: mean over seeds [95 % t interval]",
            "rate (duplicates ÷ originals)",
            "held-out accuracy (%)",
            "on 200 held-out images",
            "The duplicates of standard-uniform follow the classes",
            "data:image/png;base64,",
            ">leak<",
            "label conflict",
            "near: jpeg",
            "brightness(amount=40/255)",
            "None: every item of the source became an image.",
            "cargo xtask reproduce synthetic<",
            "<p>All networks were trained in float32.</p>",
            "predictions/2",
            "model.safetensors",
        ],
    );
    lacks(
        &page,
        &["<script", "http://", "https://", "NaN", "Missing or failed", "class=\"warning\"", "#0A00", "#0B00"],
    );
    let folder = run.folder.path().to_string_lossy().into_owned();
    lacks(&page, &[&folder]);
}

#[test]
fn the_page_says_which_precision_was_used_and_how_to_ask_for_it() {
    let run = Run::of(&Synthetic::default());
    run.edit(|study| {
        study["precision"] = json!("bfloat16");
        study["arms"][1]["train"]["precision"] = json!("bfloat16");
    });
    let expected = "<p>Networks were trained in float32: standard-uniform; in bfloat16: robust-non-uniform.</p>";
    holds(&run.report(&[]).0, &[expected, "cargo xtask reproduce synthetic --precision bfloat16<"]);
}

#[test]
fn the_same_study_gives_the_same_bytes_wherever_it_lies() {
    let (one, two) = (Run::of(&Synthetic::default()), Run::of(&Synthetic::default()));
    assert_eq!(one.report(&[]).0, two.report(&[]).0);
    let cells = |run: &Run| fs::read(run.path("out/cells.parquet")).unwrap();
    assert_eq!(cells(&one), cells(&two));
}

#[test]
fn cells_hold_each_seed_and_the_mean_over_seeds() {
    let run = Run::of(&Synthetic::default());
    let (_, cells) = run.report(&["--set", "confidence=0.9"]);
    // 2 arms × 2 rates × (clean, an attack, the worst case) × (all classes + 4 + test images without and with duplicates among the
    // training images) × (3 seeds + their mean).
    assert_eq!(cells.len(), 2 * 2 * 3 * 7 * 4);
    let of: Vec<_> = cells
        .iter()
        .filter(|cell| (cell.arm.as_str(), cell.rate, cell.attack.as_str()) == ("standard-uniform", 0.5, "clean"))
        .filter(|cell| cell.label.is_none() && cell.metric == "accuracy")
        .collect();
    let [one, two, three, mean] = of.as_slice() else { panic!("{of:?}") };
    assert_eq!((one.seed, one.n_images, one.n_seeds, one.interval_method), (Some(0), 80, 1, IntervalMethod::Wilson));
    assert_eq!((mean.seed, mean.n_seeds, mean.interval_method, mean.confidence), (None, 3, IntervalMethod::T, 0.9));
    assert!((mean.estimate - (one.estimate + two.estimate + three.estimate) / 3.0).abs() < 1e-12);
    for cell in &cells {
        let (low, high) = (cell.interval_low.unwrap(), cell.interval_high.unwrap());
        assert!(0.0 <= low && low <= cell.estimate && cell.estimate <= high && high <= 1.0, "{cell:?}");
    }
    assert!(cells.iter().any(|cell| cell.class_name.as_deref() == Some("disc")));
    let reader = Reader::<Cell>::open(&run.path("out/cells.parquet")).unwrap();
    let schemas: Vec<_> = reader.provenance().inputs.iter().filter_map(|input| input.schema.as_deref()).collect();
    for schema in ["images/3", "pairs/4", "trainset/1", "epochs/2", "predictions/2"] {
        assert!(schemas.contains(&schema), "{schemas:?}");
    }
}

#[test]
fn lost_cells_are_named_with_stage_and_reason() {
    let lost = vec![("robust-non-uniform", 0.5, 1, Some("train")), ("standard-uniform", 0.0, 2, None)];
    let run = Run::of(&Synthetic { lost, ..Synthetic::default() });
    let (page, cells) = run.report(&[]);
    holds(
        &page,
        &["10 of 12 cells done, 1 failed, 1 missing", "Missing or failed", ">train<", "2 of 3", "loss is NaN"],
    );
    lacks(&page, &["<NaN"]);
    let mean = |cell: &&Cell| cell.seed.is_none() && cell.arm == "robust-non-uniform" && cell.rate == 0.5;
    assert!(cells.iter().filter(mean).all(|cell| cell.n_seeds == 2));
}

#[test]
fn a_cell_that_the_runner_does_not_list_is_missing() {
    let run = Run::of(&Synthetic::default());
    run.edit(|study| drop(study["cells"].as_array_mut().unwrap().remove(3)));
    let (page, _) = run.report(&[]);
    holds(&page, &["11 of 12 cells done, 1 missing", "the runner does not list it"]);
}

#[test]
fn one_seed_shows_its_value_and_says_that_it_tells_nothing_of_seeds() {
    let run = Run::of(&Synthetic { seeds: vec![7], ..Synthetic::default() });
    let (page, cells) = run.report(&[]);
    holds(
        &page,
        &[
            "One seed: no interval over seeds",
            "One seed gives no interval over seeds: this one is Wilson",
            "say nothing about seeds",
        ],
    );
    for mean in cells.iter().filter(|cell| cell.seed.is_none()) {
        assert_eq!((mean.interval_low, mean.interval_high, mean.interval_method), (None, None, IntervalMethod::T));
    }
}

#[test]
fn a_study_without_anything_to_see_still_has_a_page() {
    let arm = |name, rates: &[f64]| SyntheticArm {
        name,
        regime: "standard",
        rates: rates.to_vec(),
        is_uniform: true,
        is_near: false,
    };
    let run = Run::of(&Synthetic {
        arms: vec![arm("alone", &[0.0]), arm("other", &[0.5])],
        attacks: vec!["clean"],
        n_epochs: 1,
        has_held_out: false,
        has_duplicates: false,
        has_truth: false,
        n_rejects: 4,
        warnings: vec!["the test file is <not> the official one".to_owned()],
        ..Synthetic::default()
    });
    let (page, _) = run.report(&["--set", "title=\"A & B\"", "--set", "gallery-pairs=0"]);
    holds(
        &page,
        &[
            "<h1>A &#38; B</h1>",
            "Before you trust these numbers",
            "the test file is &#60;not&#62; the official one",
            "no rate 0: nothing that these accuracies could be compared with",
            "No near-duplicates were found.",
            "training accuracy (%)",
            "unexpected end of file &#60;here&#62;",
            "In every arm the duplicates follow",
        ],
    );
    lacks(&page, &["near-duplicates that were injected", "Found of those that were planted", "id=\"over-rate\""]);
}

#[test]
fn nothing_done_at_all_still_has_a_page() {
    let lost =
        [0, 1, 2].iter().flat_map(|&seed| [0.0, 0.5].map(|rate| ("standard-uniform", rate, seed, Some("train"))));
    let robust = [0, 1, 2].iter().flat_map(|&seed| [0.0, 0.5].map(|rate| ("robust-non-uniform", rate, seed, None)));
    let run = Run::of(&Synthetic { lost: lost.chain(robust).collect(), ..Synthetic::default() });
    let (page, cells) = run.report(&[]);
    holds(&page, &["0 of 12 cells done, 6 failed, 6 missing"]);
    assert_eq!(cells, []);
}

#[test]
fn many_arms_rates_and_classes_are_split_into_legible_charts() {
    let names = ["a", "b", "c", "d", "e"];
    let rates: Vec<f64> = (0..=10).map(|i| f64::from(i) / 10.0).collect();
    let arms = names.map(|name| SyntheticArm {
        name,
        regime: "standard",
        rates: rates.clone(),
        is_uniform: false,
        is_near: false,
    });
    let run =
        Run::of(&Synthetic { arms: arms.to_vec(), n_classes: 12, n_train: 1200, n_test: 240, ..Synthetic::default() });
    let (page, _) = run.report(&[]);
    holds(
        &page,
        &[
            "11 rates from 0 to 1",
            "Standard training (1 of 2)",
            "Standard training (2 of 2)",
            "spiral",
            "whiskers at the last epoch",
        ],
    );
}

#[test]
fn what_is_wrong_with_the_study_is_said_with_file_and_field() {
    let check = |change: fn(&mut Value), expected: &[&str]| {
        let run = Run::of(&Synthetic::default());
        run.edit(change);
        let error = run.failure();
        holds(&error, &["error: failed to read the study", "study.json`"]);
        for part in expected {
            assert!(error.contains(part), "no `{part}` in {error}");
        }
    };
    check(|study| study["colour"] = json!("red"), &["unknown field `colour`, expected one of `pipeline`"]);
    check(
        |study| drop(study["arms"][1].as_object_mut().unwrap().remove("rates")),
        &["`arms[1]`: missing field `rates`"],
    );
    check(
        |study| study["cells"][2]["rate"] = json!("half"),
        &["`cells[2].rate`: invalid type: string \"half\", expected f64"],
    );
    check(
        |study| study["cells"][0]["status"] = json!("ok"),
        &["`cells[0].status`: unknown variant `ok`, expected one of `done`"],
    );
    check(|study| study["cells"][5]["arm"] = json!("x"), &["`cells[5].arm`: found `x`, expected the name of an arm"]);
    check(|study| study["cells"][5]["seed"] = json!(9), &["`cells[5].seed`: found 9, expected a seed of the study"]);
    check(|study| study["cells"][1] = study["cells"][0].clone(), &["`cells[1]`: found a second one"]);
    check(
        |study| study["cells"][4]["predictions"] = Value::Null,
        &["`cells[4].predictions`: found null, expected a path"],
    );
    check(|study| study["seeds"] = json!([]), &["`seeds`: found none, expected at least one seed"]);
    check(
        |study| study["arms"][0]["rates"] = json!([-1.0]),
        &["`arms[0].rates`: found -1, expected rates of at least 0"],
    );
}

#[test]
fn a_study_that_is_missing_or_no_json_is_said_to_be() {
    let run = Run::of(&Synthetic::default());
    fs::write(&run.study, "{ \"pipeline\": ").unwrap();
    holds(&run.failure(), &["study.json`, line 1", "EOF while parsing"]);
    fs::remove_file(&run.study).unwrap();
    holds(&run.failure(), &["cannot read study `", "No such file"]);
}

#[test]
fn what_is_wrong_with_a_manifest_is_said_with_the_field_that_names_it() {
    let check = |change: fn(&Run), expected: &[&str]| {
        let run = Run::of(&Synthetic::default());
        change(&run);
        let error = run.failure();
        for part in expected {
            assert!(error.contains(part), "no `{part}` in {error}");
        }
    };
    let gone = |run: &Run| fs::remove_file(run.path("pairs.parquet")).unwrap();
    check(gone, &["failed to read the study's results: study's `pairs`: cannot read manifest", "No such file"]);
    let other = |run: &Run| run.edit(|study| study["cells"][3]["predictions"] = study["images"].clone());
    check(other, &["study's `cells[3].predictions`", "holds `images/3`, expected `predictions/2`"]);
    let cut = |run: &Run| {
        let path = run.path("clusters.parquet");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    };
    check(cut, &["study's `clusters`", "is not a whole Parquet file"]);
    let empty = |run: &Run| {
        let path = run.path("standard-uniform-0-0/predictions.parquet");
        write_manifest::<Prediction>(&path, [], &Provenance::of_stage("evaluate", "0.1.0")).unwrap();
    };
    check(empty, &["study's `cells[0].predictions`", "has no rows, expected at least one"]);
    let truth = |run: &Run| fs::write(run.path("truth.csv"), "left_id,right_id,kind,transform\n1,x,near,a\n").unwrap();
    check(truth, &["truth.csv`, line 2: found `x`, expected an image id"]);
}

#[test]
fn the_config_is_strict() {
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let (_, error) = expect_exit(twinset_report().args(arguments), code);
        assert!(error.contains(expected), "no `{expected}` in {error}");
    };
    check(&["--check"], 0, "");
    check(&["--check", "--set", "confidence=0.9"], 0, "");
    check(&["--check", "--set", "confidence=95"], 1, "confidence");
    check(&["--check", "--set", "pairs=3"], 1, "unknown field `pairs`");
    check(&["--check", "--set", "gallery-pairs=-1"], 1, "gallery-pairs");
    check(&["--out", "x"], 2, "--study");

    // What claims speak of, all at once.
    let claim = r#"claim=[{name="a",text="b",left={arm="a",rate=0.3},right={arm="x",rate=0.0},direction="lower",smallest-effect=0.1}]"#;
    let published = r#"published=[{source="s",arm="b",values=[{rate=2.0,accuracy=0.5}]}]"#;
    let check = |arms: &str, code: i32, expected: &str| {
        let arguments = ["--check", "--set", claim, "--set", published, "--arms", arms];
        let (_, error) = expect_exit(twinset_report().args(arguments), code);
        assert!(error.contains(expected), "no `{expected}` in {error}");
    };
    check(r#"{"a": [0.0, 0.30000000000000004], "b": [2.0], "x": [0.0]}"#, 0, "");
    check(
        r#"{"a": [0.0, 0.5], "b": [1.0]}"#,
        1,
        "error: `report.claim[0].left` is of `a` at rate 0.3, expected one of 0, 0.5; `report.claim[0].right` names the arm `x`, \
         expected one of `a`, `b`; `report.published[0].values[0]` is of `b` at rate 2, expected one of 1\n",
    );
}
