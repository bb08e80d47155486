//! What a batch came to.

use std::ops::AddAssign;

use twinset_manifest::rows::{Prediction, Split};

/// What a batch came to under an attack.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) rows: Vec<Prediction>,
    pub(crate) idle: Idle,
}

/// Images that an attack could do nothing to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Idle {
    /// Images that were attacked.
    pub(crate) n_images: u64,
    pub(crate) n_without_gradient: u64,
    pub(crate) n_unmoved: u64,
}

impl AddAssign for Idle {
    fn add_assign(&mut self, other: Self) {
        self.n_images += other.n_images;
        self.n_without_gradient += other.n_without_gradient;
        self.n_unmoved += other.n_unmoved;
    }
}

impl Idle {
    /// A warning for each kind of them.
    pub(crate) fn warnings(&self, attack: &str, split: Split) -> Vec<String> {
        let Self { n_images, n_without_gradient, n_unmoved } = *self;
        let told = |n: u64, what: &str| {
            (n > 0).then(|| {
                format!(
                    "attack `{attack}` on `{split}`: {n} of {n_images} attacked images {what}, so it may overrate the network"
                )
            })
        };
        let without = told(n_without_gradient, "have no gradient that it could follow");
        without.into_iter().chain(told(n_unmoved, "were left exactly as they were")).collect()
    }
}
