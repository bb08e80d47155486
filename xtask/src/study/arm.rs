//! The *arms* of a pipeline: the conditions compared. An arm states what differs from the arm that it `extends`.

use crate::stages::Stage;
use crate::stages::precision::Precision;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::{Spanned, Table, Value};

/// One condition of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Unique in the pipeline.
    pub name: String,
    /// Duplicates appended, as fractions of the original training set.
    pub rates: Vec<f64>,
    /// The arm whose rate 0 the report compares it with; none for its own.
    pub baseline: Option<String>,
    /// The config of a stage that runs once a cell.
    pub inject: Table,
    /// See [`Self::inject`].
    pub train: Table,
    /// See [`Self::inject`].
    pub evaluate: Table,
    /// The places of the arms whose networks an evaluation is tried against: of the cell's seed and of the arm's first rate.
    pub transfer_from: Vec<usize>,
    /// Where the tables stand in the file, such as `arm.2.train`: the arm's own first, then those that it inherits from.
    pub paths: BTreeMap<Stage, Vec<String>>,
    /// The training's precision where the user chose it; [`Self::train`] has it, too.
    pub precision: Option<Precision>,
}

impl Arm {
    /// The config of a cell's stage.
    pub fn table(&self, stage: Stage) -> &Table {
        match stage {
            Stage::Train => &self.train,
            Stage::Evaluate => &self.evaluate,
            _ => &self.inject,
        }
    }
}

/// An arm as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawArm {
    name: Spanned<String>,
    extends: Option<Spanned<String>>,
    rates: Option<Spanned<Vec<Spanned<f64>>>>,
    baseline: Option<Spanned<String>>,
    transfer_from: Option<Spanned<Vec<Spanned<String>>>>,
    inject: Option<RawTable>,
    train: Option<RawTable>,
    evaluate: Option<RawTable>,
}

/// A table whose keys have places.
type RawTable = BTreeMap<Spanned<String>, Value>;

/// What is wrong, and where in the file.
pub(super) type Wrong = (Range<usize>, String);

/// What the runner sets for each cell, by the table of an arm.
const SET_BY_RUNNER: [(Stage, &[&str]); 3] =
    [(Stage::Inject, &["rate", "seed"]), (Stage::Train, &["seed"]), (Stage::Evaluate, &["seed"])];

/// The arms with what they inherit, in the file's order.
pub(super) fn resolve(arms: &[Spanned<RawArm>]) -> Result<Vec<Arm>, Wrong> {
    let mut names = BTreeSet::new();
    for arm in arms.iter().map(Spanned::get_ref) {
        check(arm)?;
        if !names.insert(arm.name.get_ref()) {
            return Err((arm.name.span(), format!("`arm.name` is `{}` a second time", arm.name.get_ref())));
        }
    }
    (0..arms.len()).map(|place| inherit(arms, place)).collect()
}

/// The arm with the keys that it lacks, of those that it extends.
fn inherit(arms: &[Spanned<RawArm>], place: usize) -> Result<Arm, Wrong> {
    let line = line(arms, place)?;
    let missing = |field: &str| (arms[place].span(), format!("missing field `{field}`"));
    let rates = line.iter().find_map(|place| arms[*place].get_ref().rates.as_ref()).ok_or_else(|| missing("rates"))?;
    let transfer_from = line.iter().find_map(|place| arms[*place].get_ref().transfer_from.as_ref());
    let transfer_from = transfer_from.map(|names| networks_of(arms, names.get_ref())).transpose()?.unwrap_or_default();
    let baseline = line.iter().find_map(|place| arms[*place].get_ref().baseline.as_ref());
    if let Some(baseline) = baseline {
        check_baseline(arms, baseline)?;
    }
    let mut paths = BTreeMap::new();
    let mut table = |stage: Stage| {
        let own = |place: &usize| Some((*place, arms[*place].get_ref().table(stage)?));
        let tables: Vec<(usize, &RawTable)> = line.iter().filter_map(own).collect();
        if tables.is_empty() {
            return Err(missing(stage.name()));
        }
        paths.insert(stage, tables.iter().map(|(place, _)| format!("arm.{place}.{stage}")).collect());
        // What comes later is the arm's own, and wins.
        let entries = tables.into_iter().rev().flat_map(|(_, table)| table);
        Ok(entries.map(|(key, value)| (key.get_ref().clone(), value.clone())).collect())
    };
    Ok(Arm {
        name: arms[place].get_ref().name.get_ref().clone(),
        rates: rates.get_ref().iter().map(|rate| *rate.get_ref()).collect(),
        baseline: baseline.map(|baseline| baseline.get_ref().clone()),
        inject: table(Stage::Inject)?,
        train: table(Stage::Train)?,
        evaluate: table(Stage::Evaluate)?,
        transfer_from,
        paths,
        precision: None,
    })
}

/// The places of the arms of these names.
fn networks_of(arms: &[Spanned<RawArm>], names: &[Spanned<String>]) -> Result<Vec<usize>, Wrong> {
    let mut places = vec![];
    for name in names {
        let place = (0..arms.len()).find(|place| name_of(arms, *place) == name.get_ref());
        let wrong = |what: String| (name.span(), format!("`transfer-from` holds `{}`{what}", name.get_ref()));
        let place = place.ok_or_else(|| wrong(format!(", expected some of {}", all_names(arms))))?;
        if places.contains(&place) {
            return Err(wrong(" twice".to_owned()));
        }
        places.push(place);
    }
    Ok(places)
}

/// A baseline is an arm that is run at rate 0.
fn check_baseline(arms: &[Spanned<RawArm>], baseline: &Spanned<String>) -> Result<(), Wrong> {
    let has_rate_0 = |place: usize| {
        let rates = line(arms, place)?.into_iter().find_map(|place| arms[place].get_ref().rates.as_ref());
        Ok(rates.is_some_and(|rates| rates.get_ref().iter().any(|rate| *rate.get_ref() == 0.0)))
    };
    let mut at_rate_0 = vec![];
    for place in 0..arms.len() {
        if has_rate_0(place)? {
            at_rate_0.push(format!("`{}`", name_of(arms, place)));
        }
    }
    let name = format!("`{}`", baseline.get_ref());
    if at_rate_0.contains(&name) {
        return Ok(());
    }
    let what = if (0..arms.len()).any(|place| name_of(arms, place) == baseline.get_ref()) {
        "which has no rate 0"
    } else {
        "which is no arm"
    };
    let expected = match at_rate_0.is_empty() {
        true => "an arm with rate 0: there is none".to_owned(),
        false => format!("an arm with rate 0: {}", at_rate_0.join(", ")),
    };
    Err((baseline.span(), format!("`baseline` is {name}, {what}, expected {expected}")))
}

fn name_of(arms: &[Spanned<RawArm>], place: usize) -> &str {
    arms[place].get_ref().name.get_ref()
}

fn all_names(arms: &[Spanned<RawArm>]) -> String {
    (0..arms.len()).map(|place| format!("`{}`", name_of(arms, place))).collect::<Vec<_>>().join(", ")
}

/// The places of the arm, of the arm that it extends, and so on.
fn line(arms: &[Spanned<RawArm>], place: usize) -> Result<Vec<usize>, Wrong> {
    let name = |place: usize| name_of(arms, place);
    let mut line = vec![place];
    while let Some(extends) = &arms[line[line.len() - 1]].get_ref().extends {
        let wrong = |expected: String| {
            let (of, found) = (name(line[line.len() - 1]), extends.get_ref());
            Err((extends.span(), format!("`extends` of arm `{of}` is `{found}`, expected {expected}")))
        };
        match (0..arms.len()).find(|other| name(*other) == extends.get_ref()) {
            None => return wrong(format!("one of {}", all_names(arms))),
            Some(next) if line.contains(&next) => return wrong("an arm that does not extend this one".to_owned()),
            Some(next) => line.push(next),
        }
    }
    Ok(line)
}

impl RawArm {
    fn table(&self, stage: Stage) -> Option<&RawTable> {
        match stage {
            Stage::Train => self.train.as_ref(),
            Stage::Evaluate => self.evaluate.as_ref(),
            _ => self.inject.as_ref(),
        }
    }
}

fn check(arm: &RawArm) -> Result<(), Wrong> {
    let name = arm.name.get_ref();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        let message = format!("`arm.name` is `{name}`, expected letters, digits, `-`, `_` and `.` only");
        return Err((arm.name.span(), message));
    }
    if let Some(rates) = &arm.rates {
        if rates.get_ref().is_empty() {
            return Err((rates.span(), format!("`rates` of arm `{name}` is empty, expected at least one")));
        }
        for (i, rate) in rates.get_ref().iter().enumerate() {
            let value = *rate.get_ref();
            if !value.is_finite() || value < 0.0 {
                return Err((rate.span(), format!("`rates` of arm `{name}` holds {value}, expected 0 or more")));
            }
            if rates.get_ref()[..i].iter().any(|earlier| *earlier.get_ref() == value) {
                return Err((rate.span(), format!("`rates` of arm `{name}` holds {value} twice")));
            }
        }
    }
    for (stage, keys) in SET_BY_RUNNER {
        let mut entries = arm.table(stage).into_iter().flatten();
        if let Some((key, value)) = entries.find(|(key, _)| keys.contains(&key.get_ref().as_str())) {
            let key_name = key.get_ref();
            let message = format!(
                "`{stage}.{key_name}` of arm `{name}` is {value}, expected none: the runner sets it, from `{key_name}s`"
            );
            return Err((key.span(), message));
        }
    }
    Ok(())
}
