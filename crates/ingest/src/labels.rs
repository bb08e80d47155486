//! A source's labels become classes: label 0, 1, 2, … and their names.
//!
//! A source has *numbers* or *names*. Where the names of the classes are given, by the config or by the source itself, a
//! number is the place of one, and so is a name; a name that is no class but a whole number is a place too. Where none are
//! given, names are sorted - as numbers where all are numbers - and a number names itself: the classes are 0 to the
//! largest. A number of -1 says that there is no label, as Hugging Face has it; so do the texts `` and `-1`, where they name no
//! class. The text `2.0` is `2` wherever `2` may stand: it is how a column of whole numbers with gaps is often written.

mod numbers;

use std::collections::HashMap;

use twinset_stage::InvalidField;

use crate::SourceError;
use crate::error::wrong;
use crate::summary::listed;
pub(crate) use numbers::sort;
use numbers::{whole, whole_as_integers};

/// Labels count classes from 0, so a huge one is a mistake.
const MAX_CLASSES: usize = 1_000_000;
/// The code of an item without a label.
const NO_LABEL: u32 = u32::MAX;

/// A label as a source has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found<'a> {
    Number(i64),
    /// A number that is not whole, which is no label.
    Fraction(f64),
    Name(&'a str),
    Nothing,
}

/// A source's classes and labels.
#[derive(Debug, PartialEq)]
pub(crate) struct Labelled {
    /// The classes' names, by label.
    pub(crate) class_names: Vec<String>,
    /// Of each item its label.
    pub(crate) labels: Vec<Option<u32>>,
    /// What a reader of the result should know.
    pub(crate) warnings: Vec<String>,
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
    pub(crate) fn push(&mut self, found: &Found, at: impl Fn() -> String) -> Result<(), SourceError> {
        let is_given = |name: &str| matches!(&self.classes, Classes::Given { places, .. } if places.contains_key(name));
        let found = match found {
            Found::Number(-1) => &Found::Nothing,
            Found::Name(name @ ("" | "-1")) if !is_given(name) => &Found::Nothing,
            &Found::Fraction(found) => return Err(wrong!("{}: label {found}, expected a whole number", at())),
            found => found,
        };
        if matches!(self.classes, Classes::Unknown) {
            match found {
                Found::Nothing | Found::Fraction(_) => {}
                Found::Number(_) => self.classes = Classes::Numbers { n: 0 },
                Found::Name(_) => self.classes = Classes::Names { codes: HashMap::new() },
            }
        }
        let code = match (&mut self.classes, found) {
            (_, Found::Nothing | Found::Fraction(_)) | (Classes::Unknown, _) => NO_LABEL,
            (Classes::Given { names, .. }, &Found::Number(number)) => place(number, names.len(), at)? as u32,
            (Classes::Given { names, places }, Found::Name(name)) => match (places.get(*name), whole(name)) {
                (Some(&place), _) => place,
                (None, Some(-1)) => NO_LABEL,
                (None, Some(number)) => place(number, names.len(), at)? as u32,
                (None, None) => {
                    return Err(wrong!("{}: label `{name}` is none of the classes {}", at(), listed(names, 12)));
                }
            },
            (Classes::Numbers { n }, &Found::Number(number)) => {
                let number = place(number, MAX_CLASSES, at)?;
                *n = (*n).max(number + 1);
                number as u32
            }
            (Classes::Names { codes }, Found::Name(name)) => match codes.get(*name) {
                Some(&code) => code,
                None if codes.len() == MAX_CLASSES => {
                    let at = at();
                    return Err(wrong!(
                        "{at}: more than {MAX_CLASSES} different labels, expected the names of classes"
                    ));
                }
                None => {
                    let code = codes.len() as u32;
                    codes.insert((*name).to_owned(), code);
                    code
                }
            },
            (Classes::Numbers { .. }, Found::Name(name)) => {
                return Err(wrong!("{}: label `{name}`, expected a whole number as in the items before", at()));
            }
            (Classes::Names { .. }, Found::Number(number)) => {
                return Err(wrong!("{}: label {number}, expected a name as in the items before", at()));
            }
        };
        self.codes.push(code);
        Ok(())
    }

    pub(crate) fn finish(self) -> Labelled {
        let labels = |codes: Vec<u32>, to_label: &dyn Fn(u32) -> Option<u32>| -> Vec<Option<u32>> {
            codes.into_iter().map(|code| if code == NO_LABEL { None } else { to_label(code) }).collect()
        };
        let (class_names, labels, warning) = match self.classes {
            Classes::Unknown => (Vec::new(), labels(self.codes, &Some), None),
            Classes::Given { names, .. } => (names, labels(self.codes, &Some), None),
            Classes::Numbers { n } => {
                ((0..n).map(|number| number.to_string()).collect(), labels(self.codes, &Some), None)
            }
            Classes::Names { codes: of_names } => {
                let mut by_code = vec![String::new(); of_names.len()];
                of_names.into_iter().for_each(|(name, code)| by_code[code as usize] = name);
                whole_as_integers(&mut by_code);
                let mut names: Vec<_> = by_code.iter().filter(|name| *name != "-1").cloned().collect();
                let warning = sort(&mut names);
                names.dedup();
                let label_of: HashMap<_, _> = names.iter().map(String::as_str).zip(0..).collect();
                let label_of: Vec<_> = by_code.iter().map(|name| label_of.get(name.as_str()).copied()).collect();
                let labels = labels(self.codes, &|code| label_of[code as usize]);
                (names, labels, warning)
            }
        };
        Labelled { class_names, labels, warnings: warning.into_iter().collect() }
    }
}

fn place(number: i64, n_classes: usize, at: impl Fn() -> String) -> Result<usize, SourceError> {
    let place = usize::try_from(number).ok().filter(|&place| place < n_classes);
    place.ok_or_else(|| wrong!("{}: label {number}, expected 0 to {}", at(), n_classes - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(given: Option<&[&str]>, found: &[Found]) -> Result<Labelled, SourceError> {
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
            let Labelled { class_names, labels: found_labels, .. } = push(given, found).unwrap();
            assert_eq!(
                (class_names, found_labels.as_slice()),
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
        // Whole numbers that were written as a column of decimals.
        check(
            None,
            &[Name("0.0"), Name("10.0"), Name("2.0"), Name("2"), Name("-1.0"), Name("1.00")],
            &["0", "1", "2", "10"],
            &[Some(0), Some(3), Some(2), Some(2), None, Some(1)],
        );
        check(Some(&["a", "b"]), &[Name("1.0"), Name("-1.0"), Name("0")], &["a", "b"], &[Some(1), None, Some(0)]);
        // Other numbers keep their text, and so does everything else.
        check(None, &[Name("10.0"), Name("9.5")], &["9.5", "10.0"], &[Some(1), Some(0)]);
        check(None, &[Name("10.0"), Name("9.0"), Name("x")], &["10.0", "9.0", "x"], &[Some(0), Some(1), Some(2)]);
        check(None, &[Name("1e3"), Name("200")], &["1e3", "200"], &[Some(0), Some(1)]);
        check(None, &[Name("nan"), Name("10"), Name("9")], &["10", "9", "nan"], &[Some(2), Some(0), Some(1)]);
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
        check(None, &[Number(0), Found::Fraction(0.5)], "row 1: label 0.5, expected a whole number");
        check(None, &[Number(0), Name("cat")], "row 1: label `cat`, expected a whole number as in the items before");
        check(None, &[Name("cat"), Number(0)], "row 1: label 0, expected a name as in the items before");
    }
}
