//! What a manifest says of itself without its rows being read.

use std::path::Path;

use arrow_schema::{DataType, FieldRef};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use crate::column::type_name;
use crate::file::Parquet;
use crate::{ManifestError, Provenance, SCHEMA_KEY, catalog, huggingface};

/// What a manifest's footer says, whatever its rows are: for programs that describe manifests and do not read them.
#[derive(Clone, Debug, PartialEq)]
pub struct Footer {
    /// The schema, for instance `images/3`.
    pub schema: String,
    /// Where the manifest comes from.
    pub provenance: Provenance,
    /// The class names, by label; empty where the manifest has none.
    pub class_names: Vec<String>,
    /// How many rows it has.
    pub n_rows: u64,
    /// How many bytes the file has.
    pub n_bytes: u64,
    /// Its columns, in order.
    pub columns: Vec<ColumnSummary>,
}

/// A column, or a field of a struct, and its statistics over all row groups; none where a row group lacks them.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// The name of its type, as `SCHEMAS.md` has it.
    pub type_name: String,
    /// Whether a value may be missing: as its schema says, where this program knows it.
    pub is_nullable: bool,
    /// How many values are missing; none for a struct.
    pub n_null: Option<u64>,
    /// The smallest value; none for what is no number, and where there is no value.
    pub min: Option<f64>,
    /// The largest value, likewise.
    pub max: Option<f64>,
    /// The fields of a struct; else none.
    pub fields: Vec<ColumnSummary>,
}

impl Footer {
    /// Reads the footer of a manifest.
    ///
    /// # Errors
    /// When the file cannot be read, is no whole Parquet file, or no stage wrote it.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let (file, _) = Parquet::open(path)?;
        let no_schema = || ManifestError::NoSchema { path: path.to_owned(), expected: "any schema" };
        let schema = file.entry(SCHEMA_KEY).ok_or_else(no_schema)?.to_owned();
        let (fields, mut leaf) = (file.metadata.schema().fields(), 0);
        let mut columns: Vec<_> =
            fields.iter().map(|field| summary(field, file.metadata.metadata(), &mut leaf)).collect();
        // In the file every column may be null, whatever it means.
        let known = catalog().into_iter().find(|known| known.schema == schema);
        for doc in known.iter().flat_map(|known| &known.columns) {
            let column = columns.iter_mut().find(|column| column.name == doc.name);
            column.into_iter().for_each(|column| column.is_nullable = doc.is_nullable);
        }
        Ok(Self {
            schema,
            provenance: file.provenance()?,
            class_names: file.entry(huggingface::KEY).map(huggingface::class_names).unwrap_or_default(),
            n_rows: file.n_rows(),
            n_bytes: file.n_bytes,
            columns,
        })
    }
}

/// A field's summary; `leaf` counts the file's columns, which are the fields that are no structs, depth first.
fn summary(field: &FieldRef, metadata: &ParquetMetaData, leaf: &mut usize) -> ColumnSummary {
    let mut summary = ColumnSummary {
        name: field.name().clone(),
        type_name: type_name(field.data_type()),
        is_nullable: field.is_nullable(),
        n_null: None,
        min: None,
        max: None,
        fields: Vec::new(),
    };
    if let DataType::Struct(fields) = field.data_type() {
        summary.fields = fields.iter().map(|field| self::summary(field, metadata, leaf)).collect();
        return summary;
    }
    let is_unsigned = field.data_type().is_unsigned_integer();
    let of_groups = metadata.row_groups().iter().map(|group| group.columns().get(*leaf)?.statistics());
    let statistics: Option<Vec<&Statistics>> = of_groups.collect();
    *leaf += 1;
    if let Some(statistics) = statistics {
        summary.n_null = statistics.iter().map(|group| group.null_count_opt()).sum();
        let ends = statistics.iter().filter_map(|group| ends(group, is_unsigned));
        let widest = ends.reduce(|(low, high), (min, max)| (low.min(min), high.max(max)));
        (summary.min, summary.max) = widest.unzip();
    }
    summary
}

/// The smallest and the largest value of a row group, as numbers.
fn ends(statistics: &Statistics, is_unsigned: bool) -> Option<(f64, f64)> {
    let number = |value: i64| if is_unsigned { value.cast_unsigned() as f64 } else { value as f64 };
    let number_32 = |value: i32| if is_unsigned { f64::from(value.cast_unsigned()) } else { f64::from(value) };
    match statistics {
        Statistics::Int32(of) => Some((number_32(*of.min_opt()?), number_32(*of.max_opt()?))),
        Statistics::Int64(of) => Some((number(*of.min_opt()?), number(*of.max_opt()?))),
        Statistics::Float(of) => Some((f64::from(*of.min_opt()?), f64::from(*of.max_opt()?))),
        Statistics::Double(of) => Some((*of.min_opt()?, *of.max_opt()?)),
        _ => None,
    }
}
