//! Connected components of the duplicate relation.

use twinset_manifest::rows::{Cluster, PairKind};

use crate::{Fingerprint, Match};

/// Every image's component: for the image at an index, the index of the component's first image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    first: Vec<u32>,
    size: Vec<u32>,
    n_untied: u64,
}

impl Clusters {
    /// The connected components of `n_images` images under those of `matches` that are exact or near.
    ///
    /// Exact duplicates come first, then the most alike: a near pair whose two components together have more than `max_size`
    /// images ties them no more.
    pub fn of(n_images: usize, matches: &[Match], max_size: u64) -> Self {
        let mut ties: Vec<&Match> = matches.iter().filter(|pair| pair.kind != PairKind::Similar).collect();
        let rank = |pair: &Match| pair.similarity.unwrap_or(0.0);
        ties.sort_by(|a, b| {
            let closer = rank(b).total_cmp(&rank(a)).then(a.hash_distance_bits.cmp(&b.hash_distance_bits));
            a.kind.cmp(&b.kind).then(closer).then((a.left, a.right).cmp(&(b.left, b.right)))
        });
        // Union-find in which a root is always its set's smallest index.
        let mut parent: Vec<u32> = (0..n_images as u32).collect();
        let mut size_of_root = vec![1_u32; n_images];
        let mut n_untied = 0;
        for pair in ties {
            let (left, right) = (root(&mut parent, pair.left), root(&mut parent, pair.right));
            if left == right {
                continue;
            }
            let size = size_of_root[left as usize] + size_of_root[right as usize];
            if pair.kind == PairKind::Near && u64::from(size) > max_size {
                n_untied += 1;
                continue;
            }
            parent[left.max(right) as usize] = left.min(right);
            size_of_root[left.min(right) as usize] = size;
        }
        let first: Vec<u32> = (0..n_images as u32).map(|image| root(&mut parent, image)).collect();
        let mut size = vec![0; n_images];
        for &first in &first {
            size[first as usize] += 1;
        }
        Self { first, size, n_untied }
    }

    /// How many near pairs tie nothing together, for their component would be too large.
    pub fn n_untied(&self) -> u64 {
        self.n_untied
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
            let clusters = Clusters::of(n_images, &matches, 1000);
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
}
