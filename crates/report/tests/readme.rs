//! What README says of the controlled study is what its published manifest holds.

use std::path::Path;

use twinset_manifest::read_manifest;
use twinset_manifest::rows::{ClaimRow, Verdict};

/// As README writes it: points with their sign, and their interval.
fn difference(row: &ClaimRow) -> String {
    let points = |fraction: Option<f64>| format!("{:+.1}", fraction.unwrap() * 100.0).replace('-', "−");
    format!("{} [{}, {}]", points(row.difference), points(row.interval_low), points(row.interval_high))
}

fn verdict(row: &ClaimRow) -> String {
    match row.verdict {
        Verdict::Supported => "supported".to_owned(),
        Verdict::Contradicted => "contradicted".to_owned(),
        Verdict::NoEffect => format!("no effect larger than {} points", row.smallest_effect * 100.0),
        Verdict::Undecided => "undecided".to_owned(),
    }
}

#[test]
fn readme_has_the_published_differences_and_verdicts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (claims, _) =
        read_manifest::<ClaimRow>(&root.join("reports/published/controlled-mini/claims.parquet")).unwrap();
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
            let is_meant = |row: &&ClaimRow| row.name.starts_with(&claim) && difference(row) == told;
            let row =
                claims.iter().find(is_meant).unwrap_or_else(|| panic!("no claim {claim}has the difference {told}"));
            let p = format!("Holm p {:.3}", row.p_adjusted.unwrap());
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
