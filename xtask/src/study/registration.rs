//! *Pre-registration*: what a pipeline declared before its first cell ran.
//!
//! The first line of a ledger says what is about to be run: the digest of the pipeline's file, its seeds, and a digest for each claim
//! of all that it compares. When the pipeline differs at a later start, a line says that, too. What counts is the last such line
//! before the first cell. A claim that it does not hold is *exploratory*. Nobody is kept from deleting a ledger: it tells an honest
//! author what was changed, and a reader can look for the digest in the history of the repository.

use super::arm::Arm;
use super::pipeline::Pipeline;
use crate::machine::digest::{self, Digest};
use crate::stages::Stage;
use crate::store::ledger::{Line, Registration};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use toml::Table;

/// What report is told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Registered {
    /// The digest of the pipeline's file before the first cell ran.
    pub digest: Digest,
    /// The same now.
    pub digest_now: Digest,
    /// The names of claims that were declared or changed afterwards.
    pub exploratory: Vec<String>,
    /// The seeds that were declared.
    pub seeds: Vec<u64>,
    /// Seeds that were added afterwards.
    pub added_seeds: Vec<u64>,
}

/// What a pipeline declares now.
pub fn declare(pipeline: &Pipeline) -> Registration {
    let mut seeds = pipeline.seeds.clone();
    // Those of the file are declared even where fewer are run.
    let of_file =
        toml::from_str::<Table>(&pipeline.text).ok().and_then(|table| table.get("seeds")?.as_array().cloned());
    seeds.extend(
        of_file.iter().flatten().filter_map(|seed| seed.as_integer().and_then(|seed| u64::try_from(seed).ok())),
    );
    seeds.sort_unstable();
    seeds.dedup();
    let claims = claims(pipeline).map(|claim| (name(claim), digest_of(pipeline, claim))).collect();
    Registration { pipeline: digest::of_bytes(pipeline.text.as_bytes()), seeds, claims }
}

/// What was declared before the first cell ran; `None` where the ledger does not tell.
pub fn registered(pipeline: &Pipeline, ledger: &[Line]) -> Option<Registered> {
    let is_of_cell = |line: &Line| match line {
        Line::Entry(entry) => Stage::OF_CELL.iter().any(|stage| stage.to_string() == entry.stage),
        Line::Registration(_) => false,
    };
    let before = ledger.iter().take_while(|line| !is_of_cell(line));
    let first = before.filter_map(|line| match line {
        Line::Registration(registration) => Some(registration),
        Line::Entry(_) => None,
    });
    let (first, now) = (first.last()?, declare(pipeline));
    let was_declared = |digest: &Digest| first.claims.values().any(|known| known == digest);
    let names = claims(pipeline).map(name);
    Some(Registered {
        digest: first.pipeline.clone(),
        digest_now: now.pipeline.clone(),
        exploratory: names.filter(|name| !was_declared(&now.claims[name])).collect(),
        seeds: first.seeds.clone(),
        added_seeds: pipeline.seeds.iter().copied().filter(|seed| !first.seeds.contains(seed)).collect(),
    })
}

/// The tables of `[[report.claim]]`, which report has checked.
fn claims(pipeline: &Pipeline) -> impl Iterator<Item = &Table> {
    let claims = pipeline.report.as_ref().and_then(|report| report.get("claim")?.as_array());
    claims.into_iter().flatten().filter_map(toml::Value::as_table)
}

fn name(claim: &Table) -> String {
    claim.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned()
}

/// Of all that a claim compares: its table but for words that compare nothing, its arms, and the images.
fn digest_of(pipeline: &Pipeline, claim: &Table) -> Digest {
    let compares = |key: &str| !["name", "text", "published-difference"].contains(&key);
    let table: BTreeMap<&String, &toml::Value> = claim.iter().filter(|(key, _)| compares(key)).collect();
    let arm = |claim: &Table, side: &str| -> Value {
        let name = claim.get(side).and_then(|condition| condition.get("arm")?.as_str());
        let arm = pipeline.arms.iter().find(|arm| Some(arm.name.as_str()) == name);
        arm.map_or(Value::Null, |Arm { inject, train, evaluate, .. }| json!([inject, train, evaluate]))
    };
    let mut compared = vec![json!(pipeline.ingest), json!(table), arm(claim, "left"), arm(claim, "right")];
    if let Some(than) = claim.get("than").and_then(toml::Value::as_table) {
        compared.extend([arm(than, "left"), arm(than, "right")]);
    }
    digest::of_bytes(Value::Array(compared).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ledger::Entry;
    use crate::study::pipeline::parse;
    use std::path::Path;

    const TEXT: &str = r#"name = "x"
seeds = [0, 1]
[ingest]
dataset = "shapes"
[[report.claim]]
name = "C1: a"
text = "Lower."
left = { arm = "a", rate = 0.5 }
right = { arm = "a", rate = 0 }
[[report.claim]]
name = "C2: b"
text = "Lower."
left = { arm = "b", rate = 0.5 }
right = { arm = "b", rate = 0 }
[[arm]]
name = "a"
rates = [0, 0.5]
[arm.inject]
[arm.train]
[arm.evaluate]
[[arm]]
name = "b"
extends = "a"
"#;

    fn pipeline(text: &str) -> Pipeline {
        parse(Path::new("pipelines/x.toml"), text).unwrap()
    }

    fn entry(stage: &str) -> Line {
        Line::Entry(Entry {
            started_at: "1970-01-01T00:00:00Z".to_owned(),
            stage: stage.to_owned(),
            key: "k".to_owned(),
            cells: vec![],
            command: vec![],
            exit_status: "exit status 0".to_owned(),
            wall_s: 0.0,
            cpu_s: 0.0,
            peak_memory_bytes: 0,
            n_forward_backward_passes: None,
        })
    }

    fn declared(text: &str) -> Line {
        Line::Registration(declare(&pipeline(text)))
    }

    #[test]
    fn a_claim_is_exploratory_where_what_it_compares_was_not_declared_before_the_first_cell() {
        let ledger = [declared(TEXT), entry("ingest"), entry("inject"), entry("train")];
        let check = |from: &str, to: &str, exploratory: &[&str]| {
            assert!(TEXT.contains(from), "{from}");
            let changed = TEXT.replacen(from, to, 1);
            let ledger: Vec<Line> = ledger.iter().cloned().chain([declared(&changed), entry("train")]).collect();
            let found = registered(&pipeline(&changed), &ledger).unwrap();
            assert_eq!(found.exploratory, exploratory, "{to}");
            assert_eq!(found.digest, digest::of_bytes(TEXT.as_bytes()));
            assert_eq!(found.digest_now, digest::of_bytes(changed.as_bytes()));
        };
        check("seeds", "seeds", &[]);
        check("Lower.", "Lower, it is said.", &[]);
        check("C1: a", "C1: renamed", &[]);
        check("[ingest]", "# A comment.\n[ingest]", &[]);
        check("arm = \"a\", rate = 0.5", "arm = \"a\", rate = 1", &["C1: a"]);
        check("extends = \"a\"", "extends = \"a\"\n[arm.train]\nbudget = 3", &["C2: b"]);
        check("[arm.train]", "[arm.train]\nbudget = 3", &["C1: a", "C2: b"]);
        check("shapes", "cifar10", &["C1: a", "C2: b"]);
        let added = "[[report.claim]]\nname = \"new\"\nleft = { arm = \"b\", rate = 0.5 }\nright = { arm = \"a\", rate = 0.5 }\n[[arm]]";
        check("[[arm]]", added, &["new"]);
    }

    #[test]
    fn arms_of_the_second_contrast_belong_to_what_a_claim_compares() {
        let than = "than = { left = { arm = \"b\", rate = 0.5 }, right = { arm = \"b\", rate = 0 } }\n";
        let text = TEXT.replacen("[[arm]]", &format!("[[report.claim]]\nname = \"C3\"\ntext = \"T\"\nleft = {{ arm = \"a\", rate = 0.5 }}\nright = {{ arm = \"a\", rate = 0 }}\n{than}[[arm]]"), 1);
        let changed = text.replacen("extends = \"a\"", "extends = \"a\"\n[arm.train]\nbudget = 3", 1);
        let ledger = [declared(&text), entry("train")];
        assert_eq!(registered(&pipeline(&text), &ledger).unwrap().exploratory, [""; 0]);
        assert_eq!(registered(&pipeline(&changed), &ledger).unwrap().exploratory, ["C2: b", "C3"]);
    }

    #[test]
    fn before_the_first_cell_everything_may_change_and_seeds_that_are_added_later_are_told() {
        let changed = TEXT.replacen("rate = 0.5", "rate = 1", 1);
        let ledger = [declared(TEXT), entry("ingest"), declared(&changed), entry("train")];
        let found = registered(&pipeline(&changed), &ledger).unwrap();
        assert_eq!((found.exploratory, found.seeds, found.added_seeds), (vec![], vec![0, 1], vec![]));
        let mut more = pipeline(&changed);
        more.seeds = vec![1, 2, 3];
        assert_eq!(registered(&more, &ledger).unwrap().added_seeds, [2, 3]);
        let fewer = declare(&{
            let mut fewer = pipeline(TEXT);
            fewer.seeds = vec![0];
            fewer
        });
        assert_eq!(fewer.seeds, [0, 1], "the file declares them");
    }

    #[test]
    fn a_ledger_that_begins_with_a_cell_tells_nothing() {
        assert_eq!(registered(&pipeline(TEXT), &[entry("ingest"), entry("train"), declared(TEXT)]), None);
        assert_eq!(registered(&pipeline(TEXT), &[]), None);
    }
}
