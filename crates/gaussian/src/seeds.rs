//! Random choices, each from a generator of its own, so that one never moves another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use twinset_manifest::rows::GaussianSelection;

/// What a generator is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    /// The original points of a class.
    Original { is_positive: bool },
    /// The points of a class that classifiers are judged on.
    HeldOut { is_positive: bool },
    /// Which points are repeated.
    Duplicates(GaussianSelection),
}

/// The generator for one use of a seed.
pub(crate) fn generator(seed: u64, purpose: Use) -> ChaCha8Rng {
    let (tag, part): (u64, u64) = match purpose {
        Use::Original { is_positive } => (1, is_positive.into()),
        Use::HeldOut { is_positive } => (2, is_positive.into()),
        Use::Duplicates(GaussianSelection::Uniform) => (3, 0),
        Use::Duplicates(GaussianSelection::NonUniform) => (3, 1),
    };
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip([seed, tag, part, 0]) {
        *place = word.to_le_bytes();
    }
    ChaCha8Rng::from_seed(bytes)
}
