//! Classes as files have them: as numbers or as names.

use std::collections::HashMap;
use std::path::Path;

use crate::config::ClassNotation;
use crate::{Dataset, Refused};

/// Reads the classes of one column.
pub(super) struct ClassReader<'d> {
    dataset: &'d Dataset,
    names: HashMap<&'d str, u32>,
    is_names: bool,
}

impl<'d> ClassReader<'d> {
    /// A reader for a column with these values.
    ///
    /// # Errors
    /// When each value is both a number and a name of another class, and nothing says which is meant.
    pub(super) fn of<'v>(
        values: impl Iterator<Item = &'v str> + Clone,
        notation: ClassNotation,
        dataset: &'d Dataset,
        (path, column): (&Path, &str),
    ) -> Result<Self, Refused> {
        let named = dataset.classes.iter().zip(0..).filter(|(name, _)| !name.is_empty());
        let names: HashMap<&str, u32> = named.map(|(name, class)| (name.as_str(), class)).collect();
        let is_names = match notation {
            ClassNotation::Names => true,
            ClassNotation::Numbers => false,
            ClassNotation::Auto => {
                let filled = values.filter(|value| !value.is_empty());
                let n_numbers = filled.clone().filter(|value| number(value).is_some()).count();
                let n_names = filled.clone().filter(|value| names.contains_key(value)).count();
                let mut both = filled.filter(|value| names.contains_key(value) && number(value).is_some());
                let other_class = both.find(|value| number(value) != names.get(value).copied().map(u64::from));
                if let Some(value) = other_class.filter(|_| n_numbers == n_names) {
                    let class = dataset.class(names[value]);
                    let found = format!("`{value}` in `{column}`, which is a number and the name of the class {class}");
                    let hint = "say which is meant: --set classes=numbers or --set classes=names";
                    return Err(Refused::file(path, found, "numbers or names").hint(hint));
                }
                n_names > n_numbers
            }
        };
        Ok(Self { dataset, names, is_names })
    }

    /// The class of a value.
    ///
    /// # Errors
    /// Says what was expected.
    pub(super) fn class(&self, value: &str) -> Result<u32, String> {
        let n = self.dataset.classes.len();
        let named = || {
            let shown: Vec<&str> = self.dataset.classes.iter().take(12).map(String::as_str).collect();
            format!("{}{}", shown.join(", "), if n > 12 { ", …" } else { "" })
        };
        if self.is_names {
            return self.names.get(value).copied().ok_or_else(|| format!("a class: {}", named()));
        }
        let class = number(value).filter(|&class| class < n as u64);
        class
            .map(|class| class as u32)
            .ok_or_else(|| format!("a class from 0 to {} ({})", n.saturating_sub(1), named()))
    }
}

/// A number without a fraction, as integers and as pandas writes them beside missing values: `3.0`.
fn number(value: &str) -> Option<u64> {
    value.parse().ok().or_else(|| {
        let number: f64 = value.parse().ok()?;
        (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64)
    })
}
