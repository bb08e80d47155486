//! Statistics of a manifest's images: classes, sizes, and images with the same pixels.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use serde::Serialize;
use twinset_manifest::{ManifestError, Untyped, schema_name, type_name};

use super::column::digest;

const BATCH_ROWS: usize = 1 << 14;
const COLUMNS: [&str; 6] = ["split", "label", "class_name", "width", "height", "pixels_blake3"];

/// The images of one class in one split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub label: i64,
    /// Its name.
    pub class_name: String,
    /// The number of images by split.
    pub n_images: BTreeMap<String, u64>,
}

/// Statistics of a manifest's images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImageStats {
    /// Images by class and split.
    pub classes: Vec<ClassCount>,
    /// The number of images of each size, the most frequent sizes first.
    pub sizes: Vec<(String, u64)>,
    /// The number of pixel digests that more than one image has.
    pub n_duplicated: u64,
    /// The number of images whose pixels an earlier image has.
    pub n_repeats: u64,
    /// The number of pixel digests that occur in two splits or more.
    pub n_across_splits: u64,
    /// The number of pixel digests that have two labels or more.
    pub n_label_conflicts: u64,
}

/// Images of one split, label and class name.
struct Kind {
    split: String,
    label: i64,
    class_name: String,
    n_images: u64,
}

/// The statistics of an `images` manifest; none for another manifest. No image is decoded.
///
/// # Errors
/// When the manifest cannot be read, or a column holds neither numbers nor text.
pub fn images(manifest: &Untyped) -> Result<Option<ImageStats>, ManifestError> {
    let has = |name: &str| manifest.columns().field_with_name(name).is_ok_and(|f| f.data_type() != &DataType::Null);
    if manifest.schema().map(schema_name) != Some("images") || !COLUMNS.iter().all(|name| has(name)) {
        return Ok(None);
    }
    let mut kinds: Vec<Kind> = Vec::new();
    let mut kind_of: HashMap<(u64, i64, u64), u32> = HashMap::new();
    let mut sizes: HashMap<(i64, i64), u64> = HashMap::new();
    // For each image the digest of its pixels, and its kind.
    let mut pixels: Vec<(u64, u32)> = Vec::new();
    for batch in manifest.batches(Some(&COLUMNS), BATCH_ROWS)? {
        let batch = batch?;
        let numbers = |name| as_type(manifest, &batch, name, &DataType::Int64).map(Numbers);
        let texts = |name| as_type(manifest, &batch, name, &DataType::Utf8).map(Texts);
        let (splits, labels, names) = (texts("split")?, numbers("label")?, texts("class_name")?);
        let (widths, heights, digests) = (numbers("width")?, numbers("height")?, texts("pixels_blake3")?);
        for row in 0..batch.num_rows() {
            let (split, label, class_name) = (splits.at(row), labels.at(row), names.at(row));
            let key = (digest(split.as_bytes()), label, digest(class_name.as_bytes()));
            let kind = *kind_of.entry(key).or_insert_with(|| {
                let (split, class_name) = (split.to_owned(), class_name.to_owned());
                kinds.push(Kind { split, label, class_name, n_images: 0 });
                kinds.len() as u32 - 1
            });
            kinds[kind as usize].n_images += 1;
            *sizes.entry((widths.at(row), heights.at(row))).or_default() += 1;
            pixels.push((digest(digests.at(row).as_bytes()), kind));
        }
    }
    let mut stats = ImageStats { classes: classes(&kinds), sizes: by_number(sizes), ..ImageStats::default() };
    pixels.sort_unstable();
    for same in pixels.chunk_by(|left, right| left.0 == right.0).filter(|same| same.len() > 1) {
        let kind = |place: usize| &kinds[same[place].1 as usize];
        stats.n_duplicated += 1;
        stats.n_repeats += same.len() as u64 - 1;
        stats.n_across_splits += u64::from((1..same.len()).any(|place| kind(place).split != kind(0).split));
        stats.n_label_conflicts += u64::from((1..same.len()).any(|place| kind(place).label != kind(0).label));
    }
    Ok(Some(stats))
}

fn classes(kinds: &[Kind]) -> Vec<ClassCount> {
    let mut classes: BTreeMap<(i64, &str), BTreeMap<String, u64>> = BTreeMap::new();
    for Kind { split, label, class_name, n_images } in kinds {
        *classes.entry((*label, class_name)).or_default().entry(split.clone()).or_default() += n_images;
    }
    let class = |((label, class_name), n_images): ((i64, &str), _)| ClassCount {
        label,
        class_name: class_name.to_owned(),
        n_images,
    };
    classes.into_iter().map(class).collect()
}

/// Sizes, the most frequent ones first; of equally frequent ones the smaller.
fn by_number(sizes: HashMap<(i64, i64), u64>) -> Vec<(String, u64)> {
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(size, n)| (std::cmp::Reverse(*n), *size));
    sizes.into_iter().map(|((width, height), n)| (format!("{width}x{height}"), n)).collect()
}

/// A column as another type; nulls in it are 0 or an empty text.
fn as_type(manifest: &Untyped, batch: &RecordBatch, name: &str, to: &DataType) -> Result<ArrayRef, ManifestError> {
    let Some(array) = batch.column_by_name(name) else { return Ok(new_null_array(to, batch.num_rows())) };
    cast(array, to).map_err(|_| ManifestError::Unsupported {
        path: manifest.path().to_owned(),
        column: name.to_owned(),
        found: type_name(array.data_type()),
    })
}

struct Numbers(ArrayRef);

impl Numbers {
    fn at(&self, row: usize) -> i64 {
        let numbers: &Int64Array = self.0.as_primitive::<Int64Type>();
        if numbers.is_null(row) { 0 } else { numbers.value(row) }
    }
}

struct Texts(ArrayRef);

impl Texts {
    fn at(&self, row: usize) -> &str {
        let texts: &StringArray = self.0.as_string();
        if texts.is_null(row) { "" } else { texts.value(row) }
    }
}
