//! Which images stand where in the training set.

use std::collections::{HashMap, HashSet};

use twinset_manifest::rows::{Cluster, Origin, Split, TrainsetRow};

use crate::draw::{Pool, Use, generator, shuffle};
use crate::removal::left_after;
use crate::{Candidate, Config, Duplicates, InjectError, Placement, Selection};

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
    /// Duplicates by label, for every label that there is; those that leak are in no row.
    pub n_injected: Vec<u64>,
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
    let originals = left_after(config.remove, images, clusters)?;
    let n_train = images.iter().filter(|image| image.split == Split::Train).count();
    let n_removed = n_train - originals.len();
    if originals.is_empty() {
        return Err(InjectError::NoTrainImage { n_images: images.len(), n_removed });
    }
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
    let drawn = draw(n_duplicates, &originals, images, class_names, config)?;
    let mut n_injected = vec![0; class_names.len()];
    for &index in &drawn {
        n_injected[images[index].label as usize] += 1;
    }

    let largest_id = images.iter().map(|image| image.image_id).max().unwrap_or(0);
    if largest_id > u64::MAX - MAX_DUPLICATES {
        return Err(InjectError::NoIdLeft { largest_id });
    }
    let mut n_copies: HashMap<usize, u32> = HashMap::new();
    let mut copies = Vec::new();
    let mut injected = Vec::with_capacity(drawn.len());
    for (number, &index) in drawn.iter().enumerate() {
        let copy = n_copies.entry(index).and_modify(|copy| *copy += 1).or_insert(1);
        let source_id = images[index].image_id;
        let image_id = match config.duplicates {
            Duplicates::Exact if !config.leaks() => source_id,
            Duplicates::Exact | Duplicates::Near { .. } => largest_id + 1 + number as u64,
        };
        if image_id != source_id {
            copies.push(Planned { image_id, source_id, copy: *copy });
        }
        injected.push(TrainsetRow {
            position: 0,
            image_id,
            label: images[index].label,
            origin: Origin::Injected,
            duplicate_of: Some(source_id),
            copy: *copy,
        });
    }
    let mut rows: Vec<_> = originals.iter().map(|&index| original(&images[index])).collect();
    match config.placement {
        _ if config.leaks() => {}
        Placement::Append => rows.append(&mut injected),
        Placement::Replace => {
            let sources: HashSet<usize> = drawn.into_iter().collect();
            for (place, row) in room(&originals, &sources, injected.len(), config.seed)?.into_iter().zip(injected) {
                rows[place] = row;
            }
        }
    }
    for (position, row) in rows.iter_mut().enumerate() {
        row.position = position as u64;
    }
    Ok(Plan { rows, copies, n_train: n_train as u64, n_removed: n_removed as u64, n_injected })
}

fn original(image: &Candidate) -> TrainsetRow {
    let &Candidate { image_id, label, .. } = image;
    TrainsetRow { position: 0, image_id, label, origin: Origin::Original, duplicate_of: None, copy: 0 }
}

/// The images that are repeated, as indices, in the order of drawing.
fn draw(
    n_duplicates: u64,
    originals: &[usize],
    images: &[Candidate],
    class_names: &[String],
    config: &Config,
) -> Result<Vec<usize>, InjectError> {
    let n_duplicates = n_duplicates as usize;
    let pool = |images, label| Pool::new(images, label, config.with_replacement, config.seed);
    match &config.selection {
        Selection::WholeSet => Ok(originals.iter().copied().cycle().take(n_duplicates).collect()),
        Selection::Uniform => {
            let mut pool = pool(originals.to_vec(), None);
            Ok((0..n_duplicates).filter_map(|_| pool.next()).collect())
        }
        Selection::NonUniform { class_weights } => {
            let weights = class_weights.of_classes(class_names)?;
            let classes = give(n_duplicates, &weights);
            let mut pools: Vec<_> = (0..class_names.len() as u32)
                .map(|label| {
                    let of_class = originals.iter().copied().filter(|&index| images[index].label == label);
                    pool(of_class.collect(), Some(label))
                })
                .collect();
            let too_few = |label: usize| InjectError::NoImageOfClass {
                class_name: class_names[label].clone(),
                n_needed: classes.iter().filter(|&&class| class == label).count(),
            };
            classes.iter().map(|&label| pools[label].next().ok_or_else(|| too_few(label))).collect()
        }
    }
}

/// The class of each next thing that is given to classes by weight: Webster's method, in which the first n of a longer
/// row are the row of n.
fn give(n: usize, weights: &[f64]) -> Vec<usize> {
    let mut given = vec![0_u64; weights.len()];
    let claim = |given: &[u64], label: usize| weights[label] / (2 * given[label] + 1) as f64;
    (0..n)
        .filter_map(|_| {
            // Of equal claims the smaller label's goes first.
            let label = (0..weights.len()).rev().max_by(|&a, &b| claim(&given, a).total_cmp(&claim(&given, b)))?;
            given[label] += 1;
            Some(label)
        })
        .collect()
}

/// The places, in `originals`, of `n` originals that are not repeated themselves.
fn room(originals: &[usize], sources: &HashSet<usize>, n: usize, seed: u64) -> Result<Vec<usize>, InjectError> {
    let mut places: Vec<usize> = (0..originals.len()).collect();
    // Shuffled before the sources are left out, so that a larger rate replaces much the same originals and more.
    shuffle(&mut places, &mut generator(seed, Use::Room));
    places.retain(|&place| !sources.contains(&originals[place]));
    if places.len() < n {
        return Err(InjectError::NoRoom {
            n_duplicates: n as u64,
            n_sources: sources.len() as u64,
            n_others: places.len() as u64,
        });
    }
    places.truncate(n);
    Ok(places)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
