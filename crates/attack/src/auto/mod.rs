//! AutoAttack: several attacks, of which each is for the images that those before left right.

mod apgd;
mod driver;
mod fab;
#[cfg(test)]
mod golden;
mod objective;
mod projection;
mod square;
mod survivors;
mod versions;

pub use apgd::{Apgd, apgd};
pub(crate) use driver::auto_attack_batch;
pub use driver::{AutoAttacked, Outcome, auto_attack};
pub use fab::{Fab, fab};
pub use objective::Objective;
pub use square::{Square, square};
pub use versions::{AutoAttack, Component, Part, Version};
