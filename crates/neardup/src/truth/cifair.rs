//! The layout of ciFAIR's lists of duplicates between a test set and its training set (Barz & Denzler 2020, "Do We Train on
//! Test Data?").

use twinset_manifest::rows::{PairKind, Split};

use super::csv::{Column, Csv, Row};
use super::{Judged, Truth, TruthError};
use crate::ImageIndex;

const TEST_ID: &str = "TestID";
const TRAIN_ID: &str = "TrainID";

/// Whether a table has ciFAIR's columns.
pub(super) fn is_cifair(csv: &Csv) -> bool {
    csv.column(TEST_ID).is_some() && csv.column(TRAIN_ID).is_some()
}

/// The pairs, all of which are duplicates: the published counts are over all judgements.
pub(super) fn parse(csv: &Csv, images: &ImageIndex) -> Result<Truth, TruthError> {
    let (test, train, judgment) = (csv.needed(TEST_ID)?, csv.needed(TRAIN_ID)?, csv.needed("Judgment")?);
    let judged = csv.rows().iter().map(|row| {
        let train_id = image_id(csv, row, train, images, Split::Train)?;
        let test_id = image_id(csv, row, test, images, Split::Test)?;
        let kind = match row.text(judgment) {
            "0" => PairKind::Exact,
            "1" => PairKind::Near,
            "2" => PairKind::Similar,
            other => {
                let expected = "expected 0 (exact), 1 (near) or 2 (very similar)";
                return Err(row.error(format!("found `{other}` in `Judgment`, {expected}")));
            }
        };
        Judged::new(row.line, (train_id, test_id), kind, true)
    });
    Ok(Truth { judged: judged.collect::<Result<_, _>>()? })
}

/// The image at a position of its split, counted from 0 in the order of ids.
fn image_id(csv: &Csv, row: &Row, column: Column, images: &ImageIndex, split: Split) -> Result<u64, TruthError> {
    let n_images = images.ids_in(split).len();
    if n_images == 0 {
        return Err(row.error(format!("the images have no {split} split, expected the images that the file is about")));
    }
    let expected = format!("a position in the {split} split, 0 to {}", n_images - 1);
    let position: usize = csv.value(row, column, &expected)?;
    images.ids_in(split).get(position).copied().ok_or_else(|| {
        let name = if split == Split::Test { TEST_ID } else { TRAIN_ID };
        row.error(format!("found `{position}` in `{name}`, expected {expected}"))
    })
}
