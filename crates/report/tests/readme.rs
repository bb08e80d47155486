//! What README says of published results is what their manifests hold.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use twinset_manifest::rows::{Gaussian, GaussianCost, GaussianSelection};
use twinset_manifest::{Untyped, read_manifest};

/// What README tells of a claim. A published manifest may be of an older schema than the code's.
struct Told {
    name: String,
    difference: f64,
    low: f64,
    high: f64,
    p_adjusted: f64,
    smallest_effect: f64,
    n_seeds: u32,
    verdict: String,
}

fn told(batch: &RecordBatch) -> Vec<Told> {
    let text = |name: &str, row| batch.column_by_name(name).unwrap().as_string::<i32>().value(row).to_owned();
    let number = |name: &str, row| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().value(row);
    let of_row = |row| Told {
        name: text("name", row),
        difference: number("difference", row),
        low: number("interval_low", row),
        high: number("interval_high", row),
        p_adjusted: number("p_adjusted", row),
        smallest_effect: number("smallest_effect", row),
        n_seeds: batch.column_by_name("n_seeds").unwrap().as_primitive::<UInt32Type>().value(row),
        verdict: text("verdict", row),
    };
    (0..batch.num_rows()).map(of_row).collect()
}

/// As README writes it: points with their sign, and their interval.
fn difference(row: &Told) -> String {
    let points = |fraction: f64| format!("{:+.1}", fraction * 100.0).replace('-', "−");
    format!("{} [{}, {}]", points(row.difference), points(row.low), points(row.high))
}

fn verdict(row: &Told) -> String {
    match row.verdict.as_str() {
        "no-effect" => format!("no effect larger than {} points", row.smallest_effect * 100.0),
        other => other.to_owned(),
    }
}

#[test]
fn readme_has_the_published_differences_and_verdicts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let published = Untyped::open(&root.join("reports/published/controlled-mini/claims.parquet")).unwrap();
    let claims: Vec<Told> = published.batches(None, 1024).unwrap().flat_map(|batch| told(&batch.unwrap())).collect();
    assert!(claims.iter().all(|row| row.n_seeds == 5), "README says five seeds");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, table) = readme.split_once("| claim | what was measured |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();

    let (mut claim, mut n_told) = (String::new(), 0);
    for line in table.lines().skip(2) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, differences, verdicts] = cells[..] else { panic!("`{line}` has other cells") };
        if let Some((first, _)) = name.split_once(' ') {
            claim = format!("{first}: ");
        }
        let (differences, verdicts): (Vec<_>, Vec<_>) =
            (differences.split("; ").collect(), verdicts.split("; ").collect());
        assert_eq!(differences.len(), verdicts.len(), "`{line}`");
        for (told, judged) in differences.into_iter().zip(verdicts) {
            let is_meant = |row: &&Told| row.name.starts_with(&claim) && difference(row) == told;
            let row =
                claims.iter().find(is_meant).unwrap_or_else(|| panic!("no claim {claim}has the difference {told}"));
            let p = format!("Holm p {:.3}", row.p_adjusted);
            let among = format!("undecided among {} claims ({p})", claims.len());
            let expected = [verdict(row), format!("{} ({p})", verdict(row)), among];
            assert!(
                expected.iter().any(|expected| *expected == judged),
                "`{judged}` for {told}, not one of {expected:?}"
            );
            n_told += 1;
        }
    }
    let of_paper = claims.iter().filter(|row| row.name.contains(": ") && !row.name.ends_with("clean images"));
    assert_eq!(n_told, of_paper.count(), "README tells each of the paper's claims");
}

#[test]
fn readme_has_the_first_results_of_decisive() {
    const SEEDS: [&str; 10] = ["One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "All"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let published = Untyped::open(&root.join("reports/published/decisive/claims.parquet")).unwrap();
    let claims: Vec<Told> = published.batches(None, 1024).unwrap().flat_map(|batch| told(&batch.unwrap())).collect();
    let n_seeds = claims[0].n_seeds;
    assert!(claims.iter().all(|row| row.n_seeds == n_seeds), "all claims are of the same seeds");
    let n_undecided = claims.iter().filter(|row| row.verdict == "undecided").count();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    let has = |text: &str| assert!(readme.contains(text), "README lacks `{text}`");
    let n_seeds = SEEDS[n_seeds as usize - 1];
    has(&format!("{n_seeds} of its ten declared seeds have run, and {n_undecided} of its {} claims are", claims.len()));
    let size = |name: &str, verdict: &str| {
        let row = claims.iter().find(|row| row.name == name).unwrap();
        assert_eq!(row.verdict, verdict, "{name}");
        let mut ends = [row.low.abs() * 100.0, row.high.abs() * 100.0];
        ends.sort_by(f64::total_cmp);
        (row.difference.abs() * 100.0, ends[0], ends[1])
    };
    let (by, low, high) = size("C2: standard, concentrated", "supported");
    has(&format!("twenty copies each of one image in twenty lower accuracy by {by:.1} points [{low:.1}, {high:.1}]"));
    let (by, low, high) = size("C3: robust, concentrated", "supported");
    has(&format!("and robust accuracy by {by:.1} [{low:.1}, {high:.1}]"));
    let (by, low, high) = size("C3: robust, uneven, the duplication alone", "supported");
    has(&format!("lower robust accuracy by {by:.1} [{low:.1}, {high:.1}] more than as many fresh images there"));
    // The claim is that fresh images do not help.
    let (by, low, high) = size("Scale: standard, as many fresh images", "contradicted");
    has(&format!("as many fresh images raise accuracy by {by:.1} [{low:.1}, {high:.1}]"));
}

#[test]
fn readme_has_the_published_changes_of_the_gaussian_toy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("reports/published/gaussian");
    let (rows, _) = read_manifest::<Gaussian>(&folder.join("gaussian.parquet")).unwrap();
    let change = |selection, cost, n_duplicates, accuracy: fn(&Gaussian) -> f64| {
        let of = |cost, n_duplicates| {
            let is_it =
                move |row: &&Gaussian| (row.selection, row.cost, row.n_duplicates) == (selection, cost, n_duplicates);
            rows.iter().filter(is_it).map(|row| (row.seed, accuracy(row)))
        };
        let none: BTreeMap<u64, f64> = of(GaussianCost::Same, 0).collect();
        let changes: Vec<f64> = of(cost, n_duplicates).map(|(seed, value)| 100.0 * (value - none[&seed])).collect();
        assert_eq!(changes.len(), 200);
        let mean = changes.iter().sum::<f64>() / 200.0;
        let variance = changes.iter().map(|change| (change - mean).powi(2)).sum::<f64>() / 199.0;
        // The 97.5 % quantile of Student's t with 199 degrees of freedom.
        let half = 1.971_957 * (variance / 200.0).sqrt();
        [mean, mean - half, mean + half]
    };
    let told = |[mean, low, high]: [f64; 3]| {
        let points = |points: f64| format!("{points:+.2}").replace('-', "−");
        format!("{} [{}, {}]", points(mean), points(low), points(high))
    };
    let (uniform, non_uniform) = (GaussianSelection::Uniform, GaussianSelection::NonUniform);
    let held_out = |selection, n_duplicates| {
        let of_cost = |cost: &GaussianCost| told(change(selection, *cost, n_duplicates, |row| row.accuracy_held_out));
        GaussianCost::ALL.iter().map(of_cost).collect::<Vec<_>>().join(" | ")
    };
    let page = std::fs::read_to_string(folder.join("README.md")).unwrap().replace('\n', " ");
    let on_trained = |selection, n| told(change(selection, GaussianCost::Same, n, |row| row.accuracy_trained_on));
    for expected in [
        format!("| 200, uniform | {} |", held_out(uniform, 200)),
        format!("| 400, four times as likely of class +1 | {} |", held_out(non_uniform, 400)),
        format!("changes by {} there", on_trained(non_uniform, 400)),
        format!("by {}, while", on_trained(uniform, 200)),
    ] {
        assert!(page.contains(&expected), "{expected}");
    }
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap().replace("\n  ", " ");
    let fall = |cost| {
        let [mean, low, high] = change(non_uniform, cost, 400, |row| row.accuracy_held_out).map(|points| -points);
        (mean, high, low)
    };
    let (mean, low, high) = fall(GaussianCost::Same);
    assert!(readme.contains(&format!("points by {mean:.2} points [{low:.2}, {high:.2}] (200 seeds)")), "{mean}");
    let (mean, low, high) = fall(GaussianCost::PerClass);
    assert!(readme.contains(&format!("{mean:.2} [{low:.2}, {high:.2}] remain")), "{mean}");
}
