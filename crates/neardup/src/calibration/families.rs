//! Images that hang together by pairs that are alike enough.

use crate::verify::Verified;

/// The connected components of images under pairs of some correlation.
pub(crate) struct Families {
    first: Vec<u32>,
}

impl Families {
    pub(crate) fn of(n_images: usize, pairs: &[Verified], at_least: f32) -> Self {
        let mut first: Vec<u32> = (0..n_images as u32).collect();
        for pair in pairs.iter().filter(|pair| pair.correlation >= at_least) {
            let (left, right) = (root(&mut first, pair.left), root(&mut first, pair.right));
            first[left.max(right) as usize] = left.min(right);
        }
        for image in 0..n_images as u32 {
            first[image as usize] = root(&mut first, image);
        }
        Self { first }
    }

    /// The number of an image's family.
    pub(crate) fn of_image(&self, image: u32) -> u32 {
        self.first[image as usize]
    }

    /// How many of some images each family has, by its number.
    pub(crate) fn sizes(&self, images: &[u32]) -> Vec<u32> {
        let mut sizes = vec![0; self.first.len()];
        images.iter().for_each(|&image| sizes[self.of_image(image) as usize] += 1);
        sizes
    }
}

fn root(first: &mut [u32], mut image: u32) -> u32 {
    while first[image as usize] != image {
        first[image as usize] = first[first[image as usize] as usize];
        image = first[image as usize];
    }
    image
}
