//! Planted duplicates, and how many of them were found.

use std::collections::BTreeMap;
use std::fmt;

use twinset_manifest::rows::PairKind;

use crate::{Fingerprint, Match};

/// The planted duplicates that a truth file tells of.
///
/// CSV with a header; the columns `left_id`, `right_id` and `kind` (`exact` or `near`) are needed, `transform` (what was
/// done, its name first) is used where it is there, others are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    planted: Vec<Planted>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Planted {
    line: usize,
    left_id: u64,
    right_id: u64,
    kind: PairKind,
    transform: String,
}

/// What is wrong with a truth file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct TruthError {
    /// Counted from 1.
    pub line: usize,
    /// What was found and what was expected.
    pub detail: String,
}

/// How many of the planted duplicates were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recall {
    /// Found and planted pairs by kind and by the transform's name (empty or `none` where the file has none).
    pub n_found_of: BTreeMap<(PairKind, String), (u64, u64)>,
}

impl Truth {
    /// Reads a truth file's text.
    ///
    /// # Errors
    /// Names the line.
    pub fn parse(text: &str) -> Result<Self, TruthError> {
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, fields(line)));
        let header = lines.next().map(|(_, header)| header).unwrap_or_default();
        let column = |name: &str| header.iter().position(|column| column == name);
        let needed = |name: &str| {
            let detail = || format!("found the columns `{}`, expected `{name}` among them", header.join(","));
            column(name).ok_or_else(|| TruthError { line: 1, detail: detail() })
        };
        let (left, right, kind) = (needed("left_id")?, needed("right_id")?, needed("kind")?);
        let transform = column("transform");
        let mut planted = Vec::new();
        for (line, fields) in lines {
            let error = |detail: String| TruthError { line, detail };
            if fields.len() != header.len() {
                return Err(error(format!("found {} fields, expected {}", fields.len(), header.len())));
            }
            let id = |column: usize| {
                let text = &fields[column];
                text.parse().map_err(|_| error(format!("found `{text}` in `{}`, expected an image id", header[column])))
            };
            planted.push(Planted {
                line,
                left_id: id(left)?,
                right_id: id(right)?,
                kind: fields[kind].parse().map_err(|detail| error(format!("found {detail}")))?,
                transform: transform.map_or_else(String::new, |column| name_of(&fields[column])),
            });
        }
        Ok(Self { planted })
    }

    /// How many of the planted pairs are among `matches`. Images are in the order of their ids.
    ///
    /// # Errors
    /// Names an id that no image has.
    pub fn recall(&self, images: &[Fingerprint], matches: &[Match]) -> Result<Recall, TruthError> {
        let mut recall = Recall::default();
        for planted in &self.planted {
            let index = |id: u64| {
                images.binary_search_by_key(&id, |image| image.image_id).map_err(|_| {
                    let n_images = images.len();
                    TruthError { line: planted.line, detail: format!("no image has the id {id} ({n_images} images)") }
                })
            };
            let (left, right) = (index(planted.left_id)?, index(planted.right_id)?);
            let ends = (left.min(right) as u32, left.max(right) as u32);
            // Of a large group of identical images not every pair is told.
            let is_found = images[left].pixels_blake3 == images[right].pixels_blake3
                || matches
                    .binary_search_by_key(&ends, |pair| (pair.left, pair.right))
                    .is_ok_and(|place| matches[place].kind != PairKind::Similar);
            let count = recall.n_found_of.entry((planted.kind, planted.transform.clone())).or_default();
            count.0 += u64::from(is_found);
            count.1 += 1;
        }
        Ok(recall)
    }
}

impl fmt::Display for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |kind: PairKind| {
            let of_kind = self.n_found_of.iter().filter(move |((k, _), _)| *k == kind);
            of_kind.fold((0, 0), |sum, (_, count)| (sum.0 + count.0, sum.1 + count.1))
        };
        for &kind in PairKind::ALL {
            let (n_found, n_planted) = sum(kind);
            if n_planted > 0 {
                writeln!(f, "planted {kind} pairs: {n_found} of {n_planted} found")?;
            }
            for ((_, transform), (n_found, n_planted)) in self.n_found_of.iter().filter(|((k, _), _)| *k == kind) {
                if !matches!(transform.as_str(), "" | "none") {
                    writeln!(f, "  {transform}: {n_found} of {n_planted}")?;
                }
            }
        }
        Ok(())
    }
}

/// A transform's name without its parameters: `shift(right=1 down=0)` is a `shift`, `flip; jpeg(quality=70)` a `flip; jpeg`.
fn name_of(transform: &str) -> String {
    let name = |step: &str| step.trim().split(['(', ' ']).next().unwrap_or_default().to_owned();
    transform.split(';').map(name).collect::<Vec<_>>().join("; ")
}

/// The fields of a line of CSV; a field in double quotes may hold commas, and quotes doubled.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let field = fields.last_mut().expect("there is always a field");
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            _ => field.push(character),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::{image, near};

    #[test]
    fn planted_pairs_are_counted_by_kind_and_transform() {
        let truth = "left_id,right_id,kind,transform\n1,2,exact,none\n1,3,near,\"shift(right=1, down=0)\"\n4,3,near,shift(right=2)\n1,4,near,flip\n";
        let images = [image(1, 1, 0), image(2, 1, 0), image(3, 3, 0), image(4, 4, 0)];
        let recall = Truth::parse(truth).unwrap().recall(&images, &[near(0, 2, 1), near(0, 3, 4)]).unwrap();
        let expected =
            "planted exact pairs: 1 of 1 found\nplanted near pairs: 2 of 3 found\n  flip: 1 of 1\n  shift: 1 of 2\n";
        assert_eq!(recall.to_string(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_truth_file_is_named_with_its_line() {
        let check = |text: &str, expected: &str| {
            let found = Truth::parse(text).and_then(|truth| truth.recall(&[image(1, 1, 0)], &[]));
            assert_eq!(found.unwrap_err().to_string(), expected);
        };
        check("", "line 1: found the columns ``, expected `left_id` among them");
        check("a,left_id,right_id\n", "line 1: found the columns `a,left_id,right_id`, expected `kind` among them");
        check("left_id,right_id,kind\n1,2\n", "line 2: found 2 fields, expected 3");
        check("left_id,right_id,kind\n1,x,near\n", "line 2: found `x` in `right_id`, expected an image id");
        check(
            "left_id,right_id,kind\n1,1,nearly\n",
            "line 2: found `nearly`, expected one of `exact`, `near`, `similar`",
        );
        check("left_id,right_id,kind\n1,9,near\n", "line 2: no image has the id 9 (1 images)");
    }
}
