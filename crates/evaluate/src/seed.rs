//! Torch's seeds: all randomness of an evaluation follows from its seed here.

use twinset_manifest::rows::Split;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// How a batch is augmented: alike for every attack.
    Augmentation,
    /// The random starts of the attack of this name.
    Attack(&'a str),
    /// The checks' own attacks.
    Checks,
}

/// The seed of torch's generator for one batch (counted from 0 in its split), under which a result does not depend on
/// the splits, attacks and batches that were evaluated before.
pub(crate) fn torch_seed(seed: u64, purpose: Purpose<'_>, split: Split, batch: u64) -> i64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&batch.to_le_bytes()).update(split.as_str().as_bytes());
    match purpose {
        Purpose::Augmentation => hasher.update(b"\0augmentation"),
        Purpose::Checks => hasher.update(b"\0checks"),
        Purpose::Attack(name) => hasher.update(b"\0attack\0").update(name.as_bytes()),
    };
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    i64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn seeds_differ_with_everything_that_they_are_made_of() {
        let mut seeds = HashSet::new();
        for seed in 0..3 {
            for purpose in
                [Purpose::Augmentation, Purpose::Attack("augmentation"), Purpose::Attack("fgsm"), Purpose::Checks]
            {
                for split in [Split::Train, Split::Test] {
                    for batch in 0..3 {
                        seeds.insert(torch_seed(seed, purpose, split, batch));
                    }
                }
            }
        }
        assert_eq!(seeds.len(), 3 * 4 * 2 * 3);
    }
}
