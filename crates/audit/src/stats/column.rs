//! Computes the statistics of one column, batch after batch.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, make_comparator};
use arrow::buffer::NullBuffer;
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use serde_json::Value;

use super::ColumnStats;
use crate::cell::{cell, float64, text};

/// If a column has more different values than this, its most frequent values are not counted.
const MAX_COUNTED: usize = 1000;
/// The number of most frequent values that are listed.
const N_TOP: usize = 5;
/// The number of keys that are gathered before duplicates are dropped.
const MIN_GATHERED: usize = 1 << 21;

/// The statistics of the batches so far.
#[derive(Default)]
pub(super) struct Column {
    n_nulls: u64,
    n_values: u64,
    sum: Sum,
    min: Option<ArrayRef>,
    max: Option<ArrayRef>,
    values: Values,
}

/// The sum of numbers.
#[derive(Default)]
enum Sum {
    #[default]
    Nothing,
    Integer(i128),
    Float(f64),
    /// A value is not a number, or is not finite.
    NoNumber,
}

/// The different values, each by a key of 64 bits: the number itself, or a digest.
enum Values {
    /// Few different values: the count and text of each.
    Few(HashMap<u64, (u64, String), BuildHasherDefault<Mixed>>),
    /// Many different values: only their keys, which may still have duplicates.
    Many(Vec<u64>, usize),
}

impl Default for Values {
    fn default() -> Self {
        Self::Few(HashMap::default())
    }
}

/// A hasher for keys, which are digests or consecutive numbers.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, key: u64) {
        let mixed = (self.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// The contribution of a batch: its keys by row, the rows of its smallest and largest value, and its sum.
struct Added {
    keys: Vec<u64>,
    ends: Option<(usize, usize)>,
    sum: Sum,
}

impl Column {
    /// Adds a batch of values. Where `nulls` says so, a value stands for nothing.
    ///
    /// # Errors
    /// When its values cannot be compared.
    pub(super) fn add(&mut self, array: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<(), ArrowError> {
        if let DataType::Dictionary(_, values) = array.data_type() {
            return self.add(&cast(array, values)?, nulls);
        }
        if let DataType::RunEndEncoded(_, values) = array.data_type() {
            return self.add(&cast(array, values.data_type())?, nulls);
        }
        let nulls = NullBuffer::union(nulls, array.logical_nulls().as_ref());
        let rows: Vec<usize> = match &nulls {
            Some(nulls) => nulls.valid_indices().collect(),
            None => (0..array.len()).collect(),
        };
        self.n_nulls += (array.len() - rows.len()) as u64;
        self.n_values += rows.len() as u64;
        if rows.is_empty() {
            return Ok(());
        }
        let Added { keys, ends, sum } = added(array, &rows)?;
        self.sum.add(sum);
        if let Some((least, greatest)) = ends {
            keep(&mut self.min, array, least, Ordering::Less)?;
            keep(&mut self.max, array, greatest, Ordering::Greater)?;
        }
        self.values.add(array, &rows, &keys);
        Ok(())
    }

    /// The finished statistics.
    pub(super) fn finish(self, name: &str) -> ColumnStats {
        let (n_distinct, top) = self.values.finish();
        let [min, max] = [self.min, self.max].map(|found| found.map_or(Value::Null, |array| cell(array.as_ref(), 0)));
        let n_values = self.n_values as f64;
        let mean = match self.sum {
            Sum::Integer(sum) => float64(sum as f64 / n_values),
            Sum::Float(sum) => float64(sum / n_values),
            Sum::Nothing | Sum::NoNumber => Value::Null,
        };
        ColumnStats { column: name.to_owned(), n_nulls: self.n_nulls, n_distinct, min, max, mean, top }
    }
}

impl Sum {
    fn add(&mut self, other: Self) {
        *self = match (std::mem::take(self), other) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::Integer(left), Self::Integer(right)) => Self::Integer(left + right),
            (Self::Float(left), Self::Float(right)) if (left + right).is_finite() => Self::Float(left + right),
            _ => Self::NoNumber,
        };
    }
}

impl Values {
    fn add(&mut self, array: &ArrayRef, rows: &[usize], keys: &[u64]) {
        let mut rows = rows.iter();
        if let Self::Few(counts) = self {
            for &row in rows.by_ref() {
                counts.entry(keys[row]).or_insert_with(|| (0, text(&cell(array, row)))).0 += 1;
                if counts.len() > MAX_COUNTED {
                    *self = Self::Many(counts.keys().copied().collect(), MIN_GATHERED);
                    break;
                }
            }
        }
        if let Self::Many(gathered, limit) = self {
            gathered.extend(rows.map(|&row| keys[row]));
            if gathered.len() > *limit {
                once(gathered);
                *limit = gathered.len() + gathered.len().max(MIN_GATHERED);
            }
        }
    }

    /// The number of different values, and the most frequent ones.
    fn finish(self) -> (u64, Vec<(String, u64)>) {
        match self {
            Self::Few(counts) => {
                let n_distinct = counts.len() as u64;
                let mut top: Vec<(String, u64)> = counts.into_values().map(|(n, text)| (text, n)).collect();
                top.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
                if top.first().is_some_and(|(_, n)| *n == 1) {
                    top.clear();
                }
                top.truncate(N_TOP);
                (n_distinct, top)
            }
            Self::Many(mut gathered, _) => {
                once(&mut gathered);
                (gathered.len() as u64, Vec::new())
            }
        }
    }
}

/// Drops duplicate keys.
fn once(keys: &mut Vec<u64>) {
    keys.sort_unstable();
    keys.dedup();
}

/// The contribution of these rows of an array.
fn added(array: &ArrayRef, rows: &[usize]) -> Result<Added, ArrowError> {
    macro_rules! integers {
        ($arrow:ty) => {{
            let values = array.as_primitive::<$arrow>().values();
            let sum = rows.iter().map(|&row| i128::from(values[row])).sum();
            let ends = ends(rows, |left, right| values[left] < values[right]);
            let keys = values.iter().map(|value| *value as u64).collect();
            Added { keys, ends, sum: Sum::Integer(sum) }
        }};
    }
    macro_rules! floats {
        ($arrow:ty) => {{
            let values = array.as_primitive::<$arrow>().values();
            let sum: f64 = rows.iter().map(|&row| f64::from(values[row])).sum();
            let sum = if sum.is_finite() { Sum::Float(sum) } else { Sum::NoNumber };
            let ends = ends(rows, |left, right| values[left].compare(values[right]) == Ordering::Less);
            // All NaNs count as one value.
            let key = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
            let keys = values.iter().map(|value| key(f64::from(*value))).collect();
            Added { keys, ends, sum }
        }};
    }
    macro_rules! texts {
        ($values:expr) => {{
            let values = $values;
            let ends = ends(rows, |left, right| values.value(left) < values.value(right));
            Added { keys: digests(rows, array.len(), |row| values.value(row).as_bytes()), ends, sum: Sum::NoNumber }
        }};
    }
    // Bytes have no smallest and largest value, which would say nothing about encoded images.
    macro_rules! bytes {
        ($values:expr) => {{
            let values = $values;
            Added { keys: digests(rows, array.len(), |row| values.value(row)), ends: None, sum: Sum::NoNumber }
        }};
    }
    Ok(match array.data_type() {
        DataType::Int8 => integers!(Int8Type),
        DataType::Int16 => integers!(Int16Type),
        DataType::Int32 => integers!(Int32Type),
        DataType::Int64 => integers!(Int64Type),
        DataType::UInt8 => integers!(UInt8Type),
        DataType::UInt16 => integers!(UInt16Type),
        DataType::UInt32 => integers!(UInt32Type),
        DataType::UInt64 => integers!(UInt64Type),
        DataType::Float16 => floats!(Float16Type),
        DataType::Float32 => floats!(Float32Type),
        DataType::Float64 => floats!(Float64Type),
        DataType::Utf8 => texts!(array.as_string::<i32>()),
        DataType::LargeUtf8 => texts!(array.as_string::<i64>()),
        DataType::Utf8View => texts!(array.as_string_view()),
        DataType::Binary => bytes!(array.as_binary::<i32>()),
        DataType::LargeBinary => bytes!(array.as_binary::<i64>()),
        DataType::BinaryView => bytes!(array.as_binary_view()),
        DataType::FixedSizeBinary(_) => bytes!(array.as_fixed_size_binary()),
        _ => others(array, rows)?,
    })
}

/// The contribution of an array of any other type. Values are compared as the text that is shown.
fn others(array: &ArrayRef, rows: &[usize]) -> Result<Added, ArrowError> {
    let is_decimal = matches!(
        array.data_type(),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..)
    );
    let (mut keys, mut sum) = (vec![0; array.len()], Sum::Nothing);
    for &row in rows {
        let shown = text(&cell(array, row));
        sum.add(match shown.parse() {
            Ok(number) if is_decimal => Sum::Float(number),
            _ => Sum::NoNumber,
        });
        keys[row] = digest(shown.as_bytes());
    }
    let compare = make_comparator(array, array, SortOptions::default())?;
    Ok(Added { keys, ends: ends(rows, |left, right| compare(left, right) == Ordering::Less), sum })
}

/// The rows of the smallest and the largest value; of equal values the first.
fn ends(rows: &[usize], is_less: impl Fn(usize, usize) -> bool) -> Option<(usize, usize)> {
    let (&first, others) = rows.split_first()?;
    let (mut least, mut greatest) = (first, first);
    for &row in others {
        if is_less(row, least) {
            least = row;
        } else if is_less(greatest, row) {
            greatest = row;
        }
    }
    Some((least, greatest))
}

/// Keeps the value of a row where it comes before the best so far in this order, as an array of one.
fn keep(best: &mut Option<ArrayRef>, array: &ArrayRef, row: usize, order: Ordering) -> Result<(), ArrowError> {
    let is_better = match best {
        None => true,
        Some(best) => make_comparator(array, best, SortOptions::default())?(row, 0) == order,
    };
    if is_better {
        // A slice would keep its whole batch in memory, so the value is copied.
        *best = Some(arrow::compute::take(array, &arrow::array::UInt64Array::from(vec![row as u64]), None)?);
    }
    Ok(())
}

fn digests<'a>(rows: &[usize], n: usize, bytes: impl Fn(usize) -> &'a [u8]) -> Vec<u64> {
    let mut keys = vec![0; n];
    rows.iter().for_each(|&row| keys[row] = digest(bytes(row)));
    keys
}

/// A digest that is the same in each run.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(bytes)
}
