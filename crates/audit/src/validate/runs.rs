//! Checks runs: the folder's name, the key and its ingredients in `key.json`, and the provenances of the outputs must
//! agree.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use twinset_manifest::rows::{Rule, Violation};
use twinset_manifest::{Input, PROVENANCE_KEY, Provenance};
use twinset_record::{CONFIG, Ingredients, KEY, KeyFile, config_text};

use super::words::named;
use super::{RUNNERS_JSON, Validation, config};
use crate::tree::{Entry, Tree, is_key, name_of};

/// The stages whose folders a store has.
const STAGES: [&str; 7] = ["ingest", "neardup", "inject", "train", "evaluate", "gaussian", "report"];

/// Checks all selected runs.
pub(super) fn check(tree: &Tree, validation: &mut Validation) {
    let mut by_folder: HashMap<&Path, Vec<&Entry>> = HashMap::new();
    for entry in tree.files() {
        by_folder.entry(entry.folder()).or_default().push(entry);
    }
    let (mut without_key, mut without_digests) = (Vec::new(), Vec::new());
    for folder in tree.runs() {
        match tree.key(folder) {
            // A copy of a run's outputs in a folder with another name needs no key.json.
            None => without_key.extend(name_of_run(folder).map(|_| tree.relative(folder))),
            Some(Err(detail)) => {
                validation.of_run(tree, &folder.join(KEY), Rule::Unreadable, detail, RUNNERS_JSON);
            }
            Some(Ok(file)) => {
                check_key(tree, folder, file, validation);
                check_config(tree, folder, file, validation);
                let outputs = by_folder.get(folder).map_or(&[][..], Vec::as_slice);
                check_outputs(tree, outputs, &file.ingredients, validation);
                if tree.record(folder).is_none() {
                    without_digests.push(tree.relative(folder));
                }
            }
        }
    }
    let mut note = |folders: Vec<String>, lacks: &str| {
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        match folders.len() {
            0 => {}
            1 => validation.notes.push(format!("{} has no {lacks}", named(&folders))),
            _ => validation.notes.push(format!("{} have no {lacks}", named(&folders))),
        }
    };
    note(without_key, "key.json: what the run was made of is not checked");
    note(without_digests, "digests.json: the run's files are not compared");
}

/// The name of a run's folder, if it is a key.
fn name_of_run(folder: &Path) -> Option<String> {
    Some(name_of(&fs::canonicalize(folder).ok()?)).filter(|name| is_key(name))
}

/// Compares the folder's name, the key and the ingredients. If two of the three agree, only the third one is reported.
fn check_key(tree: &Tree, folder: &Path, file: &KeyFile, validation: &mut Validation) {
    let (path, computed) = (folder.join(KEY), file.ingredients.key());
    if computed != file.key {
        let expected = format!("{computed}, the key of the ingredients that stand there");
        validation.of_run(tree, &path, Rule::Key, &format!("key {}", file.key), &expected);
    }
    // A copy of a run may have any name that is not a key.
    let Some(name) = name_of_run(folder) else { return };
    if name != file.key && name != computed {
        let of_name = |other: &&Path| tree.key(other).is_some_and(|told| told.as_ref().is_ok_and(|it| it.key == name));
        let theirs = tree.runs().filter(|other| *other != folder).find(of_name);
        let where_it_is = theirs
            .map_or_else(String::new, |other| format!("; the run of that key lies in `{}`", tree.relative(other)));
        let expected = format!("key {name}, as its folder is called{where_it_is}");
        validation.of_run(tree, &path, Rule::Key, &format!("key {}", file.key), &expected);
    }
    let above = fs::canonicalize(folder).ok().and_then(|whole| whole.parent().map(name_of)).unwrap_or_default();
    let stage = &file.ingredients.stage;
    if STAGES.contains(&above.as_str()) && above != *stage {
        let expected = format!("one of `{above}`, as the folder above is called");
        validation.of_run(tree, &path, Rule::Key, &format!("a run of `{stage}`"), &expected);
    }
}

fn check_config(tree: &Tree, folder: &Path, file: &KeyFile, validation: &mut Validation) {
    let path = folder.join(CONFIG);
    // A missing config is no violation, because key.json has the config, too.
    let Ok(text) = fs::read(&path) else { return };
    if text != config_text(&file.ingredients.config).as_bytes() {
        validation.of_run(tree, &path, Rule::Key, "another config", "the config that key.json has");
    }
}

fn check_outputs(tree: &Tree, outputs: &[&Entry], ingredients: &Ingredients, validation: &mut Validation) {
    let told: Vec<(&Entry, Provenance)> =
        outputs.iter().filter_map(|entry| Some((*entry, entry.provenance()?))).collect();
    let rates: Vec<&serde_json::Value> = told.iter().filter_map(|(_, told)| told.config.get("rate")).collect();
    let in_key: HashSet<&str> = ingredients.inputs.iter().map(|(_, digest)| digest.as_str()).collect();
    for (entry, provenance) in &told {
        let mut differences = Vec::new();
        if provenance.stage != ingredients.stage {
            differences.push((format!("stage {}", provenance.stage), ingredients.stage.clone()));
        }
        let devices = provenance.device.as_ref().zip(ingredients.device.as_ref());
        if let Some((own, expected)) = devices.filter(|(own, expected)| own != expected) {
            differences.push((format!("device {own}"), expected.clone()));
        }
        let seed = ingredients.config.get("seed").and_then(|seed| u64::try_from(seed.as_integer()?).ok());
        if let Some((own, expected)) = provenance.seed.zip(seed).filter(|(own, expected)| own != expected) {
            differences.push((format!("seed {own}"), expected.to_string()));
        }
        let of_config = config::contradictions(&ingredients.config, &provenance.config).into_iter();
        // `inject` records rate 0 in manifests without duplicates, such as the training set if the duplicates leak into
        // another split.
        let is_excused = |name: &str| {
            let is = |rate: &serde_json::Value, expected: f64| rate.as_f64() == Some(expected);
            let expected = ingredients.config.get("rate").and_then(config::number);
            name == "rate"
                && provenance.config.get("rate").is_some_and(|own| is(own, 0.0))
                && expected.is_some_and(|expected| rates.iter().any(|rate| is(rate, expected)))
        };
        differences.extend(
            of_config
                .filter(|found| found.name != "seed" && !is_excused(&found.name))
                .map(|found| (format!("`{}` {}", found.name, found.found), found.expected)),
        );
        let strangers = provenance.inputs.iter().filter(|input| !is_in_key(tree, input, ingredients, &in_key));
        differences.extend(strangers.map(|input| {
            (format!("input `{}` with BLAKE3 {}", input.name, input.blake3), "none with these bytes".to_owned())
        }));
        if !differences.is_empty() {
            validation.violations.push(contradiction(entry, differences));
        }
    }
}

/// Whether the key knows an input of an output.
fn is_in_key(tree: &Tree, input: &Input, ingredients: &Ingredients, in_key: &HashSet<&str>) -> bool {
    if ingredients.stage == "ingest"
        && !ingredients.inputs.iter().any(|(name, _)| name_of(Path::new(name)) == input.name)
    {
        // `ingest` read a folder, and recorded one digest over all its files.
        return true;
    }
    if in_key.contains(input.blake3.to_string().as_str()) {
        return true;
    }
    if input.schema.is_none() || input.name.ends_with(".parquet") {
        return false;
    }
    // For a sharded manifest, a key has another digest than a provenance.
    let record = tree.find(&input.name, input.blake3).and_then(|entry| tree.record(entry.folder()));
    record.is_none_or(|record| record.digests_in_keys().iter().any(|digest| in_key.contains(digest.as_str())))
}

fn contradiction(entry: &Entry, differences: Vec<(String, String)>) -> Violation {
    const MAX_NAMED: usize = 4;
    let n_more = differences.len().saturating_sub(MAX_NAMED);
    let (mut found, mut expected): (Vec<String>, Vec<String>) = differences.into_iter().take(MAX_NAMED).unzip();
    if n_more > 0 {
        found.push(format!("and {n_more} more"));
    }
    expected.dedup();
    Violation {
        path: entry.relative.clone(),
        schema: entry.schema().map(str::to_owned),
        made_by: entry.made_by(),
        rule: Rule::Key,
        row: None,
        image_id: None,
        column: Some(PROVENANCE_KEY.to_owned()),
        found: found.join(", "),
        expected: format!("{}, as its run's key.json has it", expected.join(", ")),
    }
}
