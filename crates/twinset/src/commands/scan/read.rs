//! Reading what the programs of a scan wrote.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use twinset_manifest::Reader;
use twinset_manifest::rows::{Image, Reject};

use super::findings::{File, Findings, Unreadable};
use super::marks::LeftOut;
use super::place::{Place, Reference};
use super::{in_reference, within};

/// Files that are named of those that cannot be read.
const N_FILES: usize = 20;

/// Reads what the programs wrote.
pub(super) fn read(
    place: &Place,
    is_unchanged: bool,
    n_known: Option<u64>,
    not_duplicates: Option<LeftOut>,
) -> anyhow::Result<Findings> {
    let reader = Reader::<Image>::open(&place.images()).context("failed to read the images")?;
    let mut warnings = reader.provenance().warnings.clone();
    let (mut images, mut are_files) = (Vec::new(), true);
    for batch in reader {
        for mut row in batch.context("failed to read the images")? {
            // The pictures of a dataset are in its rows, and may not all fit into memory.
            are_files &= row.image.bytes.take().is_none();
            images.push(row);
        }
    }
    let mut n_images_of_split = BTreeMap::new();
    images.iter().for_each(|image| *n_images_of_split.entry(image.split).or_default() += 1);
    let (duplicates, leaks) = match &place.reference {
        None => within::read(place, &images, n_images_of_split.len(), &mut warnings)?,
        Some(_) => (None, Some(in_reference::read(place, &mut warnings)?)),
    };
    let n_images = images.len() as u64;
    let shown = |path: &Path| path.display().to_string();
    Ok(Findings {
        format: 2,
        version: env!("CARGO_PKG_VERSION"),
        folder: shown(&place.folder.path),
        reference: place.reference.as_ref().map(Reference::path).map(shown),
        out: shown(&place.out),
        is_unchanged,
        n_images,
        n_new: if is_unchanged { 0 } else { n_images.saturating_sub(n_known.unwrap_or(0)) },
        n_images_of_split,
        unreadable: unreadable(&place.rejects())?,
        not_duplicates,
        duplicates,
        leaks,
        warnings,
        gallery: shown(&place.gallery()),
        pairs: shown(&place.pairs()),
        removed_rows: (!are_files).then(|| shown(&place.removed())),
    })
}

fn unreadable(rejects: &Path) -> anyhow::Result<Unreadable> {
    let mut found = Unreadable::default();
    for batch in Reader::<Reject>::open(rejects).context("failed to read the rejects")? {
        for Reject { source, reason, detail } in batch.context("failed to read the rejects")? {
            found.n_files += 1;
            *found.by_reason.entry(reason.clone()).or_default() += 1;
            if found.files.len() < N_FILES {
                found.files.push(File { file: source, reason, detail });
            }
        }
    }
    Ok(found)
}
