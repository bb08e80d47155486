//! What a pipeline declares: claims, published values; and the files beside the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use twinset_manifest::read_manifest;
use twinset_manifest::rows::{Cell, ClaimRow, Crossed, Efficiency, FigurePoint, Verdict};

mod synthetic;

use synthetic::Synthetic;

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

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn command(&self, config: &str) -> Command {
        let file = self.folder.path().join("report.toml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-report"));
        command.arg("--config").arg(file);
        command
    }

    fn call(&self, config: &str) -> Output {
        self.command(config).arg("--study").arg(&self.study).arg("--out").arg(self.out()).output().unwrap()
    }

    /// What it says to `--check` and these arguments; nothing is written.
    #[track_caller]
    fn needs(&self, config: &str, arguments: &[&str]) -> Value {
        let output = self.command(config).arg("--check").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!self.out().exists());
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(stdout.lines().count(), 1, "{stdout}");
        serde_json::from_str(&stdout).unwrap()
    }

    /// The page.
    #[track_caller]
    fn report(&self, config: &str) -> String {
        let output = self.call(config);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(self.out().join("index.html")).unwrap()
    }

    #[track_caller]
    fn claims(&self, config: &str) -> (String, Vec<ClaimRow>) {
        let page = self.report(config);
        (page, read_manifest(&self.out().join("claims.parquet")).unwrap().0)
    }

    /// What stderr says; nothing is left half-written.
    #[track_caller]
    fn failure(&self, config: &str) -> String {
        let output = self.call(config);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(!self.out().join("index.html").exists());
        String::from_utf8(output.stderr).unwrap()
    }
}

const CLAIM: &str = r#"[[claim]]
name = "C2"
text = "Duplicates lower accuracy."
left = { arm = "standard-uniform", rate = 0.5 }
right = { arm = "standard-uniform", rate = 0.0 }
direction = "lower"
smallest-effect = 0.02
"#;

#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_claim_that_names_what_the_study_lacks_is_refused_and_what_it_has_is_said() {
    let run = Run::of(&Synthetic::default());
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(CLAIM.contains(from), "{from}");
        holds(&run.failure(&CLAIM.replacen(from, to, 1)), expected);
    };
    check(
        "arm = \"standard-uniform\", rate = 0.5",
        "arm = \"standard-unifrom\", rate = 0.5",
        &["report.claim[0].left.arm", "`standard-unifrom`", "`standard-uniform`, `robust-non-uniform`"],
    );
    check("rate = 0.5", "rate = 0.7", &["report.claim[0].left.rate", "0.7", "one of 0, 0.5"]);
    check(
        "direction",
        "attack = \"pgd-7\"\ndirection",
        &["report.claim[0].attack", "`pgd-7` on test", "`pgd-20` on test"],
    );
    check("direction", "metric = \"speed\"\ndirection", &["unknown variant `speed`", "mean-accuracy-over-samples"]);
    check(
        "direction",
        "metric = \"mean-accuracy-over-samples\"\nattack = \"pgd-20\"\ndirection",
        &["claim[0].attack", "`pgd-20`", "expected `clean`"],
    );
    check(
        "direction",
        "metric = { samples-to-accuracy = 60 }\ndirection",
        &["claim[0].metric.samples-to-accuracy", "60", "between 0 and 1"],
    );
}

#[test]
fn a_contrast_with_itself_or_twice_in_a_family_is_refused_with_its_line() {
    let run = Run::of(&Synthetic::default());
    let twice = format!("{CLAIM}{}", CLAIM.replacen("\"C2\"", "\"C3\"", 1));
    let said = run.failure(&twice);
    holds(&said, &["report.toml:11:", "claim[1].left", "the two conditions that `C2` compares", "family `study`"]);
    holds(&said, &["each contrast once in a family: remove one of the two claims, or set `family` of one"]);
    let apart = twice.replacen("name = \"C3\"", "name = \"C3\"\nfamily = \"other\"", 1);
    let (_, claims) = run.claims(&apart);
    assert_eq!(
        claims.iter().map(|row| (row.family.as_str(), row.n_in_family)).collect::<Vec<_>>(),
        [("study", 1), ("other", 1)]
    );
    fs::remove_dir_all(run.out()).unwrap();
    let itself = run.failure(&CLAIM.replacen("rate = 0.0", "rate = 0.5", 1));
    holds(
        &itself,
        &["claim[0].right", "`standard-uniform` at rate 0.5, which is `left` too", "another arm or another rate"],
    );
    let strange = run.failure(&format!("[families]\nC9 = \"Nothing.\"\n{CLAIM}"));
    holds(&strange, &["families", "C9", "one of the claims' families: study"]);
    let far = run.failure(&CLAIM.replacen("direction", "published-difference = -5\ndirection", 1));
    holds(&far, &["claim[0].published-difference", "-5", "such as -0.05 for five points less"]);
}

#[test]
fn a_family_makes_each_of_its_claims_stricter_and_a_later_claim_does_not() {
    let run = Run::of(&Synthetic::default());
    let claim = |name: &str, left: &str, right: &str| {
        CLAIM
            .replacen("\"C2\"", &format!("\"{name}\""), 1)
            .replacen("left = { arm = \"standard-uniform\", rate = 0.5", &format!("left = {{ {left}"), 1)
            .replacen("right = { arm = \"standard-uniform\", rate = 0.0", &format!("right = {{ {right}"), 1)
    };
    let (first, second) = (
        ("arm = \"standard-uniform\", rate = 0.5", "arm = \"standard-uniform\", rate = 0.0"),
        ("arm = \"robust-non-uniform\", rate = 0.5", "arm = \"robust-non-uniform\", rate = 0.0"),
    );
    let later = ("arm = \"standard-uniform\", rate = 0.5", "arm = \"robust-non-uniform\", rate = 0.5");
    let alone = run.claims(&claim("C2: a", first.0, first.1)).1;
    let all = [claim("C2: a", first.0, first.1), claim("C2: b", second.0, second.1), claim("C2: c", later.0, later.1)]
        .concat();
    let mut study: Value = serde_json::from_slice(&fs::read(&run.study).unwrap()).unwrap();
    study["registration"] = serde_json::json!({
        "digest": "aaaa", "digest_now": "bbbb", "exploratory": ["C2: c"], "added_seeds": [2],
    });
    fs::write(&run.study, study.to_string()).unwrap();
    let (page, rows) = run.claims(&all);
    let shares: Vec<_> =
        rows.iter().map(|row| (row.n_in_family, row.is_exploratory, row.interval_confidence)).collect();
    assert_eq!(shares, [(2, false, 0.975), (2, false, 0.975), (3, true, 1.0 - 0.05 / 3.0)]);
    let width = |row: &ClaimRow| row.interval_high.unwrap() - row.interval_low.unwrap();
    assert!(width(&rows[0]) > width(&alone[0]), "two claims share a level");
    assert_eq!((rows[0].difference, rows[0].p_value), (alone[0].difference, alone[0].p_value));
    // Holm over the two that were declared before, and over all three for the later one.
    let p: Vec<f64> = rows.iter().map(|row| row.p_value.unwrap()).collect();
    let of_two = (2.0 * p[0].min(p[1])).min(1.0);
    let smaller = usize::from(p[1] < p[0]);
    assert!((rows[smaller].p_adjusted.unwrap() - of_two).abs() < 1e-12);
    assert!(rows[2].p_adjusted.unwrap() >= p[2]);
    holds(
        &page,
        &["(exploratory)", "aaaa", "now it has bbbb", "exploratory: C2: c", "Seeds that were added afterwards: 2"],
    );
}

/// By hand: the least-squares slope of each seed's accuracies over the rates, and the mean over seeds.
#[test]
fn a_line_is_fitted_to_three_rates_or_more() {
    let mut synthetic = Synthetic::default();
    synthetic.arms[0].rates = vec![0.0, 0.5, 1.0, 2.0];
    let run = Run::of(&synthetic);
    let (page, rows) = run.claims(CLAIM);
    let (cells, _) = read_manifest::<Cell>(&run.out().join("cells.parquet")).unwrap();
    let accuracy = |rate: f64, seed: u64| {
        let is_it = |cell: &&Cell| {
            cell.arm == "standard-uniform"
                && (cell.rate, cell.seed) == (rate, Some(seed))
                && (cell.metric.as_str(), cell.attack.as_str(), cell.label) == ("accuracy", "clean", None)
        };
        cells.iter().find(is_it).unwrap().estimate
    };
    let slope = |seed: u64| {
        // Rates less their mean, 0.875; the sum of their squares is 2.1875.
        [(0.0, -0.875), (0.5, -0.375), (1.0, 0.125), (2.0, 1.125)]
            .map(|(rate, x)| x * accuracy(rate, seed))
            .iter()
            .sum::<f64>()
            / 2.1875
    };
    let expected = (0..3).map(slope).sum::<f64>() / 3.0;
    let row = &rows[0];
    assert!((row.slope.unwrap() - expected).abs() < 1e-12, "{:?}, expected {expected}", row.slope);
    assert!(row.slope_low < row.slope && row.slope < row.slope_high);
    assert_eq!(row.slope_n_rates, Some(4));
    holds(&page, &["Over all 4 rates of standard-uniform: ", " for each duplicate an image."]);
    let (_, rows) = Run::of(&Synthetic::default()).claims(CLAIM);
    assert_eq!((rows[0].slope, rows[0].slope_n_rates), (None, None), "two rates are no line");
}

/// That a change does more to one kind of network than to another.
#[test]
fn a_claim_may_compare_two_contrasts() {
    let run = Run::of(&Synthetic::default());
    let than = r#"than = { left = { arm = "robust-non-uniform", rate = 0.5 }, right = { arm = "robust-non-uniform", rate = 0.0 } }
direction"#;
    let config = CLAIM.replacen("direction", than, 1);
    let (page, rows) = run.claims(&config);
    let (cells, _) = read_manifest::<Cell>(&run.out().join("cells.parquet")).unwrap();
    let accuracy = |arm: &str, rate: f64, seed: u64| {
        let is_it = |cell: &&Cell| {
            (cell.arm.as_str(), cell.rate, cell.seed) == (arm, rate, Some(seed))
                && (cell.metric.as_str(), cell.attack.as_str(), cell.label) == ("accuracy", "clean", None)
        };
        cells.iter().find(is_it).unwrap().estimate
    };
    let effect = |arm: &str, seed: u64| accuracy(arm, 0.5, seed) - accuracy(arm, 0.0, seed);
    let differences = [0, 1, 2].map(|seed| effect("standard-uniform", seed) - effect("robust-non-uniform", seed));
    let mean = differences.iter().sum::<f64>() / 3.0;
    let variance = differences.iter().map(|difference| (difference - mean).powi(2)).sum::<f64>() / 2.0;
    let row = &rows[0];
    assert!((row.difference.unwrap() - mean).abs() < 1e-12, "{:?}, expected {mean}", row.difference);
    assert!((row.standard_error_seeds.unwrap() - (variance / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(
        (row.than_left_arm.as_deref(), row.than_left_rate, row.than_right_rate),
        (Some("robust-non-uniform"), Some(0.5), Some(0.0))
    );
    assert_eq!((row.n_seeds, row.n_mcnemar), (3, None));
    holds(&page, &["standard-uniform at rate 0.5 minus standard-uniform at rate 0"]);
    holds(&page, &["robust-non-uniform at rate 0.5 minus robust-non-uniform at rate 0"]);
    fs::remove_dir_all(run.out()).unwrap();
    let unknown = run.failure(&config.replacen(
        "left = { arm = \"robust-non-uniform\", rate = 0.5 }",
        "left = { arm = \"robust\", rate = 0.5 }",
        1,
    ));
    holds(&unknown, &["report.claim[0].than.left.arm", "`robust`"]);
    let itself = config.replacen(
        "right = { arm = \"robust-non-uniform\", rate = 0.0 }",
        "right = { arm = \"robust-non-uniform\", rate = 0.5 }",
        1,
    );
    holds(&run.failure(&itself), &["claim[0].than.right", "which is `left` too"]);
    let same = config.replace("robust-non-uniform", "standard-uniform");
    holds(&run.failure(&same), &["claim[0].than", "`left` and `right` again", "another contrast"]);
    let needs = run.needs(&config, &["--power", "0.8"]);
    assert_eq!(needs["claims"][0]["conditions"].as_array().unwrap().len(), 4);
}

#[test]
fn one_seed_is_shown_and_said_to_tell_nothing_of_chance() {
    let run = Run::of(&Synthetic { seeds: vec![7], ..Synthetic::default() });
    let (page, claims) = run.claims(CLAIM);
    holds(&page, &["One seed alone, which differs by ", "nothing is known of chance.", "Undecided"]);
    assert_eq!((claims[0].n_seeds, claims[0].verdict, claims[0].interval_low), (1, Verdict::Undecided, None));
    assert!(claims[0].difference.is_some());
}

#[test]
fn seeds_that_one_condition_lacks_are_left_out_and_counted() {
    let lost = vec![("standard-uniform", 0.5, 1, Some("train"))];
    let run = Run::of(&Synthetic { seeds: vec![0, 1, 2, 3], lost, ..Synthetic::default() });
    let (page, claims) = run.claims(CLAIM);
    assert_eq!(claims[0].n_seeds, 3);
    holds(&page, &["3 seeds and 80 images; the interval is over new seeds and new images, at 95 %"]);
    holds(&page, &["image by image (McNemar) ", "no effect size: fewer than 5 seeds"]);
    let row = &claims[0];
    let (low, high) = (row.interval_low.unwrap(), row.interval_high.unwrap());
    assert!(low <= row.difference.unwrap() && row.difference.unwrap() <= high);
    assert_eq!((row.interval_over, row.n_images), (Some(Crossed::SeedsAndImages), Some(80)));
    assert_eq!((row.family.as_str(), row.n_in_family, row.effect_size), ("study", 1, None));
    let total = (row.standard_error_seeds.unwrap().powi(2) + row.standard_error_images.unwrap().powi(2)).sqrt();
    assert!((high - low) / 2.0 >= 1.96 * total, "no quantile is smaller than the normal one");
}

#[test]
fn needs_are_those_of_the_verdicts_and_larger_in_a_family_and_at_more_power() {
    let run = Run::of(&Synthetic::default());
    let family = format!("{CLAIM}{}", CLAIM.replace("C2", "C3").replace("standard-uniform", "robust-non-uniform"));
    let (_, rows) = run.claims(&family);
    fs::remove_dir_all(run.out()).unwrap();
    let study = run.study.to_str().unwrap();
    let needs = run.needs(&family, &["--study", study, "--power", "0.8"]);
    let strong = run.needs(&family, &["--study", study, "--power", "0.95"]);
    assert_eq!((needs["power"].as_f64(), needs["claims"].as_array().unwrap().len()), (Some(0.8), 2));
    for (place, row) in rows.iter().enumerate() {
        let (need, strong) = (&needs["claims"][place], &strong["claims"][place]);
        assert_eq!((need["name"].as_str(), need["n_seeds"].as_u64()), (Some(row.name.as_str()), Some(3)));
        assert_eq!(need["conditions"][0]["arm"].as_str(), Some(row.left_arm.as_str()));
        assert_eq!(need["verdict"].as_str(), Some(row.verdict.to_string().as_str()));
        assert_eq!(need["difference"].as_f64(), row.difference);
        let (alone, in_family) = (&need["alone"], &need["in_family"]);
        assert_eq!(in_family["detectable_difference"].as_f64(), row.detectable_difference);
        assert_eq!((alone["level"].as_f64(), in_family["level"].as_f64()), (Some(0.05), Some(0.025)));
        assert!(alone["detectable_difference"].as_f64() < row.detectable_difference);
        assert!(strong["in_family"]["detectable_difference"].as_f64() > row.detectable_difference);
        // With so few images no number of seeds may do; that is more than any number.
        let seeds = |at: &Value| at["seeds_needed"].as_u64().unwrap_or(u64::MAX);
        assert!(seeds(alone) <= seeds(in_family) && seeds(in_family) <= seeds(&strong["in_family"]), "{need}");
        let missing = alone["seeds_needed"].as_u64().map(|needed| needed.saturating_sub(3));
        assert_eq!(alone["seeds_missing"].as_u64(), missing);
        let [low, deviation, high] =
            ["standard_deviation_low", "standard_deviation", "standard_deviation_high"].map(|key| need[key].as_f64());
        assert!(low > Some(0.0) && low < deviation && deviation < high, "{need}");
    }
}

#[test]
fn where_the_variance_is_unknown_no_number_of_seeds_is_made_up() {
    let check = |synthetic: Synthetic, has_study: bool, n_seeds: u64| {
        let run = Run::of(&synthetic);
        let study = run.study.to_str().unwrap();
        let arguments = if has_study { vec!["--power", "0.8", "--study", study] } else { vec!["--power", "0.8"] };
        let need = run.needs(CLAIM, &arguments)["claims"][0].clone();
        assert_eq!(need["n_seeds"].as_u64(), Some(n_seeds));
        assert_eq!(need["unknown"].as_str(), Some("the variance is unknown: 2 seeds are needed first"));
        assert_eq!(need["difference"].is_null(), n_seeds == 0);
        assert!(need["standard_deviation"].is_null() && need["alone"]["seeds_needed"].is_null(), "{need}");
    };
    check(Synthetic { seeds: vec![7], ..Synthetic::default() }, true, 1);
    let lost = (0..3).map(|seed| ("standard-uniform", 0.0, seed, None)).collect();
    check(Synthetic { lost, ..Synthetic::default() }, true, 0);
    check(Synthetic::default(), false, 0);
    let run = Run::of(&Synthetic::default());
    let study = run.study.to_str().unwrap();
    // No training is that good: each takes as many as there are.
    let equal = CLAIM.replacen("direction", "metric = { samples-to-accuracy = 0.9999 }\ndirection", 1);
    let need = run.needs(&equal, &["--study", study, "--power", "0.8"])["claims"][0].clone();
    assert_eq!(need["unknown"].as_str(), Some("all seeds differ by the same, which tells nothing of chance"));
    assert!(need["alone"]["seeds_needed"].is_null(), "{need}");
    assert_eq!(run.needs("", &["--study", study, "--power", "0.8"])["claims"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_power_that_is_no_probability_is_wrong_usage() {
    let run = Run::of(&Synthetic::default());
    for power in ["0", "1", "1.5", "-0.8", "nan", "much"] {
        let output = run.command(CLAIM).arg("--check").arg(format!("--power={power}")).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        holds(&String::from_utf8(output.stderr).unwrap(), &["between 0 and 1, such as 0.8"]);
    }
    let wrong = run
        .command(&CLAIM.replacen("rate = 0.5", "rate = 0.7", 1))
        .args(["--check", "--power", "0.8", "--study"])
        .arg(&run.study)
        .output();
    holds(&String::from_utf8(wrong.unwrap().stderr).unwrap(), &["report.claim[0].left.rate", "0.7", "one of 0, 0.5"]);
}

#[test]
fn efficiency_is_measured_and_can_be_claimed() {
    let run = Run::of(&Synthetic::default());
    let claim = |metric: &str| CLAIM.replacen("direction", &format!("metric = {metric}\ndirection"), 1);
    let (page, claims) = run.claims(&claim("\"mean-accuracy-over-samples\""));
    assert_eq!((claims[0].metric.as_str(), claims[0].n_seeds), ("mean-accuracy-over-samples", 3));
    holds(&page, &["id=\"efficiency\"", "Mean clean accuracy on held-out images over the samples that all saw"]);
    let (rows, _) = read_manifest::<Efficiency>(&run.out().join("efficiency.parquet")).unwrap();
    let of = |arm: &str, rate: f64, seed: u64| {
        rows.iter().find(|row| row.arm == arm && row.rate == rate && row.seed == seed).unwrap().mean_accuracy
    };
    let difference = (0..3).map(|seed| of("standard-uniform", 0.5, seed) - of("standard-uniform", 0.0, seed));
    let difference = difference.sum::<f64>() / 3.0;
    assert!((claims[0].difference.unwrap() - difference).abs() < 1e-12, "the claim is not what the table says");
    for row in &rows {
        assert!(row.n_samples.is_none_or(|n| n <= row.n_samples_trained as f64), "{row:?}");
        assert_eq!(row.n_samples.is_some(), row.n_steps.is_some());
    }
    // No training is that good: each takes as many as there are, and none is said to be faster.
    let (_, claims) = run.claims(&claim("{ samples-to-accuracy = 0.9999 }"));
    assert_eq!((claims[0].difference, claims[0].verdict), (Some(0.0), Verdict::Undecided));
    let without = Run::of(&Synthetic { has_held_out: false, ..Synthetic::default() });
    let (page, claims) = without.claims(&claim("\"mean-accuracy-over-samples\""));
    assert!(!page.contains("id=\"efficiency\"") && claims[0].n_seeds == 0 && claims[0].difference.is_none());
}

const PUBLISHED: &str = r#"[[published]]
source = "a log"
arm = "standard-uniform"
values = [{ rate = 0.5, accuracy = 0.7072 }]
"#;

#[test]
fn published_values_stand_beside_ours_and_a_level_without_one_is_shown() {
    let run = Run::of(&Synthetic::default());
    let page = run.report(PUBLISHED);
    let section = page.split("id=\"published\"").nth(1).unwrap().split("</section>").next().unwrap();
    holds(section, &["70.72", "a log", "1 of 1 published level repeated", "prediction interval"]);
    assert_eq!(section.matches("<tr>").count(), 3, "a head and two rates");
    let one = Run::of(&Synthetic { seeds: vec![0], ..Synthetic::default() });
    holds(&one.report(PUBLISHED), &["With one seed a level nothing says how far chance alone would set them apart."]);
    let check = |from: &str, to: &str, expected: &[&str]| {
        let run = Run::of(&Synthetic::default());
        holds(&run.failure(&PUBLISHED.replacen(from, to, 1)), expected);
    };
    check("rate = 0.5", "rate = 0.6", &["report.published[0].values[0].rate", "0.6", "one of 0, 0.5"]);
    check("standard-uniform", "standard", &["report.published[0].arm", "`standard`"]);
    check("0.7072", "70.72", &["published[0].values[0].accuracy", "70.72", "from 0 to 1"]);
}

#[test]
fn every_figure_is_a_file_and_its_numbers_are_those_of_the_page() {
    let run = Run::of(&Synthetic::default());
    let page = run.report(&format!("{CLAIM}{PUBLISHED}"));
    let figures = names(&run.out().join("figures"));
    let (points, _) = read_manifest::<FigurePoint>(&run.out().join("figures.parquet")).unwrap();
    let mut ids: Vec<&str> = points.iter().map(|point| point.figure.as_str()).collect();
    ids.dedup();
    assert!(ids.contains(&"verdicts") && ids.contains(&"published") && ids.len() >= 5, "{ids:?}");
    for id in ids {
        assert!(
            figures.contains(&format!("{id}.csv")) && figures.contains(&format!("{id}-1.svg")),
            "{id}: {figures:?}"
        );
        let text = fs::read_to_string(run.out().join(format!("figures/{id}.csv"))).unwrap();
        assert_eq!(text.lines().count() - 1, points.iter().filter(|point| point.figure == id).count(), "{id}");
    }
    for linked in page.split("href=\"figures/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(figures.contains(&linked.to_owned()), "a link to `{linked}`, which there is not");
    }
    for name in figures.iter().filter(|name| name.ends_with(".svg")) {
        let text = fs::read_to_string(run.out().join("figures").join(name)).unwrap();
        assert!(text.starts_with("<svg xmlns") && text.contains("--series-1") && text.contains("--ramp-0"), "{name}");
    }
    assert_eq!(names(&run.out().join("tables")), ["accuracy-test.tex", "published.tex", "verdicts.tex"]);
}

#[test]
fn an_attacks_name_is_no_latex() {
    let run = Run::of(&Synthetic { attacks: vec!["clean", "pgd_$20"], ..Synthetic::default() });
    run.report("");
    let table = fs::read_to_string(run.out().join("tables/accuracy-test.tex")).unwrap();
    let header = table.lines().nth(3).unwrap();
    assert!(header.starts_with("arm & rate & seeds & Clean accuracy & ") && header.contains("pgd\\_\\$20"), "{header}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}
