//! A table as Polars scans it.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polars::prelude::{
    self as pl, AnonymousScan, AnonymousScanArgs, DataFrame, IntoLazy, PlSmallStr, PolarsResult, SchemaRef, polars_err,
};

use super::{BATCH_ROWS, Named, PATH_COLUMN};
use crate::frame::{frame, message, sql_schema};

/// Reads a table's manifests for Polars: the columns that it asks for.
pub(super) struct Scan {
    table: Named,
    schema: SchemaRef,
    is_read: Arc<AtomicBool>,
}

impl Scan {
    /// A table's scan, which says when the table is read.
    pub(super) fn of(table: &Named, is_read: Arc<AtomicBool>) -> Self {
        let manifests: Vec<_> = table.manifests.iter().map(|(_, manifest)| manifest).collect();
        let mut schema = sql_schema(&manifests);
        if table.is_union {
            schema.with_column(PATH_COLUMN.into(), pl::DataType::String);
        }
        Self { table: table.clone(), schema: Arc::new(schema), is_read }
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
        let mut read: Vec<&str> = wanted.iter().map(PlSmallStr::as_str).collect();
        let predicate = args.predicate.map(without_hints);
        let of_predicate = predicate.as_ref().map(|predicate| predicate.clone().meta().root_names());
        let of_predicate = of_predicate.unwrap_or_default();
        read.extend(of_predicate.iter().map(PlSmallStr::as_str));
        let has_path = self.table.is_union && read.contains(&PATH_COLUMN);
        if read.iter().all(|name| *name == PATH_COLUMN) {
            // Rows are counted by a column.
            read.extend(self.schema.get_at_index(0).map(|(name, _)| name.as_str()));
        }
        let mut left = args.n_rows.unwrap_or(usize::MAX);
        let mut frames = Vec::new();
        'files: for (path, manifest) in &self.table.manifests {
            let failed = |error: twinset_manifest::ManifestError| polars_err!(ComputeError: "{error}");
            for batch in manifest.batches(Some(&read), BATCH_ROWS).map_err(failed)? {
                if left == 0 {
                    break 'files;
                }
                let batch = batch.map_err(failed)?;
                let batch = batch.slice(0, batch.num_rows().min(left));
                left -= batch.num_rows();
                let mut rows = frame(&batch, &self.schema)
                    .map_err(|error| polars_err!(ComputeError: "`{path}`, {}", message(error)))?;
                if has_path {
                    rows.with_column(pl::Column::new_scalar(
                        PATH_COLUMN.into(),
                        pl::Scalar::from(PlSmallStr::from(path.as_str())),
                        batch.num_rows(),
                    ))?;
                }
                if let Some(predicate) = &predicate {
                    rows = rows.lazy().filter(predicate.clone()).collect()?;
                }
                if args.with_columns.is_some() {
                    rows = rows.select(wanted.iter().cloned())?;
                }
                frames.push(rows);
            }
        }
        let mut frames = frames.into_iter();
        let Some(mut all) = frames.next() else {
            let empty = DataFrame::empty_with_schema(&self.schema);
            return if args.with_columns.is_some() { empty.select(wanted) } else { Ok(empty) };
        };
        for rows in frames {
            all.vstack_mut_owned(rows)?;
        }
        Ok(all)
    }
}

/// The predicate without what `ORDER BY … LIMIT` adds to spare itself rows: an expression to be shown, not evaluated.
fn without_hints(predicate: pl::Expr) -> pl::Expr {
    predicate.map_expr(|part| if matches!(part, pl::Expr::Display { .. }) { pl::lit(true) } else { part })
}
