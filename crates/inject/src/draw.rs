//! Random choices, each from a generator of its own.

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a generator is for: no two uses share one, so that one choice never moves another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    /// The order of all images, in one round.
    Whole { round: u64 },
    /// The order of a class's images, in one round.
    OfClass { label: u32, round: u64 },
    /// Draws with replacement from all images.
    WholeWithReplacement,
    /// Draws with replacement from a class's images.
    OfClassWithReplacement { label: u32 },
    /// Which originals make room.
    Room,
    /// How a copy of an image is changed.
    Change { image_id: u64, copy: u32 },
    /// Which images of a class are originals.
    Originals { label: u32 },
    /// Which originals of a class are copied.
    Sources { label: u32 },
    /// Which images of a class are fresh ones, one after the other.
    Fresh { label: u32 },
    /// Which class has which weight.
    Weights,
}

/// The generator for one use of a seed.
pub(crate) fn generator(seed: u64, purpose: Use) -> ChaCha8Rng {
    let (tag, a, b): (u64, u64, u64) = match purpose {
        Use::Whole { round } => (1, 0, round),
        Use::OfClass { label, round } => (2, label.into(), round),
        Use::WholeWithReplacement => (3, 0, 0),
        Use::OfClassWithReplacement { label } => (4, label.into(), 0),
        Use::Room => (5, 0, 0),
        Use::Change { image_id, copy } => (6, image_id, copy.into()),
        Use::Originals { label } => (7, label.into(), 0),
        Use::Sources { label } => (8, label.into(), 0),
        Use::Fresh { label } => (9, label.into(), 0),
        Use::Weights => (10, 0, 0),
    };
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip([seed, tag, a, b]) {
        *place = word.to_le_bytes();
    }
    ChaCha8Rng::from_seed(bytes)
}

/// Draws from a pool of images without end.
pub(crate) struct Pool {
    images: Vec<usize>,
    draws: Draws,
}

enum Draws {
    WithReplacement(Box<ChaCha8Rng>),
    /// The order of this round, those already drawn at its end, and how many rounds there were.
    InRounds {
        seed: u64,
        label: Option<u32>,
        order: Vec<usize>,
        round: u64,
    },
}

impl Pool {
    /// A pool of these images: those of one class, or all.
    pub(crate) fn new(images: Vec<usize>, label: Option<u32>, with_replacement: bool, seed: u64) -> Self {
        let draws = if with_replacement {
            let purpose = label.map_or(Use::WholeWithReplacement, |label| Use::OfClassWithReplacement { label });
            Draws::WithReplacement(Box::new(generator(seed, purpose)))
        } else {
            Draws::InRounds { seed, label, order: Vec::new(), round: 0 }
        };
        Self { images, draws }
    }

    /// The next image; none from an empty pool.
    pub(crate) fn next(&mut self) -> Option<usize> {
        match &mut self.draws {
            _ if self.images.is_empty() => None,
            Draws::WithReplacement(rng) => Some(self.images[rng.random_range(0..self.images.len())]),
            Draws::InRounds { seed, label, order, round } => {
                if order.is_empty() {
                    let purpose =
                        label.map_or(Use::Whole { round: *round }, |label| Use::OfClass { label, round: *round });
                    order.clone_from(&self.images);
                    shuffle(order, &mut generator(*seed, purpose));
                    *round += 1;
                }
                order.pop()
            }
        }
    }
}

/// Fisher and Yates's shuffle.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.random_range(0..=last));
    }
}
