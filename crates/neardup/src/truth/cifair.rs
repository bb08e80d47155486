//! The layout of ciFAIR's lists of duplicates between a test set and its training set (Barz & Denzler 2020, "Do We Train on
//! Test Data?"), and within one split (`--splits test,test`), where both columns are positions in that one.

use twinset_manifest::rows::{PairKind, Split};

use super::listing::{Column, Listing, Row};
use super::values::value;
use super::{Judged, Truth, TruthError};
use crate::ImageIndex;

/// The columns that are read.
pub(super) const COLUMNS: [&str; 3] = [TEST_ID, TRAIN_ID, JUDGMENT];
const TEST_ID: &str = "TestID";
const TRAIN_ID: &str = "TrainID";
const JUDGMENT: &str = "Judgment";

/// Whether a table has ciFAIR's columns.
pub(super) fn is_cifair(listing: &Listing) -> bool {
    [TEST_ID, TRAIN_ID].iter().all(|name| listing.has(name))
}

/// The pairs, all of which are duplicates: the published counts are over all judgements. The first column has positions in the
/// first of the `splits`, the second in the second one.
pub(super) fn parse(listing: &Listing, images: &ImageIndex, splits: (Split, Split)) -> Result<Truth, TruthError> {
    let (test, train, judgment) = (listing.needed(TEST_ID)?, listing.needed(TRAIN_ID)?, listing.needed(JUDGMENT)?);
    let mut judged = Vec::new();
    for row in listing.rows() {
        let test_id = image_id(row, (TEST_ID, test), images, splits.0)?;
        let train_id = image_id(row, (TRAIN_ID, train), images, splits.1)?;
        let kind = match row.field(judgment) {
            "0" => PairKind::Exact,
            "1" => PairKind::Near,
            "2" => PairKind::Similar,
            other => {
                let expected = "expected 0 (exact), 1 (near) or 2 (very similar)";
                return Err(wrong(row, format!("found `{other}` in `{JUDGMENT}`, {expected}")));
            }
        };
        judged.push(Judged::new(row.line, (train_id, test_id), kind, true)?);
    }
    Ok(Truth { judged })
}

/// The image at a position of its split, counted from 0 in the order of ids.
fn image_id(row: &Row, (name, column): (&str, Column), images: &ImageIndex, split: Split) -> Result<u64, TruthError> {
    let n_images = images.ids_in(split).len();
    if n_images == 0 {
        return Err(wrong(
            row,
            format!("the images have no {split} split, expected the images that the file is about"),
        ));
    }
    let expected = format!("a position in the {split} split, 0 to {}", n_images - 1);
    let position: usize = value(row, column, name, &expected)?;
    let id = images.ids_in(split).get(position).copied();
    id.ok_or_else(|| wrong(row, format!("found `{position}` in `{name}`, expected {expected}")))
}

fn wrong(row: &Row, detail: String) -> TruthError {
    TruthError::Row { line: row.line, detail }
}
