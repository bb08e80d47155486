//! A source's labels become classes: label 0, 1, 2, … and their names.
//!
//! A source has *numbers* or *names*. Where the names of the classes are given, by the config or by the source itself, a
//! number is the place of one, and so is a name; a name that is no class but a whole number is a place too. Where none are
//! given, names are sorted - as numbers where all are whole numbers - and a number names itself: the classes are 0 to the
//! largest. A number of -1 says that there is no label, as Hugging Face has it; so do the texts `` and `-1`, where they name no
//! class.

use std::collections::HashMap;

use twinset_stage::InvalidField;

use crate::summary::listed;

/// Labels count classes from 0, so a huge one is a mistake.
const MAX_CLASSES: usize = 1_000_000;
/// The code of an item without a label.
const NO_LABEL: u32 = u32::MAX;

/// A label as a source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Number(i64),
    Name(&'a str),
    Nothing,
}

/// The labels of a source's items so far, in order.
pub(crate) struct Labels {
    classes: Classes,
    /// Of each item its label, or the place of its name among those that were met.
    codes: Vec<u32>,
}

enum Classes {
    Given { names: Vec<String>, places: HashMap<String, u32> },
    Unknown,
    Numbers { n: usize },
    Names { codes: HashMap<String, u32> },
}

/// Why a label is no class.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// A name that is none of the classes.
    #[error("{at}: label `{found}` is none of the classes {}", listed(.classes, 12))]
    Unknown {
        /// Where it stands.
        at: String,
        /// The label.
        found: String,
        /// The classes.
        classes: Vec<String>,
    },
    /// A number that is no class.
    #[error("{at}: label {found}, expected 0 to {}", .n_classes - 1)]
    OutOfRange {
        /// Where it stands.
        at: String,
        /// The label.
        found: i64,
        /// How many classes there are at most.
        n_classes: usize,
    },
    /// Numbers and names.
    #[error("{at}: label {found}, expected {expected} as in the items before")]
    Mixed {
        /// Where it stands.
        at: String,
        /// The label.
        found: String,
        /// What all before were.
        expected: &'static str,
    },
    /// More names than any set has classes.
    #[error("{at}: more than {MAX_CLASSES} different labels, expected the names of classes")]
    TooMany {
        /// Where the first too many stands.
        at: String,
    },
}

/// Checks the names that a config gives.
pub(crate) fn validate_names(names: Option<&[String]>) -> Result<(), InvalidField> {
    let Some(names) = names else { return Ok(()) };
    InvalidField::unless(!names.is_empty(), "class-names", "none", "at least one name")?;
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(InvalidField::new("class-names", format!("`{}` twice", twice[0]), "every name once")),
        None => InvalidField::unless(!sorted[0].is_empty(), "class-names", "an empty name", "names"),
    }
}

impl Labels {
    /// No items yet, and the classes' names where they are given.
    pub(crate) fn new(given: Option<Vec<String>>) -> Self {
        let classes = match given {
            None => Classes::Unknown,
            Some(names) => {
                let places = names.iter().enumerate().map(|(place, name)| (name.clone(), place as u32)).collect();
                Classes::Given { names, places }
            }
        };
        Self { classes, codes: Vec::new() }
    }

    /// Adds the next item's label; `at` says where it stands.
    pub(crate) fn push(&mut self, found: &Found, at: impl Fn() -> String) -> Result<(), LabelError> {
        let is_given = |name: &str| matches!(&self.classes, Classes::Given { places, .. } if places.contains_key(name));
        let found = match found {
            Found::Number(-1) => &Found::Nothing,
            Found::Name(name @ ("" | "-1")) if !is_given(name) => &Found::Nothing,
            found => found,
        };
        if matches!(self.classes, Classes::Unknown) {
            match found {
                Found::Nothing => {}
                Found::Number(_) => self.classes = Classes::Numbers { n: 0 },
                Found::Name(_) => self.classes = Classes::Names { codes: HashMap::new() },
            }
        }
        let code = match (&mut self.classes, found) {
            (_, Found::Nothing) | (Classes::Unknown, _) => NO_LABEL,
            (Classes::Given { names, .. }, &Found::Number(number)) => place(number, names.len(), at)? as u32,
            (Classes::Given { names, places }, Found::Name(name)) => match (places.get(*name), name.parse()) {
                (Some(&place), _) => place,
                (None, Ok(number)) => place(number, names.len(), at)? as u32,
                (None, Err(_)) => {
                    return Err(LabelError::Unknown { at: at(), found: (*name).to_owned(), classes: names.clone() });
                }
            },
            (Classes::Numbers { n }, &Found::Number(number)) => {
                let number = place(number, MAX_CLASSES, at)?;
                *n = (*n).max(number + 1);
                number as u32
            }
            (Classes::Names { codes }, Found::Name(name)) => match codes.get(*name) {
                Some(&code) => code,
                None if codes.len() == MAX_CLASSES => return Err(LabelError::TooMany { at: at() }),
                None => {
                    let code = codes.len() as u32;
                    codes.insert((*name).to_owned(), code);
                    code
                }
            },
            (Classes::Numbers { .. }, Found::Name(name)) => {
                return Err(LabelError::Mixed { at: at(), found: format!("`{name}`"), expected: "a whole number" });
            }
            (Classes::Names { .. }, Found::Number(number)) => {
                return Err(LabelError::Mixed { at: at(), found: number.to_string(), expected: "a name" });
            }
        };
        self.codes.push(code);
        Ok(())
    }

    /// The classes' names by label, and of each item its label.
    pub(crate) fn finish(self) -> (Vec<String>, Vec<Option<u32>>) {
        let labels = |codes: Vec<u32>, to_label: &dyn Fn(u32) -> u32| {
            codes.into_iter().map(|code| (code != NO_LABEL).then(|| to_label(code))).collect()
        };
        match self.classes {
            Classes::Unknown => (Vec::new(), labels(self.codes, &|code| code)),
            Classes::Given { names, .. } => (names, labels(self.codes, &|code| code)),
            Classes::Numbers { n } => {
                ((0..n).map(|number| number.to_string()).collect(), labels(self.codes, &|code| code))
            }
            Classes::Names { codes: of_names } => {
                let sorted = sorted(of_names);
                let mut label_of = vec![0; sorted.len()];
                sorted.iter().enumerate().for_each(|(label, (_, code))| label_of[*code as usize] = label as u32);
                let names = sorted.into_iter().map(|(name, _)| name).collect();
                (names, labels(self.codes, &|code| label_of[code as usize]))
            }
        }
    }
}

fn place(number: i64, n_classes: usize, at: impl Fn() -> String) -> Result<usize, LabelError> {
    usize::try_from(number).ok().filter(|&number| number < n_classes).ok_or_else(|| LabelError::OutOfRange {
        at: at(),
        found: number,
        n_classes,
    })
}

/// Names in their order: by number where all are whole numbers.
fn sorted(codes: HashMap<String, u32>) -> Vec<(String, u32)> {
    let mut names: Vec<_> = codes.into_iter().collect();
    names.sort_unstable();
    let numbers: Option<Vec<i64>> = names.iter().map(|(name, _)| name.parse().ok()).collect();
    if numbers.is_some() {
        names.sort_by_key(|(name, _)| name.parse::<i64>().unwrap_or_default());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(given: Option<&[&str]>, found: &[Found]) -> Result<(Vec<String>, Vec<Option<u32>>), LabelError> {
        let given = given.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let mut labels = Labels::new(given);
        for (at, found) in found.iter().enumerate() {
            labels.push(found, || format!("row {at}"))?;
        }
        Ok(labels.finish())
    }

    #[test]
    fn classes_are_given_or_sorted() {
        use Found::{Name, Nothing, Number};
        let check = |given: Option<&[&str]>, found: &[Found], names: &[&str], labels: &[Option<u32>]| {
            let (found_names, found_labels) = push(given, found).unwrap();
            assert_eq!(
                (found_names, found_labels.as_slice()),
                (names.iter().map(|n| (*n).to_owned()).collect(), labels)
            );
        };
        check(None, &[Number(2), Nothing, Number(0)], &["0", "1", "2"], &[Some(2), None, Some(0)]);
        check(
            None,
            &[Number(-1), Name("dog"), Name("cat"), Name("dog")],
            &["cat", "dog"],
            &[None, Some(1), Some(0), Some(1)],
        );
        check(None, &[Name("10"), Name("9"), Name("010")], &["9", "010", "10"], &[Some(2), Some(0), Some(1)]);
        check(None, &[Name("-1"), Name("10"), Name("9"), Name("")], &["9", "10"], &[None, Some(1), Some(0), None]);
        check(None, &[Name("10"), Name("-2"), Name("9")], &["-2", "9", "10"], &[Some(2), Some(0), Some(1)]);
        check(Some(&["-1", "1"]), &[Name("1"), Name("-1"), Name("")], &["-1", "1"], &[Some(1), Some(0), None]);
        check(Some(&["a"]), &[Name("-1"), Name("0")], &["a"], &[None, Some(0)]);
        check(None, &[Name("10"), Name("9"), Name("x")], &["10", "9", "x"], &[Some(0), Some(1), Some(2)]);
        check(
            Some(&["b", "a"]),
            &[Number(1), Name("b"), Name("1"), Nothing],
            &["b", "a"],
            &[Some(1), Some(0), Some(1), None],
        );
        check(Some(&["1", "0"]), &[Name("0"), Number(0)], &["1", "0"], &[Some(1), Some(0)]);
        check(None, &[Nothing], &[], &[None]);
    }

    #[test]
    fn a_label_that_is_no_class_is_named() {
        use Found::{Name, Number};
        let check = |given: Option<&[&str]>, found: &[Found], expected: &str| {
            assert_eq!(push(given, found).unwrap_err().to_string(), expected);
        };
        check(Some(&["cat", "dog"]), &[Name("cat"), Name("cow")], "row 1: label `cow` is none of the classes cat, dog");
        check(Some(&["cat", "dog"]), &[Number(2)], "row 0: label 2, expected 0 to 1");
        check(Some(&["cat", "dog"]), &[Name("2")], "row 0: label 2, expected 0 to 1");
        check(None, &[Number(-2)], "row 0: label -2, expected 0 to 999999");
        check(None, &[Number(1_000_000)], "row 0: label 1000000, expected 0 to 999999");
        check(None, &[Number(0), Name("cat")], "row 1: label `cat`, expected a whole number as in the items before");
        check(None, &[Name("cat"), Number(0)], "row 1: label 0, expected a name as in the items before");
    }
}
