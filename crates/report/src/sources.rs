//! The *sources* of a report: every file that it was made from, with what its footer says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use twinset_manifest::{Input, Provenance, Reader, Row};

use crate::ReportError;

/// A file that the report was made from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name, schema and digest.
    pub input: Input,
    /// The manifest's footer; none for a file that is no manifest.
    pub provenance: Option<Provenance>,
    /// How many rows the manifest has.
    pub n_rows: Option<u64>,
    /// The fields of `study.json` that name it, first to last.
    pub named_by: Vec<String>,
}

/// Opens manifests and remembers them.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    sources: Vec<Source>,
    places: BTreeMap<PathBuf, usize>,
}

impl Sources {
    /// Opens the manifest that a field of the study names.
    pub(crate) fn open<R: Row>(&mut self, field: &str, path: &Path) -> Result<Reader<R>, ReportError> {
        let wrong = |source| ReportError::Manifest { field: field.to_owned(), source };
        let reader = Reader::<R>::open(path).map_err(wrong)?;
        if !self.is_known(field, path) {
            let input = reader.as_input().map_err(wrong)?;
            let provenance = Some(reader.provenance().clone());
            self.add(field, path, Source { input, provenance, n_rows: Some(reader.n_rows()), named_by: Vec::new() });
        }
        Ok(reader)
    }

    /// All rows of the manifest that a field of the study names.
    pub(crate) fn read<R: Row>(&mut self, field: &str, path: &Path) -> Result<Vec<R>, ReportError> {
        let wrong = |source| ReportError::Manifest { field: field.to_owned(), source };
        self.open(field, path)?.read_all().map_err(wrong)
    }

    /// Notes a file that is no manifest.
    pub(crate) fn note(&mut self, field: &str, path: &Path) -> Result<(), ReportError> {
        if !self.is_known(field, path) {
            let wrong = |source| ReportError::File { field: field.to_owned(), path: path.to_owned(), source };
            let input = Input::of_file(path).map_err(wrong)?;
            self.add(field, path, Source { input, provenance: None, n_rows: None, named_by: Vec::new() });
        }
        Ok(())
    }

    pub(crate) fn into_vec(self) -> Vec<Source> {
        self.sources
    }

    fn is_known(&mut self, field: &str, path: &Path) -> bool {
        let Some(&place) = self.places.get(path) else { return false };
        let fields = &mut self.sources[place].named_by;
        if !fields.iter().any(|known| known == field) {
            fields.push(field.to_owned());
        }
        true
    }

    /// Files of the same bytes and name are one source.
    fn add(&mut self, field: &str, path: &Path, source: Source) {
        let same = self.sources.iter().position(|known| known.input == source.input);
        let place = same.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        });
        self.places.insert(path.to_owned(), place);
        self.is_known(field, path);
    }
}
