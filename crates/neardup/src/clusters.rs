//! Connected components of the duplicate relation.

use twinset_manifest::rows::{Cluster, PairKind};

use crate::{Fingerprint, Match};

/// Every image's component: for the image at an index, the index of the component's first image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    first: Vec<u32>,
    size: Vec<u32>,
}

impl Clusters {
    /// The connected components of `n_images` images under those of `matches` that are exact or near.
    pub fn of(n_images: usize, matches: &[Match]) -> Self {
        // Union-find in which a root is always its set's smallest index.
        let mut parent: Vec<u32> = (0..n_images as u32).collect();
        for pair in matches.iter().filter(|pair| pair.kind != PairKind::Similar) {
            let (left, right) = (root(&mut parent, pair.left), root(&mut parent, pair.right));
            parent[left.max(right) as usize] = left.min(right);
        }
        let first: Vec<u32> = (0..n_images as u32).map(|image| root(&mut parent, image)).collect();
        let mut size = vec![0; n_images];
        for &first in &first {
            size[first as usize] += 1;
        }
        Self { first, size }
    }

    /// The index of the first image in this image's component.
    pub fn first(&self, index: usize) -> usize {
        self.first[index] as usize
    }

    /// How many images this image's component has.
    pub fn size(&self, index: usize) -> u32 {
        self.size[self.first(index)]
    }

    /// The sizes of all components that have at least two images.
    pub fn sizes(&self) -> impl Iterator<Item = u32> {
        self.size.iter().copied().filter(|&size| size > 1)
    }

    /// The rows of a `clusters` manifest, for images in the order of their ids.
    pub fn to_rows<'a>(&'a self, images: &'a [Fingerprint]) -> impl Iterator<Item = Cluster> + 'a {
        images.iter().enumerate().map(|(index, image)| Cluster {
            image_id: image.image_id,
            cluster_id: images[self.first(index)].image_id,
            cluster_size: self.size(index),
            is_representative: self.first(index) == index,
            source: image.source.to_string(),
        })
    }
}

fn root(parent: &mut [u32], mut image: u32) -> u32 {
    while parent[image as usize] != image {
        let above = parent[parent[image as usize] as usize];
        parent[image as usize] = above;
        image = above;
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::tests::near;

    #[test]
    fn a_cluster_is_a_connected_component_named_after_its_first_image() {
        let check = |n_images: usize, pairs: &[(u32, u32)], expected: &[u32]| {
            let matches: Vec<_> = pairs.iter().map(|&(left, right)| near(left, right, 1)).collect();
            let clusters = Clusters::of(n_images, &matches);
            assert_eq!(clusters.first, expected, "{pairs:?}");
            for index in 0..n_images {
                let size = expected.iter().filter(|&&first| first == expected[index]).count();
                assert_eq!(clusters.size(index) as usize, size, "{pairs:?} {index}");
            }
        };
        check(0, &[], &[]);
        check(3, &[], &[0, 1, 2]);
        check(4, &[(1, 3)], &[0, 1, 2, 1]);
        check(5, &[(3, 4), (1, 2), (2, 3)], &[0, 1, 1, 1, 1]);
        check(6, &[(4, 5), (0, 1), (1, 5), (2, 3)], &[0, 0, 2, 2, 0, 0]);
    }

    #[test]
    fn no_near_pair_lies_in_two_clusters_however_large_they_are() {
        let matches: Vec<_> = (1..3000).map(|right| near(right - 1, right, 1)).collect();
        let clusters = Clusters::of(3000, &matches);
        assert!(matches.iter().all(|pair| clusters.first(pair.left as usize) == clusters.first(pair.right as usize)));
        assert_eq!(clusters.size(2999), 3000);
    }
}
