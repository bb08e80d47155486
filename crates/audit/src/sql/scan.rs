//! Lets Polars scan a table's manifests.

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use polars::prelude::{
    self as pl, AnonymousScan, AnonymousScanArgs, DataFrame, IntoLazy, PlSmallStr, PolarsError, PolarsResult,
    SchemaRef, polars_err,
};
use rayon::prelude::*;
use twinset_manifest::{ManifestError, RowGroup, Untyped};

use super::{BATCH_ROWS, PATH_COLUMN};
use crate::filter::Filter;
use crate::frame::{frame, message, sql_schema};
use crate::pick::{Condition, pick};

/// Reads manifests with the same columns for Polars as one table. It reads only the wanted columns, and only the rows
/// that match the condition.
pub(super) struct Scan {
    manifests: Vec<(String, Untyped)>,
    is_union: bool,
    schema: SchemaRef,
    is_read: Arc<AtomicBool>,
}

/// An error during a scan.
struct Failure(PolarsError);

impl From<PolarsError> for Failure {
    fn from(error: PolarsError) -> Self {
        Self(error)
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self(polars_err!(ComputeError: "{error}"))
    }
}

impl Scan {
    /// A scan of manifests with their paths. It sets `is_read` when it reads them. `is_union` adds a column with each
    /// row's path.
    pub(super) fn of(manifests: &[(String, Untyped)], is_union: bool, is_read: Arc<AtomicBool>) -> Self {
        let of_files: Vec<_> = manifests.iter().map(|(_, manifest)| manifest).collect();
        let mut schema = sql_schema(&of_files);
        if is_union {
            schema.with_column(PATH_COLUMN.into(), pl::DataType::String);
        }
        Self { manifests: manifests.to_vec(), is_union, schema: Arc::new(schema), is_read }
    }

    /// A batch of a manifest as rows of the table.
    fn rows(&self, path: &str, batch: &RecordBatch) -> PolarsResult<DataFrame> {
        let mut rows =
            frame(batch, &self.schema).map_err(|error| polars_err!(ComputeError: "`{path}`, {}", message(error)))?;
        if self.is_union {
            let path = pl::Scalar::from(PlSmallStr::from(path));
            rows.with_column(pl::Column::new_scalar(PATH_COLUMN.into(), path, batch.num_rows()))?;
        }
        Ok(rows)
    }

    /// All rows; row groups are read in parallel.
    fn all(&self, read: &[&str]) -> Result<Vec<DataFrame>, Failure> {
        let groups: Vec<(&str, RowGroup)> = self
            .manifests
            .iter()
            .flat_map(|(path, manifest)| manifest.row_groups().map(|group| (path.as_str(), group)))
            .collect();
        let rows = groups.par_iter().map(|(path, group)| {
            let batches = group.batches(Some(read), group.n_rows().max(1), None)?;
            batches.map(|batch| Ok(self.rows(path, &batch?)?)).collect::<Result<Vec<_>, Failure>>()
        });
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// The rows for which a condition on the manifests' own columns holds.
    fn picked(&self, read: &[&str], filter: &Filter) -> Result<Vec<DataFrame>, Failure> {
        let mut frames = Vec::new();
        let (need, columns) = (filter.need(), filter.columns());
        for (path, manifest) in &self.manifests {
            let holds = |batch: &RecordBatch| {
                let named = |error| polars_err!(ComputeError: "`{path}`, {}", message(error));
                Ok(filter.holds(batch).map_err(named)?)
            };
            let condition = Condition { need: need.clone(), columns: &columns, holds: &holds };
            pick::<Failure>(manifest, Some(read), &condition, BATCH_ROWS, |batch| {
                frames.push(self.rows(path, &batch)?);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(frames)
    }

    /// The first rows, and of these the ones for which the condition holds.
    fn first(&self, read: &[&str], n_rows: usize, condition: Option<&pl::Expr>) -> Result<Vec<DataFrame>, Failure> {
        let mut left = n_rows;
        let mut frames = Vec::new();
        for (path, manifest) in &self.manifests {
            for batch in manifest.batches(Some(read), BATCH_ROWS)? {
                if left == 0 {
                    return Ok(frames);
                }
                let batch = batch?;
                let batch = batch.slice(0, batch.num_rows().min(left));
                left -= batch.num_rows();
                let rows = self.rows(path, &batch)?;
                frames.push(match condition {
                    Some(condition) => rows.lazy().filter(condition.clone()).collect()?,
                    None => rows,
                });
            }
        }
        Ok(frames)
    }
}

impl AnonymousScan for Scan {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self, _: Option<usize>) -> PolarsResult<SchemaRef> {
        Ok(self.schema.clone())
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }

    fn allows_predicate_pushdown(&self) -> bool {
        true
    }

    fn scan(&self, args: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        self.is_read.store(true, Ordering::Relaxed);
        let wanted: Vec<PlSmallStr> = match &args.with_columns {
            Some(columns) => columns.to_vec(),
            None => self.schema.iter_names_cloned().collect(),
        };
        let predicate = args.predicate.map(without_hints);
        let of_predicate = predicate.iter().flat_map(|predicate| predicate.clone().meta().root_names());
        let of_predicate: Vec<PlSmallStr> = of_predicate.collect();
        let is_of_path = |name: &&str| self.is_union && *name == PATH_COLUMN;
        let of_manifests = |names: &[PlSmallStr]| -> Vec<PlSmallStr> {
            names.iter().filter(|name| !is_of_path(&name.as_str())).cloned().collect()
        };
        let mut read = of_manifests(&wanted);
        if read.is_empty() {
            // If no column is wanted, one column is read to count the rows.
            read.extend(self.schema.get_at_index(0).map(|(name, _)| name.clone()));
        }
        let names: Vec<&str> = read.iter().map(PlSmallStr::as_str).collect();
        let frames = match (&predicate, args.n_rows) {
            (None, None) => self.all(&names),
            (Some(predicate), None) if of_predicate.len() == of_manifests(&of_predicate).len() => {
                self.picked(&names, &Filter::of(predicate.clone(), &self.schema))
            }
            (predicate, n_rows) => {
                let of_predicate = of_manifests(&of_predicate);
                let names: Vec<&str> = read.iter().chain(&of_predicate).map(PlSmallStr::as_str).collect();
                self.first(&names, n_rows.unwrap_or(usize::MAX), predicate.as_ref())
            }
        };
        let mut frames = frames.map_err(|Failure(error)| error)?.into_iter();
        let mut all = frames.next().unwrap_or_else(|| DataFrame::empty_with_schema(&self.schema));
        for rows in frames {
            all.vstack_mut_owned(rows)?;
        }
        if args.with_columns.is_some() { all.select(wanted) } else { Ok(all) }
    }
}

/// The predicate without the hints that `ORDER BY … LIMIT` adds. They are for display only and cannot be evaluated.
fn without_hints(predicate: pl::Expr) -> pl::Expr {
    predicate.map_expr(|part| if matches!(part, pl::Expr::Display { .. }) { pl::lit(true) } else { part })
}
