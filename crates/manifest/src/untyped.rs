//! Reading a Parquet file, or a folder of [shards](crate::shard_name), under whatever schema it has: what an audit needs, and no
//! stage.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::schema::types::SchemaDescriptor;

use crate::file::{Parquet, build, check_group, damaged, next_batch};
use crate::pages::check_foreign;
use crate::provenance::file_name;
use crate::shards::{join, list_shards};
use crate::{ManifestError, Provenance, SCHEMA_KEY};

/// A Parquet file whose footer was read: a manifest of any schema and version, one file or a folder of shards, or a file that is
/// not ours.
#[derive(Clone, Debug)]
pub struct Untyped {
    path: PathBuf,
    first: Parquet,
    /// The shards after the first, in order.
    others: Vec<Parquet>,
}

/// The rows of an [`Untyped`] manifest, batch by batch.
pub struct Batches {
    reader: Option<ParquetRecordBatchReader>,
    path: PathBuf,
    next: vec::IntoIter<Parquet>,
    columns: Option<Vec<String>>,
    batch_rows: usize,
}

impl Untyped {
    /// Reads a file's footer, and no more; of a folder those of all its shards.
    ///
    /// # Errors
    /// When a file cannot be read or is no whole Parquet file; when a shard is missing, or has another schema or other columns
    /// than the first.
    pub fn open(path: &Path) -> Result<Self, ManifestError> {
        if !path.is_dir() {
            return Ok(Self { path: path.to_owned(), first: open(path)?, others: Vec::new() });
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
        Ok(Self { path: path.to_owned(), first, others })
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

    /// The columns as Arrow has them.
    pub fn columns(&self) -> &Arc<Schema> {
        self.first.metadata.schema()
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
    /// When the file cannot be opened, or a manifest's page headers promise what it cannot hold.
    pub fn batches(&self, columns: Option<&[&str]>, batch_rows: usize) -> Result<Batches, ManifestError> {
        let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let reader = read(&self.first, columns.as_deref(), batch_rows)?;
        Ok(Batches {
            reader: Some(reader),
            path: self.first.path.clone(),
            next: self.others.clone().into_iter(),
            columns,
            batch_rows,
        })
    }

    fn parts(&self) -> impl Iterator<Item = &Parquet> {
        [&self.first].into_iter().chain(&self.others)
    }
}

fn open(path: &Path) -> Result<Parquet, ManifestError> {
    Ok(Parquet::open(path)?.0)
}

/// The rows of one file.
fn read(
    parquet: &Parquet,
    columns: Option<&[String]>,
    batch_rows: usize,
) -> Result<ParquetRecordBatchReader, ManifestError> {
    let Parquet { path, metadata, .. } = parquet;
    let file = File::open(path).map_err(|source| ManifestError::Read { path: path.clone(), source })?;
    let schema = metadata.metadata().file_metadata().schema_descr();
    let mask = columns.map_or_else(ProjectionMask::all, |columns| leaves(schema, columns));
    // What other programs write, they may count otherwise.
    let checked = if parquet.entry(SCHEMA_KEY).is_some() {
        metadata.metadata().row_groups().iter().try_for_each(|group| check_group(&file, group))
    } else {
        check_foreign(&file, metadata.metadata(), &mask)
    };
    checked.map_err(|detail| damaged(path, detail))?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone()).with_projection(mask);
    build(builder.with_batch_size(batch_rows)).map_err(|detail| damaged(path, detail))
}

/// The leaves of columns: each is named whole, or, where no whole column has the name, by the path to its fields.
fn leaves(schema: &SchemaDescriptor, columns: &[String]) -> ProjectionMask {
    let is_whole = |name: &String| schema.root_schema().get_fields().iter().any(|field| field.name() == name);
    let (whole, inner): (Vec<_>, Vec<_>) = columns.iter().partition(|name| is_whole(name));
    let is_within =
        |path: &str, outer: &str| path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let is_asked = |&leaf: &usize| {
        let path = schema.column(leaf).path().string();
        whole.iter().any(|name| *name == schema.get_column_root(leaf).name())
            || inner.iter().any(|name| is_within(&path, name))
    };
    ProjectionMask::leaves(schema, (0..schema.num_columns()).filter(is_asked))
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.reader.as_mut().and_then(next_batch) {
                if batch.is_err() {
                    self.reader = None;
                }
                return Some(batch.map_err(|detail| damaged(&self.path, detail)));
            }
            let part = self.next.next()?;
            match read(&part, self.columns.as_deref(), self.batch_rows) {
                Ok(reader) => (self.reader, self.path) = (Some(reader), part.path),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
