//! Which images are originals, which of them are repeated, and which fresh ones are added instead.

use std::collections::HashSet;

use crate::draw::{Pool, Use, generator, shuffle};
use crate::{Candidate, Config, InjectError, Selection};

/// Images, as indices, in the order of the manifest.
pub(crate) struct Chosen {
    pub(crate) originals: Vec<usize>,
    /// The training images that are not originals.
    pub(crate) others: Vec<usize>,
}

/// The originals among the training images that removal left.
pub(crate) fn originals(
    left: Vec<usize>,
    images: &[Candidate],
    n_classes: usize,
    config: &Config,
) -> Result<Chosen, InjectError> {
    let Some(n_originals) = config.originals else { return Ok(Chosen { originals: left, others: Vec::new() }) };
    let n_found = left.len() as u64;
    if n_originals > n_found {
        return Err(InjectError::TooManyOriginals { n_originals, n_found });
    }
    let classes = shuffled_classes(&left, images, n_classes, config.seed, |label| Use::Originals { label });
    // In this order every beginning has the classes in proportion.
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(left.len());
    for class in &classes {
        let place = |rank: usize| (2 * rank + 1) as f64 / class.len() as f64;
        order.extend(class.iter().enumerate().map(|(rank, &index)| (place(rank), index)));
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let taken: HashSet<usize> = order[..n_originals as usize].iter().map(|&(_, index)| index).collect();
    let (originals, others) = left.into_iter().partition(|index| taken.contains(index));
    Ok(Chosen { originals, others })
}

/// The originals that duplicates are copies of.
fn sources(originals: &[usize], images: &[Candidate], n_classes: usize, config: &Config) -> Vec<usize> {
    let Some(share) = config.sources else { return originals.to_vec() };
    let classes = shuffled_classes(originals, images, n_classes, config.seed, |label| Use::Sources { label });
    let n_of = |class: &[usize]| ((share * class.len() as f64).round() as usize).max(1);
    let taken: HashSet<usize> = classes.iter().flat_map(|class| class.iter().copied().take(n_of(class))).collect();
    originals.iter().copied().filter(|index| taken.contains(index)).collect()
}

/// The images of each class, shuffled.
fn shuffled_classes(
    of: &[usize],
    images: &[Candidate],
    n_classes: usize,
    seed: u64,
    purpose: impl Fn(u32) -> Use,
) -> Vec<Vec<usize>> {
    let mut classes = vec![Vec::new(); n_classes];
    for &index in of {
        classes[images[index].label as usize].push(index);
    }
    for (label, class) in classes.iter_mut().enumerate() {
        shuffle(class, &mut generator(seed, purpose(label as u32)));
    }
    classes
}

/// The images that are repeated, as indices, in the order of drawing.
pub(crate) fn draw(
    n_duplicates: usize,
    originals: &[usize],
    images: &[Candidate],
    class_names: &[String],
    config: &Config,
) -> Result<Vec<usize>, InjectError> {
    let pool = |images, label| Pool::new(images, label, config.with_replacement, config.seed);
    let sources = sources(originals, images, class_names.len(), config);
    match &config.selection {
        Selection::WholeSet => Ok(originals.iter().copied().cycle().take(n_duplicates).collect()),
        Selection::Uniform => {
            let mut pool = pool(sources, None);
            Ok((0..n_duplicates).filter_map(|_| pool.next()).collect())
        }
        Selection::NonUniform { class_weights, shuffle_classes } => {
            let mut weights = class_weights.of_classes(class_names)?;
            if *shuffle_classes {
                shuffle(&mut weights, &mut generator(config.seed, Use::Weights));
            }
            let classes = give(n_duplicates, &weights);
            let mut pools: Vec<_> = (0..class_names.len() as u32)
                .map(|label| {
                    let of_class = sources.iter().copied().filter(|&index| images[index].label == label);
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

/// For each image that would be repeated a fresh one of its class, each once.
pub(crate) fn fresh(
    drawn: &[usize],
    others: &[usize],
    images: &[Candidate],
    class_names: &[String],
    seed: u64,
) -> Result<Vec<usize>, InjectError> {
    let classes = shuffled_classes(others, images, class_names.len(), seed, |label| Use::Fresh { label });
    let mut n_taken = vec![0; classes.len()];
    let labels = || drawn.iter().map(|&index| images[index].label as usize);
    labels()
        .map(|label| {
            let too_few = || InjectError::NoFreshImage {
                class_name: class_names[label].clone(),
                n_found: classes[label].len(),
                n_needed: labels().filter(|other| *other == label).count(),
            };
            n_taken[label] += 1;
            classes[label].get(n_taken[label] - 1).copied().ok_or_else(too_few)
        })
        .collect()
}
