//! A part of a step's work.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of several equal shares of a step's work, written `2/4`. Parts are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Part {
    number: u32,
    count: u32,
}

impl Part {
    /// All of the work.
    pub const WHOLE: Self = Self { number: 1, count: 1 };

    /// All parts of a step that is cut into `count` parts.
    pub fn all(count: u32) -> impl Iterator<Item = Self> {
        (1..=count).map(move |number| Self { number, count })
    }

    /// Its number, from 1 to [`count`](Self::count).
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many parts there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// The range of `n` things that is this part's share.
    pub fn range(self, n: u64) -> Range<u64> {
        let end = |number: u32| (u128::from(n) * u128::from(number) / u128::from(self.count)) as u64;
        end(self.number - 1)..end(self.number)
    }

    /// The part's share of some things: every `count`-th one. So shares cost about the same if the cost changes along
    /// the list.
    pub(crate) fn every<T>(self, things: Vec<T>) -> Vec<T> {
        things.into_iter().skip(self.number as usize - 1).step_by(self.count as usize).collect()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected two whole numbers such as `1/4`, the first part of four";
        let numbers =
            text.split_once('/').and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        let Some((number, count)) = numbers else { return Err(format!("found `{text}`, {expected}")) };
        match (number, count) {
            (_, 0) => Err(format!("found {count} parts, expected at least one")),
            (0, _) => Err(format!("found part 0, expected 1 to {count}: parts are numbered from 1")),
            _ if number > count => Err(format!("found part {number}, expected 1 to {count}")),
            _ => Ok(Self { number, count }),
        }
    }
}

impl From<Part> for String {
    fn from(part: Part) -> Self {
        part.to_string()
    }
}

impl TryFrom<String> for Part {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_everything_and_nothing_twice() {
        for n in [0, 1, 6, 7, 100, u64::MAX] {
            for count in [1, 2, 7, 100] {
                let ranges: Vec<_> = Part::all(count).map(|part| part.range(n)).collect();
                assert_eq!((ranges[0].start, ranges[count as usize - 1].end), (0, n), "{n} in {count}");
                assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start), "{n} in {count}");
            }
        }
        let mut shared: Vec<_> = Part::all(3).flat_map(|part| part.every((0..8).collect())).collect();
        shared.sort_unstable();
        assert_eq!(shared, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn a_part_is_named_by_its_number_and_how_many_there_are() {
        let check = |text: &str, expected: Result<(u32, u32), &str>| {
            let found = text.parse().map(|part: Part| (part.number, part.count));
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        };
        check("1/1", Ok((1, 1)));
        check("4/4", Ok((4, 4)));
        check("0/4", Err("found part 0, expected 1 to 4: parts are numbered from 1"));
        check("5/4", Err("found part 5, expected 1 to 4"));
        check("1/0", Err("found 0 parts, expected at least one"));
        for text in ["", "1", "/", "1/", "-1/4", "1/4/2", "a/b", "1 / 4", "4294967296/4294967297"] {
            let expected = "expected two whole numbers such as `1/4`, the first part of four";
            check(text, Err(&format!("found `{text}`, {expected}")));
        }
    }
}
