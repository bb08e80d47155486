//! The Gaussian toy: made-up classifiers, on the page and in its files.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use twinset_manifest::rows::{FigurePoint, Gaussian, GaussianBoundary, GaussianCost, GaussianPoint, GaussianSelection};
use twinset_manifest::{Provenance, read_manifest, write_manifest};

mod synthetic;

use synthetic::Synthetic;

const LEVELS: [(GaussianSelection, [u64; 3]); 2] =
    [(GaussianSelection::Uniform, [0, 100, 200]), (GaussianSelection::NonUniform, [0, 200, 400])];

/// Accuracy falls by ten points on what was trained on and by five on held-out points, from none to most duplicates; a seed
/// moves all by a point.
fn classifier(selection: GaussianSelection, n_duplicates: u64, seed: u64) -> Gaussian {
    let share = n_duplicates as f64 / if selection == GaussianSelection::Uniform { 200.0 } else { 400.0 };
    let (trained_on, held_out) = (0.76 - 0.1 * share + 0.01 * seed as f64, 0.71 - 0.05 * share + 0.01 * seed as f64);
    Gaussian {
        selection,
        cost: GaussianCost::Same,
        n_duplicates,
        n_duplicates_positive: n_duplicates / 2,
        seed,
        n_points: 100,
        accuracy_trained_on: trained_on,
        accuracy_trained_on_negative: trained_on - 0.2 * share,
        accuracy_trained_on_positive: trained_on + 0.2 * share,
        accuracy_originals: trained_on - 0.01,
        accuracy_originals_negative: trained_on - 0.01,
        accuracy_originals_positive: trained_on - 0.01,
        accuracy_held_out: held_out,
        accuracy_held_out_negative: held_out,
        accuracy_held_out_positive: held_out,
        n_held_out: 12_345,
        bayes_accuracy: 0.7181,
        n_support_vectors: 130,
    }
}

/// The same at another cost, where duplicates change nothing, or raise the accuracy on held-out points by a point.
fn control(cost: GaussianCost, selection: GaussianSelection, n_duplicates: u64, seed: u64) -> Gaussian {
    let classifier = classifier(selection, n_duplicates, seed);
    let rise = if cost == GaussianCost::PerClass && n_duplicates > 0 { 0.01 } else { 0.0 };
    Gaussian { cost, accuracy_held_out: 0.71 + 0.01 * seed as f64 + rise, ..classifier }
}

/// A line that falls, in two pieces, further left the more duplicates there are.
fn boundary(selection: GaussianSelection, n_duplicates: u64) -> Vec<GaussianBoundary> {
    let vertex = |i: u32| GaussianBoundary {
        selection,
        n_duplicates,
        seed: 0,
        piece: i / 5,
        vertex: i % 5,
        x: f64::from(i) / 5.0 - n_duplicates as f64 / 1000.0,
        y: 1.0 - f64::from(i) / 5.0,
    };
    (0..10).map(vertex).collect()
}

fn point(point: u64) -> GaussianPoint {
    let place = (point as f64 * 0.7).sin();
    GaussianPoint { seed: 0, point, is_positive: point >= 20, x: place + (point / 20) as f64, y: (point as f64).cos() }
}

struct Run {
    folder: TempDir,
    study: PathBuf,
}

impl Run {
    /// A study with a Gaussian toy of three seeds.
    fn new() -> Self {
        let run = Self::without();
        let provenance = Provenance::of_stage("gaussian", "0.1.0");
        let levels = || LEVELS.iter().flat_map(|(selection, levels)| levels.iter().map(|level| (*selection, *level)));
        let of_seed = |seed| {
            levels().flat_map(move |(selection, level)| {
                let control = |cost| control(cost, selection, level, seed);
                [classifier(selection, level, seed), control(GaussianCost::PerRate), control(GaussianCost::PerClass)]
            })
        };
        let rows = (0..3).flat_map(of_seed);
        let path = |name: &str| run.folder.path().join(name);
        write_manifest(&path("gaussian.parquet"), rows, &provenance).unwrap();
        let boundaries = levels().flat_map(|(selection, level)| boundary(selection, level));
        write_manifest(&path("boundaries.parquet"), boundaries, &provenance).unwrap();
        write_manifest(&path("points.parquet"), (0..40).map(point), &provenance).unwrap();
        run.edit(|study| {
            study["gaussian"] = json!(path("gaussian.parquet"));
            study["gaussian_boundaries"] = json!(path("boundaries.parquet"));
            study["gaussian_points"] = json!(path("points.parquet"));
        });
        run
    }

    fn without() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let study = Synthetic::default().write(folder.path());
        Self { folder, study }
    }

    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_str(&fs::read_to_string(&self.study).unwrap()).unwrap();
        change(&mut value);
        fs::write(&self.study, value.to_string()).unwrap();
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn call(&self, config: &str) -> Output {
        let file = self.folder.path().join("report.toml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-report"));
        command.arg("--study").arg(&self.study).arg("--out").arg(self.out("")).arg("--config").arg(file);
        command.output().unwrap()
    }

    /// The page.
    #[track_caller]
    fn report(&self, config: &str) -> String {
        let output = self.call(config);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(self.out("index.html")).unwrap()
    }

    /// What stderr says.
    #[track_caller]
    fn failure(&self, config: &str) -> String {
        let output = self.call(config);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(!self.out("index.html").exists());
        String::from_utf8(output.stderr).unwrap()
    }
}

const PUBLISHED: &str = r#"[[gaussian-published]]
source = "figure 3 of a paper"
selection = "non-uniform"
values = [
    { n-duplicates = 0, accuracy = 0.77, negative = 0.85, positive = 0.69 },
    { n-duplicates = 400, accuracy = 0.55 },
]
span = { lowest = 0.55, highest = 0.77 }
"#;

#[track_caller]
fn section(page: &str) -> &str {
    page.split("<section id=\"gaussian\"").nth(1).expect("no section").split("</section>").next().unwrap()
}

#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn the_published_measure_stands_beside_what_is_held_out() {
    let page = Run::new().report(PUBLISHED);
    holds(
        section(&page),
        &[
            "12,345 points of each class that they never saw, over 3 seeds",
            "right on more than 71.8 %",
            "From no duplicates to 400 the published measure, on what was trained on, changes by \u{2212}10.0 points \
             [seeds all equal]; on held-out points the same classifiers change by \u{2212}5.0",
            "With C divided by 1 + rate, so that all points together cost what the originals do, the change on held-out points is \
             0.0 points [seeds all equal]; divided class by class it is +1.0 points [seeds all equal]",
            "minus accuracy on held-out points: +5.0 points [seeds all equal] without duplicates, 0.0 points [seeds all equal] with 400.",
        ],
    );
    holds(
        section(&page),
        &[
            "Published, of one drawing: \u{2212}22.0 points, which is not where one more drawing of ours would lie",
            "between 55.0 and 77.0 %, 22.0 points apart; those of one drawing of ours 10.0 points on average",
            "figure 3 of a paper, one drawing",
            "<b>no</b>",
            "Non-uniform duplicates, more of class +1: boundaries of seed 0",
            "400 duplicates",
        ],
    );
    assert!(!page.contains("NaN") && !page.contains("inf "));
}

#[test]
fn every_level_is_a_figure_with_points_and_boundaries_and_the_page_shows_three() {
    let run = Run::new();
    let page = run.report("");
    let (points, _) = read_manifest::<FigurePoint>(&run.out("figures.parquet")).unwrap();
    let of = |figure: &str, panel: u32, series: &str| {
        let is_it = |point: &&FigurePoint| (point.figure.as_str(), point.panel) == (figure, panel);
        points.iter().filter(is_it).filter(|point| point.series == series).count()
    };
    let figure = "gaussian-boundaries-non-uniform";
    assert_eq!((of(figure, 1, "class \u{2212}1"), of(figure, 3, "class +1")), (20, 20));
    assert_eq!(
        (of(figure, 3, "boundary without duplicates, piece 2"), of(figure, 1, "boundary with duplicates")),
        (5, 0)
    );
    assert_eq!((of(figure, 3, "boundary with duplicates, piece 1"), of("gaussian", 2, "held out")), (5, 3));
    assert_eq!((of("gaussian", 1, "best possible"), of("gaussian", 1, "published")), (3, 0));
    for name in
        ["gaussian-1.svg", "gaussian-2.svg", "gaussian.csv", &format!("{figure}-3.svg"), &format!("{figure}.csv")]
    {
        let text = fs::read_to_string(run.out("figures").join(name)).unwrap();
        assert!(!text.contains("#0A00"), "a stand-in colour is left in {name}");
        assert!(section(&page).contains(&format!("href=\"figures/{name}\"")), "{name}");
    }
    // Two charts of curves, and of each selection no, some and most duplicates.
    assert_eq!(section(&page).matches("<svg class=\"chart\"").count(), 8);
}

#[test]
fn a_study_without_a_toy_has_no_section() {
    let page = Run::without().report("");
    assert!(!page.contains("id=\"gaussian\"") && !page.contains("Gaussian toy"));
}

#[test]
fn what_the_study_lacks_and_what_no_accuracy_is_is_refused() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(PUBLISHED.contains(from), "{from}");
        holds(&Run::new().failure(&PUBLISHED.replacen(from, to, 1)), expected);
    };
    let known = ["report.gaussian-published[0].values[1].n-duplicates", "found 40,", "one of 0, 200, 400"];
    check("n-duplicates = 400", "n-duplicates = 40", &known);
    check("0.55 }", "55 }", &["gaussian-published[0].values[1].accuracy", "found 55", "from 0 to 1"]);
    check("negative = 0.85", "negative = -1.0", &["gaussian-published[0].values[0].negative", "found -1"]);
    check(
        "n-duplicates = 400",
        "n-duplicates = 0",
        &["gaussian-published[0].values[1].n-duplicates", "each number once"],
    );
    check("lowest = 0.55", "lowest = 0.8", &["gaussian-published[0].span.lowest", "at most `span.highest`"]);
    check("\"non-uniform\"", "\"zipf\"", &["unknown variant `zipf`", "`uniform`"]);
    check("figure 3 of a paper", "", &["gaussian-published[0].source", "found nothing"]);
    let twice = format!("{PUBLISHED}{PUBLISHED}");
    holds(&Run::new().failure(&twice), &["gaussian-published[1].selection", "each selection once"]);
    holds(
        &Run::without().failure(PUBLISHED),
        &["found a study without a Gaussian toy, expected a pipeline with the table"],
    );
}

#[test]
fn a_manifest_that_is_empty_or_another_one_is_named() {
    let run = Run::new();
    let empty = run.folder.path().join("empty.parquet");
    write_manifest::<Gaussian>(&empty, [], &Provenance::of_stage("gaussian", "0.1.0")).unwrap();
    run.edit(|study| study["gaussian"] = json!(empty));
    holds(&run.failure(""), &["study's `gaussian`: manifest", "has no rows"]);
    let run = Run::new();
    run.edit(|study| study["gaussian_points"] = study["gaussian"].clone());
    holds(&run.failure(""), &["study's `gaussian_points`", "holds `gaussian/2`, expected `gaussian-points/1`"]);
}
