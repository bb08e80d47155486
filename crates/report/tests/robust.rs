//! Robust accuracy, the attacks that it is the worst of, and whether evaluations may be compared and trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;
use twinset_manifest::rows::{Cell, ClaimRow, FigurePoint, Outcome, Prediction, Split, Verdict};
use twinset_manifest::{CheckOutcome, Provenance, Reader, read_manifest, write_manifest};

mod synthetic;

use synthetic::{Synthetic, check};

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

    fn predictions(&self, cell: &str) -> PathBuf {
        self.folder.path().join(cell).join("predictions.parquet")
    }

    /// Changes what the evaluations of an arm found and how they say that they were made.
    fn reevaluate(&self, arm: &str, change: impl Fn(&mut Vec<Prediction>, &mut Provenance)) {
        for rate in ["0", "0.5"] {
            for seed in 0..3 {
                let path = self.predictions(&format!("{arm}-{rate}-{seed}"));
                let reader = Reader::<Prediction>::open(&path).unwrap();
                let mut provenance = reader.provenance().clone();
                let mut rows = reader.read_all().unwrap();
                change(&mut rows, &mut provenance);
                write_manifest(&path, rows, &provenance).unwrap();
            }
        }
    }

    fn call(&self, config: &str) -> Output {
        let file = self.folder.path().join("report.toml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-report"));
        command.arg("--config").arg(file).arg("--study").arg(&self.study).arg("--out").arg(self.out());
        command.output().unwrap()
    }

    /// The page, without the entities of quotes.
    #[track_caller]
    fn report(&self, config: &str) -> String {
        let output = self.call(config);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(self.out().join("index.html")).unwrap().replace("&#34;", "\"")
    }

    fn cells(&self) -> Vec<Cell> {
        read_manifest(&self.out().join("cells.parquet")).unwrap().0
    }

    fn claims(&self) -> Vec<ClaimRow> {
        read_manifest(&self.out().join("claims.parquet")).unwrap().0
    }

    /// The share of a cell's test images that are right in all of these attacks.
    fn right_in_all(&self, cell: &str, attacks: &[&str]) -> f64 {
        let (rows, _) = read_manifest::<Prediction>(&self.predictions(cell)).unwrap();
        let mut is_right: BTreeMap<u64, bool> = BTreeMap::new();
        for row in rows.iter().filter(|row| attacks.contains(&row.attack.as_str())) {
            *is_right.entry(row.image_id).or_insert(true) &= row.is_correct;
        }
        is_right.values().filter(|is_right| **is_right).count() as f64 / is_right.len() as f64
    }
}

#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[track_caller]
fn lacks(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(!text.contains(part), "`{part}`");
    }
}

/// The part of the page with this anchor.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no section {id}"));
    rest.split("</section>").next().unwrap()
}

fn warnings(page: &str) -> &str {
    page.split_once("Before you trust these numbers").map_or("", |(_, rest)| rest.split("</div>").next().unwrap())
}

/// Two attacks; the images that fall to the one do not all fall to the other.
fn two_attacks() -> Synthetic {
    Synthetic { attacks: vec!["clean", "fgsm", "pgd-20"], ..Synthetic::default() }
}

fn claim(left: (&str, f64), right: (&str, f64), attack: &str) -> String {
    format!(
        "[[claim]]\nname = \"C\"\ntext = \"Lower.\"\nleft = {{ arm = \"{}\", rate = {:?} }}\nright = {{ arm = \"{}\", rate = {:?} }}\n\
         attack = \"{attack}\"\ndirection = \"lower\"\nsmallest-effect = 0.02\n",
        left.0, left.1, right.0, right.1
    )
}

const ROBUST: &str = "robust-non-uniform";

#[test]
fn robust_accuracy_is_the_share_that_is_right_clean_and_under_every_attack() {
    let run = Run::of(&two_attacks());
    let page = run.report(&claim((ROBUST, 0.5), (ROBUST, 0.0), "worst-case"));
    let cells = run.cells();
    let value = |rate: f64, seed: Option<u64>, attack: &str| {
        let is_it = |cell: &&Cell| {
            (cell.arm.as_str(), cell.rate, cell.seed, cell.metric.as_str()) == (ROBUST, rate, seed, "accuracy")
                && cell.attack == attack
                && cell.label.is_none()
        };
        cells.iter().find(is_it).unwrap_or_else(|| panic!("no {attack} at {rate}")).estimate
    };
    let mut differences = Vec::new();
    for seed in 0..3 {
        let robust = |rate: &str| run.right_in_all(&format!("{ROBUST}-{rate}-{seed}"), &["clean", "fgsm", "pgd-20"]);
        assert_eq!(value(0.0, Some(seed), "worst-case"), robust("0"));
        assert_eq!(value(0.5, Some(seed), "worst-case"), robust("0.5"));
        let alone = ["clean", "fgsm", "pgd-20"].map(|attack| value(0.5, Some(seed), attack));
        assert!(alone.iter().all(|alone| value(0.5, Some(seed), "worst-case") < *alone), "{alone:?}");
        differences.push(robust("0.5") - robust("0"));
    }
    let mean =
        (value(0.0, Some(0), "worst-case") + value(0.0, Some(1), "worst-case") + value(0.0, Some(2), "worst-case"))
            / 3.0;
    assert!((value(0.0, None, "worst-case") - mean).abs() < 1e-12);
    let of_class = cells.iter().filter(|cell| cell.attack == "worst-case" && cell.label == Some(2)).count();
    assert_eq!(of_class, 2 * 2 * 4, "each arm, rate, seed and the mean");

    let row = &run.claims()[0];
    assert_eq!((row.attack.as_str(), row.n_seeds), ("worst-case", 3));
    assert!((row.difference.unwrap() - differences.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    holds(
        section(&page, "verdicts"),
        &[
            "Robust accuracy (worst of: fgsm, pgd-20) on test images: robust-non-uniform at rate 0.5 said to be lower than",
        ],
    );
}

#[test]
fn single_attacks_are_named_as_such_wherever_they_stand() {
    let run = Run::of(&two_attacks());
    let published = "[[published]]\nsource = \"a log\"\narm = \"robust-non-uniform\"\nattack = \"pgd-20\"\n\
                     values = [{ rate = 0.5, accuracy = 0.3 }]\n";
    let page = run.report(&format!("{}{published}", claim((ROBUST, 0.5), (ROBUST, 0.0), "pgd-20")));
    let under = "Accuracy under pgd-20, ε\u{a0}=\u{a0}8/255";
    for id in ["accuracy", "over-rate", "verdicts", "published", "cells"] {
        holds(section(&page, id), &[under]);
    }
    lacks(&page, &["Robust accuracy:", "obust accuracy: pgd"]);
    let ours = run.right_in_all(&format!("{ROBUST}-0.5-1"), &["pgd-20"]);
    let is_it =
        |cell: &&Cell| (cell.rate, cell.seed, cell.attack.as_str()) == (0.5, Some(1), "pgd-20") && cell.arm == ROBUST;
    assert_eq!(run.cells().iter().find(|cell| is_it(cell) && cell.label.is_none()).unwrap().estimate, ours);
    let table = fs::read_to_string(run.out().join("tables/accuracy-test.tex")).unwrap();
    holds(
        &table,
        &[
            "Clean accuracy & Robust accuracy (worst of: fgsm, pgd-20) & Accuracy under fgsm, $\\varepsilon$~=~8/255 & Accuracy under pgd-20",
        ],
    );
    let (points, _) = read_manifest::<FigurePoint>(&run.out().join("figures.parquet")).unwrap();
    let of_figure = points.iter().filter(|point| point.figure == "over-rate-pgd-test");
    let titles: BTreeSet<&str> = of_figure.map(|point| point.panel_title.as_str()).collect();
    let fgsm = "Accuracy under fgsm, ε\u{a0}=\u{a0}8/255";
    assert_eq!(titles, BTreeSet::from(["Clean accuracy", "Robust accuracy (worst of: fgsm, pgd-20)", fgsm, under]));
}

#[test]
fn a_table_says_what_the_attacks_were_and_how_many_images_each_was_the_first_to_fool() {
    let run = Run::of(&two_attacks());
    let page = run.report("");
    let section = section(&page, "attacks");
    holds(
        section,
        &[
            "<b>Robust accuracy</b> is the share of images",
            "Standard training",
            "robust-non-uniform, rate 0",
            "one step",
            "20 steps of 2/255, random start",
            "AutoAttack, the field’s usual measure, was not run here",
            "L∞ 8/255",
            "8.0/255; 8.0/255",
            "right in every row above",
        ],
    );
    // Of the robust networks at rate 0, over three seeds.
    let mean =
        |of_seed: &dyn Fn(&str) -> f64| (0..3).map(|seed| of_seed(&format!("{ROBUST}-0-{seed}"))).sum::<f64>() / 3.0;
    let wrong = |attacks: &[&str]| mean(&|cell| 80.0 * (1.0 - run.right_in_all(cell, attacks)));
    let (clean, fgsm, all) = (wrong(&["clean"]), wrong(&["clean", "fgsm"]), wrong(&["clean", "fgsm", "pgd-20"]));
    let shown = |n: f64| if (n - n.round()).abs() < 1e-9 { format!("{n:.0}") } else { format!("{n:.1}") };
    let rows: Vec<&str> = section.split("<tr").collect();
    for (name, n) in [("clean<br>", clean), ("fgsm<br>", fgsm - clean), ("pgd-20<br>", all - fgsm)] {
        let row = rows.iter().find(|row| row.contains(name)).unwrap();
        holds(row, &[&format!("<td class=\"number\">{}</td>", shown(n)), "<td class=\"number\">80</td>"]);
    }
    let whole = rows.iter().find(|row| row.contains("Robust accuracy<br>")).unwrap();
    holds(whole, &[&format!("{} in all", shown(all)), &format!("<b>{:.1}</b>", 100.0 * (1.0 - all / 80.0))]);

    let clean_alone = Run::of(&Synthetic { attacks: vec!["clean"], ..Synthetic::default() });
    let page = clean_alone.report("");
    lacks(&page, &["id=\"attacks\"", "Robust accuracy", "worst-case"]);
}

/// The attack called `pgd-20` in the robust arm's evaluations.
fn change_epsilon(provenance: &mut Provenance) {
    let attacks = provenance.config["attacks"].as_array_mut().unwrap();
    attacks.iter_mut().find(|attack| attack["name"] == "pgd-20").unwrap()["epsilon"] = json!("4/255");
}

#[test]
fn attacks_of_one_name_and_other_settings_are_told_and_never_compared() {
    let run = Run::of(&two_attacks());
    run.reevaluate(ROBUST, |_, provenance| change_epsilon(provenance));
    let between = |attack: &str| claim((ROBUST, 0.0), ("standard-uniform", 0.0), attack);
    for attack in ["pgd-20", "worst-case"] {
        let page = run.report(&between(attack));
        let row = &run.claims()[0];
        assert_eq!(
            (row.n_seeds, row.difference, row.n_mcnemar, row.verdict),
            (0, None, None, Verdict::Undecided),
            "{attack}"
        );
        holds(
            section(&page, "verdicts"),
            &["not attacked in the same way, so they are not compared", "no difference was measured"],
        );
        holds(
            warnings(&page),
            &[
                "The attack `pgd-20` on test images has other settings in some arms: epsilon 8/255 in standard-uniform; epsilon 4/255 in robust-non-uniform.",
            ],
        );
        holds(section(&page, "accuracy"), &["Accuracy under pgd-20 (settings differ between arms)"]);
    }
    // What is equal is compared: another attack, and the arm with itself.
    run.report(&between("fgsm"));
    assert_eq!(run.claims()[0].n_seeds, 3);
    run.report(&claim((ROBUST, 0.5), (ROBUST, 0.0), "pgd-20"));
    assert_eq!(run.claims()[0].n_seeds, 3);
}

#[test]
fn robust_accuracies_of_other_attacks_are_told_and_never_compared() {
    let run = Run::of(&two_attacks());
    run.reevaluate(ROBUST, |rows, provenance| {
        rows.retain(|row| row.attack != "fgsm");
        provenance.config["attacks"].as_array_mut().unwrap().retain(|attack| attack["name"] != "fgsm");
    });
    let page = run.report(&claim((ROBUST, 0.0), ("standard-uniform", 0.0), "worst-case"));
    assert_eq!(run.claims()[0].n_seeds, 0);
    holds(
        warnings(&page),
        &[
            "is the worst of other attacks in some arms: fgsm, pgd-20 in standard-uniform; pgd-20 in robust-non-uniform.",
        ],
    );
    holds(section(&page, "accuracy"), &["Robust accuracy (worst of each arm’s attacks)"]);
    holds(section(&page, "attacks"), &["not run"]);
    run.report(&claim((ROBUST, 0.0), ("standard-uniform", 0.0), "pgd-20"));
    assert_eq!(run.claims()[0].n_seeds, 3);
}

#[test]
fn accuracies_on_other_images_are_told_and_never_compared() {
    let run = Run::of(&Synthetic::default());
    run.reevaluate(ROBUST, |rows, _| rows.retain(|row| row.image_id % 2 == 0));
    let page = run.report(&claim((ROBUST, 0.0), ("standard-uniform", 0.0), "clean"));
    assert_eq!(run.claims()[0].n_seeds, 0);
    holds(
        warnings(&page),
        &["Arms were judged on different test images: 80 in standard-uniform; 40 in robust-non-uniform."],
    );
    holds(section(&page, "verdicts"), &["judged on different images, so they are not compared"]);
}

#[test]
fn robust_accuracy_is_over_the_images_that_every_attack_saw_and_says_so() {
    let run = Run::of(&two_attacks());
    run.reevaluate(ROBUST, |rows, _| rows.retain(|row| row.attack != "pgd-20" || row.image_id % 4 == 0));
    let page = run.report("");
    holds(
        warnings(&page),
        &["Not every attack saw every test image: robust accuracy is over the 20 of 80 that all attacks saw."],
    );
    let robust = |cell: &&Cell| {
        cell.attack == "worst-case" && cell.arm == ROBUST && cell.label.is_none() && cell.metric == "accuracy"
    };
    assert!(run.cells().iter().filter(robust).all(|cell| cell.n_images == 20));
}

#[test]
fn no_attack_may_be_called_worst_case() {
    let run = Run::of(&Synthetic::default());
    run.reevaluate(ROBUST, |rows, _| {
        rows.iter_mut().filter(|row| row.attack == "pgd-20").for_each(|row| row.attack = "worst-case".to_owned());
    });
    let output = run.call("");
    assert_eq!(output.status.code(), Some(1));
    holds(
        &String::from_utf8(output.stderr).unwrap(),
        &["cells[6].predictions", "an attack called `worst-case`, expected another name"],
    );
}

#[test]
fn what_the_evaluations_checks_found_stands_before_the_numbers() {
    let run = Run::of(&Synthetic::default());
    let page = run.report("");
    holds(&page, &["class=\"warning calm\""]);
    holds(warnings(&page), &["The evaluations of 12 cells passed all checks: noise not stronger and deterministic."]);
    run.reevaluate(ROBUST, |_, provenance| {
        provenance.checks[0] = check("noise-not-stronger", CheckOutcome::Failed);
        provenance.checks[1] = check("deterministic", CheckOutcome::Skipped);
    });
    let page = run.report("");
    lacks(&page, &["warning calm"]);
    holds(
        warnings(&page),
        &[
            "The check “noise not stronger” failed in 6 of 12 cells. In robust-non-uniform · 0 · 0: Made-up figures of noise-not-stronger: 3 of 80 images.",
            "1 check was skipped in 6 of 12 cells (deterministic): Made-up figures of deterministic: 3 of 80 images.",
            "The evaluations of 12 cells passed these checks where they ran: deterministic.",
        ],
    );
    run.reevaluate(ROBUST, |_, provenance| provenance.checks.clear());
    holds(warnings(&run.report("")), &["6 cells were not checked: the evaluation is older than the checks."]);
}

#[test]
fn robust_overfitting_is_drawn_where_held_out_images_were_attacked() {
    let run = Run::of(&Synthetic { has_held_out_attacked: true, ..Synthetic::default() });
    let page = run.report("");
    holds(
        section(&page, "over-samples"),
        &["robust overfitting", "Accuracy on 100 held-out images under PGD of ten steps"],
    );
    let (points, _) = read_manifest::<FigurePoint>(&run.out().join("figures.parquet")).unwrap();
    let of_figure: Vec<_> = points.iter().filter(|point| point.figure == "over-samples-attacked").collect();
    // The robust arm alone: two rates of three epochs.
    assert_eq!(of_figure.len(), 6);
    assert!(of_figure.iter().all(|point| point.panel_title == ROBUST));
    let without = Run::of(&Synthetic::default());
    lacks(&without.report(""), &["robust overfitting", "over-samples-attacked"]);
}

#[test]
fn splits_without_attacks_have_no_robust_accuracy() {
    let run = Run::of(&Synthetic::default());
    run.reevaluate(ROBUST, |rows, _| {
        let of_train: Vec<_> = rows
            .iter()
            .filter(|row| row.attack == "clean")
            .map(|row| Prediction { split: Split::Train, image_id: row.image_id - 200, ..row.clone() })
            .collect();
        rows.extend(of_train);
    });
    run.report("");
    let of_train: BTreeSet<String> =
        run.cells().into_iter().filter(|cell| cell.split == Split::Train).map(|cell| cell.attack).collect();
    assert_eq!(of_train, BTreeSet::from(["clean".to_owned()]));
}

#[test]
fn outcomes_are_what_each_seeds_accuracies_are_means_of() {
    let run = Run::of(&two_attacks());
    run.report("");
    let (outcomes, _) = read_manifest::<Outcome>(&run.out().join("outcomes.parquet")).unwrap();
    let mut n_compared = 0;
    for cell in run.cells().iter().filter(|cell| cell.metric == "accuracy" && cell.label.is_none()) {
        let Some(seed) = cell.seed else { continue };
        let is_of_cell = |row: &&Outcome| {
            (&row.arm, row.rate, row.seed, row.split, &row.attack)
                == (&cell.arm, cell.rate, seed, cell.split, &cell.attack)
        };
        let right: Vec<bool> = outcomes.iter().filter(is_of_cell).map(|row| row.is_correct).collect();
        assert_eq!(right.len() as u64, cell.n_images);
        assert_eq!(right.iter().filter(|is_right| **is_right).count() as f64 / right.len() as f64, cell.estimate);
        n_compared += right.len();
    }
    assert_eq!(n_compared, outcomes.len());
}
