//! Which originals make room for duplicates.

use std::collections::{BTreeMap, HashSet};

use crate::draw::{Use, generator, shuffle};
use crate::{Candidate, InjectError};

/// The places, in `originals`, that the drawn images' duplicates take: those of originals that are not repeated themselves, of any class or
/// of the duplicate's own.
pub(crate) fn room(
    originals: &[usize],
    drawn: &[usize],
    images: &[Candidate],
    class_names: &[String],
    is_in_class: bool,
    seed: u64,
) -> Result<Vec<usize>, InjectError> {
    let sources: HashSet<usize> = drawn.iter().copied().collect();
    let mut places: Vec<usize> = (0..originals.len()).collect();
    // Shuffled before the sources are left out, so that a larger rate replaces much the same originals and more.
    shuffle(&mut places, &mut generator(seed, Use::Room));
    places.retain(|&place| !sources.contains(&originals[place]));
    let label = |index: usize| images[index].label;
    if !is_in_class {
        if places.len() < drawn.len() {
            let (n_duplicates, n_sources, n_others) = (drawn.len(), sources.len(), places.len());
            let [n_duplicates, n_sources, n_others] = [n_duplicates, n_sources, n_others].map(|n| n as u64);
            return Err(InjectError::NoRoom { n_duplicates, n_sources, n_others });
        }
        places.truncate(drawn.len());
        return Ok(places);
    }
    let mut of_class: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for place in places.into_iter().rev() {
        of_class.entry(label(originals[place])).or_default().push(place);
    }
    let n_others: BTreeMap<u32, usize> = of_class.iter().map(|(label, places)| (*label, places.len())).collect();
    let next = |&index: &usize| {
        of_class.get_mut(&label(index)).and_then(Vec::pop).ok_or_else(|| InjectError::NoRoomInClass {
            class_name: class_names[label(index) as usize].clone(),
            n_duplicates: drawn.iter().filter(|&&other| label(other) == label(index)).count(),
            n_others: n_others.get(&label(index)).copied().unwrap_or(0),
        })
    };
    drawn.iter().map(next).collect()
}
