//! Dependencies have the same features whichever programs are built, so that each is compiled once.

use super::Finding;
use crate::machine::process;
use crate::machine::workspace::Workspace;
use crate::stages::Stage;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// Features by crate: name and version, or several of them where build scripts have others.
type Features = BTreeMap<String, Vec<String>>;

/// What `reproduce` compiles with other features than `test` does.
pub(super) fn agree(workspace: &Workspace) -> Result<Vec<Finding>> {
    let programs: Vec<String> = Stage::ALL.iter().map(|stage| stage.program()).collect();
    let programs: Vec<&str> = programs.iter().flat_map(|program| ["--package", program]).collect();
    let of_programs = tree(workspace, "normal,build", &programs)?;
    let of_tests = tree(workspace, "normal,build,dev", &["--workspace"])?;
    Ok(differences(&of_programs, &of_tests))
}

fn tree(workspace: &Workspace, edges: &str, selection: &[&str]) -> Result<Features> {
    let mut command = workspace.cargo();
    // Without a target, crates of build scripts and of programs are shown as one.
    command.args(["tree", "--target", "host-tuple", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges]);
    command.args(selection);
    let output = process::output(&mut command).context("failed to start cargo")?;
    if !output.status.success() {
        bail!("`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(tree: &str) -> Features {
    let mut features = Features::new();
    for (name, of_it) in tree.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|')) {
        let known = features.entry(name.replace(" (proc-macro)", "")).or_default();
        if !known.iter().any(|known| known == of_it) {
            known.push(of_it.to_owned());
        }
    }
    features
}

fn differences(of_programs: &Features, of_tests: &Features) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, found) in of_programs {
        let Some(expected) = of_tests.get(name) else { continue };
        for features in found.iter().filter(|features| !expected.contains(features)) {
            let expected = expected.join("] or [");
            findings.push(format!(
                "Cargo.toml: `{name}` has the features [{features}] for the stage programs and [{expected}] for all tests, so it is \
                 compiled twice; crates/stage/Cargo.toml is where they are made the same"
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_features_of_one_crate_are_found() {
        let tests =
            parse("serde v1.0.1|default,rc\nserde v1.0.1|default,rc (*)\nsyn v2.0.1 (proc-macro)|full\nsyn v2.0.1|\n");
        for (programs, n_findings) in [
            ("serde v1.0.1|default,rc\nsyn v2.0.1|full\n", 0),
            ("syn v2.0.1|\nlibc v0.2.1|std\n", 0),
            ("serde v1.0.1|default\nsyn v2.0.1|full\n", 1),
        ] {
            let findings = differences(&parse(programs), &tests);
            assert_eq!(findings.len(), n_findings, "{findings:?}");
        }
        let finding = differences(&parse("serde v1.0.1|default (*)"), &tests).remove(0);
        assert!(finding.contains("`serde v1.0.1` has the features [default] for the stage programs and [default,rc]"));
    }
}
