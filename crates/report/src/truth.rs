//! The *truth* of a generated dataset: the duplicates that were planted in it.

use std::path::Path;

use twinset_delimited::Table;
use twinset_manifest::rows::PairKind;

use crate::{ReportError, TruthError};

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
    let text = std::fs::read(path).map_err(|source| ReportError::File {
        field: "truth".to_owned(),
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|source| ReportError::Truth { path: path.to_owned(), source })
}

fn parse(text: &[u8]) -> Result<Vec<Planted>, TruthError> {
    let mut table = Table::parse(text, None, &["left_id", "right_id", "kind", "transform"])?;
    let (left, right, kind) = (table.needed("left_id")?, table.needed("right_id")?, table.needed("kind")?);
    let (transform, judgement) = (table.needed("transform")?, table.column("is_duplicate")?);
    let mut planted = Vec::new();
    while let Some(row) = table.next_row()? {
        if judgement.is_some_and(|judgement| row.field(judgement).eq_ignore_ascii_case("false")) {
            continue;
        }
        let wrong =
            |column, expected| TruthError::Row { line: row.line(), found: row.field(column).to_owned(), expected };
        let id = |column| row.field(column).parse::<u64>().map_err(|_| wrong(column, "an image id"));
        let (left_id, right_id) = (id(left)?, id(right)?);
        planted.push(Planted {
            left_id: left_id.min(right_id),
            right_id: left_id.max(right_id),
            kind: row.field(kind).parse().map_err(|_: String| wrong(kind, "`exact` or `near`"))?,
            transform: row.field(transform).to_owned(),
        });
    }
    Ok(planted)
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
        assert_eq!(parse(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_was_judged_to_be_no_duplicate_is_left_out() {
        let text = "left_id,right_id,kind,transform,is_duplicate\n1,2,near,,true\n3,4,,,false\n";
        let expected = Planted { left_id: 1, right_id: 2, kind: PairKind::Near, transform: String::new() };
        assert_eq!(parse(text.as_bytes()).unwrap(), [expected]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), expected);
        };
        check(
            "left_id,right_id,kind\n",
            "line 1: found the columns `left_id`, `right_id`, `kind`, expected the column `transform`",
        );
        let header = "left_id,right_id,kind,transform\n";
        check(&format!("{header}1,2,near,x\n1,two,near,x\n"), "line 3: found `two`, expected an image id");
        check(&format!("{header}1,2,alike,x\n"), "line 2: found `alike`, expected `exact` or `near`");
        check(&format!("{header}1,2\n"), "line 2: found 2 fields, expected 4 as in the header");
    }
}
