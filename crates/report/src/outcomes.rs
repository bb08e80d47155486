//! What each image came to as rows of an `outcomes` manifest.

use std::iter;

use twinset_manifest::rows::Outcome;

use crate::Evidence;
use crate::study::Study;

/// A row for each cell, attack, split and image of the split's own, in that order. There may be millions, so they are made one by one.
pub fn outcomes<'a>(study: &'a Study, evidence: &'a Evidence) -> impl Iterator<Item = Outcome> + 'a {
    iter::zip(&study.cells, &evidence.cells).flat_map(|(cell, evidence)| {
        evidence.evaluation.by_image.iter().flat_map(move |((attack, split), images)| {
            images.iter().map(move |(&image_id, &is_correct)| Outcome {
                arm: cell.arm.clone(),
                rate: cell.rate,
                seed: cell.seed,
                split: *split,
                attack: attack.clone(),
                image_id,
                is_correct,
            })
        })
    })
}
