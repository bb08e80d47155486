//! How a set was searched, and what was not searched.

use std::fmt;

use crate::config::{MAX_CORRELATED, Method};
use crate::orientation::Orientations;
use crate::{Config, Search};

/// How a set was searched; printed, lines that also say what was not searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Searched {
    method: Method,
    /// Whether the size of the set chose the method.
    is_chosen: bool,
    orientations: Orientations,
    between_splits: bool,
    verify: bool,
}

impl Searched {
    /// How so many images are searched.
    pub fn of(config: &Config, n_images: u64) -> Self {
        Self {
            method: config.method(n_images),
            is_chosen: config.search == Search::Auto,
            orientations: config.orientations,
            between_splits: config.between_splits,
            verify: config.verify,
        }
    }

    /// Whether only pairs of two splits were searched.
    pub(crate) fn is_between_splits(self) -> bool {
        self.between_splits
    }

    /// What no pair was looked for by; empty where everything was.
    fn not_searched(self) -> String {
        let turned = match (self.method, self.orientations) {
            (Method::Hash, _) | (_, Orientations::Upright) => "mirrored and turned pictures",
            (_, Orientations::Mirrored) => "turned pictures",
            (_, Orientations::All) => "pictures turned by other than right angles",
            (_, Orientations::Any) => "",
        };
        match self.method {
            Method::Hash => format!("crops, pictures in frames, {turned}"),
            Method::Correlation => turned.to_owned(),
        }
    }
}

impl fmt::Display for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Method::Correlation => writeln!(f, "searched by correlation")?,
            Method::Hash if self.is_chosen => {
                writeln!(f, "searched by hash, because there are more than {MAX_CORRELATED} images (`search`)")?;
            }
            Method::Hash => writeln!(f, "searched by hash")?,
        }
        let not_searched = self.not_searched();
        if !not_searched.is_empty() {
            writeln!(f, "{not_searched}: not searched")?;
        }
        if self.method == Method::Hash {
            writeln!(f, "expected false pairs: not estimated")?;
        }
        if !self.verify {
            writeln!(f, "pairs were not aligned and compared (`verify`)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_searched_is_said() {
        let check = |change: &dyn Fn(&mut Config), n_images: u64, expected: &str| {
            let mut config = Config::default();
            change(&mut config);
            assert_eq!(Searched::of(&config, n_images).to_string(), expected);
        };
        let correlation = "searched by correlation\n";
        check(&|_| (), 6, &format!("{correlation}mirrored and turned pictures: not searched\n"));
        let oriented = |orientations, expected: &str| {
            check(&|config| config.orientations = orientations, 6, &format!("{correlation}{expected}"));
        };
        oriented(Orientations::Mirrored, "turned pictures: not searched\n");
        oriented(Orientations::All, "pictures turned by other than right angles: not searched\n");
        oriented(Orientations::Any, "");
        let by_hash = "crops, pictures in frames, mirrored and turned pictures: not searched\nexpected false pairs: not estimated\n";
        let chosen = "searched by hash, because there are more than 200000 images (`search`)\n";
        check(&|_| (), 200_001, &format!("{chosen}{by_hash}"));
        // A hash knows no orientations, whatever is asked for.
        check(&|config| config.orientations = Orientations::All, 200_001, &format!("{chosen}{by_hash}"));
        let unverified = |config: &mut Config| (config.search, config.verify) = (Search::Hash, false);
        let not_compared = "pairs were not aligned and compared (`verify`)\n";
        check(&unverified, 6, &format!("searched by hash\n{by_hash}{not_compared}"));
    }
}
