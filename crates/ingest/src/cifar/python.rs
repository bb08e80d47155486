//! The Python version: pickles of dicts.

use std::path::Path;

use super::family::{Family, Labels, Official, PIXEL_BYTES};
use crate::SourceError;
use crate::error::wrong;
use crate::pickle::{Pickle, Value};

/// The batch as the binary version has it.
pub(super) fn records(family: &Family, official: &Official, path: &Path, bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    let pickle = parse(path, bytes)?;
    let n_records = official.n_records;
    let value = entry(path, &pickle, "data")?;
    let shape = value.array().map(|array| array.shape.to_vec());
    let pixels =
        value.array().filter(|array| array.shape == [n_records, PIXEL_BYTES]).and_then(|array| array.byte_rows());
    let pixels = pixels.ok_or_else(|| {
        let found = match shape {
            Some(shape) => format!("an array of shape {shape:?} as `data`"),
            None => format!("{} as `data`", value.kind()),
        };
        content(path, found, format!("an array of {n_records} by {PIXEL_BYTES} bytes"))
    })?;
    let labels = family.labels.iter().map(|labels| read_labels(path, &pickle, labels, n_records));
    let labels = labels.collect::<Result<Vec<_>, _>>()?;

    let mut records = Vec::with_capacity(n_records * family.record_bytes());
    for (record, pixels) in pixels.chunks_exact(PIXEL_BYTES).enumerate() {
        records.extend(labels.iter().map(|labels| labels[record]));
        records.extend_from_slice(pixels);
    }
    Ok(records)
}

/// The classes' names.
pub(super) fn class_names(path: &Path, bytes: &[u8], labels: &Labels) -> Result<Vec<String>, SourceError> {
    let pickle = parse(path, bytes)?;
    let value = entry(path, &pickle, labels.names_key)?;
    let names = value.items().and_then(|names| names.map(|name| name.text().map(String::from)).collect());
    names.ok_or_else(|| {
        let found = format!("{} as `{}`", value.kind(), labels.names_key);
        content(path, found, "a list of names".to_owned())
    })
}

fn read_labels(path: &Path, pickle: &Pickle<'_>, labels: &Labels, n_records: usize) -> Result<Vec<u8>, SourceError> {
    let value = entry(path, pickle, labels.key)?;
    let found = value.ints().ok_or_else(|| {
        let found = format!("{} as `{}`", value.kind(), labels.key);
        content(path, found, "a list of integers".to_owned())
    })?;
    if found.len() != n_records {
        let found = format!("{} of `{}`", found.len(), labels.key);
        return Err(content(path, found, n_records.to_string()));
    }
    let byte = |(record, label): (usize, i64)| match u8::try_from(label) {
        Ok(byte) if usize::from(byte) < labels.n_classes => Ok(byte),
        _ => Err(labels.wrong(path, record, label)),
    };
    found.into_iter().enumerate().map(byte).collect()
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Pickle<'a>, SourceError> {
    Pickle::parse(bytes).map_err(|source| wrong!("`{}`, {source}", path.display()))
}

/// The value under a key of the pickled dict.
fn entry<'p, 'a>(path: &Path, pickle: &'p Pickle<'a>, key: &str) -> Result<Value<'p, 'a>, SourceError> {
    let root = pickle.root();
    root.get(key).ok_or_else(|| {
        let keys: Vec<_> = root.keys().iter().take(8).map(|key| key.escape_debug().take(40).collect()).collect();
        let found = match root.kind() {
            "a dict" => format!("a dict with the keys {}", crate::summary::listed(&keys, 8)),
            kind => kind.to_owned(),
        };
        content(path, found, format!("a dict with the key {key}"))
    })
}

fn content(path: &Path, found: String, expected: String) -> SourceError {
    wrong!("`{}` holds {found}, expected {expected}", path.display())
}
