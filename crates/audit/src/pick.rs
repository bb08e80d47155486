//! Finds the rows of a manifest for which a condition holds, without reading all others. Row groups are skipped if
//! their statistics show that no row can match. From the others the condition's columns are read first, and the
//! remaining columns only if a row matches.

use std::ops::ControlFlow;

use arrow::array::{Array, BooleanArray, RecordBatch};
use rayon::prelude::*;
use twinset_manifest::{Bounds, ManifestError, RowGroup, Untyped};

/// The number of rows of the condition's columns that are read together.
const CONDITION_ROWS: usize = 1 << 16;

/// A condition on rows.
pub(crate) struct Condition<'a, E> {
    /// What must be true of each row for which it holds.
    pub(crate) need: Need,
    /// The columns that it needs.
    pub(crate) columns: &'a [&'a str],
    /// Computes for which rows of these columns it holds.
    pub(crate) holds: &'a (dyn Fn(&RecordBatch) -> Result<BooleanArray, E> + Sync),
}

/// What must be true of each row for which a condition holds, as far as statistics can check it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Need {
    /// A column's value lies between these, or is one of them.
    Within {
        /// The column.
        column: String,
        /// The least such value.
        low: Option<Key>,
        /// The greatest such value.
        high: Option<Key>,
    },
    /// All of these.
    All(Vec<Need>),
    /// One of these.
    Any(Vec<Need>),
    /// Nothing is known, so no row group can be skipped.
    Nothing,
}

/// A value that bounds are compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Integer(i128),
    Text(String),
}

impl Need {
    /// The value and no other.
    pub(crate) fn exactly(column: &str, key: Key) -> Self {
        Self::Within { column: column.to_owned(), low: Some(key.clone()), high: Some(key) }
    }

    /// Whether a row group may have such a row.
    fn may_be_in(&self, group: &RowGroup) -> bool {
        match self {
            Self::Within { column, low, high } => {
                group.bounds(column).is_none_or(|bounds| meet(&bounds, low.as_ref(), high.as_ref()))
            }
            Self::All(needs) => needs.iter().all(|need| need.may_be_in(group)),
            Self::Any(needs) => needs.iter().any(|need| need.may_be_in(group)),
            Self::Nothing => true,
        }
    }
}

/// Whether the two ranges may have a value in common. True if their types cannot be compared.
fn meet(bounds: &Bounds, low: Option<&Key>, high: Option<&Key>) -> bool {
    let is_below = match (bounds, high) {
        (Bounds::Integers(min, _), Some(Key::Integer(high))) => high < min,
        (Bounds::Text(min, _), Some(Key::Text(high))) => high.as_bytes() < min.as_slice(),
        _ => false,
    };
    let is_above = match (bounds, low) {
        (Bounds::Integers(_, max), Some(Key::Integer(low))) => low > max,
        (Bounds::Text(_, max), Some(Key::Text(low))) => low.as_bytes() > max.as_slice(),
        _ => false,
    };
    !is_below && !is_above
}

/// Passes these columns of the rows for which the condition holds to `take`, until it breaks. The condition's columns
/// are read from several row groups at the same time, the other columns from one row group after the other.
pub(crate) fn pick<E: From<ManifestError> + Send>(
    manifest: &Untyped,
    columns: Option<&[&str]>,
    condition: &Condition<E>,
    batch_rows: usize,
    mut take: impl FnMut(RecordBatch) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let groups: Vec<RowGroup> = manifest.row_groups().filter(|group| condition.need.may_be_in(group)).collect();
    for groups in groups.chunks(rayon::current_num_threads()) {
        let picked: Vec<Result<BooleanArray, E>> = groups.par_iter().map(|group| condition.picked(group)).collect();
        for (group, picked) in groups.iter().zip(picked) {
            let picked = picked?;
            if picked.true_count() == 0 {
                continue;
            }
            for batch in group.batches(columns, batch_rows, Some(&picked))? {
                if take(batch?)?.is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

impl<E: From<ManifestError>> Condition<'_, E> {
    /// Computes for which rows of a row group it holds.
    fn picked(&self, group: &RowGroup) -> Result<BooleanArray, E> {
        let mut masks = Vec::new();
        for batch in group.batches(Some(self.columns), CONDITION_ROWS, None)? {
            masks.push((self.holds)(&batch?)?);
        }
        Ok(joined(&masks))
    }
}

/// Concatenates the masks; null becomes false.
fn joined(masks: &[BooleanArray]) -> BooleanArray {
    match masks {
        [mask] if mask.null_count() == 0 => mask.clone(),
        _ => masks.iter().flat_map(|mask| mask.iter()).map(|holds| Some(holds == Some(true))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_have_no_value_in_common_are_told_apart() {
        let integer = |n| Some(Key::Integer(n));
        let text = |text: &str| Some(Key::Text(text.to_owned()));
        let numbers = Bounds::Integers(3, 9);
        let words = Bounds::Text(b"b".to_vec(), b"d".to_vec());
        let check = |bounds: &Bounds, low: Option<Key>, high: Option<Key>, expected: bool| {
            assert_eq!(meet(bounds, low.as_ref(), high.as_ref()), expected, "{bounds:?} {low:?} {high:?}");
        };
        for (low, high, expected) in
            [(3, 3, true), (9, 12, true), (10, 12, false), (-5, 2, false), (-5, 3, true), (4, 5, true)]
        {
            check(&numbers, integer(low), integer(high), expected);
        }
        check(&numbers, None, integer(2), false);
        check(&numbers, integer(10), None, false);
        check(&words, text("a"), text("a"), false);
        check(&words, text("c"), None, true);
        check(&words, text("da"), None, false);
        // Of other types nothing is known.
        check(&words, integer(1), integer(2), true);
    }
}
