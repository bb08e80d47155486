//! Which images stand where in the training set.

use std::collections::HashMap;

use twinset_manifest::rows::{Cluster, Origin, Split, TrainsetRow};

use crate::choice::{Chosen, draw, fresh, originals};
use crate::removal::left_after;
use crate::room::room;
use crate::{Candidate, Config, Duplicates, InjectError, Placement};

/// The most duplicates of one plan: they take about 100 bytes each.
const MAX_DUPLICATES: u64 = 1_000_000_000;

/// Which images stand where in the training set.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The training set.
    pub rows: Vec<TrainsetRow>,
    /// The copies that have to be made: those that are changed, and all that leak.
    pub copies: Vec<Planned>,
    /// Training images before removal.
    pub n_train: u64,
    /// Training images that removal took out.
    pub n_removed: u64,
    /// Duplicates by label, for every label that there is, or fresh images in their stead; those that leak are in no row.
    pub n_injected: Vec<u64>,
    /// Training images that are originals.
    pub n_originals: u64,
}

/// A copy that has to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The id that it will have: ids go on after the largest one of the images, in the order of drawing.
    pub image_id: u64,
    /// The original.
    pub source_id: u64,
    /// Counted from 1 for each original.
    pub copy: u32,
}

/// Plans the training set of these images, whose class names are given by label.
///
/// # Errors
/// When images, clusters and config do not go together: see [`InjectError`].
pub fn plan(
    images: &[Candidate],
    class_names: &[String],
    clusters: &[Cluster],
    config: &Config,
) -> Result<Plan, InjectError> {
    if matches!(class_names, [name] if name.is_empty()) {
        return Err(InjectError::NoLabels);
    }
    let left = left_after(config.remove, images, clusters)?;
    let n_train = images.iter().filter(|image| image.split == Split::Train).count();
    let n_removed = n_train - left.len();
    if left.is_empty() {
        return Err(InjectError::NoTrainImage { n_images: images.len(), n_removed });
    }
    let Chosen { originals, others } = originals(left, images, class_names.len(), config)?;
    let n_of_rate = if config.leaks() {
        let n_of_split = images.iter().filter(|image| image.split == config.into).count();
        if n_of_split == 0 {
            return Err(InjectError::NoImageOfSplit { split: config.into });
        }
        n_of_split
    } else {
        originals.len()
    };
    let n_duplicates = config.n_duplicates(n_of_rate as u64);
    if n_duplicates > MAX_DUPLICATES {
        return Err(InjectError::TooManyDuplicates { rate: config.rate, n_duplicates, max: MAX_DUPLICATES });
    }
    let drawn = draw(n_duplicates as usize, &originals, images, class_names, config)?;
    let mut n_injected = vec![0; class_names.len()];
    for &index in &drawn {
        n_injected[images[index].label as usize] += 1;
    }

    let largest_id = images.iter().map(|image| image.image_id).max().unwrap_or(0);
    if largest_id > u64::MAX - MAX_DUPLICATES {
        return Err(InjectError::NoIdLeft { largest_id });
    }
    let mut copies = Vec::new();
    let mut added = Vec::with_capacity(drawn.len());
    if config.duplicates == Duplicates::Fresh {
        let fresh = fresh(&drawn, &others, images, class_names, config.seed)?;
        added.extend(fresh.into_iter().map(|index| original(&images[index])));
    }
    let repeated = if config.duplicates == Duplicates::Fresh { &[] } else { &drawn[..] };
    let mut n_copies: HashMap<usize, u32> = HashMap::new();
    for (number, &index) in repeated.iter().enumerate() {
        let copy = n_copies.entry(index).and_modify(|copy| *copy += 1).or_insert(1);
        let source_id = images[index].image_id;
        let image_id = match config.duplicates {
            Duplicates::Exact if !config.leaks() => source_id,
            _ => largest_id + 1 + number as u64,
        };
        if image_id != source_id {
            copies.push(Planned { image_id, source_id, copy: *copy });
        }
        added.push(TrainsetRow {
            position: 0,
            image_id,
            label: images[index].label,
            origin: Origin::Injected,
            duplicate_of: Some(source_id),
            copy: *copy,
        });
    }
    let n_originals = originals.len() as u64;
    let mut rows: Vec<_> = originals.iter().map(|&index| original(&images[index])).collect();
    match config.placement {
        _ if config.leaks() => {}
        Placement::Append => rows.append(&mut added),
        Placement::Replace | Placement::ReplaceInClass => {
            let is_in_class = config.placement == Placement::ReplaceInClass;
            let places = room(&originals, &drawn, images, class_names, is_in_class, config.seed)?;
            for (place, row) in places.into_iter().zip(added) {
                rows[place] = row;
            }
        }
    }
    for (position, row) in rows.iter_mut().enumerate() {
        row.position = position as u64;
    }
    Ok(Plan { rows, copies, n_train: n_train as u64, n_removed: n_removed as u64, n_injected, n_originals })
}

fn original(image: &Candidate) -> TrainsetRow {
    let &Candidate { image_id, label, .. } = image;
    TrainsetRow { position: 0, image_id, label, origin: Origin::Original, duplicate_of: None, copy: 0 }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
