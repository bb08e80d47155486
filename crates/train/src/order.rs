//! The order of samples, and torch's seeds: all randomness of a training follows from its seed here.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tch::{Device, Tensor};

use crate::Sample;

/// An epoch's samples in their order, on the device.
pub(crate) struct Order {
    pub(crate) n_samples: u64,
    images: Tensor,
    labels: Tensor,
}

impl Order {
    pub(crate) fn new(samples: &[Sample], seed: u64, epoch: u32, device: Device) -> Self {
        let order = epoch_order(samples, seed, epoch);
        let images: Vec<_> = order.iter().map(|&index| samples[index].image as i64).collect();
        let labels: Vec<_> = order.iter().map(|&index| i64::from(samples[index].label)).collect();
        Self {
            n_samples: samples.len() as u64,
            images: Tensor::from_slice(&images).to_device(device),
            labels: Tensor::from_slice(&labels).to_device(device),
        }
    }

    /// Indices of images, and labels.
    pub(crate) fn batch(&self, start: u64, n: u64) -> (Tensor, Tensor) {
        let (start, n) = (start.cast_signed(), n.cast_signed());
        (self.images.narrow(0, start, n), self.labels.narrow(0, start, n))
    }
}

/// The order in which an epoch (counted from 1) goes through the samples, as indices into them.
///
/// Each sample is sorted by a random number that depends on the seed, the epoch, and which copy of which original it is,
/// and on nothing else. So the originals come in the same order in every arm, duplicates fall in between, and an exact and
/// a near-duplicate of one original stand at the same place.
pub fn epoch_order(samples: &[Sample], seed: u64, epoch: u32) -> Vec<usize> {
    let mut generators: Vec<(u32, ChaCha8Rng)> = Vec::new();
    let mut keys = Vec::with_capacity(samples.len());
    for (index, sample) in samples.iter().enumerate() {
        let known = generators.iter().position(|(copy, _)| *copy == sample.copy);
        let known = known.unwrap_or_else(|| {
            generators.push((sample.copy, generator(seed, epoch, b"order", sample.copy)));
            generators.len() - 1
        });
        let generator = &mut generators[known].1;
        generator.set_word_pos(u128::from(sample.root_id) * WORDS_IN_BLOCK);
        keys.push((generator.next_u64(), index));
    }
    keys.sort_unstable();
    keys.into_iter().map(|(_, index)| index).collect()
}

/// Words of 32 bits in a block of ChaCha: one block a sample.
const WORDS_IN_BLOCK: u128 = 16;

/// The seed of torch's generator for an epoch (counted from 1); epoch 0 is the initial weights.
///
/// From it come dropout, augmentation and random starts, so an epoch does not depend on how the one before it ended.
pub fn torch_seed(seed: u64, epoch: u32) -> i64 {
    generator(seed, epoch, b"torch", 0).next_u64().cast_signed()
}

/// The one place where torch's generator is seeded.
pub(crate) fn seed_torch(seed: u64, epoch: u32) {
    tch::manual_seed(torch_seed(seed, epoch));
}

fn generator(seed: u64, epoch: u32, purpose: &[u8; 5], copy: u32) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..12].copy_from_slice(&epoch.to_le_bytes());
    key[12..16].copy_from_slice(&copy.to_le_bytes());
    key[16..21].copy_from_slice(purpose);
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(n: u64, copies: &[u32]) -> Vec<Sample> {
        copies
            .iter()
            .flat_map(|&copy| (0..n).map(move |root_id| Sample { image: 0, label: 0, root_id, copy }))
            .collect()
    }

    #[test]
    fn every_sample_has_its_place_once() {
        let samples = samples(500, &[0, 1]);
        let mut order = epoch_order(&samples, 7, 1);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn the_seed_and_the_epoch_decide() {
        let samples = samples(100, &[0]);
        assert_eq!(epoch_order(&samples, 7, 1), epoch_order(&samples, 7, 1));
        assert_ne!(epoch_order(&samples, 7, 1), epoch_order(&samples, 8, 1));
        assert_ne!(epoch_order(&samples, 7, 1), epoch_order(&samples, 7, 2));
        assert_ne!(torch_seed(7, 1), torch_seed(7, 2));
        assert_ne!(torch_seed(7, 1), torch_seed(8, 1));
    }

    #[test]
    fn originals_come_in_the_same_order_whatever_duplicates_there_are() {
        let alone = epoch_order(&samples(200, &[0]), 3, 5);
        let mixed = epoch_order(&samples(200, &[0, 1, 2]), 3, 5);
        let originals: Vec<_> = mixed.iter().copied().filter(|&index| index < 200).collect();
        assert_eq!(originals, alone);
        let first_third = mixed[..200].iter().filter(|&&index| index < 200).count();
        assert!((40..100).contains(&first_third), "duplicates are spread over the epoch: {first_third} of 200");
    }
}
