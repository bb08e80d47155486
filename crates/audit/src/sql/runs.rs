//! The table of a store's runs, from `key.json`, `study.json` and ledgers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, NamedFrom, PolarsResult, Series};
use serde::Deserialize;
use serde_json::Value;
use twinset_record::{KEY, KeyFile};
use walkdir::{DirEntry, WalkDir};

use crate::tree::{is_key, name_of};

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`: {detail}", path = .path.display())]
pub struct RunsError {
    path: PathBuf,
    detail: String,
}

/// What is known of a run.
#[derive(Debug, Default)]
struct Run {
    stage: String,
    cells: Vec<Cell>,
    config: Option<Value>,
    seconds: Option<f64>,
    folder: Option<PathBuf>,
}

/// The cell that a run belongs to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Cell {
    arm: String,
    rate: f64,
    seed: i64,
}

/// The cells in `study.json`. All their other fields that are text are paths of files.
#[derive(Deserialize)]
struct Study {
    cells: Vec<StudyCell>,
}

#[derive(Deserialize)]
struct StudyCell {
    #[serde(flatten)]
    cell: Cell,
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

/// The fields of an execution in a ledger that the table shows.
#[derive(Deserialize)]
struct Execution {
    key: String,
    stage: String,
    started_at: String,
    cells: Vec<String>,
    exit_status: String,
    wall_s: f64,
}

/// The runs in folders, sorted by stage and key; none if there are no runs. Ledgers are looked for in these folders,
/// and in the folder
/// `reports` beside a store's folder `data`.
///
/// # Errors
/// Names the record that cannot be read.
pub fn runs(folders: &[&Path]) -> Result<Option<DataFrame>, RunsError> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    let (mut studies, mut ledgers) = (Vec::new(), Vec::new());
    for folder in folders {
        for path in files(folder) {
            // Other programs may have files with these names, too.
            let is_of_run = path.parent().is_some_and(|folder| is_key(&name_of(folder)));
            match name_of(&path).as_str() {
                KEY if is_of_run => {
                    let KeyFile::<String> { key, ingredients, .. } = json(&path)?;
                    let config = serde_json::to_value(&ingredients.config);
                    let config = config.map_err(|error| RunsError { path: path.clone(), detail: error.to_string() })?;
                    let folder = path.parent().map(Path::to_owned);
                    let run = Run { stage: ingredients.stage, config: Some(config), folder, ..Run::default() };
                    runs.entry(key).or_insert(run);
                }
                "study.json" if is_of_run => studies.push(path),
                name if is_ledger(name) => ledgers.push(path),
                _ => {}
            }
        }
    }
    let reports = runs.values().filter_map(|run| reports_of(run.folder.as_deref()?));
    let mut reports: Vec<PathBuf> = reports.collect();
    reports.sort();
    reports.dedup();
    ledgers.extend(reports.iter().flat_map(|reports| files(reports)).filter(|path| is_ledger(&name_of(path))));
    for study in studies {
        let Study { cells } = json(&study)?;
        for StudyCell { cell, fields } in cells {
            for key in fields.values().filter_map(Value::as_str).filter_map(key_of) {
                if let Some(run) = runs.get_mut(key) {
                    run.add(&cell);
                }
            }
        }
    }
    for execution in executions(&ledgers)? {
        let run = runs.entry(execution.key).or_insert_with(|| Run { stage: execution.stage, ..Run::default() });
        execution.cells.iter().filter_map(|cell| cell_of(cell)).for_each(|cell| run.add(&cell));
        if execution.exit_status == "exit status 0" {
            run.seconds = Some(execution.wall_s);
        }
    }
    let mut runs: Vec<(String, Run)> = runs.into_iter().collect();
    runs.sort_by(|(left, one), (right, other)| (&one.stage, left).cmp(&(&other.stage, right)));
    let unreadable = |detail: String| RunsError { path: folders[0].to_owned(), detail };
    (!runs.is_empty()).then(|| frame(&runs).map_err(|error| unreadable(error.to_string()))).transpose()
}

impl Run {
    fn add(&mut self, cell: &Cell) {
        if !self.cells.contains(cell) {
            self.cells.push(cell.clone());
        }
    }

    /// The arms of its cells, sorted.
    fn arms(&self) -> Option<String> {
        let mut arms: Vec<&str> = self.cells.iter().map(|cell| cell.arm.as_str()).collect();
        arms.sort_unstable();
        arms.dedup();
        (!arms.is_empty()).then(|| arms.join(", "))
    }

    /// The value in the run's config, or else the value that all its cells share.
    fn number<T: PartialEq>(&self, of_config: impl Fn(&Value) -> Option<T>, of_cell: impl Fn(&Cell) -> T) -> Option<T> {
        let mut of_cells = self.cells.iter().map(of_cell);
        let first = of_cells.next();
        let is_of_all = first.as_ref().is_some_and(|first| of_cells.all(|other| other == *first));
        self.config.as_ref().and_then(of_config).or(first.filter(|_| is_of_all))
    }
}

fn frame(runs: &[(String, Run)]) -> PolarsResult<DataFrame> {
    let texts = |name: &str, value: &dyn Fn(&(String, Run)) -> Option<String>| {
        Column::from(Series::new(name.into(), runs.iter().map(value).collect::<Vec<_>>()))
    };
    let rates: Vec<_> =
        runs.iter().map(|(_, run)| run.number(|of| of.get("rate")?.as_f64(), |cell| cell.rate)).collect();
    let seeds: Vec<_> =
        runs.iter().map(|(_, run)| run.number(|of| of.get("seed")?.as_i64(), |cell| cell.seed)).collect();
    let seconds: Vec<_> = runs.iter().map(|(_, run)| run.seconds).collect();
    let columns = vec![
        texts("key", &|(key, _)| Some(key.clone())),
        texts("stage", &|(_, run)| Some(run.stage.clone())),
        texts("arm", &|(_, run)| run.arms()),
        Series::new("rate".into(), rates).into(),
        Series::new("seed".into(), seeds).into(),
        texts("config", &|(_, run)| run.config.as_ref().map(Value::to_string)),
        Series::new("seconds".into(), seconds).into(),
        texts("folder", &|(_, run)| run.folder.as_ref().map(|folder| folder.display().to_string())),
    ];
    DataFrame::new(runs.len(), columns)
}

/// The files in a folder and below it, except for unfinished runs, failed runs and hidden files.
fn files(folder: &Path) -> Vec<PathBuf> {
    let is_let_in = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name.ends_with(".partial") || name.ends_with(".failed"))
    };
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(is_let_in).flatten();
    entries.filter(|entry| entry.file_type().is_file()).map(DirEntry::into_path).collect()
}

/// `reports` beside `data`, of a run's folder `data/stages/<stage>/<key>`.
fn reports_of(run: &Path) -> Option<PathBuf> {
    let run = fs::canonicalize(run).ok()?;
    let reports = run.ancestors().nth(4)?.join("reports");
    reports.is_dir().then_some(reports)
}

fn is_ledger(name: &str) -> bool {
    name == "ledger.jsonl" || name.starts_with("ledger-") && name.ends_with(".jsonl")
}

/// The executions in ledgers, sorted by their start. Truncated lines are left out, and so are lines that say what a
/// study declares.
fn executions(ledgers: &[PathBuf]) -> Result<Vec<Execution>, RunsError> {
    let mut executions: Vec<Execution> = Vec::new();
    for path in ledgers {
        let text = String::from_utf8_lossy(&read(path)?).into_owned();
        executions.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
    }
    executions.sort_by(|left, right| left.started_at.cmp(&right.started_at));
    Ok(executions)
}

/// The key in a path such as `data/stages/train/<key>/model.safetensors`.
fn key_of(path: &str) -> Option<&str> {
    path.split('/').find(|part| is_key(part))
}

/// `standard rate 0.5 seed 3`
fn cell_of(text: &str) -> Option<Cell> {
    let (text, seed) = text.rsplit_once(" seed ")?;
    let (arm, rate) = text.rsplit_once(" rate ")?;
    Some(Cell { arm: arm.to_owned(), rate: rate.parse().ok()?, seed: seed.parse().ok()? })
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, RunsError> {
    serde_json::from_slice(&read(path)?).map_err(|error| RunsError { path: path.to_owned(), detail: error.to_string() })
}

fn read(path: &Path) -> Result<Vec<u8>, RunsError> {
    fs::read(path).map_err(|error| RunsError { path: path.to_owned(), detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_from_a_ledger_s_words() {
        let cell = |arm: &str, rate, seed| Some(Cell { arm: arm.to_owned(), rate, seed });
        assert_eq!(cell_of("standard rate 0.5 seed 3"), cell("standard", 0.5, 3));
        assert_eq!(cell_of("at rate seed rate 1 seed 0"), cell("at rate seed", 1.0, 0));
        assert_eq!((cell_of("images"), cell_of("a rate b seed 1")), (None, None));
    }
}
