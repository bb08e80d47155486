//! The *truth* of a generated dataset: the duplicates that were planted in it.

use std::path::Path;

use twinset_manifest::rows::PairKind;

use crate::ReportError;

/// A pair of images that was planted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planted {
    /// The image with the smaller id.
    pub left_id: u64,
    /// The image with the larger id.
    pub right_id: u64,
    /// `exact` or `near`.
    pub kind: PairKind,
    /// What was done to the one to make the other; empty for an exact duplicate.
    pub transform: String,
}

/// Reads a CSV with the columns `left_id`, `right_id`, `kind` and `transform`. Pairs whose `is_duplicate`, where there is such a
/// column, is `false` were judged to be no duplicates, and are left out; other columns are left alone.
///
/// # Errors
/// When it cannot be read, lacks a column, or a value cannot be understood: names file and line.
pub(crate) fn read_truth(path: &Path) -> Result<Vec<Planted>, ReportError> {
    let text = std::fs::read_to_string(path).map_err(|source| ReportError::File {
        field: "truth".to_owned(),
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|(line, found, expected)| ReportError::Truth { path: path.to_owned(), line, found, expected })
}

type Wrong = (usize, String, String);

fn parse(text: &str) -> Result<Vec<Planted>, Wrong> {
    let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, fields(line)));
    let (_, header) = lines.next().unwrap_or_default();
    let place = |name: &str| {
        let missing = || (1, format!("columns {}", header.join(", ")), format!("a column `{name}`"));
        header.iter().position(|column| column == name).ok_or_else(missing)
    };
    let (left, right, kind, transform) = (place("left_id")?, place("right_id")?, place("kind")?, place("transform")?);
    let judgement = header.iter().position(|column| column == "is_duplicate");
    lines
        .filter(|(_, row)| judgement.and_then(|place| row.get(place)).is_none_or(|judgement| judgement != "false"))
        .map(|(line, row)| {
            let wrong = |found: String, expected: &str| (line, found, expected.to_owned());
            if row.len() != header.len() {
                return Err(wrong(format!("{} fields", row.len()), &format!("{}", header.len())));
            }
            let id = |i: usize| row[i].parse::<u64>().map_err(|_| wrong(format!("`{}`", row[i]), "an image id"));
            let (left_id, right_id) = (id(left)?, id(right)?);
            Ok(Planted {
                left_id: left_id.min(right_id),
                right_id: left_id.max(right_id),
                kind: row[kind].parse().map_err(|_| wrong(format!("`{}`", row[kind]), "`exact` or `near`"))?,
                transform: row[transform].clone(),
            })
        })
        .collect()
}

/// The fields of one line of CSV (RFC 4180; no line breaks within a field).
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                push(&mut fields, '"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => push(&mut fields, other),
        }
    }
    fields
}

fn push(fields: &mut [String], character: char) {
    if let Some(last) = fields.last_mut() {
        last.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_pairs_are_read_with_quoted_transforms() {
        let text = "left_id,right_id,kind,transform,left_split,right_split\n9,2,near,\"shift(1, 2), \"\"x\"\"\",train,test\n3,4,exact,,train,train\n";
        let expected = [
            Planted { left_id: 2, right_id: 9, kind: PairKind::Near, transform: "shift(1, 2), \"x\"".to_owned() },
            Planted { left_id: 3, right_id: 4, kind: PairKind::Exact, transform: String::new() },
        ];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn what_was_judged_to_be_no_duplicate_is_left_out() {
        let text = "left_id,right_id,kind,transform,is_duplicate\n1,2,near,,true\n3,4,,,false\n";
        let expected = Planted { left_id: 1, right_id: 2, kind: PairKind::Near, transform: String::new() };
        assert_eq!(parse(text).unwrap(), [expected]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, line: usize, found: &str, expected: &str| {
            assert_eq!(parse(text).unwrap_err(), (line, found.to_owned(), expected.to_owned()));
        };
        check("left_id,right_id,kind\n", 1, "columns left_id, right_id, kind", "a column `transform`");
        let header = "left_id,right_id,kind,transform\n";
        check(&format!("{header}1,2,near,x\n1,two,near,x\n"), 3, "`two`", "an image id");
        check(&format!("{header}1,2,alike,x\n"), 2, "`alike`", "`exact` or `near`");
        check(&format!("{header}1,2\n"), 2, "2 fields", "4");
    }
}
