//! What columns hold, in numbers; and of images what classes and duplicates there are.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{ArrayRef, RecordBatch, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use serde::Serialize;
use serde_json::Value;
use twinset_manifest::{ManifestError, Untyped, schema_name, type_name};

use crate::cell::{Flat, cell, float64, text};

const BATCH_ROWS: usize = 8192;
/// A column with more values than these has no most frequent ones.
const MAX_COUNTED: usize = 1000;
/// The most frequent values that are told.
const N_TOP: usize = 5;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnStats {
    /// Its name.
    pub column: String,
    /// Rows where it is null.
    pub n_nulls: u64,
    /// Different values.
    pub n_distinct: u64,
    /// The least value; null where it holds none, or bytes. NaN is the greatest number.
    pub min: Value,
    /// The greatest value.
    pub max: Value,
    /// The mean of numbers; null for others, and where one is not finite.
    pub mean: Value,
    /// The most frequent values, and how often each is there; none where there are more than a thousand values, or all are
    /// there once.
    pub top: Vec<(String, u64)>,
}

/// The images of one class in one split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub label: i64,
    /// Its name.
    pub class_name: String,
    /// Images by split.
    pub n_images: BTreeMap<String, u64>,
}

/// What the images of a manifest are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImageStats {
    /// Images by class and split.
    pub classes: Vec<ClassCount>,
    /// How many images have which size, the most frequent sizes first.
    pub sizes: Vec<(String, u64)>,
    /// Different pixels that more than one image has.
    pub n_duplicated: u64,
    /// Images that repeat the pixels of one before them.
    pub n_repeats: u64,
    /// Different pixels that images of two splits have.
    pub n_across_splits: u64,
    /// Different pixels that images of two labels have.
    pub n_label_conflicts: u64,
}

/// What each column holds, one after another: memory holds the digests of one column's values.
///
/// # Errors
/// When the manifest cannot be read.
pub fn columns(manifest: &Untyped) -> Result<Vec<ColumnStats>, ManifestError> {
    let empty = Flat::of_batch(&RecordBatch::new_empty(manifest.columns().clone()));
    empty.iter().map(|column| of_column(manifest, &column.name)).collect()
}

fn of_column(manifest: &Untyped, name: &str) -> Result<ColumnStats, ManifestError> {
    let (mut n_nulls, mut n_values, mut sum, mut is_number) = (0, 0u64, 0.0, true);
    let (mut min, mut max) = (None, None);
    let mut seen: HashSet<u64> = HashSet::new();
    let mut counts: Option<HashMap<String, u64>> = Some(HashMap::new());
    for batch in manifest.batches(Some(&[name]), BATCH_ROWS)? {
        let batch = batch?;
        let flat = Flat::of_batch(&batch);
        let Some(column) = flat.first() else { continue };
        let mut rows = Vec::new();
        for row in 0..batch.num_rows() {
            let value = column.cell(row);
            if value.is_null() {
                n_nulls += 1;
                continue;
            }
            n_values += 1;
            rows.push(row);
            let shown = text(&value);
            match number(&value, &shown, column.array.data_type()) {
                Some(number) => sum += number,
                None => is_number = false,
            }
            let digest = blake3::hash(shown.as_bytes());
            let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
            seen.insert(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            if let Some(known) = &mut counts {
                *known.entry(shown).or_default() += 1;
                if known.len() > MAX_COUNTED {
                    counts = None;
                }
            }
        }
        // Of encoded images the least and the greatest say nothing.
        if !is_bytes(column.array.data_type()) {
            let failed = |error: ArrowError| ManifestError::Unsupported {
                path: manifest.path().to_owned(),
                column: name.to_owned(),
                found: format!("{}, whose values cannot be compared: {error}", type_name(column.array.data_type())),
            };
            min = first(min, &column.array, &rows, Ordering::Less).map_err(failed)?;
            max = first(max, &column.array, &rows, Ordering::Greater).map_err(failed)?;
        }
    }
    let mut top: Vec<(String, u64)> = counts.into_iter().flatten().collect();
    top.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    if top.first().is_some_and(|(_, n)| *n == 1) {
        top.clear();
    }
    top.truncate(N_TOP);
    let [min, max] = [min, max].map(|found| found.map_or(Value::Null, |array| cell(array.as_ref(), 0)));
    let mean = if is_number && n_values > 0 { float64(sum / n_values as f64) } else { Value::Null };
    Ok(ColumnStats { column: name.to_owned(), n_nulls, n_distinct: seen.len() as u64, min, max, mean, top })
}

/// The value of all batches so far that comes first in this order, as an array of one: of `best` and of these rows.
fn first(
    best: Option<ArrayRef>,
    array: &ArrayRef,
    rows: &[usize],
    order: Ordering,
) -> Result<Option<ArrayRef>, ArrowError> {
    let compare = make_comparator(array, array, SortOptions::default())?;
    let of_rows = rows.iter().copied().reduce(|best, row| if compare(row, best) == order { row } else { best });
    let Some(row) = of_rows else { return Ok(best) };
    let is_better = match &best {
        None => true,
        Some(best) => make_comparator(array, best, SortOptions::default())?(row, 0) == order,
    };
    Ok(if is_better { Some(array.slice(row, 1)) } else { best })
}

/// A value as a number, where its column holds numbers.
fn number(value: &Value, shown: &str, data_type: &DataType) -> Option<f64> {
    match data_type {
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            shown.parse().ok()
        }
        DataType::Dictionary(_, values) => number(value, shown, values),
        DataType::RunEndEncoded(_, values) => number(value, shown, values.data_type()),
        _ => value.as_f64(),
    }
}

fn is_bytes(data_type: &DataType) -> bool {
    match data_type {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => true,
        DataType::Dictionary(_, values) => is_bytes(values),
        DataType::RunEndEncoded(_, values) => is_bytes(values.data_type()),
        _ => false,
    }
}

/// What the images of an `images` manifest are; none of another manifest. No image is decoded.
///
/// # Errors
/// When the manifest cannot be read.
pub fn images(manifest: &Untyped) -> Result<Option<ImageStats>, ManifestError> {
    const COLUMNS: [&str; 6] = ["split", "label", "class_name", "width", "height", "pixels_blake3"];
    let has = |name: &str| manifest.columns().field_with_name(name).is_ok_and(|f| f.data_type() != &DataType::Null);
    if manifest.schema().map(schema_name) != Some("images") || !COLUMNS.iter().all(|name| has(name)) {
        return Ok(None);
    }
    let mut classes: BTreeMap<(i64, String), BTreeMap<String, u64>> = BTreeMap::new();
    let mut sizes: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    // Of each digest how many images have it, and whether they differ in split or label from its first.
    let mut pixels: HashMap<String, (u64, (String, i64), bool, bool)> = HashMap::new();
    for batch in manifest.batches(Some(&COLUMNS), BATCH_ROWS)? {
        let batch = batch?;
        let flat = Flat::of_batch(&batch);
        let column = |name: &str| flat.iter().find(|column| column.name == name);
        let number = |name: &str, row| column(name).and_then(|column| column.cell(row).as_i64()).unwrap_or_default();
        let word = |name: &str, row| column(name).map(|column| text(&column.cell(row))).unwrap_or_default();
        for row in 0..batch.num_rows() {
            let (split, label) = (word("split", row), number("label", row));
            *classes.entry((label, word("class_name", row))).or_default().entry(split.clone()).or_default() += 1;
            *sizes.entry((number("width", row), number("height", row))).or_default() += 1;
            let entry =
                pixels.entry(word("pixels_blake3", row)).or_insert_with(|| (0, (split.clone(), label), false, false));
            entry.0 += 1;
            entry.2 |= entry.1.0 != split;
            entry.3 |= entry.1.1 != label;
        }
    }
    let mut sizes: Vec<(String, u64)> = sizes.into_iter().map(|((w, h), n)| (format!("{w}x{h}"), n)).collect();
    sizes.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let repeated = || pixels.values().filter(|(n, ..)| *n > 1);
    Ok(Some(ImageStats {
        classes: classes
            .into_iter()
            .map(|((label, class_name), n_images)| ClassCount { label, class_name, n_images })
            .collect(),
        sizes,
        n_duplicated: repeated().count() as u64,
        n_repeats: repeated().map(|(n, ..)| n - 1).sum(),
        n_across_splits: repeated().filter(|(.., is_across, _)| *is_across).count() as u64,
        n_label_conflicts: repeated().filter(|(.., is_conflict)| *is_conflict).count() as u64,
    }))
}
