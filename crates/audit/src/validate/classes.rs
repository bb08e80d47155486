//! Whether labels are classes of the dataset, under their names.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use twinset_manifest::rows::Rule;
use twinset_manifest::{ManifestError, Untyped, huggingface};

use super::findings::At;
use super::keys::{for_each, number};
use super::{Findings, Images};
use crate::tree::Entry;

/// Checks a column of classes, and the one with their names where there is one.
pub(super) fn check(
    entry: &Entry,
    manifest: &Untyped,
    images: &Images,
    (label, name): (&'static str, Option<&'static str>),
    findings: &mut Findings,
) -> Result<(), ManifestError> {
    let of_images = images.of(entry).unwrap_or_default();
    let names =
        class_names(manifest).or_else(|| of_images.iter().filter_map(|entry| entry.manifest()).find_map(class_names));
    // Without names in a footer, the first row of a class names it.
    let mut first_names: HashMap<u64, String> = HashMap::new();
    let columns: Vec<&str> = [label].into_iter().chain(name).collect();
    for_each(manifest, &columns, |batch, first, row| {
        let Some(class) = number(batch, label, row) else { return };
        let at = At::of(batch, first, row);
        if let Some(names) = names.as_ref().filter(|names| class >= names.len() as u64) {
            findings.of_row(Rule::Class, label, at, || {
                (class, format!("less than {}, the number of classes", names.len()))
            });
            return;
        }
        let Some(texts) = name.and_then(|name| batch.column_by_name(name)?.as_string_opt::<i32>()) else { return };
        if texts.is_null(row) {
            return;
        }
        let found = texts.value(row);
        let expected = match &names {
            Some(names) => &names[class as usize],
            None => first_names.entry(class).or_insert_with(|| found.to_owned()),
        };
        if found != expected {
            findings.of_row(Rule::Class, name.unwrap_or(label), at, || {
                (format!("`{found}`"), format!("`{expected}`, the name of class {class}"))
            });
        }
    })
}

/// The classes that the footer's Hugging Face entry names; none where it names none.
fn class_names(manifest: &Untyped) -> Option<Vec<String>> {
    let names = huggingface::class_names(manifest.footer(huggingface::KEY)?);
    (!names.is_empty()).then_some(names)
}
