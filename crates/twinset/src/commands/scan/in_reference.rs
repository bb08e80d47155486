//! Duplicates in another set.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use twinset_manifest::Reader;
use twinset_manifest::rows::{PairKind, ReferencePair};

use super::findings::{Leak, Leaks};
use super::place::Place;
use super::within::first;

/// Reads which pictures have a duplicate in the reference.
pub(super) fn read(place: &Place, warnings: &mut Vec<String>) -> anyhow::Result<Leaks> {
    let reader = Reader::<ReferencePair>::open(&place.pairs()).context("failed to read the pairs")?;
    warnings.extend(reader.provenance().warnings.iter().cloned());
    let (mut found, mut pairs) = (BTreeSet::new(), Vec::new());
    for batch in reader {
        for pair in batch.context("failed to read the pairs")?.into_iter().filter(|pair| pair.kind != PairKind::Similar)
        {
            let ReferencePair { image_id, source, reference_source, split, reference_split, kind, similarity, .. } =
                pair;
            found.insert((split, image_id));
            pairs.push(Leak {
                left: source,
                left_split: split,
                right: reference_source,
                right_split: reference_split,
                kind,
                similarity,
            });
        }
    }
    let mut n_images = BTreeMap::new();
    found.iter().for_each(|(split, _)| *n_images.entry(*split).or_default() += 1);
    Ok(Leaks { n_pairs: pairs.len() as u64, n_images, pairs: first(pairs) })
}
