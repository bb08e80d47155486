//! The binary as a user calls it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use twinset_manifest::rows::{Gaussian, GaussianBoundary, GaussianPoint, GaussianSelection};
use twinset_manifest::{Reader, read_manifest};

const SMALL: &str = "n-seeds = 2\nuniform-levels = [0, 20]\nnon-uniform-levels = [0, 40, 80]\nn-held-out = 300\n";

struct Run(TempDir);

impl Run {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs with this config; `out` is a folder's name.
    fn call(&self, config: &str, out: &str, arguments: &[&str]) -> Output {
        fs::write(self.path("gaussian.toml"), config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-gaussian"));
        command.args(["--config", "gaussian.toml", "--out", out]).args(arguments).current_dir(self.0.path());
        command.env_remove("TWINSET_PROGRESS").output().unwrap()
    }

    #[track_caller]
    fn done(&self, config: &str, out: &str, arguments: &[&str]) -> String {
        let output = self.call(config, out, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn every_selection_level_and_seed_has_a_row_and_the_first_seed_its_boundaries() {
    let run = Run::new();
    let stdout = run.done(SMALL, "out", &["--quiet"]);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[0], "2 seeds; the best possible balanced accuracy is 0.718");
    assert!(lines[1].starts_with("uniform, 0 duplicates: balanced accuracy 0."), "{stdout}");
    assert!(lines[4].starts_with("non-uniform, 80 duplicates: balanced accuracy 0."), "{stdout}");
    assert!(lines[4].contains(" held out (0.") && lines[4].ends_with(" with C per class)"), "{stdout}");
    assert_eq!(lines[5], "wrote gaussian.parquet, boundaries.parquet and points.parquet to out");
    let (rows, _) = read_manifest::<Gaussian>(&run.path("out/gaussian.parquet")).unwrap();
    let found: Vec<_> =
        rows.iter().map(|row| (row.seed, row.selection.as_str(), row.cost.as_str(), row.n_duplicates)).collect();
    let levels: [(&str, &[u64]); 2] = [("uniform", &[0, 20]), ("non-uniform", &[0, 40, 80])];
    let mut expected = Vec::new();
    for seed in [0, 1] {
        for (selection, levels) in levels {
            for cost in ["same", "per-rate", "per-class"] {
                expected.extend(levels.iter().map(|level| (seed, selection, cost, *level)));
            }
        }
    }
    assert_eq!(found, expected);
    for row in &rows {
        let balanced = f64::midpoint(row.accuracy_held_out_negative, row.accuracy_held_out_positive);
        assert_eq!((row.accuracy_held_out, row.n_held_out, row.n_points), (balanced, 300, 100));
        assert!((0.5..=0.95).contains(&row.accuracy_trained_on), "{row:?}");
    }
    let (points, _) = read_manifest::<GaussianPoint>(&run.path("out/points.parquet")).unwrap();
    assert!(points.len() == 200 && points.iter().all(|point| point.seed == 0));
    let (boundaries, _) = read_manifest::<GaussianBoundary>(&run.path("out/boundaries.parquet")).unwrap();
    for (selection, level) in [(GaussianSelection::Uniform, 20), (GaussianSelection::NonUniform, 80)] {
        let vertices = boundaries.iter().filter(|row| row.selection == selection && row.n_duplicates == level);
        assert!(vertices.count() > 20, "{selection}");
    }
    let reader = Reader::<Gaussian>::open(&run.path("out/gaussian.parquet")).unwrap();
    let provenance = reader.provenance();
    assert_eq!((provenance.stage.as_str(), provenance.seed), ("gaussian", Some(0)));
    assert_eq!(provenance.config["means"]["positive"], serde_json::json!([1.0, 1.0]));
}

#[test]
fn the_same_config_gives_the_same_bytes_and_another_seed_others() {
    let run = Run::new();
    run.done(SMALL, "one", &["--quiet"]);
    run.done(SMALL, "two", &["--quiet"]);
    assert_eq!(files(&run.path("one")), files(&run.path("two")));
    run.done(SMALL, "three", &["--quiet", "--set", "seed=5"]);
    assert_ne!(files(&run.path("one"))["gaussian.parquet"], files(&run.path("three"))["gaussian.parquet"]);
}

#[test]
fn a_bad_config_is_told_by_file_line_and_key_and_nothing_is_written() {
    let levels = "expected numbers that begin with 0 and ascend, such as [0, 20, 40]";
    let matrix = "expected a symmetric and positive definite matrix, such as [[1.0, 0.5], [0.5, 1.0]]";
    for (config, expected) in [
        ("n-seeds = 0", "1: key `n-seeds`: found 0, expected a number from 1 to 100000".to_owned()),
        ("n-points = 0", "1: key `n-points`: found 0, expected a number from 1 to 10000".to_owned()),
        ("n-held-out = 0", "1: key `n-held-out`: found 0, expected a number from 1 to 10000000".to_owned()),
        ("\ncovariance = [[1, 2], [2, 1]]", format!("2: key `covariance`: found [[1.0, 2.0], [2.0, 1.0]], {matrix}")),
        ("covariance = [[1, 0.5], [0, 1]]", format!("1: key `covariance`: found [[1.0, 0.5], [0.0, 1.0]], {matrix}")),
        ("covariance = [[-1, 0], [0, -1]]", format!("1: key `covariance`: found [[-1.0, 0.0], [0.0, -1.0]], {matrix}")),
        ("uniform-levels = [0, 40, 20]", format!("1: key `uniform-levels`: found [0, 40, 20], {levels}")),
        ("uniform-levels = [0, 20, 20]", format!("1: key `uniform-levels`: found [0, 20, 20], {levels}")),
        ("non-uniform-levels = [40]", format!("1: key `non-uniform-levels`: found [40], {levels}")),
        ("non-uniform-levels = []", format!("1: key `non-uniform-levels`: found [], {levels}")),
        (
            "uniform-levels = [0, 99999]",
            "1: key `uniform-levels`: found [0, 99999], expected at most 10000 duplicates".to_owned(),
        ),
        ("c = 0.0", "1: key `c`: found 0, expected a finite number above 0".to_owned()),
        ("gamma = -0.5", "1: key `gamma`: found -0.5, expected a finite number above 0".to_owned()),
        ("positive-weight = inf", "1: key `positive-weight`: found inf, expected a finite number above 0".to_owned()),
        (
            "means = { negative = [0, nan], positive = [1, 1] }",
            "1: key `means.negative`: found [0.0, NaN], expected two finite numbers, such as [1.0, 1.0]".to_owned(),
        ),
        ("means = { negative = [0, 0] }", "1: key `means`: missing field `positive`".to_owned()),
        ("n-seed = 3", "1: key `n-seed`: unknown field `n-seed`, expected one of `n-points`".to_owned()),
    ] {
        let run = Run::new();
        for arguments in [&["--check"][..], &[]] {
            let output = run.call(config, "out", arguments);
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{config}: {stderr}");
            assert!(stderr.starts_with(&format!("error: gaussian.toml:{expected}")), "{config}: {stderr}");
            assert!(!run.path("out").exists());
        }
    }
}

#[test]
fn check_runs_nothing_and_usage_errors_exit_with_2() {
    let run = Run::new();
    assert_eq!(run.done(SMALL, "out", &["--check"]), "");
    assert!(!run.path("out").exists());
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-gaussian"));
    let output = command.args(["--set", "n-seeds=1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--out <DIR>"));
}
