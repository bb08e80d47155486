//! Taking out the duplicates that were found.

use std::collections::{HashMap, HashSet};

use twinset_manifest::rows::{Cluster, Split};

use crate::{Candidate, InjectError, Removal};

/// The training images that are left, in order, as indices into `images`.
///
/// # Errors
/// When images and clusters do not tell of the same ids.
pub(crate) fn left_after(
    removal: Removal,
    images: &[Candidate],
    clusters: &[Cluster],
) -> Result<Vec<usize>, InjectError> {
    let cluster_of = cluster_of(images, clusters)?;
    let cluster = |index: usize| cluster_of[&images[index].image_id];
    let is_train = |index: &usize| images[*index].split == Split::Train;
    let train = (0..images.len()).filter(is_train);
    if removal == Removal::None {
        return Ok(train.collect());
    }
    let mut taken: HashSet<u64> = HashSet::new();
    if removal == Removal::TrainDuplicatesAndLeaks {
        taken.extend((0..images.len()).filter(|index| !is_train(index)).map(cluster));
    }
    // What was taken before has gone; the first of the others takes its cluster.
    let mut first: HashMap<u64, u64> = HashMap::new();
    for index in train.clone() {
        let image_id = images[index].image_id;
        first.entry(cluster(index)).and_modify(|id| *id = image_id.min(*id)).or_insert(image_id);
    }
    let is_left =
        |index: &usize| !taken.contains(&cluster(*index)) && first[&cluster(*index)] == images[*index].image_id;
    Ok(train.filter(is_left).collect())
}

fn cluster_of(images: &[Candidate], clusters: &[Cluster]) -> Result<HashMap<u64, u64>, InjectError> {
    let mut ids = HashSet::with_capacity(images.len());
    for image in images {
        if !ids.insert(image.image_id) {
            return Err(InjectError::RepeatedId { image_id: image.image_id });
        }
    }
    let cluster_of: HashMap<u64, u64> = clusters.iter().map(|row| (row.image_id, row.cluster_id)).collect();
    if let Some(image) = images.iter().find(|image| !cluster_of.contains_key(&image.image_id)) {
        return Err(InjectError::NoCluster { image_id: image.image_id });
    }
    match clusters.iter().find(|row| !ids.contains(&row.image_id)) {
        Some(row) => Err(InjectError::NoImage { image_id: row.image_id }),
        None => Ok(cluster_of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_keeps_the_first_training_image_of_a_cluster() {
        // Image, split, cluster.
        let rows = [
            (0, Split::Test, 0),
            (1, Split::Train, 0),
            (2, Split::Train, 2),
            (3, Split::Train, 0),
            (4, Split::Train, 2),
            (5, Split::Train, 5),
            (6, Split::Val, 5),
        ];
        let images = rows.map(|(image_id, split, _)| Candidate { image_id, split, label: 0 });
        let clusters = rows.map(|(image_id, _, cluster_id)| Cluster {
            image_id,
            cluster_id,
            cluster_size: 0,
            is_representative: false,
            source: String::new(),
        });
        let check = |removal: Removal, expected: &[usize]| {
            assert_eq!(left_after(removal, &images, &clusters).unwrap(), expected, "{removal:?}");
        };
        check(Removal::None, &[1, 2, 3, 4, 5]);
        check(Removal::TrainDuplicates, &[1, 2, 5]);
        check(Removal::TrainDuplicatesAndLeaks, &[2]);
    }
}
