//! Invariants of the crates' `Cargo.toml`s.

use super::{Finding, Text};
use toml::{Table, Value};

/// The crates that may use libtorch.
const WITH_TCH: [&str; 4] = ["attack", "evaluate", "model", "train"];
/// Libraries that stages share.
const SHARED: [&str; 11] = [
    "attack",
    "chart",
    "croissant",
    "delimited",
    "gallery",
    "manifest",
    "model",
    "openlineage",
    "pixels",
    "record",
    "stage",
];
/// Crates that depend on no other one of ours.
const GROUND: [&str; 2] = ["manifest", "record"];
/// What would make the runner slow to compile.
const HEAVY: [&str; 6] = ["arrow", "image", "parquet", "polars", "rayon", "tch"];
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// No stage depends on a stage.
pub(super) fn stages_stand_alone(files: &[Text]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, name, manifest) in crates(files) {
        for dependency in dependencies(&manifest) {
            let of_ours = dependency.strip_prefix("twinset-");
            if let Some(other) = of_ours.filter(|other| !SHARED.contains(other) && *other != name) {
                findings.push(format!("{path}: `{name}` depends on stage `{other}`; stages meet in manifests alone"));
            }
            if GROUND.contains(&name.as_str()) && of_ours.is_some_and(|other| other != name) {
                findings.push(format!("{path}: `{name}` is the ground floor, but depends on `{dependency}`"));
            }
        }
    }
    findings
}

/// Only model, attack, train and evaluate know tch.
pub(super) fn only_four_know_tch(files: &[Text]) -> Vec<Finding> {
    let knows = |(path, name, manifest): (String, String, Table)| {
        let reached = dependencies(&manifest).into_iter().find(|dependency| {
            ["tch", "torch-sys", "twinset-attack", "twinset-model"].contains(&dependency.as_str())
        })?;
        let message =
            format!("{path}: `{name}` depends on `{reached}`, which needs libtorch; only {} may", WITH_TCH.join(", "));
        (!WITH_TCH.contains(&name.as_str())).then_some(message)
    };
    crates(files).into_iter().filter_map(knows).collect()
}

/// The runner depends on no crate of ours but `record`, and on no heavy one.
pub(super) fn xtask_is_light(files: &[Text]) -> Vec<Finding> {
    let Some(manifest) = find(files, "xtask/Cargo.toml") else { return vec![] };
    let is_heavy = |dependency: &String| {
        HEAVY.contains(&dependency.as_str()) || dependency.starts_with("twinset-") && dependency != "twinset-record"
    };
    let heavy = dependencies(&manifest).into_iter().filter(is_heavy);
    heavy.map(|dependency| format!("xtask/Cargo.toml: the runner depends on `{dependency}`; it stays light")).collect()
}

/// Every crate has the workspace's lints.
pub(super) fn lints_are_shared(files: &[Text]) -> Vec<Finding> {
    let lacks = |(path, manifest): (String, Table)| {
        let is_shared = manifest.get("lints").and_then(|lints| lints.get("workspace")) == Some(&Value::Boolean(true));
        (!is_shared).then(|| format!("{path}: lacks `[lints] workspace = true`"))
    };
    members(files).into_iter().filter_map(lacks).collect()
}

/// Versions of dependencies stand in the workspace's manifest alone.
pub(super) fn versions_stand_once(files: &[Text]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, manifest) in members(files) {
        for (name, dependency) in tables(&manifest) {
            if dependency.get("workspace") != Some(&Value::Boolean(true)) {
                findings.push(format!(
                    "{path}: `{name}` has a version or path of its own; write `{name}.workspace = true`"
                ));
            }
        }
    }
    findings
}

/// Default members are all that build without libtorch.
pub(super) fn defaults_need_no_libtorch(files: &[Text]) -> Vec<Finding> {
    let Some(root) = find(files, "Cargo.toml") else { return vec![] };
    let listed = root.get("workspace").and_then(|workspace| workspace.get("default-members")).and_then(Value::as_array);
    let mut listed: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
    let mut expected: Vec<String> = members(files)
        .into_iter()
        .map(|(path, _)| path.trim_end_matches("/Cargo.toml").to_owned())
        .filter(|folder| !WITH_TCH.iter().any(|name| *folder == format!("crates/{name}")))
        .collect();
    listed.sort_unstable();
    expected.sort_unstable();
    match listed == expected {
        true => vec![],
        false => vec![format!(
            "Cargo.toml: `default-members` is {listed:?}, expected {expected:?}: all but what needs libtorch"
        )],
    }
}

/// The crates: path, folder name, manifest.
fn crates(files: &[Text]) -> Vec<(String, String, Table)> {
    let named = |(path, manifest): (String, Table)| {
        let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?.to_owned();
        Some((path, name, manifest))
    };
    members(files).into_iter().filter_map(named).collect()
}

/// The manifests of all members; one that is no TOML is cargo's to complain of.
fn members(files: &[Text]) -> Vec<(String, Table)> {
    let is_member = |path: &str| {
        path == "xtask/Cargo.toml"
            || (path.starts_with("crates/") && path.ends_with("/Cargo.toml") && path.matches('/').count() == 2)
    };
    let read = |file: &Text| Some((file.path.clone(), file.text.parse::<Table>().ok()?));
    files.iter().filter(|file| is_member(&file.path)).filter_map(read).collect()
}

fn find(files: &[Text], path: &str) -> Option<Table> {
    files.iter().find(|file| file.path == path)?.text.parse().ok()
}

fn dependencies(manifest: &Table) -> Vec<String> {
    tables(manifest).into_iter().map(|(name, _)| name).collect()
}

/// All dependencies of all kinds, those of single targets too.
fn tables(manifest: &Table) -> Vec<(String, Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = targets.filter_map(|(_, target)| target.as_table()).chain([manifest]);
    let of_kinds = |table: &Table| -> Vec<(String, Value)> {
        let kinds = DEPENDENCIES.iter().filter_map(|kind| table.get(*kind)?.as_table());
        kinds.flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    tables.flat_map(of_kinds).collect()
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn each_invariant_has_its_finding() {
        type Check = fn(&[Text]) -> Vec<Finding>;
        let good = "[dependencies]\nanyhow.workspace = true\n[lints]\nworkspace = true\n";
        let cases: [(Check, &str, &str, &str); 10] = [
            (
                stages_stand_alone,
                "crates/train/Cargo.toml",
                "[dependencies]\ntwinset-inject.workspace = true",
                "depends on stage `inject`",
            ),
            (
                stages_stand_alone,
                "crates/manifest/Cargo.toml",
                "[dependencies]\ntwinset-stage.workspace = true",
                "ground floor",
            ),
            (
                stages_stand_alone,
                "crates/record/Cargo.toml",
                "[dependencies]\ntwinset-manifest.workspace = true",
                "ground floor",
            ),
            (
                xtask_is_light,
                "xtask/Cargo.toml",
                "[dependencies]\ntwinset-manifest.workspace = true\ntwinset-record.workspace = true",
                "depends on `twinset-manifest`",
            ),
            (only_four_know_tch, "crates/report/Cargo.toml", "[dependencies]\ntch.workspace = true", "needs libtorch"),
            (
                only_four_know_tch,
                "crates/report/Cargo.toml",
                "[dev-dependencies]\ntwinset-model.workspace = true",
                "needs libtorch",
            ),
            (xtask_is_light, "xtask/Cargo.toml", "[dependencies]\npolars.workspace = true", "stays light"),
            (lints_are_shared, "crates/report/Cargo.toml", "[lints]\nworkspace = false", "lacks `[lints]"),
            (
                versions_stand_once,
                "crates/report/Cargo.toml",
                "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"",
                "`libc` has a version",
            ),
            (
                defaults_need_no_libtorch,
                "Cargo.toml",
                "[workspace]\ndefault-members = [\"crates/train\"]",
                "`default-members` is",
            ),
        ];
        for (check, path, bad, expected) in cases {
            let findings = check(&[text(path, bad)]);
            assert_eq!(findings.len(), 1, "{bad}: {findings:?}");
            assert!(findings[0].starts_with(path) && findings[0].contains(expected), "{findings:?}");
            assert_eq!(check(&[text(path, good)]), Vec::<Finding>::new().as_slice(), "{path}");
        }
    }

    #[test]
    fn the_four_may_use_tch_and_are_no_defaults() {
        let root = text("Cargo.toml", "[workspace]\ndefault-members = [\"crates/inject\", \"xtask\"]");
        let train = text("crates/train/Cargo.toml", "[dependencies]\ntch.workspace = true");
        let files = [root, train, text("crates/inject/Cargo.toml", ""), text("xtask/Cargo.toml", "")];
        assert!(only_four_know_tch(&files).is_empty());
        assert!(defaults_need_no_libtorch(&files).is_empty());
    }
}
