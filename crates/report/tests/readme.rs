//! What README says of the controlled study is what its published manifest holds.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use twinset_manifest::Untyped;

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
