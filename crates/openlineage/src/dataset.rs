//! Datasets: files as runs read and write them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use twinset_manifest::{ColumnSummary, Digest, Footer, Input, catalog, digest_file, one_line};

use crate::facet::Facets;

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    path: PathBuf,
    n_bytes: Option<u64>,
    blake3: Option<Digest>,
    /// What its footer says, where it is a manifest.
    pub(crate) footer: Option<Footer>,
}

impl Dataset {
    /// A file as it is now; what cannot be read of it is left out.
    pub(crate) fn of_file(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            n_bytes: fs::metadata(path).ok().map(|metadata| metadata.len()),
            blake3: digest_file(path).ok(),
            footer: Footer::read(path).ok(),
        }
    }

    /// Whether it is the file that a provenance names.
    pub(crate) fn is(&self, input: &Input) -> bool {
        self.blake3 == Some(input.blake3)
    }

    /// The dataset as a run's input.
    pub(crate) fn as_input(&self) -> Value {
        let mut input = self.named();
        let mut facets =
            Facets::default().with("inputStatistics", "InputStatisticsInputDatasetFacet", "1-0-0", self.size());
        if let Some(footer) = &self.footer {
            let metrics = metrics(footer);
            facets = facets.with("dataQualityMetrics", "DataQualityMetricsInputDatasetFacet", "1-0-3", metrics).with(
                "dataQualityAssertions",
                "DataQualityAssertionsDatasetFacet",
                "1-1-0",
                assertions(footer),
            );
        }
        input["facets"] = self.facets().into_value();
        input["inputFacets"] = facets.into_value();
        input
    }

    /// The dataset as a run's output.
    pub(crate) fn as_output(&self) -> Value {
        let mut output = self.named();
        let mut facets = self.facets();
        if let Some(footer) = &self.footer {
            facets = facets.with("dataQualityMetrics", "DataQualityMetricsDatasetFacet", "1-0-1", metrics(footer));
        }
        output["facets"] = facets.into_value();
        output["outputFacets"] = Facets::default()
            .with("outputStatistics", "OutputStatisticsOutputDatasetFacet", "1-0-2", self.size())
            .into_value();
        output
    }

    fn named(&self) -> Value {
        json!({ "namespace": "file", "name": name(&self.path) })
    }

    fn size(&self) -> Value {
        let mut size = json!({ "fileCount": 1 });
        if let Some(n_bytes) = self.n_bytes {
            size["size"] = json!(n_bytes);
        }
        if let Some(footer) = &self.footer {
            size["rowCount"] = json!(footer.n_rows);
        }
        size
    }

    fn facets(&self) -> Facets {
        let mut facets =
            Facets::default().with("datasetType", "DatasetTypeDatasetFacet", "1-0-1", json!({ "datasetType": "FILE" }));
        if let Some(blake3) = self.blake3 {
            let version = json!({ "datasetVersion": format!("blake3:{blake3}") });
            facets = facets.with("version", "DatasetVersionDatasetFacet", "1-0-1", version);
        }
        let Some(footer) = &self.footer else { return facets };
        let doc = catalog().into_iter().find(|doc| doc.schema == footer.schema);
        let meaning = |column: &str| {
            let doc = doc.as_ref()?.columns.iter().find(|doc| doc.name == column)?;
            Some(one_line(doc.doc))
        };
        let mut fields = fields(&footer.columns);
        for (field, column) in fields.iter_mut().zip(&footer.columns) {
            if let Some(meaning) = meaning(&column.name) {
                field["description"] = json!(meaning);
            }
        }
        let text = format!("{}: {}", footer.schema, doc.as_ref().map_or("", |doc| doc.doc.as_str()));
        facets.with("schema", "SchemaDatasetFacet", "1-2-0", json!({ "fields": fields })).with(
            "documentation",
            "DocumentationDatasetFacet",
            "1-1-0",
            json!({ "description": text }),
        )
    }
}

/// A file that a provenance names and no argument did: its name is its digest, for its path is not known.
pub(crate) fn of_provenance(input: &Input) -> Value {
    let facets = Facets::default()
        .with("documentation", "DocumentationDatasetFacet", "1-1-0", json!({ "description": input.name }))
        .with(
            "version",
            "DatasetVersionDatasetFacet",
            "1-0-1",
            json!({ "datasetVersion": format!("blake3:{}", input.blake3) }),
        );
    json!({ "namespace": "blake3", "name": input.blake3.to_string(), "facets": facets.into_value() })
}

/// The file's absolute path. The folder of a run under way is called `<key>.partial`, and loses that when the run is
/// done: the dataset is named for where it will be. A shard lies a folder deeper than other files.
fn name(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let of_run = |folder: &Path| Some(folder.with_file_name(folder.file_name()?.to_str()?.strip_suffix(".partial")?));
    let done = path
        .ancestors()
        .skip(1)
        .take(2)
        .find_map(|folder| Some(of_run(folder)?.join(path.strip_prefix(folder).expect("an ancestor is a prefix"))));
    done.unwrap_or(path).to_string_lossy().into_owned()
}

fn fields(columns: &[ColumnSummary]) -> Vec<Value> {
    let field = |(at, column): (usize, &ColumnSummary)| {
        let mut field = json!({ "name": column.name, "type": column.type_name, "ordinal_position": at + 1 });
        if !column.fields.is_empty() {
            field["type"] = json!("struct");
            field["fields"] = Value::Array(fields(&column.fields));
        }
        field
    };
    columns.iter().enumerate().map(field).collect()
}

fn metrics(footer: &Footer) -> Value {
    let mut of_columns = Map::new();
    for column in &footer.columns {
        let mut metrics = Map::new();
        for (name, value) in [("min", column.min), ("max", column.max)] {
            metrics.extend(value.filter(|value| value.is_finite()).map(|value| (name.to_owned(), json!(value))));
        }
        if let Some(n_null) = column.n_null {
            metrics.insert("nullCount".to_owned(), json!(n_null));
            metrics.insert("count".to_owned(), json!(footer.n_rows.saturating_sub(n_null)));
        }
        of_columns.insert(column.name.clone(), Value::Object(metrics));
    }
    json!({ "rowCount": footer.n_rows, "bytes": footer.n_bytes, "fileCount": 1, "columnMetrics": of_columns })
}

/// What the schema promises and the footer's statistics can tell: no nulls where none may be.
fn assertions(footer: &Footer) -> Value {
    let promised = footer.columns.iter().filter(|column| !column.is_nullable);
    let assertion = |column: &ColumnSummary| {
        let n_null = column.n_null?;
        Some(json!({
            "assertion": "not_null",
            "column": column.name,
            "success": n_null == 0,
            "expected": "0",
            "actual": n_null.to_string(),
        }))
    };
    json!({ "assertions": promised.filter_map(assertion).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use twinset_manifest::rows::Removed;
    use twinset_manifest::{Provenance, write_manifest};

    use super::*;

    #[test]
    fn what_may_not_be_null_is_asserted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("removed.parquet");
        write_manifest::<Removed>(&path, [], &Provenance::of_stage("neardup", "0")).unwrap();
        let input = Dataset::of_file(&path).as_input();
        let assertions = input["inputFacets"]["dataQualityAssertions"]["assertions"].as_array().unwrap();
        let of = |column: &str| assertions.iter().find(|assertion| assertion["column"] == column);
        assert_eq!(of("image_id").unwrap()["success"], true);
        assert!(of("reason").is_some() && of("kept_id").is_none(), "{assertions:?}");
    }

    #[test]
    fn a_dataset_is_named_for_where_it_will_be() {
        for (path, expected) in [
            ("/data/stages/ingest/k.partial/images.parquet", "/data/stages/ingest/k/images.parquet"),
            ("/data/stages/ingest/k/images.parquet", "/data/stages/ingest/k/images.parquet"),
            ("/a.partial", "/a.partial"),
            ("/s/k.partial/images/images-00000-of-00002.parquet", "/s/k/images/images-00000-of-00002.parquet"),
            ("/x.partial/y/z/a.csv", "/x.partial/y/z/a.csv"),
        ] {
            assert_eq!(name(Path::new(path)), expected);
        }
    }
}
