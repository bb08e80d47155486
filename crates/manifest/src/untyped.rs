//! Reads a Parquet file, or a folder of [shards](crate::shard_name), with any schema. Only audits need this; stages
//! read typed rows.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;

use crate::file::{Parquet, build, damaged, next_batch, unsupported};
use crate::provenance::file_name;
use crate::shards::{join, list_shards};
use crate::{ManifestError, Provenance, SCHEMA_KEY};

/// A Parquet file, or a folder of shards, whose footer was read. It may be a manifest of any schema and version, or a
/// file of another program.
#[derive(Clone, Debug)]
pub struct Untyped {
    path: PathBuf,
    first: Parquet,
    /// The shards after the first, in order.
    others: Vec<Parquet>,
    /// The columns, no two of which have the same name.
    columns: SchemaRef,
}

/// The rows of an [`Untyped`] manifest, batch by batch.
pub struct Batches {
    reader: Option<ParquetRecordBatchReader>,
    path: PathBuf,
    next: vec::IntoIter<Parquet>,
    projection: Projection,
    batch_rows: usize,
}

/// The rows of a file that are read; by default all.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) groups: Option<Vec<usize>>,
    pub(crate) selection: Option<RowSelection>,
}

/// The columns that are read, by their places in the file, and the schema of the batches.
pub(crate) struct Projection {
    mask: ProjectionMask,
    schema: SchemaRef,
}

impl Untyped {
    /// Reads only the footer of a file, or the footers of all shards in a folder.
    ///
    /// # Errors
    /// When a file cannot be read or is no whole Parquet file; when a shard is missing, or has another schema or other columns
    /// than the first.
    pub fn open(path: &Path) -> Result<Self, ManifestError> {
        if !path.is_dir() {
            return Self::of_parts(path, open(path)?, Vec::new());
        }
        let mut parts = list_shards(path)?.into_iter().map(|shard| open(&shard));
        let first =
            parts.next().ok_or_else(|| ManifestError::NoShards { folder: path.to_owned(), expected: None })??;
        let others = parts.collect::<Result<Vec<_>, _>>()?;
        for other in &others {
            let is_same_schema = other.entry(SCHEMA_KEY) == first.entry(SCHEMA_KEY);
            let has_same_columns = other.metadata.schema().fields() == first.metadata.schema().fields();
            if let Some((field, _)) =
                [("schema", is_same_schema), ("columns", has_same_columns)].into_iter().find(|(_, is_same)| !is_same)
            {
                let (path, first) = (other.path.clone(), file_name(&first.path));
                return Err(ManifestError::ShardsDiffer { path, field, first });
            }
        }
        Self::of_parts(path, first, others)
    }

    fn of_parts(path: &Path, first: Parquet, others: Vec<Parquet>) -> Result<Self, ManifestError> {
        let columns = first.metadata.schema();
        for column in columns.fields() {
            if let Some(name) = repeated_field(column.data_type()) {
                let found = format!("a struct with two fields `{name}`");
                return Err(unsupported(&first.path, column.name(), &found));
            }
        }
        let columns = Arc::new(with_unique_names(columns));
        Ok(Self { path: path.to_owned(), first, others, columns })
    }

    /// The file, or the folder of the shards.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, or all shards, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts().map(|part| part.path.as_path())
    }

    /// Whether it is a folder of shards.
    pub fn is_sharded(&self) -> bool {
        self.path != self.first.path
    }

    /// The schema that the footer names; none of a file that is no manifest.
    pub fn schema(&self) -> Option<&str> {
        self.footer(SCHEMA_KEY)
    }

    /// Where a manifest comes from; of shards, what they all were made from.
    ///
    /// # Errors
    /// When the footer has no provenance, or one that cannot be understood; when a shard was written with another config.
    pub fn provenance(&self) -> Result<Provenance, ManifestError> {
        let mut provenance = self.first.provenance()?;
        for other in &self.others {
            join(&mut provenance, other.provenance()?, &other.path, &self.first.path)?;
        }
        Ok(provenance)
    }

    /// The footer's entry of this key; of shards, the first one's.
    pub fn footer(&self, key: &str) -> Option<&str> {
        self.first.entry(key)
    }

    /// All entries of the footer, in order; of shards, the first one's.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.first.entries()
    }

    /// The columns as Arrow has them. Where a file has two columns `a`, the second is called `a_1` here and in batches.
    pub fn columns(&self) -> &SchemaRef {
        &self.columns
    }

    /// Whether the footer shows that each number of a column of unsigned 64-bit integers also fits in a signed one.
    pub fn fits_signed(&self, column: &str) -> bool {
        let Some((root, _)) = self.columns.column_with_name(column) else { return false };
        self.parts().all(|part| {
            let schema = part.metadata.metadata().file_metadata().schema_descr();
            let leaf = (0..schema.num_columns()).find(|&leaf| schema.get_column_root_idx(leaf) == root);
            let mut groups = part.metadata.metadata().row_groups().iter();
            leaf.is_some_and(|leaf| groups.all(|group| is_below_2_63(group.column(leaf))))
        })
    }

    /// How many rows it has.
    pub fn n_rows(&self) -> u64 {
        self.parts().map(Parquet::n_rows).fold(0, u64::saturating_add)
    }

    /// How many row groups it has.
    pub fn n_row_groups(&self) -> usize {
        self.parts().map(|part| part.metadata.metadata().num_row_groups()).sum()
    }

    /// The rows, of all columns or of some: a column's name, or a field's within it, such as `image.path`. Names that are not
    /// there are left out. The columns come in the file's order.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn batches(&self, columns: Option<&[&str]>, batch_rows: usize) -> Result<Batches, ManifestError> {
        let batches = Batches::of_part(&self.first, self.projection(columns), batch_rows, Rows::default())?;
        Ok(Batches { next: self.others.clone().into_iter(), ..batches })
    }

    /// Each column is named whole, or, where no whole column has the name, by the path to its fields.
    pub(crate) fn projection(&self, columns: Option<&[&str]>) -> Projection {
        let schema = self.first.metadata.metadata().file_metadata().schema_descr();
        let Some(asked) = columns else {
            return Projection { mask: ProjectionMask::all(), schema: self.columns.clone() };
        };
        let (whole, inner): (Vec<&str>, Vec<&str>) =
            asked.iter().partition(|name| self.columns.column_with_name(name).is_some());
        let is_within = |path: &str, outer: &str| {
            path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut leaves = Vec::new();
        let mut roots = Vec::new();
        for leaf in 0..schema.num_columns() {
            let root = schema.get_column_root_idx(leaf);
            let name = self.columns.field(root).name();
            let path = [std::slice::from_ref(name), &schema.column(leaf).path().parts()[1..]].concat().join(".");
            if whole.contains(&name.as_str()) || inner.iter().any(|outer| is_within(&path, outer)) {
                leaves.push(leaf);
                roots.push(root);
            }
        }
        roots.dedup();
        let schema_of_batches =
            Schema::new(roots.iter().map(|&root| self.columns.field(root).clone()).collect::<Vec<_>>());
        Projection { mask: ProjectionMask::leaves(schema, leaves), schema: Arc::new(schema_of_batches) }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Parquet> {
        [&self.first].into_iter().chain(&self.others)
    }
}

fn open(path: &Path) -> Result<Parquet, ManifestError> {
    Ok(Parquet::open(path)?.0)
}

/// The rows of one file.
fn read(
    parquet: &Parquet,
    projection: &Projection,
    batch_rows: usize,
    rows: Rows,
) -> Result<ParquetRecordBatchReader, ManifestError> {
    let Parquet { path, metadata, .. } = parquet;
    let file = File::open(path).map_err(|source| ManifestError::Read { path: path.clone(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
    let mut builder = builder.with_projection(projection.mask.clone()).with_batch_size(batch_rows);
    if let Some(groups) = rows.groups {
        builder = builder.with_row_groups(groups);
    }
    if let Some(selection) = rows.selection {
        builder = builder.with_row_selection(selection);
    }
    build(builder).map_err(|detail| damaged(path, detail))
}

/// The batch with the names of its columns in `schema`.
fn renamed(batch: RecordBatch, schema: &Schema) -> Result<RecordBatch, ArrowError> {
    let names = schema.fields().iter().map(|field| field.name());
    if batch.schema().fields().iter().map(|field| field.name()).eq(names.clone()) {
        return Ok(batch);
    }
    let fields = batch.schema_ref().fields().iter().zip(names);
    let fields: Vec<Field> = fields.map(|(field, name)| field.as_ref().clone().with_name(name)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), batch.columns().to_vec(), &options)
}

/// The schema with `_1`, `_2` and so on after a name that an earlier column has, or a field of a struct by its path.
fn with_unique_names(schema: &Schema) -> Schema {
    let mut taken = Vec::new();
    schema.fields().iter().for_each(|field| field_paths(field.name(), field.data_type(), &mut taken));
    let mut fields: Vec<Field> = Vec::new();
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut n = 0;
        while taken.contains(&name) || (n > 0 && schema.column_with_name(&name).is_some()) {
            n += 1;
            name = format!("{}_{n}", field.name());
        }
        taken.push(name.clone());
        fields.push(field.as_ref().clone().with_name(name));
    }
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

/// Adds the paths of a struct's fields, such as `image.path`.
fn field_paths(path: &str, data_type: &DataType, paths: &mut Vec<String>) {
    let DataType::Struct(fields) = data_type else { return };
    for field in fields {
        let path = format!("{path}.{}", field.name());
        field_paths(&path, field.data_type(), paths);
        paths.push(path);
    }
}

/// The name of two fields of one struct, within a type.
fn repeated_field(data_type: &DataType) -> Option<&str> {
    match data_type {
        DataType::Struct(fields) => {
            let mut earlier = fields.iter().enumerate().map(|(i, field)| (field, &fields[..i]));
            let repeated = earlier.find(|(field, earlier)| earlier.iter().any(|other| other.name() == field.name()));
            let repeated = repeated.map(|(field, _)| field.name().as_str());
            repeated.or_else(|| fields.iter().find_map(|field| repeated_field(field.data_type())))
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => repeated_field(item.data_type()),
        _ => None,
    }
}

/// Whether the statistics of a chunk of unsigned 64-bit integers show that none has more than 63 bits.
fn is_below_2_63(chunk: &ColumnChunkMetaData) -> bool {
    let Some(statistics) = chunk.statistics() else { return chunk.num_values() == 0 };
    let is_all_null = statistics.null_count_opt().is_some_and(|n| i64::try_from(n) == Ok(chunk.num_values()));
    // The maximum's bits are those of the unsigned number. Old writers compared them as signed ones.
    let of_max = match statistics {
        Statistics::Int64(of) if !statistics.is_min_max_deprecated() => of.max_opt().is_some_and(|&max| max >= 0),
        _ => false,
    };
    is_all_null || of_max
}

impl Batches {
    /// Rows of one file.
    pub(crate) fn of_part(
        part: &Parquet,
        projection: Projection,
        batch_rows: usize,
        rows: Rows,
    ) -> Result<Self, ManifestError> {
        let reader = Some(read(part, &projection, batch_rows, rows)?);
        Ok(Self { reader, path: part.path.clone(), next: Vec::new().into_iter(), projection, batch_rows })
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.reader.as_mut().and_then(next_batch) {
                if batch.is_err() {
                    self.reader = None;
                }
                let batch =
                    batch.and_then(|batch| renamed(batch, &self.projection.schema).map_err(|error| error.to_string()));
                return Some(batch.map_err(|detail| damaged(&self.path, detail)));
            }
            let part = self.next.next()?;
            match read(&part, &self.projection, self.batch_rows, Rows::default()) {
                Ok(reader) => (self.reader, self.path) = (Some(reader), part.path),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
